using System.Buffers.Binary;

namespace Harness.Binary;

public sealed partial class ObjectRewriter
{
    private ElfSection? ExistingRelocations(int target) =>
        target < _object.Sections.Length ? (_relocationsOf ??= RelocationsByTarget()).GetValueOrDefault(target) : null;

    /// <summary>By the section that they are of; objects of many sections have as many of these. The first, should one have two.</summary>
    private Dictionary<int, ElfSection> RelocationsByTarget()
    {
        var byTarget = new Dictionary<int, ElfSection>();
        foreach (var section in _object.Sections)
        {
            if (section.Type is ElfSectionType.RelocationsWithAddend)
            {
                byTarget.TryAdd(section.Info, section);
            }
        }

        return byTarget;
    }

    /// <summary>
    /// Moves a relocation section to the end of the file, longer by some entries: linkers want one per section.
    /// </summary>
    private void Extend(RentedBytes output, byte[] header, ElfSection existing, List<NewRelocation> entries)
    {
        var added = RelocationSection(entries);
        var moved = Append(output, added with { Data = [.. _object.Data(existing), .. added.Data] }, 0, 0, 0);
        _moved[existing.Index] = BinaryPrimitives.ReadInt32LittleEndian(moved.AsSpan(24));
        moved.AsSpan(24, 16).CopyTo(header.AsSpan(24)); // offset and size
    }

    private NewSection RelocationSection(List<NewRelocation> entries)
    {
        var data = new byte[entries.Count * ElfFile.RelocationBytes];
        for (var i = 0; i < entries.Count; i++)
        {
            var entry = data.AsSpan(i * ElfFile.RelocationBytes);
            BinaryPrimitives.WriteUInt64LittleEndian(entry, entries[i].Offset);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], (uint)entries[i].Type);
            BinaryPrimitives.WriteInt32LittleEndian(entry[12..], Final(entries[i].Symbol));
            BinaryPrimitives.WriteInt64LittleEndian(entry[16..], entries[i].Addend);
        }

        return new NewSection(
            "", ElfSectionType.RelocationsWithAddend, ElfSectionFlags.InfoLink, 8, data, ElfFile.RelocationBytes);
    }

    /// <summary>In place, entry by entry: debug information has hundreds of thousands of them.</summary>
    private void Renumber(ElfSection section, Span<byte> result, int[] shifts)
    {
        var count = (int)section.Size / ElfFile.RelocationBytes;
        var entries = result.Slice(_moved.GetValueOrDefault(section.Index, section.Offset), count * ElfFile.RelocationBytes);
        var shift = ShiftOf(section.Info);
        for (var i = 0; i < count; i++)
        {
            var at = entries[(i * ElfFile.RelocationBytes)..];
            var symbol = BinaryPrimitives.ReadInt32LittleEndian(at[12..]);
            if ((uint)symbol >= (uint)_object.Symbols.Length)
            {
                throw _object.Bad(
                    $"relocation {i} of {section.Name} names symbol {symbol} of {_object.Symbols.Length}");
            }

            if (symbol >= _symbolTable.Info)
            {
                BinaryPrimitives.WriteInt32LittleEndian(at[12..], symbol + _symbols.Count);
            }

            Add(at, shift);
            Add(at[16..], shifts[symbol]);
        }

        foreach (var redirection in _redirections.GetValueOrDefault(section.Index) ?? [])
        {
            var at = entries[(redirection.Entry * ElfFile.RelocationBytes)..];
            BinaryPrimitives.WriteInt32LittleEndian(at[12..], Final(redirection.Symbol));
            BinaryPrimitives.WriteInt64LittleEndian(at[16..], redirection.Addend);
        }
    }
}
