using System.Buffers.Binary;
using System.Text;

namespace Harness.Binary.Tests;

/// <summary>
/// Builds a small relocatable object byte by byte, independently of the code under test: sections .text, .data and
/// .rela.text, a symbol table with two locals (the null one, and function `one`) and a global function `two`.
/// Tests break single fields of it.
/// </summary>
internal sealed class ObjectBuilder
{
    public const int SectionCount = 7;
    public const int TextIndex = 1;
    public const int RelocationsIndex = 3;
    public const int SymbolsIndex = 4;
    public const int StringsIndex = 5;

    private readonly MemoryStream _bytes = new();
    private readonly long[] _sectionAt = new long[SectionCount];

    // one: push rbp; mov rbp, rsp; sub rsp, 0x20; call two (relocated); leave; ret.
    private static readonly byte[] _one =
    [
        0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x20, 0xe8, 0, 0, 0, 0, 0xc9, 0xc3,
    ];

    /// <param name="one">Other bytes for the function <c>one</c>; its relocation stays at offset 9.</param>
    public ObjectBuilder(byte[]? one = null) => Build(one ?? _one);

    /// <summary>Offset in the file of a section's bytes.</summary>
    public int SectionAt(int section) => (int)_sectionAt[section];

    /// <summary>Offset in the file of a field of a section header.</summary>
    public static int HeaderField(byte[] file, int section, int field) =>
        (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(40)) + (section * 64) + field;

    public byte[] ToArray() => _bytes.ToArray();

    /// <summary>The file with one field changed.</summary>
    public byte[] With(int offset, params byte[] value)
    {
        var copy = ToArray();
        value.CopyTo(copy, offset);
        return copy;
    }

    private void Build(byte[] one)
    {
        _bytes.Write(new byte[64]);
        // two, at the next multiple of 16: push rbp; mov rbp, rsp; pop rbp; ret.
        var twoAt = (one.Length + 15) / 16 * 16;
        byte[] text = [.. one, .. Enumerable.Repeat((byte)0xcc, twoAt - one.Length), 0x55, 0x48, 0x89, 0xe5, 0x5d, 0xc3];
        var strings = "\0one\0two\0"u8.ToArray();
        var names = "\0.text\0.data\0.rela.text\0.symtab\0.strtab\0.shstrtab\0"u8.ToArray();
        byte[] symbols = [.. new byte[24], .. Symbol(1, 0x02, TextIndex, 0, (ulong)one.Length), .. Symbol(5, 0x12, TextIndex, (ulong)twoAt, 6)];
        byte[] relocations = [.. Number64(9), .. Number32(4), .. Number32(2), .. Number64(unchecked((ulong)-4L))];
        byte[][] contents = [[], text, new byte[8], relocations, symbols, strings, names];
        for (var i = 1; i < contents.Length; i++)
        {
            _sectionAt[i] = _bytes.Position;
            _bytes.Write(contents[i]);
        }

        var headersAt = _bytes.Position;
        Header("", 0, 0, [], 0, 0, 0, 0);
        Header(".text", 1, 6, text, _sectionAt[1], 0, 0, 0);
        Header(".data", 1, 3, contents[2], _sectionAt[2], 0, 0, 0);
        Header(".rela.text", 4, 0x40, relocations, _sectionAt[3], SymbolsIndex, TextIndex, 24);
        Header(".symtab", 2, 0, symbols, _sectionAt[4], StringsIndex, 2, 24);
        Header(".strtab", 3, 0, strings, _sectionAt[5], 0, 0, 0);
        Header(".shstrtab", 3, 0, names, _sectionAt[6], 0, 0, 0);
        _bytes.Position = 0;
        _bytes.Write([0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0, .. new byte[8]]);
        _bytes.Write([.. Number16(1), .. Number16(62), .. Number32(1), .. Number64(0), .. Number64(0)]);
        _bytes.Write([.. Number64((ulong)headersAt), .. Number32(0), .. Number16(64), .. Number16(0), .. Number16(0)]);
        _bytes.Write([.. Number16(64), .. Number16(SectionCount), .. Number16(6)]);

        void Header(string name, uint type, ulong flags, byte[] data, long at, uint link, uint info, ulong entry)
        {
            var nameAt = name.Length == 0
                ? 0
                : Encoding.ASCII.GetString(names).IndexOf(name + "\0", StringComparison.Ordinal);
            _bytes.Write([.. Number32((uint)nameAt), .. Number32(type), .. Number64(flags), .. Number64(0)]);
            _bytes.Write(
                [.. Number64((ulong)at), .. Number64((ulong)data.Length), .. Number32(link), .. Number32(info)]);
            _bytes.Write([.. Number64(1), .. Number64(entry)]);
        }
    }

    private static byte[] Symbol(uint name, byte info, ushort section, ulong value, ulong size) =>
        [.. Number32(name), info, 0, .. Number16(section), .. Number64(value), .. Number64(size)];

    private static byte[] Number16(ushort value) => BitConverter.GetBytes(value);

    private static byte[] Number32(uint value) => BitConverter.GetBytes(value);

    private static byte[] Number64(ulong value) => BitConverter.GetBytes(value);
}
