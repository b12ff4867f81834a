using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text;

namespace Harness.Binary;

/// <summary>
/// A 64-bit little-endian ELF file held in memory: headers, sections, symbols, relocations. Files come from outside, so
/// every count, offset and index is checked; what does not hold is an <see cref="InvalidDataException"/> with the
/// file's name and the reason in one line.
/// </summary>
public sealed class ElfFile
{
    internal const int HeaderBytes = 64;
    internal const int SectionHeaderBytes = 64;
    internal const int SymbolBytes = 24;
    internal const int RelocationBytes = 24;
    private const int SegmentHeaderBytes = 56;
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly ElfLimits _limits;
    private readonly Lazy<ImmutableArray<ElfSymbol>> _symbols;
    private readonly Lazy<ImmutableArray<ElfSymbol>> _dynamicSymbols;

    private ElfFile(ReadOnlyMemory<byte> bytes, string name, ElfLimits limits)
    {
        _bytes = bytes;
        _limits = limits;
        Name = name;
        _symbols = new(() => ReadSymbols(ElfSectionType.SymbolTable));
        _dynamicSymbols = new(() => ReadSymbols(ElfSectionType.DynamicSymbolTable));
        var header = ReadHeader();
        Segments = ReadSegments(header);
        Sections = ReadSections(header);
    }

    private readonly record struct Header(
        ulong SegmentOffset, ulong SectionOffset, int Segments, int Sections, int NameSection);

    /// <summary>For messages: the path or whatever the caller called it.</summary>
    public string Name { get; }

    public ElfKind Kind { get; private set; }

    /// <summary>e_machine; 62 is x86-64.</summary>
    public ushort Machine { get; private set; }

    public ulong EntryPoint { get; private set; }

    public ImmutableArray<ElfSection> Sections { get; }

    public ImmutableArray<ElfSegment> Segments { get; }

    /// <summary>Of <c>.symtab</c>; empty when the file is stripped. Read when first asked for.</summary>
    public ImmutableArray<ElfSymbol> Symbols => _symbols.Value;

    /// <summary>Of <c>.dynsym</c>: what the loader sees; empty in objects and static executables.</summary>
    public ImmutableArray<ElfSymbol> DynamicSymbols => _dynamicSymbols.Value;

    internal ReadOnlySpan<byte> Bytes => _bytes.Span;

    internal ElfLimits Limits => _limits;

    /// <exception cref="InvalidDataException">Not an ELF file that this reader understands.</exception>
    public static ElfFile Load(string path, ElfLimits? limits = null)
    {
        limits ??= ElfLimits.Default;
        byte[] bytes;
        try
        {
            bytes = BoundedFile.ReadBytes(path, limits.MaxFileBytes);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }

        return Parse(bytes, path, limits);
    }

    /// <param name="bytes">Read as long as this lives.</param>
    /// <exception cref="InvalidDataException">Not an ELF file that this reader understands.</exception>
    public static ElfFile Parse(ReadOnlyMemory<byte> bytes, string name, ElfLimits? limits = null) => new(bytes, name, limits ?? ElfLimits.Default);

    /// <summary>The first section of that name, or null.</summary>
    public ElfSection? Section(string name) => Sections.FirstOrDefault(section => section.Name == name);

    /// <summary>A section's bytes in the file; none for sections without (.bss).</summary>
    public ReadOnlySpan<byte> Data(ElfSection section) =>
        section.Type is ElfSectionType.NoBits or ElfSectionType.Null
            ? []
            : Bytes.Slice(section.Offset, (int)section.Size);

    /// <summary>
    /// What a loader puts at an address before relocating, from there to the end of its section; empty where the file has no data for it.
    /// </summary>
    public ReadOnlySpan<byte> Memory(ulong address)
    {
        foreach (var section in Sections)
        {
            if (section.IsAllocated && address >= section.Address && Data(section) is var data && address - section.Address < (ulong)data.Length)
            {
                return data[(int)(address - section.Address)..];
            }
        }

        return [];
    }

    /// <summary>Eight bytes of <see cref="Memory"/>, or null.</summary>
    internal ulong? LoadWord(ulong address) =>
        Memory(address) is { Length: >= 8 } bytes ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : null;

