namespace Harness.Binary.Unwind;

/// <summary>The DW_EH_PE encodings of addresses: how many bytes, signed or not, relative to what.</summary>
internal readonly record struct PointerEncoding(byte Value)
{
    public const byte Absolute = 0x00;
    public const byte Omitted = 0xff;
    private const int AddressBytes = 8;

    public bool IsOmitted => Value == Omitted;

    /// <summary>What addresses may be relative to.</summary>
    /// <param name="Section">Address of the bytes that the cursor reads.</param>
    /// <param name="Data">For "relative to the data": in .eh_frame_hdr, the section itself.</param>
    /// <param name="Function">For "relative to the function".</param>
    public readonly record struct Bases(ulong Section, ulong Text, ulong Data, ulong Function);

    /// <summary>Reads one address.</summary>
    /// <param name="load">Eight bytes of the program's memory, for indirect ones.</param>
    public ulong Read(ref Cursor cursor, in Bases bases, Func<ulong, ulong?> load)
    {
        var place = unchecked(bases.Section + (ulong)cursor.Position);
        if ((Value & 0x70) == 0x50)
        {
            // Aligned to an address, then absolute.
            cursor.Skip(unchecked(0 - place) & (AddressBytes - 1));
            return cursor.U64();
        }

        var number = Number(ref cursor, place);
        var address = unchecked(number + (Value & 0x70) switch
        {
            0x00 => 0UL,
            0x10 => place,
            0x20 => bases.Text,
            0x30 => bases.Data,
            0x40 => bases.Function,
            _ => throw Unknown(place),
        });
        // A null pointer stays null whatever it is relative to.
        return number == 0 ? 0 : (Value & 0x80) == 0
            ? address
            : load(address) ?? throw new UnwindException(UnwindFault.Unreadable, address, "an indirect address is stored where the file has no data");
    }

    /// <summary>Reads a length: the same number of bytes, relative to nothing.</summary>
    public ulong ReadLength(ref Cursor cursor) => Number(ref cursor, (ulong)cursor.Position);

    private ulong Number(ref Cursor cursor, ulong place) => (Value & 0x0f) switch
    {
        0x00 or 0x04 or 0x08 or 0x0c => cursor.U64(),
        0x01 => cursor.Uleb(),
        0x02 => cursor.U16(),
        0x03 => cursor.U32(),
        0x09 => unchecked((ulong)cursor.Sleb()),
        0x0a => unchecked((ulong)(short)cursor.U16()),
        0x0b => unchecked((ulong)(int)cursor.U32()),
        _ => throw Unknown(place),
    };

    private UnwindException Unknown(ulong place) => new(UnwindFault.UnknownEncoding, place, $"addresses are encoded as {Value:x2}");
}
