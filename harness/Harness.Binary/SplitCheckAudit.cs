using System.Buffers.Binary;
using Iced.Intel;

namespace Harness.Binary;

/// <summary>
/// The attribute route, from the object's side: drops the notes that say "split stack" (LLD would demand
/// <c>__morestack_non_split</c> and rewrite prologues) and looks for itself which functions begin with LLVM's check,
/// since targets are known that ignore the attribute in silence. LLVM's check leaves out what a function loses to the realignment of
/// its frame, so the checks of functions with over-aligned locals are raised by that.
/// </summary>
public static class SplitCheckAudit
{
    /// <summary>What the runtime keeps below the limit for over-aligned locals in frames that LLVM's check does not count (abi.zig).</summary>
    private const int SmallAlignment = 256;

    private const int LeaBytes = 8;

    /// <summary>What LLVM's checks call besides <c>__morestack</c>, where a function needs what this runtime does not offer.</summary>
    private static readonly (string Symbol, string Problem)[] _unsupported =
    [
        ("__morestack_allocate_stack_space",
            "a function takes stack of a size that is known at run time only (alloca); take it from the heap, or bound it, or leave the function out (--exclude) and call it with onSystemStack"),
        ("__morestack_addr", "it is compiled for the large code model; compile it with -mcmodel=small or medium"),
    ];

    private static readonly string[] _notes = [".note.GNU-split-stack", ".note.GNU-no-split-stack"];

    /// <param name="unsplit">Functions that were left out on purpose, and why.</param>
    /// <exception cref="InvalidDataException">The object is malformed.</exception>
    public static (ObjectRewriter Object, InjectionReport Report) Run(
        ElfFile file, IReadOnlyDictionary<string, UnsplitReason> unsplit, InjectionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(unsplit);
        options ??= InjectionOptions.Default;
        if (_unsupported.FirstOrDefault(u => file.Symbols.Any(symbol => symbol.Name == u.Symbol)) is { Symbol: { } needed, Problem: { } problem })
        {
            throw file.Bad($"{needed} is needed, which this runtime does not have: {problem}");
        }

        var rewriter = new ObjectRewriter(file);
        foreach (var note in file.Sections.Where(section => _notes.Contains(section.Name)))
        {
            rewriter.Discard(note);
        }

        var missing = new List<UnsplitFunction>();
        var raised = 0;
        var functions = CodeFunctions.Of(file);
        foreach (var function in functions)
        {
            var code = CodeFunctions.Code(file, function);
            if (BeginsWithCheck(code, options.LimitSlot.Displacement))
            {
                raised += Raise(rewriter, file, function, code) ? 1 : 0;
            }
            else
            {
                var reason = unsplit.GetValueOrDefault(function.Name, UnsplitReason.CheckMissing);
                missing.Add(SplitChoice.Unsplit(function, CodeFunctions.Scan(file, function), reason));
            }
        }

        var split = functions.Count - missing.Count;
        return (rewriter, new InjectionReport(functions.Count, split, [.. missing], 0, raised));
    }

    /// <summary>
    /// Adds the largest realignment of a function's frame to the bytes that its check asks for, and to those that it asks
    /// <c>__morestack</c> for. False: it has none to speak of.
    /// </summary>
    /// <exception cref="InvalidDataException">The check compares rsp itself, which leaves no room for so large an alignment; or what
    /// follows it is not LLVM's.</exception>
    private static bool Raise(ObjectRewriter rewriter, ElfFile file, ElfSymbol function, ReadOnlySpan<byte> code)
    {
        var alignment = LargestAlignment(code);
        if (alignment <= SmallAlignment)
        {
            return false;
        }

        // lea disp32(%rsp), %r11 or %r10: REX.WR 8D /r SIB disp32; the distance is negative.
        ReadOnlySpan<byte> lea = [0x4c, 0x8d];
        if (!code.StartsWith(lea) || code.Length < LeaBytes || (code[2] & 0xc7) != 0x84 || code[3] != 0x24)
        {
            throw file.Bad($"function {function.Name} aligns its frame to {alignment} bytes behind a check that does not state a frame");
        }

        Add(rewriter, file, function, code, LeaBytes - 4, -alignment);
        var size = StatedFrame(code)
            ?? throw file.Bad($"function {function.Name} aligns its frame to {alignment} bytes, and where it asks for that frame was not found");
        Add(rewriter, file, function, code, size, alignment);
        return true;
    }

    private static void Add(ObjectRewriter rewriter, ElfFile file, ElfSymbol function, ReadOnlySpan<byte> code, int at, int difference)
    {
        var field = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(field, checked(BinaryPrimitives.ReadInt32LittleEndian(code[at..]) + difference));
        rewriter.Patch(file.Sections[function.Section], function.Value + (ulong)at, field);
    }

    /// <summary>
    /// Where the 4 bytes stand that say how large a frame <c>__morestack</c> is asked for: <c>mov $FRAME, %r10</c> begins what runs when
    /// the check fails, behind <c>ja BODY</c> or where <c>jbe</c> leads.
    /// </summary>
    private static int? StatedFrame(ReadOnlySpan<byte> code)
    {
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code.ToArray()));
        decoder.Decode();
        decoder.Decode();
        var jump = decoder.Decode();
        var at = jump.Mnemonic switch
        {
            Mnemonic.Ja => jump.NextIP,
            Mnemonic.Jbe => jump.NearBranchTarget,
            _ => ulong.MaxValue,
        };
        if (at >= (ulong)code.Length)
        {
            return null;
        }

        // mov $imm32, %r10d: 41 BA; mov $imm32, %r10: 49 C7 C2.
        var failing = code[(int)at..];
        ReadOnlySpan<byte> narrow = [0x41, 0xba];
        ReadOnlySpan<byte> wide = [0x49, 0xc7, 0xc2];
        var length = failing.StartsWith(narrow) ? narrow.Length : failing.StartsWith(wide) ? wide.Length : 0;
        return length > 0 && failing.Length >= length + 4 ? (int)at + length : null;
    }

    /// <summary>Of the <c>and $-N, %rsp</c> among the bytes; 0 when there is none. May take other bytes for one, never overlook one.</summary>
    private static int LargestAlignment(ReadOnlySpan<byte> code)
    {
        var largest = 0;
        for (var rest = code; ;)
        {
            // REX.W, then 83 E4 imm8 or 81 E4 imm32.
            var at = rest.IndexOf((byte)0xe4);
            if (at < 0)
            {
                return largest;
            }

            if (at >= 2 && rest[at - 2] is 0x48)
            {
                var mask = rest[at - 1] switch
                {
                    0x83 when rest.Length > at + 1 => (sbyte)rest[at + 1],
                    0x81 when rest.Length > at + 4 => BinaryPrimitives.ReadInt32LittleEndian(rest[(at + 1)..]),
                    _ => 0,
                };
                largest = mask < 0 && int.IsPow2(-mask) ? Math.Max(largest, -mask) : largest;
            }

            rest = rest[(at + 1)..];
        }
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
