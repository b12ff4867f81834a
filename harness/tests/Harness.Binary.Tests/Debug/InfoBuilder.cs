using System.Buffers.Binary;
using System.Text;

namespace Harness.Binary.Tests.Debug;

/// <summary>
/// A program of no code to speak of, with debug information written byte by byte, independently of the code under test. One unit: an abstract
/// function <c>inner</c> (line 7), and <c>outer</c>, into which it is inlined.
/// </summary>
internal static class InfoBuilder
{
    public const ulong Code = 0x401000;
    public const int CodeBytes = 0x100;

    /// <summary>DW_FORMs of version 5 that Zig's compilers do not use: indices of strings, addresses and lists, an indirect form, a constant in the abbreviation.</summary>
    /// <param name="list">Of <c>.debug_rnglists</c>, behind its table of one entry.</param>
    public static byte[] Indexed(params byte[] list)
    {
        byte[] abbreviations =
        [
            1, 0x11, 1, 0x03, 0x25, 0x72, 0x17, 0x73, 0x17, 0x74, 0x17, 0x11, 0x29, 0x12, 0x06, 0, 0, // unit: name strx1, bases, low_pc addrx1, high_pc data4
            2, 0x2e, 0, 0x03, 0x25, 0x3b, 0x21, 7, 0, 0, // function: name strx1, decl_line implicit_const 7
            3, 0x2e, 1, 0x03, 0x08, 0x11, 0x1b, 0x12, 0x0f, 0, 0, // function: name string, low_pc addrx, high_pc udata
            4, 0x1d, 0, 0x31, 0x13, 0x55, 0x23, 0x59, 0x16, 0, 0, // inlined: abstract_origin ref4, ranges rnglistx, call_line indirect
            0,
        ];
        // Offsets in the unit: header 12 bytes.
        byte[] root = [1, 0, .. U32(8), .. U32(8), .. U32(12), 0, .. U32(CodeBytes)];
        byte[] inner = [2, 1];
        var innerAt = 12 + root.Length;
        byte[] outer = [3, .. "outer\0"u8, 0, 0x80, 1];
        byte[] inlined = [4, .. U32((uint)innerAt), 0, 0x05, .. U16(42)];
        byte[] body = [.. root, .. inner, .. outer, .. inlined, 0, 0];
        return Program(new()
        {
            [".debug_info"] = [.. U32((uint)(8 + body.Length)), .. U16(5), 1, 8, .. U32(0), .. body],
            [".debug_abbrev"] = abbreviations,
            [".debug_str"] = [.. "unit\0inner\0"u8],
            [".debug_str_offsets"] = [.. U32(12), .. U16(5), .. U16(0), .. U32(0), .. U32(5)],
            [".debug_addr"] = [.. U32(20), .. U16(5), 8, 0, .. U64(Code), .. U64(Code + 0x20)],
            [".debug_rnglists"] = [.. U32((uint)(12 + list.Length)), .. U16(5), 8, 0, .. U32(1), .. U32(4), .. list],
        });
    }

    /// <summary>Version 4: so many functions that all have the same list of two ranges.</summary>
    public static byte[] SharedRanges(int entries)
    {
        byte[] abbreviations = [1, 0x11, 1, 0x11, 0x01, 0x12, 0x06, 0, 0, 2, 0x2e, 0, 0x55, 0x17, 0, 0, 0];
        byte[] body = [1, .. U64(Code), .. U32(CodeBytes), .. Enumerable.Repeat<byte[]>([2, .. U32(0)], entries).SelectMany(e => e), 0];
        return Program(new()
        {
            [".debug_info"] = [.. U32((uint)(7 + body.Length)), .. U16(4), .. U32(0), 8, .. body],
            [".debug_abbrev"] = abbreviations,
            [".debug_ranges"] = [.. U64(0), .. U64(4), .. U64(8), .. U64(12), .. U64(0), .. U64(0)],
        });
    }

    /// <summary>A unit whose entries are nested so deep.</summary>
    public static byte[] Nested(int depth)
    {
        byte[] abbreviations = [1, 0x11, 1, 0x11, 0x01, 0x12, 0x06, 0, 0, 2, 0x0b, 1, 0, 0, 0];
        byte[] body = [1, .. U64(Code), .. U32(CodeBytes), .. Enumerable.Repeat((byte)2, depth)];
        return Program(new()
        {
            [".debug_info"] = [.. U32((uint)(7 + body.Length)), .. U16(4), .. U32(0), 8, .. body],
            [".debug_abbrev"] = abbreviations,
        });
    }

    private static byte[] Program(Dictionary<string, byte[]> debug)
    {
        var sections = new List<(string Name, uint Type, ulong Flags, ulong Address, byte[] Data)> { ("", 0, 0, 0, []), (".text", 1, 6, Code, new byte[CodeBytes]) };
        sections.AddRange(debug.Select(d => (d.Key, 1U, 0UL, 0UL, d.Value)));
        var names = new MemoryStream();
        var nameAt = new List<uint>();
        foreach (var name in sections.Select(s => s.Name).Append(".shstrtab"))
        {
            nameAt.Add((uint)names.Length);
            names.Write(Encoding.ASCII.GetBytes(name + "\0"));
        }

        sections.Add((".shstrtab", 3, 0, 0, names.ToArray()));
        var file = new MemoryStream();
        file.Write(new byte[64]);
        var headers = new MemoryStream();
        foreach (var ((_, type, flags, address, data), at) in sections.Zip(nameAt))
        {
            headers.Write([.. U32(at), .. U32(type), .. U64(flags), .. U64(address), .. U64((ulong)file.Length), .. U64((ulong)data.Length), .. U64(0), .. U64(1), .. U64(0)]);
            file.Write(data);
        }

        var headersAt = (ulong)file.Length;
        file.Write(headers.ToArray());
        byte[] header =
        [
            0x7f, .. "ELF"u8, 2, 1, 1, .. new byte[9], .. U16(2), .. U16(62), .. U32(1), .. U64(Code), .. U64(0), .. U64(headersAt), .. U32(0),
            .. U16(64), .. U16(56), .. U16(0), .. U16(64), .. U16((ushort)sections.Count), .. U16((ushort)(sections.Count - 1)),
        ];
        var bytes = file.ToArray();
        header.CopyTo(bytes, 0);
        return bytes;
    }

    public static byte[] U16(ushort value) => [(byte)value, (byte)(value >> 8)];

    public static byte[] U32(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }

    public static byte[] U64(ulong value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes;
    }
}
