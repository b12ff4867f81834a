using System.Buffers.Binary;
using System.Text;
using Iced.Intel;

namespace Harness.Binary.Tests.StackUse;

/// <summary>
/// Executables of a few functions, each written with an assembler and laid out here, byte by byte: .text, .data, symbols with the file
/// entries that a linker leaves, so that the functions belong to objects.
/// </summary>
internal sealed class ProgramBuilder
{
    public const ulong TextAt = 0x1001000;
    public const ulong DataAt = 0x1100000;
    public const int FunctionBytes = 512;
    private readonly List<(string Name, Action<Assembler> Write, bool IsUnits)> _functions = [];
    private readonly List<string> _pointers = [];
    private byte[] _data = [];

    /// <summary>A function of the unit.</summary>
    public ProgramBuilder Unit(string name, Action<Assembler> write) => Add(name, write, isUnits: true);

    /// <summary>One of the runtime.</summary>
    public ProgramBuilder Runtime(string name, Action<Assembler> write) => Add(name, write, isUnits: false);

    /// <summary>A word of data with a function's address.</summary>
    public ProgramBuilder Pointer(string function)
    {
        _pointers.Add(function);
        return this;
    }

    /// <summary>Bytes of data, from 16 on.</summary>
    public ProgramBuilder Data(byte[] data)
    {
        _data = data;
        return this;
    }

    /// <summary>Where a function is: each begins at a place that depends on the order alone.</summary>
    public ulong AddressOf(string name) => TextAt + ((ulong)_functions.FindIndex(f => f.Name == name) * FunctionBytes);

    public ElfFile Link() => ElfFile.Parse(ToArray(), "program");

    public byte[] ToArray()
    {
        var text = new byte[_functions.Count * FunctionBytes];
        Array.Fill(text, (byte)0xcc);
        var sizes = new List<int>();
        foreach (var (name, write, _) in _functions)
        {
            var code = Assemble(AddressOf(name), write);
            Assert.True(code.Length <= FunctionBytes, $"{name} has {code.Length} bytes");
            code.CopyTo(text, (int)(AddressOf(name) - TextAt));
            sizes.Add(code.Length);
        }

        byte[] data = [.. new byte[16], .. _data, .. _pointers.SelectMany(name => BitConverter.GetBytes(AddressOf(name)))];
        var strings = new List<byte> { 0 };
        var symbols = new List<byte[]> { new byte[24] };
        foreach (var isUnits in (bool[])[true, false])
        {
            symbols.Add(Symbol(strings, isUnits ? "unit.o" : "runtime.o", 4, 0, 0xfff1, 0, 0));
            if (isUnits)
            {
                symbols.Add(Symbol(strings, "unit.hs_unit", 1, 0, 2, DataAt, 16));
            }

            for (var i = 0; i < _functions.Count; i++)
            {
                if (_functions[i].IsUnits == isUnits)
                {
                    symbols.Add(Symbol(strings, _functions[i].Name, 2, 0, 1, AddressOf(_functions[i].Name), (ulong)sizes[i]));
                }
            }
        }

        var locals = symbols.Count;
        symbols.Add(Symbol(strings, "hs_unit", 1, 1, 2, DataAt, 16));
        return Write(text, data, [.. symbols.SelectMany(s => s)], [.. strings], locals);
    }

    /// <summary>A program of functions that are next to one another and of one size.</summary>
    public static ElfFile LinkRaw(byte[] text, int functionBytes)
    {
        var strings = new List<byte> { 0 };
        var symbols = new List<byte[]> { new byte[24] };
        for (var at = 0; at < text.Length; at += functionBytes)
        {
            symbols.Add(Symbol(strings, "f" + at, 2, 0, 1, TextAt + (ulong)at, (ulong)functionBytes));
        }

        return ElfFile.Parse(Write(text, new byte[16], [.. symbols.SelectMany(s => s)], [.. strings], symbols.Count), "program");
    }

    private ProgramBuilder Add(string name, Action<Assembler> write, bool isUnits)
    {
        _functions.Add((name, write, isUnits));
        return this;
    }

    private static byte[] Assemble(ulong address, Action<Assembler> write)
    {
        var assembler = new Assembler(64);
        write(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), address, BlockEncoderOptions.None);
        return stream.ToArray();
    }

    private static byte[] Symbol(List<byte> strings, string name, int type, int binding, ushort section, ulong value, ulong size)
    {
        var at = strings.Count;
        strings.AddRange([.. Encoding.ASCII.GetBytes(name), 0]);
        return [.. BitConverter.GetBytes(at), (byte)(type | (binding << 4)), 0, .. BitConverter.GetBytes(section), .. BitConverter.GetBytes(value), .. BitConverter.GetBytes(size)];
    }

    private static byte[] Write(byte[] text, byte[] data, byte[] symbols, byte[] strings, int locals)
    {
        var names = "\0.text\0.data\0.symtab\0.strtab\0.shstrtab\0"u8.ToArray();
        (string Name, uint Type, ulong Flags, byte[] Bytes, ulong Address, uint Link, uint Info, ulong Entry)[] sections =
        [
            ("", 0, 0, [], 0, 0, 0, 0), (".text", 1, 6, text, TextAt, 0, 0, 0), (".data", 1, 3, data, DataAt, 0, 0, 0),
            (".symtab", 2, 0, symbols, 0, 4, (uint)locals, 24), (".strtab", 3, 0, strings, 0, 0, 0, 0), (".shstrtab", 3, 0, names, 0, 0, 0, 0),
        ];
        var output = new List<byte>(new byte[64]);
        var headers = new List<byte>();
        foreach (var s in sections)
        {
            var name = s.Name.Length == 0 ? 0 : Encoding.ASCII.GetString(names).IndexOf(s.Name + "\0", StringComparison.Ordinal);
            headers.AddRange([.. BitConverter.GetBytes(name), .. BitConverter.GetBytes(s.Type), .. BitConverter.GetBytes(s.Flags), .. BitConverter.GetBytes(s.Address)]);
            headers.AddRange([.. BitConverter.GetBytes((ulong)output.Count), .. BitConverter.GetBytes((ulong)s.Bytes.Length), .. BitConverter.GetBytes(s.Link), .. BitConverter.GetBytes(s.Info)]);
            headers.AddRange([.. BitConverter.GetBytes(1UL), .. BitConverter.GetBytes(s.Entry)]);
            output.AddRange(s.Bytes);
        }

        var file = (byte[])[.. output, .. headers];
        byte[] head = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        head.CopyTo(file, 0);
        var fields = file.AsSpan();
        BinaryPrimitives.WriteUInt16LittleEndian(fields[16..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(fields[18..], 62);
        BinaryPrimitives.WriteUInt64LittleEndian(fields[40..], (ulong)output.Count);
        BinaryPrimitives.WriteUInt16LittleEndian(fields[52..], 64);
        BinaryPrimitives.WriteUInt16LittleEndian(fields[58..], 64);
        BinaryPrimitives.WriteUInt16LittleEndian(fields[60..], (ushort)sections.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(fields[62..], 5);
        return file;
    }
}
