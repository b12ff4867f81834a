using System.Buffers.Binary;

namespace Harness.Binary;

public sealed partial class ObjectRewriter
{
    private readonly Dictionary<int, Prefix> _prefixes = [];

    /// <summary>A planted defect: references by section and offset stay as they were.</summary>
    internal bool ForgetsMoves { get; init; }

    private sealed record Prefix(byte[] Bytes, IReadOnlyList<NewRelocation> Relocations);

    /// <summary>
    /// Puts bytes before all that a section has. Whatever means a place in the section goes on meaning what stood there: symbols,
    /// references by section and offset, relocations of the section. Symbols that are added count from the section's new beginning.
    /// </summary>
    /// <param name="bytes">A multiple of the section's alignment, so that what follows keeps its own.</param>
    /// <param name="relocations">Of these bytes.</param>
    public void Prepend(ElfSection section, byte[] bytes, IReadOnlyList<NewRelocation> relocations)
    {
        ArgumentNullException.ThrowIfNull(section);
        ArgumentNullException.ThrowIfNull(bytes);
        if (section.Type is ElfSectionType.NoBits || (ulong)bytes.Length % Math.Max(section.Alignment, 1) != 0)
        {
            throw _object.Bad($"{bytes.Length} bytes cannot stand before {section.Name}, which is aligned to {section.Alignment}");
        }

        _prefixes.Add(section.Index, new Prefix(bytes, relocations));
    }

    /// <summary>How far what stood in a section has moved.</summary>
    private int ShiftOf(int section) => _prefixes.TryGetValue(section, out var prefix) ? prefix.Bytes.Length : 0;

    /// <summary>Added relocations in places that count from the sections' new beginnings; one list for each section.</summary>
    private List<(int Section, List<NewRelocation> Entries)> FinalRelocations()
    {
        var result = _relocations
            .Select(added => (added.Section, Entries: added.Entries
                .Select(entry => entry with { Offset = entry.Offset + (ulong)ShiftOf(added.Section) }).ToList()))
            .ToList();
        var bySection = result.ToDictionary(added => added.Section, added => added.Entries);
        foreach (var (section, prefix) in _prefixes)
        {
            if (bySection.TryGetValue(section, out var entries))
            {
                entries.AddRange(prefix.Relocations);
            }
            else if (prefix.Relocations.Count > 0)
            {
                result.Add((section, [.. prefix.Relocations]));
            }
        }

        return result;
    }

    /// <summary>Sections with a prefix move to the end of the file.</summary>
    private void MovePrefixed(RentedBytes output, List<byte[]> headers)
    {
        foreach (var (index, prefix) in _prefixes)
        {
            var section = _object.Sections[index];
            var moved = Append(output, new NewSection(
                "", section.Type, section.Flags, section.Alignment, [.. prefix.Bytes, .. _object.Data(section)]), 0, 0, 0);
            _moved[index] = BinaryPrimitives.ReadInt32LittleEndian(moved.AsSpan(24));
            moved.AsSpan(24, 16).CopyTo(headers[index].AsSpan(24)); // offset and size
        }
    }

    /// <summary>Lets the object's symbols in sections with a prefix mean what they meant.</summary>
    private void ShiftSymbols(byte[] table)
    {
        foreach (var symbol in _object.Symbols)
        {
            if (symbol is { IsDefined: true, Type: not ElfSymbolType.Section } && ShiftOf(symbol.Section) is var shift and > 0)
            {
                var at = Final(SymbolReference.Existing(symbol.Index)) * ElfFile.SymbolBytes;
                BinaryPrimitives.WriteUInt64LittleEndian(table.AsSpan(at + 8), symbol.Value + (ulong)shift);
            }
        }
    }

    /// <summary>By symbol: what has to be added to references through it, because it means a section's beginning.</summary>
    private int[] AddendShifts() =>
        [.. _object.Symbols.Select(symbol => symbol is { IsDefined: true, Type: ElfSymbolType.Section } && !ForgetsMoves ? ShiftOf(symbol.Section) : 0)];

    private static void Add(Span<byte> number, int value)
    {
        if (value != 0)
        {
            BinaryPrimitives.WriteInt64LittleEndian(number, BinaryPrimitives.ReadInt64LittleEndian(number) + value);
        }
    }
}