    /// <summary>The entries of an SHT_RELA section, each with its symbol index and offset checked.</summary>
    public ImmutableArray<ElfRelocation> Relocations(ElfSection section)
    {
        ArgumentNullException.ThrowIfNull(section);
        if (section.Type is not ElfSectionType.RelocationsWithAddend)
        {
            throw Bad($"section {section.Name} is of type {section.Type}, not a relocation section with addends");
        }

        var count = EntryCount(section, RelocationBytes, _limits.MaxRelocations, "relocations");
        var symbols = (Sections[section.Link].Type is ElfSectionType.DynamicSymbolTable ? DynamicSymbols : Symbols).Length;
        var target = section.Info > 0 && section.Info < Sections.Length ? Sections[section.Info] : null;
        var data = Data(section);
        var result = ImmutableArray.CreateBuilder<ElfRelocation>(count);
        for (var i = 0; i < count; i++)
        {
            var entry = data.Slice(i * RelocationBytes, RelocationBytes);
            var offset = BinaryPrimitives.ReadUInt64LittleEndian(entry);
            var type = (RelocationType)BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]);
            var symbol = BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]);
            if (symbol >= symbols && symbol != 0)
            {
                throw Bad($"relocation {i} of {section.Name} names symbol {symbol} of {symbols}");
            }

            var isPlace = Kind is ElfKind.Relocatable && type is not RelocationType.None;
            if (isPlace && target is not null && offset >= target.Size)
            {
                throw Bad($"relocation {i} of {section.Name} lies at {offset}, beyond {target.Name}");
            }

            result.Add(
                new ElfRelocation(offset, type, (int)symbol, BinaryPrimitives.ReadInt64LittleEndian(entry[16..])));
        }

        return result.MoveToImmutable();
    }

    internal InvalidDataException Bad(string reason) => new($"{Name}: {reason}");

    private Header ReadHeader()
    {
        if (_bytes.Length > _limits.MaxFileBytes)
        {
            throw Bad($"has {_bytes.Length} bytes, which exceeds the maximum of {_limits.MaxFileBytes}");
        }

        if (_bytes.Length < HeaderBytes || !Bytes[..4].SequenceEqual("\u007fELF"u8))
        {
            throw Bad("is not an ELF file");
        }

        if (Bytes[4] != 2 || Bytes[5] != 1 || Bytes[6] != 1)
        {
            throw Bad("is not a 64-bit little-endian ELF file of version 1");
        }

        var cursor = new Cursor(Bytes, Name, "the ELF header");
        cursor.Skip(16);
        Kind = (ElfKind)cursor.U16();
        Machine = cursor.U16();
        cursor.Skip(4);
        EntryPoint = cursor.U64();
        var (segmentOffset, sectionOffset) = (cursor.U64(), cursor.U64());
        cursor.Skip(6);
        var (segmentBytes, segments) = (cursor.U16(), cursor.U16());
        var (sectionBytes, sections) = (cursor.U16(), cursor.U16());
        var nameSection = cursor.U16();
        Require(segments == 0 || segmentBytes == SegmentHeaderBytes, $"has program headers of {segmentBytes} bytes");
        Require(sections == 0 || sectionBytes == SectionHeaderBytes, $"has section headers of {sectionBytes} bytes");
        Require(
            segments <= _limits.MaxSegments,
            $"reports {segments} program headers, which exceeds the maximum of {_limits.MaxSegments}");
        Require(
            sections <= _limits.MaxSections,
            $"reports {sections} sections, which exceeds the maximum of {_limits.MaxSections}");
        Require(sections > 0 || sectionOffset == 0, "uses extended section numbering, which is not supported");
        Require(
            nameSection < sections || (sections == 0 && nameSection == 0),
            $"names section {nameSection} of {sections} as its string table");
        RequireRange(segmentOffset, (ulong)segments * SegmentHeaderBytes, "the program header table");
        RequireRange(sectionOffset, (ulong)sections * SectionHeaderBytes, "the section header table");
        return new Header(segmentOffset, sectionOffset, segments, sections, nameSection);
    }

    private ImmutableArray<ElfSegment> ReadSegments(Header header)
    {
        var cursor = new Cursor(Bytes[(int)header.SegmentOffset..], Name, "the program header table");
        var result = ImmutableArray.CreateBuilder<ElfSegment>(header.Segments);
        for (var i = 0; i < header.Segments; i++)
        {
            var (type, flags, offset, address) = (cursor.U32(), cursor.U32(), cursor.U64(), cursor.U64());
            cursor.Skip(8);
            result.Add(new ElfSegment(type, flags, offset, address, cursor.U64(), cursor.U64(), cursor.U64()));
        }

        return result.MoveToImmutable();
    }

    private ImmutableArray<ElfSection> ReadSections(Header header)
    {
        var cursor = new Cursor(Bytes[(int)header.SectionOffset..], Name, "the section header table");
        var names = new uint[header.Sections];
        var raw = new ElfSection[header.Sections];
        for (var i = 0; i < header.Sections; i++)
        {
            names[i] = cursor.U32();
            var type = (ElfSectionType)cursor.U32();
            var flags = (ElfSectionFlags)cursor.U64();
            var (address, offset, size) = (cursor.U64(), cursor.U64(), cursor.U64());
            var (link, info) = (cursor.U32(), cursor.U32());
            var (alignment, entrySize) = (cursor.U64(), cursor.U64());
            var hasBytes = type is not (ElfSectionType.NoBits or ElfSectionType.Null);
            if (hasBytes)
            {
                RequireRange(offset, size, $"section {i}");
            }

            Require(link < header.Sections, $"section {i} links to section {link} of {header.Sections}");
            raw[i] = new ElfSection(
                i, "", type, flags, address, hasBytes ? (int)offset : 0, size, (int)link,
                info <= int.MaxValue ? (int)info : throw Bad($"section {i} has info {info}"), alignment, entrySize);
        }

        if (header.Sections == 0)
        {
            return [];
        }

        var table = Data(raw[header.NameSection]);
        var result = ImmutableArray.CreateBuilder<ElfSection>(header.Sections);
        for (var i = 0; i < raw.Length; i++)
        {
            result.Add(raw[i] with { Name = NameAt(table, names[i], "section", i) });
        }

        return result.MoveToImmutable();
    }

    private ImmutableArray<ElfSymbol> ReadSymbols(ElfSectionType type)
    {
        var tables = Sections.Where(section => section.Type == type).ToList();
        if (tables.Count == 0)
        {
            return [];
        }

        Require(tables.Count == 1, $"has {tables.Count} symbol tables");
        var count = EntryCount(tables[0], SymbolBytes, _limits.MaxSymbols, "symbols");
        Require(tables[0].Info <= count, $"reports {tables[0].Info} local symbols of {count}");
        Require(Sections[tables[0].Link].Type is ElfSectionType.StringTable, "has symbols without a string table");
        var names = Data(Sections[tables[0].Link]);
        var data = Data(tables[0]);
        var result = ImmutableArray.CreateBuilder<ElfSymbol>(count);
        var nameBytes = 0L;
        for (var i = 0; i < count; i++)
        {
            var entry = data.Slice(i * SymbolBytes, SymbolBytes);
            var section = BinaryPrimitives.ReadUInt16LittleEndian(entry[6..]);
            Require(
                section < Sections.Length || section >= ElfSymbol.FirstReservedSection,
                $"symbol {i} lies in section {section} of {Sections.Length}");
            Require(section != 0xffff, "uses extended section numbering, which is not supported");
            var name = NameAt(names, BinaryPrimitives.ReadUInt32LittleEndian(entry), "symbol", i);
            nameBytes += name.Length;
            Require(
                nameBytes <= _limits.MaxNameBytesTotal,
                $"has symbol names of more than {_limits.MaxNameBytesTotal} bytes");
            result.Add(new ElfSymbol(
                i, name, (ElfSymbolType)(entry[4] & 15), (ElfBinding)(entry[4] >> 4), entry[5], section,
                BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]),
                BinaryPrimitives.ReadUInt64LittleEndian(entry[16..])));
        }

        return result.MoveToImmutable();
    }

    private int EntryCount(ElfSection section, int entryBytes, int maximum, string what)
    {
        Require(
            section.EntrySize == (ulong)entryBytes,
            $"section {section.Name} has entries of {section.EntrySize} bytes");
        Require(
            section.Size % (ulong)entryBytes == 0,
            $"section {section.Name} of {section.Size} bytes does not hold whole entries");
        var count = section.Size / (ulong)entryBytes;
        Require(
            count <= (ulong)maximum,
            $"section {section.Name} reports {count} {what}, which exceeds the maximum of {maximum}");
        return (int)count;
    }

    private string NameAt(ReadOnlySpan<byte> table, uint offset, string owner, int index)
    {
        if (offset == 0 && table.IsEmpty)
        {
            return "";
        }

        Require(offset < table.Length, $"the name of {owner} {index} lies at {offset}, beyond its string table");
        var rest = table[(int)offset..];
        var length = rest[..Math.Min(rest.Length, _limits.MaxNameBytes + 1)].IndexOf((byte)0);
        Require(
            length >= 0,
            $"the name of {owner} {index} is unterminated or longer than {_limits.MaxNameBytes} bytes");
        return Encoding.UTF8.GetString(rest[..length]);
    }

    private void RequireRange(ulong offset, ulong size, string what) =>
        Require(
            offset <= (ulong)_bytes.Length && size <= (ulong)_bytes.Length - offset,
            $"{what} lies outside the file ({size} bytes at {offset} of {_bytes.Length})");

    private void Require(bool holds, [InterpolatedStringHandlerArgument(nameof(holds))] Reason reason)
    {
        if (!holds)
        {
            throw Bad(reason.Text);
        }
    }

    /// <summary>
    /// Formats a reason only when it is needed: these checks stand in loops over millions of entries.
    /// </summary>
    [InterpolatedStringHandler]
    private readonly ref struct Reason
    {
        private readonly StringBuilder? _text;
        private readonly string _plain = "";

        public Reason(int literalLength, int holes, bool holds, out bool needed)
        {
            needed = !holds;
            _text = needed ? new StringBuilder(literalLength + (8 * holes)) : null;
        }

        private Reason(string text) => _plain = text;

        public string Text => _text?.ToString() ?? _plain;

        public static implicit operator Reason(string text) => new(text);

        public void AppendLiteral(string text) => _text?.Append(text);

        public void AppendFormatted<T>(T value) => _text?.Append(value);
    }
}
