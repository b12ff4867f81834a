using System.Buffers.Binary;
using System.Text;

namespace Harness.Binary;

/// <summary>
/// Reads little-endian data front to back, never past its end; a short read is an <see cref="InvalidDataException"/>.
/// </summary>
internal ref struct Cursor(ReadOnlySpan<byte> data, string file, string what)
{
    private readonly ReadOnlySpan<byte> _data = data;
    private readonly string _file = file;
    private readonly string _what = what;

    public int Position { get; private set; }

    public readonly int Length => _data.Length;

    public readonly int Left => _data.Length - Position;

    public readonly bool AtEnd => Position == _data.Length;

    public byte U8() => Take(1)[0];

    public ushort U16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong U64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>An unsigned number of <paramref name="size"/> bytes: 1, 2, 4 or 8.</summary>
    public ulong Unsigned(int size) => size switch
    {
        1 => U8(),
        2 => U16(),
        4 => U32(),
        8 => U64(),
        _ => throw Bad($"has a number of {size} bytes"),
    };

    public ulong Uleb()
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var bits = U8();
            if (shift > 63 || (shift == 63 && (bits & 0x7e) != 0))
            {
                throw Bad("has a LEB128 number of more than 64 bits");
            }

            value |= (ulong)(bits & 0x7f) << shift;
            if ((bits & 0x80) == 0)
            {
                return value;
            }
        }
    }

    public long Sleb()
    {
        long value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var bits = U8();
            if (shift > 63)
            {
                throw Bad("has a LEB128 number of more than 64 bits");
            }

            value |= (long)(bits & 0x7f) << shift;
            if ((bits & 0x80) == 0)
            {
                return shift + 7 < 64 && (bits & 0x40) != 0 ? value | (-1L << (shift + 7)) : value;
            }
        }
    }

    /// <summary>A string that ends with a zero byte.</summary>
    public string CString(int maxBytes)
    {
        var rest = _data[Position..];
        var length = rest[..Math.Min(rest.Length, maxBytes + 1)].IndexOf((byte)0);
        if (length < 0)
        {
            throw Bad($"has an unterminated string, or one of more than {maxBytes} bytes");
        }

        Position += length + 1;
        return Encoding.UTF8.GetString(rest[..length]);
    }

    /// <summary>The length that begins a DWARF unit, and whether its offsets are of 64 bits.</summary>
    public (ulong Length, bool Wide) InitialLength()
    {
        var length = U32();
        return length switch
        {
            0xffffffff => (U64(), true),
            >= 0xfffffff0 => throw Bad($"has a unit of reserved length {length:x}"),
            _ => (length, false),
        };
    }

    public void Skip(ulong bytes) => Take(bytes);

    /// <summary>The next bytes, to be read on their own.</summary>
    public Cursor Sub(ulong bytes) => new(Take(bytes), _file, _what);

    public readonly InvalidDataException Bad(string reason) => new($"{_file}: {_what} {reason}");

    private ReadOnlySpan<byte> Take(ulong bytes)
    {
        if (bytes > (ulong)Left)
        {
            throw Bad($"ends early: {bytes} bytes wanted at {Position} of {_data.Length}");
        }

        var taken = _data.Slice(Position, (int)bytes);
        Position += (int)bytes;
        return taken;
    }
}
