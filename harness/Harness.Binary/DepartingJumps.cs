using Iced.Intel;

namespace Harness.Binary;

/// <summary>
/// Jumps out of functions. An optimiser makes one of a call that nothing follows (LLVM: a sibling call), also where the source has something after it that it knows
/// not to run, such as what follows a <c>try</c> of a function that always fails. From then on the caller has no frame: no trace can have one.
/// </summary>
internal static class DepartingJumps
{
    /// <summary>
    /// Addresses of direct jumps whose target is not in their own function. A function's list ends where its code cannot be decoded, or is not in the file. Jumps through pointers are not
    /// told from those through tables, and left out.
    /// </summary>
    /// <param name="file">Linked: its symbols are addresses.</param>
    /// <param name="prefix">Of the functions' names.</param>
    public static IEnumerable<ulong> Of(ElfFile file, string prefix) =>
        CodeFunctions.Of(file).Where(function => function.Name.StartsWith(prefix, StringComparison.Ordinal)).SelectMany(function => In(file, function));

    private static List<ulong> In(ElfFile file, ElfSymbol function)
    {
        var found = new List<ulong>();
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(Code(file, function)), function.Value);
        var end = function.Value + function.Size;
        for (var decoded = 0; decoder.IP < end && decoded < file.Limits.MaxFunctionInstructions; decoded++)
        {
            var at = decoder.IP;
            var instruction = decoder.Decode();
            if (instruction.IsInvalid)
            {
                break;
            }

            if (instruction is { IsJmpShortOrNear: true } or { IsJccShortOrNear: true } && (instruction.NearBranchTarget < function.Value || instruction.NearBranchTarget >= end))
            {
                found.Add(at);
            }
        }

        return found;
    }

    private static byte[] Code(ElfFile file, ElfSymbol function) =>
        file.Memory(function.Value) is var rest && (ulong)rest.Length >= function.Size ? rest[..(int)function.Size].ToArray() : [];
}
