using System.Text;

namespace Harness.Binary.Tests.Unwind;

/// <summary>A small linked program, byte by byte and apart from the code under test: .text, .eh_frame or .debug_frame, .eh_frame_hdr, symbols.</summary>
internal sealed class FrameBuilder
{
    public const ulong Text = 0x401000;
    public const ulong Frames = 0x402000;
    public const ulong Header = 0x403000;
    public const ulong Data = 0x404000;

    /// <summary>def_cfa rsp 8; offset ra −8.</summary>
    public static readonly byte[] Ordinary = [0x0c, 7, 8, 0x90, 1];

    private readonly List<byte> _frames = [];
    private readonly List<(ulong Start, int Offset)> _entries = [];
    private readonly List<(string Name, ulong Start, ulong Size)> _symbols = [];

    public byte[] Code { get; init; } = new byte[256];

    public byte[] DataBytes { get; init; } = new byte[64];

    public bool IsDebugFrame { get; init; }

    public bool HasSearchTable { get; init; } = true;

    /// <summary>Where the first CIE begins.</summary>
    public int Common(
        byte[] program, string augmentation = "zR", byte[]? augmentationData = null, byte version = 1, byte returnColumn = 16, sbyte dataFactor = -8,
        byte codeFactor = 1)
    {
        byte[] id = IsDebugFrame ? [0xff, 0xff, 0xff, 0xff] : [0, 0, 0, 0];
        byte[] sizes = version == 4 ? [8, 0] : [];
        augmentationData ??= augmentation.Contains('R') ? [0x1b] : [];
        byte[] data = augmentation.StartsWith('z') ? [(byte)augmentationData.Length, .. augmentationData] : [];
        return Entry([
            .. id, version, .. Encoding.ASCII.GetBytes(augmentation), 0, .. sizes, codeFactor, (byte)(dataFactor & 0x7f), returnColumn, .. data, .. program]);
    }

    /// <param name="start">From the beginning of the code.</param>
    public void Function(int common, ulong start, int bytes, byte[] program, byte[]? augmentationData = null, string? name = null)
    {
        var at = _frames.Count;
        if (IsDebugFrame)
        {
            Entry([.. Number32(common), .. Number64(Text + start), .. Number64((ulong)bytes), .. program]);
        }
        else
        {
            byte[] data = augmentationData ?? [];
            var field = Frames + (ulong)at + 8;
            Entry([
                .. Number32(at + 4 - common), .. Number32(unchecked((int)(Text + start - field))), .. Number32(bytes), (byte)data.Length, .. data, .. program]);
        }

        _entries.Add((Text + start, at));
        if (name is not null)
        {
            _symbols.Add((name, Text + start, (ulong)bytes));
        }
    }

    /// <summary>Bytes as they are, for what no other method writes.</summary>
    public int Raw(byte[] bytes)
    {
        var at = _frames.Count;
        _frames.AddRange(bytes);
        return at;
    }

    public byte[] ToArray()
    {
        byte[] search = [1, 0x1b, 0x03, 0x3b, .. Number32(unchecked((int)(Frames - (Header + 4)))), .. Number32(_entries.Count),
            .. _entries.OrderBy(e => e.Start).SelectMany(e =>
                (byte[])[.. Number32(unchecked((int)(e.Start - Header))), .. Number32(unchecked((int)(Frames + (ulong)e.Offset - Header)))])];
        var strings = new List<byte> { 0 };
        var symbols = new List<byte>(new byte[24]);
        foreach (var (name, start, size) in _symbols)
        {
            symbols.AddRange([.. Number32(strings.Count), 0x12, 0, 1, 0, .. Number64(start), .. Number64(size)]);
            strings.AddRange([.. Encoding.ASCII.GetBytes(name), 0]);
        }

        var frameName = IsDebugFrame ? ".debug_frame" : ".eh_frame";
        var sections = new List<(string Name, uint Type, ulong Flags, ulong Address, byte[] Data, uint Link, uint Info, ulong Entry)>
        {
            (".text", 1, 6, Text, Code, 0, 0, 0), (frameName, 1, IsDebugFrame ? 0UL : 2, IsDebugFrame ? 0 : Frames, [.. _frames], 0, 0, 0),
            (".data", 1, 3, Data, DataBytes, 0, 0, 0), (".symtab", 2, 0, 0, [.. symbols], 5, 1, 24), (".strtab", 3, 0, 0, [.. strings], 0, 0, 0),
        };
        if (HasSearchTable)
        {
            sections.Add((".eh_frame_hdr", 1, 2, Header, search, 0, 0, 0));
        }

        return Write(sections);
    }

    private int Entry(byte[] body)
    {
        var at = _frames.Count;
        var padded = (body.Length + 7) / 8 * 8;
        _frames.AddRange([.. Number32(padded), .. body, .. new byte[padded - body.Length]]);
        return at;
    }

    private static byte[] Write(List<(string Name, uint Type, ulong Flags, ulong Address, byte[] Data, uint Link, uint Info, ulong Entry)> sections)
    {
        var names = new List<byte> { 0 };
        var bytes = new List<byte>(new byte[64]);
        var headers = new List<byte>(new byte[64]);
        foreach (var s in sections.Append((".shstrtab", 3, 0, 0, [], 0, 0, 0)))
        {
            var name = names.Count;
            names.AddRange([.. Encoding.ASCII.GetBytes(s.Name), 0]);
            var data = s.Name == ".shstrtab" ? [.. names] : s.Data;
            headers.AddRange([
                .. Number32(name), .. Number32((int)s.Type), .. Number64(s.Flags), .. Number64(s.Address), .. Number64((ulong)bytes.Count),
                .. Number64((ulong)data.Length), .. Number32((int)s.Link), .. Number32((int)s.Info), .. Number64(1), .. Number64(s.Entry)]);
            bytes.AddRange(data);
        }

        byte[] head = [
            0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0, .. new byte[8], 2, 0, 62, 0, .. Number32(1), .. Number64(Text), .. Number64(0),
            .. Number64((ulong)bytes.Count), .. Number32(0), 64, 0, 0, 0, 0, 0, 64, 0, (byte)(sections.Count + 2), 0, (byte)(sections.Count + 1), 0];
        return [.. head, .. bytes.Skip(64), .. headers];
    }

    public static byte[] Number32(int value) => BitConverter.GetBytes(value);

    public static byte[] Number64(ulong value) => BitConverter.GetBytes(value);
}
