namespace Harness.Binary;

/// <summary>The functions of an object: one symbol per address, since an exported function has two.</summary>
internal static class CodeFunctions
{
    /// <summary>In order of section and address.</summary>
    public static List<ElfSymbol> Of(ElfFile file) => file.Symbols
        .Where(s => s is { Type: ElfSymbolType.Function, IsDefined: true, Size: > 0 })
        .Where(s => file.Sections[s.Section].IsCode)
        .GroupBy(s => (s.Section, s.Value))
        .Select(group => group.MaxBy(s => s.Size))
        .OrderBy(s => (s.Section, s.Value))
        .ToList();

    /// <param name="isRelocated">As in <see cref="FunctionScan.Of"/>; null: every place is, so that it has no exits.</param>
    /// <exception cref="InvalidDataException">The function lies outside its section.</exception>
    public static FunctionScan Scan(ElfFile file, ElfSymbol function, Func<ulong, bool>? isRelocated = null) =>
        FunctionScan.Of(
            Code(file, function), function.Value, isRelocated ?? (_ => true), file.Limits.MaxFunctionInstructions);

    /// <exception cref="InvalidDataException">The function lies outside its section.</exception>
    public static ReadOnlySpan<byte> Code(ElfFile file, ElfSymbol function)
    {
        var section = file.Sections[function.Section];
        if (section.Type is not ElfSectionType.ProgramBits
            || function.Value > section.Size || function.Size > section.Size - function.Value)
        {
            throw file.Bad($"function {function.Name} lies outside its section {section.Name}");
        }

        return file.Data(section).Slice((int)function.Value, (int)function.Size);
    }
}
