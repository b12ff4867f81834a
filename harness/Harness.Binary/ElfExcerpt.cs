using System.Buffers.Binary;

namespace Harness.Binary;

/// <summary>
/// Reads of a large file only what is asked for. The result is an ELF file of its own: the same headers, with sections that were not
/// asked for without bytes, as .bss is.
/// </summary>
public static class ElfExcerpt
{
    private const int TypeField = 4;
    private const int OffsetField = 24;
    private const int SizeField = 32;

    /// <param name="wanted">Which sections to read, by name; their sum is bounded by <see cref="ElfLimits.MaxFileBytes"/>.</param>
    /// <exception cref="InvalidDataException">Not an ELF file that this reader understands.</exception>
    public static ElfFile Load(string path, Func<string, bool> wanted, ElfLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        limits ??= ElfLimits.Default;
        using var stream = File.OpenRead(path);
        var header = Read(stream, path, 0, ElfFile.HeaderBytes, limits);
        var (segmentOffset, sectionOffset) = (Number(header, 32), Number(header, 40));
        var (segments, sections) = (Half(header, 56), Half(header, 60));
        var segmentTable = Read(stream, path, segmentOffset, (ulong)(segments * Half(header, 54)), limits);
        var sectionTable = Read(stream, path, sectionOffset, (ulong)(sections * ElfFile.SectionHeaderBytes), limits);
        var nameSection = Half(header, 62);
        var output = new MemoryStream();
        output.Write(header);
        Place(output, header, 32, segmentTable);
        for (var i = 0; i < sections; i++)
        {
            var entry = sectionTable.AsSpan(i * ElfFile.SectionHeaderBytes, ElfFile.SectionHeaderBytes);
            var hasBytes = (ElfSectionType)BinaryPrimitives.ReadUInt32LittleEndian(entry[TypeField..]) is not (ElfSectionType.NoBits or ElfSectionType.Null);
            if (hasBytes && (i == nameSection || wanted(NameOf(stream, path, sectionTable, nameSection, entry, limits))))
            {
                var data = Read(stream, path, Number(entry, OffsetField), Number(entry, SizeField), limits);
                Place(output, entry, OffsetField, data);
                Bound(path, (ulong)output.Length, limits);
            }
            else if (hasBytes)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(entry[TypeField..], (uint)ElfSectionType.NoBits);
                BinaryPrimitives.WriteUInt64LittleEndian(entry[OffsetField..], 0);
            }
        }

        Place(output, header, 40, sectionTable);
        output.Position = 0;
        output.Write(header);
        return ElfFile.Parse(output.ToArray(), path, limits);
    }

    /// <summary>Writes data behind what there is, and where that is into a header's field.</summary>
    private static void Place(MemoryStream output, Span<byte> header, int field, ReadOnlySpan<byte> data)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(header[field..], (ulong)output.Length);
        output.Write(data);
    }

    private static string NameOf(
        FileStream stream, string path, ReadOnlySpan<byte> table, int nameSection, ReadOnlySpan<byte> entry, ElfLimits limits)
    {
        if (nameSection * ElfFile.SectionHeaderBytes >= table.Length)
        {
            return "";
        }

        var names = table.Slice(nameSection * ElfFile.SectionHeaderBytes, ElfFile.SectionHeaderBytes);
        var (start, size, at) = (Number(names, OffsetField), Number(names, SizeField), BinaryPrimitives.ReadUInt32LittleEndian(entry));
        if (at >= size)
        {
            return "";
        }

        var text = Read(stream, path, start + at, Math.Min(size - at, 64), limits);
        var length = Array.IndexOf(text, (byte)0);
        return length < 0 ? "" : System.Text.Encoding.ASCII.GetString(text, 0, length);
    }

    private static byte[] Read(FileStream stream, string path, ulong offset, ulong bytes, ElfLimits limits)
    {
        Bound(path, bytes, limits);
        if (offset > (ulong)stream.Length || bytes > (ulong)stream.Length - offset)
        {
            throw new InvalidDataException($"{path}: {bytes} bytes at {offset} lie outside the file");
        }

        var data = new byte[bytes];
        stream.Position = (long)offset;
        stream.ReadExactly(data);
        return data;
    }

    private static void Bound(string path, ulong bytes, ElfLimits limits)
    {
        if (bytes > (ulong)limits.MaxFileBytes)
        {
            throw new InvalidDataException($"{path}: {bytes} bytes are asked for, which exceeds the maximum of {limits.MaxFileBytes}");
        }
    }

    private static ulong Number(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);

    private static int Half(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
}
