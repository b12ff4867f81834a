using Iced.Intel;

namespace Harness.Binary;

/// <summary>
/// The attribute route, from the object's side: drops the notes that say "split stack" (LLD would demand
/// <c>__morestack_non_split</c> and rewrite prologues) and looks for itself which functions begin with LLVM's check,
/// since targets are known that ignore the attribute in silence.
/// </summary>
public static class SplitCheckAudit
{
    private static readonly string[] _notes = [".note.GNU-split-stack", ".note.GNU-no-split-stack"];

    /// <param name="unsplit">Functions that were left out on purpose, and why.</param>
    /// <exception cref="InvalidDataException">The object is malformed.</exception>
    public static (byte[] Object, InjectionReport Report) Run(
        ElfFile file, IReadOnlyDictionary<string, UnsplitReason> unsplit, InjectionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(unsplit);
        options ??= InjectionOptions.Default;
        var rewriter = new ObjectRewriter(file);
        foreach (var note in file.Sections.Where(section => _notes.Contains(section.Name)))
        {
            rewriter.Discard(note);
        }

        var missing = new List<UnsplitFunction>();
        var functions = CodeFunctions.Of(file);
        foreach (var function in functions)
        {
            var code = CodeFunctions.Code(file, function);
            if (!BeginsWithCheck(code, options.LimitSlot.Displacement))
            {
                var reason = unsplit.GetValueOrDefault(function.Name, UnsplitReason.CheckMissing);
                missing.Add(SplitChoice.Unsplit(function, CodeFunctions.Scan(file, function), reason));
            }
        }

        var split = functions.Count - missing.Count;
        return (rewriter.Write(), new InjectionReport(functions.Count, split, [.. missing], 0, 0));
    }

    /// <summary><c>cmp %fs:LIMIT, %rsp</c>, or <c>lea -FRAME(%rsp), %r11; cmp %fs:LIMIT, %r11</c>.</summary>
    public static bool BeginsWithCheck(ReadOnlySpan<byte> code, int limitSlot)
    {
        const int Longest = 32;
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code[..Math.Min(code.Length, Longest)].ToArray()));
        var instruction = decoder.Decode();
        var compared = Register.RSP;
        if (instruction is { Mnemonic: Mnemonic.Lea, MemoryBase: Register.RSP }
            && instruction.Op0Register is Register.R11 or Register.R10)
        {
            compared = instruction.Op0Register;
            instruction = decoder.Decode();
        }

        return instruction is { Mnemonic: Mnemonic.Cmp, SegmentPrefix: Register.FS }
            && instruction is { MemoryBase: Register.None, MemoryIndex: Register.None }
            && instruction.Op0Register == compared
            && instruction.MemoryDisplacement64 == (ulong)limitSlot;
    }
}
