using Harness.Binary.Unwind.Audit;
using Iced.Intel;

namespace Harness.Binary;

/// <summary>Where functions of a linked file are left: by jumps out of them, and by calls. A function's list ends where its code cannot be decoded, or is not in the file.</summary>
internal static class ControlTransfers
{
    /// <summary>
    /// Addresses of direct jumps whose target is not in their own function. An optimiser makes one of a call that nothing follows (LLVM: a sibling call), also where the source has
    /// something after it that it knows not to run, such as what follows a <c>try</c> of a function that always fails. From then on the caller has no frame: no trace can have one.
    /// Jumps through pointers are not told from those through tables, and left out.
    /// </summary>
    /// <param name="file">Linked: its symbols are addresses.</param>
    /// <param name="prefix">Of the functions' names.</param>
    public static IEnumerable<ulong> JumpsOut(ElfFile file, string prefix) => In(file, prefix, static (instruction, function) =>
        instruction is { IsJmpShortOrNear: true } or { IsJccShortOrNear: true } && instruction.NearBranchTarget - function.Value >= function.Size);

    /// <summary>Addresses of all calls, through pointers as well, but for those that prologues make: of morestack and of what probes the stack, which no line of a source stands for.</summary>
    public static IEnumerable<ulong> Calls(ElfFile file, string prefix)
    {
        var prologues = file.Symbols.Where(symbol => symbol.IsDefined && SpecialCallee.All.ContainsKey(symbol.Name)).Select(symbol => symbol.Value).ToHashSet();
        return In(file, prefix, (instruction, _) => instruction.FlowControl is FlowControl.IndirectCall
            || (instruction.FlowControl is FlowControl.Call && !prologues.Contains(instruction.NearBranchTarget)));
    }

    private static IEnumerable<ulong> In(ElfFile file, string prefix, Func<Instruction, ElfSymbol, bool> wanted) =>
        CodeFunctions.Of(file).Where(function => function.Name.StartsWith(prefix, StringComparison.Ordinal)).SelectMany(function => In(file, function, wanted));

    private static List<ulong> In(ElfFile file, ElfSymbol function, Func<Instruction, ElfSymbol, bool> wanted)
    {
        var found = new List<ulong>();
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(Code(file, function)), function.Value);
        var end = function.Value + function.Size;
        for (var decoded = 0; decoder.IP < end && decoded < file.Limits.MaxFunctionInstructions; decoded++)
        {
            var instruction = decoder.Decode();
            if (instruction.IsInvalid)
            {
                break;
            }

            if (wanted(instruction, function))
            {
                found.Add(instruction.IP);
            }
        }

        return found;
    }

    private static byte[] Code(ElfFile file, ElfSymbol function) =>
        file.Memory(function.Value) is var rest && (ulong)rest.Length >= function.Size ? rest[..(int)function.Size].ToArray() : [];
}
