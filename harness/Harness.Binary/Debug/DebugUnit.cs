namespace Harness.Binary.Debug;

/// <summary>What is read of an entry; the rest is passed over.</summary>
internal struct DebugEntry
{
    public ulong Tag;
    public bool HasChildren;
    public string? Name;
    public string? LinkageName;
    public ulong? Low;
    public ulong? High;
    public bool HighIsLength;
    public ulong? Ranges;
    public bool RangesIsIndex;

    /// <summary>Offsets in the section, of DW_AT_abstract_origin or DW_AT_specification; and of the enclosing declaration in Zig's own output.</summary>
    public ulong? Origin;
    public ulong? Parent;
    public ulong? CallFile;
    public ulong? DeclFile;
    public int CallLine;
    public int DeclLine;
    public ulong? Lines;
    public ulong? TextBase;
    public ulong? AddressBase;
    public ulong? RangesBase;
}

/// <summary>One unit of <c>.debug_info</c>: its header, and reading its entries.</summary>
internal sealed class DebugUnit
{
    private readonly DebugSections _sections;
    private readonly Dictionary<ulong, Abbreviation> _abbreviations;
    private readonly int _version;
    private readonly bool _wide;
    private readonly int _addressBytes;

    private DebugUnit(DebugSections sections, ulong start, ulong end, ulong first, int version, bool wide, int addressBytes, Dictionary<ulong, Abbreviation> abbreviations)
    {
        (_sections, Start, End, First) = (sections, start, end, first);
        (_version, _wide, _addressBytes, _abbreviations) = (version, wide, addressBytes, abbreviations);
    }

    /// <summary>Offset of the header.</summary>
    public ulong Start { get; }

    public ulong End { get; }

    /// <summary>Offset of the root entry.</summary>
    public ulong First { get; }

    public int Version => _version;

    public bool IsWide => _wide;

    public ulong? Lines { get; private set; }

    /// <summary>What the root says of addresses: base of offsets in ranges, and bases of tables.</summary>
    public ulong LowPc { get; private set; }

    public ulong? TextBase { get; private set; }

    public ulong? AddressBase { get; private set; }

    public ulong? RangesBase { get; private set; }

    /// <summary>Reads the header at the cursor's position and moves it behind the unit; null for padding, and for units that hold no code.</summary>
    public static DebugUnit? Read(DebugSections sections, ref Cursor cursor, Dictionary<ulong, Dictionary<ulong, Abbreviation>> tables)
    {
        var start = (ulong)cursor.Position;
        var (length, wide) = cursor.InitialLength();
        if (length == 0)
        {
            return null;
        }

        var contents = (ulong)cursor.Position;
        var unit = cursor.Sub(length);
        var version = unit.U16();
        if (version is < 2 or > 5)
        {
            throw unit.Bad($"has a unit of DWARF version {version} at {start:x}, which is not supported");
        }

        var type = version >= 5 ? unit.U8() : (byte)1;
        var addressBytes = version >= 5 ? unit.U8() : (byte)0;
        var table = wide ? unit.U64() : unit.U32();
        addressBytes = version >= 5 ? addressBytes : unit.U8();
        if (type is not (1 or 3) || addressBytes != 8)
        {
            // Type units and split units; 32-bit code.
            return null;
        }

        if (!tables.TryGetValue(table, out var abbreviations))
        {
            tables[table] = abbreviations = Abbreviations.Read(sections.At(".debug_abbrev", table), sections.File.Limits);
        }

        return new DebugUnit(sections, start, contents + length, contents + (ulong)unit.Position, version, wide, addressBytes, abbreviations);
    }

    /// <summary>The root entry; its bases are known afterwards.</summary>
    public DebugEntry ReadRoot()
    {
        // Bases may stand behind what needs them.
        for (var pass = 0; ; pass++)
        {
            var cursor = CursorAt(First);
            if (!TryRead(ref cursor, out var root, texts: false))
            {
                return default;
            }

            (Lines, TextBase, AddressBase, RangesBase) = (root.Lines, root.TextBase, root.AddressBase, root.RangesBase);
            LowPc = root.Low ?? 0;
            if (pass == 1)
            {
                return root;
            }
        }
    }

    public Cursor CursorAt(ulong offset)
    {
        var cursor = _sections.At(".debug_info", offset);
        return cursor.Sub(End - offset);
    }

    /// <summary>The next entry; false for the null entry that ends a list of children.</summary>
    /// <param name="texts">Whether names are wanted.</param>
    public bool TryRead(ref Cursor cursor, out DebugEntry entry, bool texts)
    {
        entry = default;
        var code = cursor.Uleb();
        if (code == 0)
        {
            return false;
        }

        if (!_abbreviations.TryGetValue(code, out var abbreviation))
        {
            throw cursor.Bad($"uses abbreviation {code}, which its table does not have");
        }

        (entry.Tag, entry.HasChildren) = (abbreviation.Tag, abbreviation.HasChildren);
        foreach (var attribute in abbreviation.Attributes)
        {
            Take(ref entry, attribute.Name, Value(ref cursor, attribute.Form, attribute.Constant, texts && IsText(attribute.Name)));
        }

        return true;
    }

    private static bool IsText(ulong attribute) => attribute is 0x03 or 0x6e or 0x2007;

    /// <param name="Kind">What the number is.</param>
    private readonly record struct FormValue(ValueKind Kind, ulong Number, string? Text = null);

    private enum ValueKind
    {
        Other,
        Number,
        Address,
        Reference,
        Index,
    }

    private void Take(ref DebugEntry entry, ulong attribute, FormValue value)
    {
        switch (attribute)
        {
            case 0x03: // DW_AT_name
                entry.Name = value.Text;
                break;
            case 0x6e or 0x2007: // DW_AT_linkage_name, DW_AT_MIPS_linkage_name
                entry.LinkageName = value.Text;
                break;
            case 0x11 when value.Kind is ValueKind.Address: // DW_AT_low_pc
                entry.Low = value.Number;
                break;
            case 0x12: // DW_AT_high_pc
                (entry.High, entry.HighIsLength) = (value.Number, value.Kind is not ValueKind.Address);
                break;
            case 0x55: // DW_AT_ranges
                (entry.Ranges, entry.RangesIsIndex) = (value.Number, value.Kind is ValueKind.Index);
                break;
            case 0x31 or 0x47 when value.Kind is ValueKind.Reference: // DW_AT_abstract_origin, DW_AT_specification
                entry.Origin = value.Number;
                break;
            case 0x2ccd when value.Kind is ValueKind.Reference: // DW_AT_ZIG_parent
                entry.Parent = value.Number;
                break;
            case 0x58: // DW_AT_call_file
                entry.CallFile = value.Number;
                break;
            case 0x59: // DW_AT_call_line
                entry.CallLine = Line(value);
                break;
            case 0x3a: // DW_AT_decl_file
                entry.DeclFile = value.Number;
                break;
            case 0x3b: // DW_AT_decl_line
                entry.DeclLine = Line(value);
                break;
            default:
                TakeBase(ref entry, attribute, value);
                break;
        }
    }

    private static void TakeBase(ref DebugEntry entry, ulong attribute, FormValue value)
    {
        switch (attribute)
        {
            case 0x10: // DW_AT_stmt_list
                entry.Lines = value.Number;
                break;
            case 0x72: // DW_AT_str_offsets_base
                entry.TextBase = value.Number;
                break;
            case 0x73: // DW_AT_addr_base
                entry.AddressBase = value.Number;
                break;
            case 0x74: // DW_AT_rnglists_base
                entry.RangesBase = value.Number;
                break;
        }
    }

    private static int Line(FormValue value) => value.Number <= int.MaxValue ? (int)value.Number : 0;

    private FormValue Value(ref Cursor cursor, ulong form, long constant, bool wantsText)
    {
        switch (form)
        {
            case 0x01: // DW_FORM_addr
                return new(ValueKind.Address, cursor.Unsigned(_addressBytes));
            case 0x0b or 0x05 or 0x06 or 0x07: // DW_FORM_data1, 2, 4, 8
                return new(ValueKind.Number, cursor.Unsigned(form switch { 0x0b => 1, 0x05 => 2, 0x06 => 4, _ => 8 }));
            case 0x0d: // DW_FORM_sdata
                return new(ValueKind.Number, unchecked((ulong)cursor.Sleb()));
            case 0x0f: // DW_FORM_udata
                return new(ValueKind.Number, cursor.Uleb());
            case 0x21: // DW_FORM_implicit_const
                return new(ValueKind.Number, unchecked((ulong)constant));
            case 0x17: // DW_FORM_sec_offset
                return new(ValueKind.Number, Offset(ref cursor));
            case 0x0c: // DW_FORM_flag
                return new(ValueKind.Other, cursor.U8());
            case 0x19: // DW_FORM_flag_present
                return default;
            case 0x22 or 0x23: // DW_FORM_loclistx, DW_FORM_rnglistx
                return new(ValueKind.Index, cursor.Uleb());
            case 0x1b or 0x1f01 or (>= 0x29 and <= 0x2c): // DW_FORM_addrx, its fixed sizes
                return new(ValueKind.Address, AddressAt(IndexOf(ref cursor, form, 0x29)));
            case 0x16: // DW_FORM_indirect
                return cursor.Uleb() is var actual and not (0x16 or 0x21)
                    ? Value(ref cursor, actual, 0, wantsText)
                    : throw cursor.Bad("has a form that is given twice over");
            default:
                return Reference(ref cursor, form) ?? Text(ref cursor, form, wantsText) ?? Skipped(ref cursor, form);
        }
    }

    /// <summary>As an offset in the section; what refers to another file is no reference here.</summary>
    private FormValue? Reference(ref Cursor cursor, ulong form)
    {
        ulong Within(ulong offset) => unchecked(Start + offset);
        switch (form)
        {
            case 0x10: // DW_FORM_ref_addr: of an address's size in version 2
                return new(ValueKind.Reference, _version == 2 ? cursor.U64() : Offset(ref cursor));
            case 0x11 or 0x12 or 0x13 or 0x14: // DW_FORM_ref1, 2, 4, 8
                return new(ValueKind.Reference, Within(cursor.Unsigned(1 << (int)(form - 0x11))));
            case 0x15: // DW_FORM_ref_udata
                return new(ValueKind.Reference, Within(cursor.Uleb()));
            default:
                return null;
        }
    }

    private FormValue? Text(ref Cursor cursor, ulong form, bool wanted)
    {
        switch (form)
        {
            case 0x08: // DW_FORM_string
                return new(ValueKind.Other, 0, cursor.CString(_sections.File.Limits.MaxNameBytes));
            case 0x0e: // DW_FORM_strp
                return Text(".debug_str", Offset(ref cursor), wanted);
            case 0x1f: // DW_FORM_line_strp
                return Text(".debug_line_str", Offset(ref cursor), wanted);
            case 0x1a or 0x1f02 or (>= 0x25 and <= 0x28): // DW_FORM_strx, its fixed sizes
                var index = IndexOf(ref cursor, form, 0x25);
                var bytes = _wide ? 8 : 4;
                return wanted && TextBase is { } start
                    ? Text(".debug_str", _sections.Entry(".debug_str_offsets", start, index, bytes), true)
                    : new(ValueKind.Other, 0);
            default:
                return null;
        }
    }

    private FormValue Text(string section, ulong offset, bool wanted) => new(ValueKind.Other, 0, wanted ? _sections.Text(section, offset) : null);

    private FormValue Skipped(ref Cursor cursor, ulong form)
    {
        switch (form)
        {
            case 0x03: // DW_FORM_block2
                cursor.Skip(cursor.U16());
                return default;
            case 0x04: // DW_FORM_block4
                cursor.Skip(cursor.U32());
                return default;
            case 0x0a: // DW_FORM_block1
                cursor.Skip(cursor.U8());
                return default;
            case 0x09 or 0x18: // DW_FORM_block, DW_FORM_exprloc
                cursor.Skip(cursor.Uleb());
                return default;
            case 0x1e: // DW_FORM_data16
                cursor.Skip(16);
                return default;
            case 0x20 or 0x24: // DW_FORM_ref_sig8, DW_FORM_ref_sup8
                cursor.Skip(8);
                return default;
            case 0x1c: // DW_FORM_ref_sup4
                cursor.Skip(4);
                return default;
            case 0x1d or 0x1f20 or 0x1f21: // DW_FORM_strp_sup, DW_FORM_GNU_ref_alt, DW_FORM_GNU_strp_alt
                Offset(ref cursor);
                return default;
            default:
                throw cursor.Bad($"has an attribute of form {form:x}, which is not supported");
        }
    }

    /// <param name="first">The form with an index of one byte; two, three and four follow.</param>
    private static ulong IndexOf(ref Cursor cursor, ulong form, ulong first) => (form - first) switch
    {
        0 => cursor.U8(),
        1 => cursor.U16(),
        2 => cursor.U8() | ((ulong)cursor.U16() << 8),
        3 => cursor.U32(),
        _ => cursor.Uleb(),
    };

    /// <summary>Entry of <c>.debug_addr</c>; 0 (no code) before the root has said where the unit's begin.</summary>
    public ulong AddressAt(ulong index) => AddressBase is { } start ? _sections.Entry(".debug_addr", start, index, _addressBytes) : 0;

    private ulong Offset(ref Cursor cursor) => _wide ? cursor.U64() : cursor.U32();
}
