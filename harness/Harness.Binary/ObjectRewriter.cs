using System.Buffers.Binary;
using System.Text;

namespace Harness.Binary;

/// <summary>
/// Changes an x86-64 relocatable object: adds sections, local symbols and relocations, points existing relocations
/// elsewhere, discards sections. What is not changed keeps its place in the file; additions follow at its end.
/// New local symbols must come before the global ones, so the symbol table is rewritten and relocations renumbered.
/// </summary>
public sealed partial class ObjectRewriter
{
    private const ushort X86_64 = 62;
    private readonly ElfFile _object;
    private readonly ElfSection _symbolTable;
    private readonly List<NewSection> _sections = [];
    private readonly List<NewSymbol> _symbols = [];
    private readonly List<(string Name, ElfSymbolType Type)> _undefined = [];
    private readonly List<(int Section, List<NewRelocation> Entries)> _relocations = [];
    private readonly Dictionary<int, List<Redirection>> _redirections = [];
    private readonly HashSet<int> _discarded = [];
    private readonly List<(ElfSection Section, int At, byte[] Bytes)> _patches = [];
    private readonly Dictionary<int, int> _moved = [];
    private Dictionary<int, ElfSection>? _relocationsOf;

    /// <exception cref="InvalidDataException">Not an x86-64 relocatable object with a symbol table.</exception>
    public ObjectRewriter(ElfFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        _object = file;
        if (file.Kind is not ElfKind.Relocatable || file.Machine != X86_64)
        {
            throw file.Bad("is not a relocatable object for x86-64");
        }

        _symbolTable = file.Sections.FirstOrDefault(section => section.Type is ElfSectionType.SymbolTable)
            ?? throw file.Bad("has no symbol table");
        _ = file.Symbols; // Checked now, not while writing.
        if (file.Sections.Any(section => section.Type is ElfSectionType.SymbolTableExtendedIndexes))
        {
            throw file.Bad("uses extended section numbering, which is not supported");
        }

        if (file.Sections.Any(section => section.Type is ElfSectionType.Relocations))
        {
            throw file.Bad("has relocations without addends, which x86-64 objects do not use");
        }
    }

    /// <summary>Adds a section and returns its index.</summary>
    public int AddSection(NewSection section)
    {
        _sections.Add(section);
        return _object.Sections.Length + _sections.Count - 1;
    }

    /// <summary>Adds a local symbol.</summary>
    public SymbolReference AddSymbol(NewSymbol symbol)
    {
        _symbols.Add(symbol);
        return SymbolReference.AddedLocal(_symbols.Count - 1);
    }

    /// <summary>Adds a global symbol that another object defines.</summary>
    public SymbolReference AddUndefinedSymbol(string name, ElfSymbolType type = ElfSymbolType.None)
    {
        _undefined.Add((name, type));
        return SymbolReference.AddedGlobal(_undefined.Count - 1);
    }

    /// <summary>Adds relocations of a section, the object's own or an added one; once for each section.</summary>
    public void AddRelocations(int section, IEnumerable<NewRelocation> relocations) =>
        _relocations.Add((section, relocations.ToList()));

    /// <summary>Lets entry <paramref name="entry"/> of a relocation section refer to another symbol.</summary>
    public void Redirect(ElfSection relocations, int entry, SymbolReference symbol, long addend)
    {
        ArgumentNullException.ThrowIfNull(relocations);
        if (!_redirections.TryGetValue(relocations.Index, out var entries))
        {
            _redirections.Add(relocations.Index, entries = []);
        }

        entries.Add(new Redirection(entry, symbol, addend));
    }

    /// <summary>Writes other bytes at a place of a section.</summary>
    public void Patch(ElfSection section, ulong offset, byte[] bytes)
    {
        ArgumentNullException.ThrowIfNull(section);
        ArgumentNullException.ThrowIfNull(bytes);
        if (section.Type is ElfSectionType.NoBits || offset > section.Size || (ulong)bytes.Length > section.Size - offset)
        {
            throw _object.Bad($"{bytes.Length} bytes at {offset} lie outside {section.Name}");
        }

        _patches.Add((section, (int)offset, bytes));
    }

    /// <summary>Turns a section into nothing (its index stays taken, so no reference has to move).</summary>
    public void Discard(ElfSection section)
    {
        ArgumentNullException.ThrowIfNull(section);
        _discarded.Add(section.Index);
    }

    /// <summary>The changed object.</summary>
    /// <exception cref="InvalidDataException">
    /// The additions do not fit, or something in the object forbids them.
    /// </exception>
    public byte[] Write()
    {
        using var bytes = Put();
        return bytes.Span.ToArray();
    }

    /// <summary>The changed object, into a file.</summary>
    /// <inheritdoc cref="Write"/>
    public async Task WriteAsync(string path, CancellationToken ct)
    {
        using var bytes = Put();
        await File.WriteAllBytesAsync(path, bytes.Memory, ct).ConfigureAwait(false);
    }

    private RentedBytes Put()
    {
        var relocations = FinalRelocations();
        var total = _object.Sections.Length + _sections.Count + relocations.Count + 3;
        if (total > _object.Limits.MaxSections)
        {
            throw _object.Bad(
                $"would have {total} sections, which exceeds the maximum of {_object.Limits.MaxSections}");
        }

        // Sections with a prefix, and relocations of all, are there twice.
        var output = RentedBytes.WithRoom(_object.Bytes.Length * 2);
        try
        {
            Put(output, relocations);
            return output;
        }
        catch
        {
            output.Dispose();
            throw;
        }
    }

    private void Put(RentedBytes output, List<(int Section, List<NewRelocation> Entries)> relocations)
    {
        output.Append(_object.Bytes);
        var headers = OldHeaders();
        MovePrefixed(output, headers);
        var (sectionNames, symbolNames) = (new NameTable(), new NameTable());
        foreach (var section in _sections)
        {
            headers.Add(Append(output, section, sectionNames.Add(section.Name), 0, 0));
        }

        // The three tables that replace those the object came with follow the added sections and relocations.
        var newSymbolTable = headers.Count + relocations.Count(added => ExistingRelocations(added.Section) is null);
        foreach (var (target, entries) in relocations)
        {
            if (ExistingRelocations(target) is { } existing)
            {
                Extend(output, headers[existing.Index], existing, entries);
                continue;
            }

            var targetName = target < _object.Sections.Length
                ? _object.Sections[target].Name
                : _sections[target - _object.Sections.Length].Name;
            var name = sectionNames.Add(".rela" + targetName);
            headers.Add(Append(output, RelocationSection(entries), name, newSymbolTable, target));
        }

        var symbols = new NewSection(
            "", ElfSectionType.SymbolTable, 0, 8, SymbolTable(symbolNames), ElfFile.SymbolBytes);
        var locals = _symbolTable.Info + _symbols.Count;
        headers.Add(Append(output, symbols, sectionNames.Add(".symtab"), newSymbolTable + 1, locals));
        headers.Add(
            AppendStrings(output, _object.Sections[_symbolTable.Link], symbolNames, sectionNames.Add(".strtab")));
        var oldNames = _object.Sections[BinaryPrimitives.ReadUInt16LittleEndian(_object.Bytes[62..])];
        var ownName = sectionNames.Add(".shstrtab");
        headers.Add(AppendStrings(output, oldNames, sectionNames, ownName));
        Rebase(headers, oldNames, newSymbolTable);
        Finish(output, headers, newSymbolTable + 2);
    }

    private readonly record struct Redirection(int Entry, SymbolReference Symbol, long Addend);

    /// <summary>
    /// Names appended to an existing string table; offsets count from the first of them until rebased.
    /// </summary>
    private sealed class NameTable
    {
        private readonly MemoryStream _text = new();

        public int Add(string name)
        {
            var at = (int)_text.Length;
            _text.Write(Encoding.UTF8.GetBytes(name));
            _text.WriteByte(0);
            return at;
        }

        public byte[] After(ReadOnlySpan<byte> existing) => [.. existing, .. _text.ToArray()];
    }

    private List<byte[]> OldHeaders()
    {
        var at = (int)BinaryPrimitives.ReadUInt64LittleEndian(_object.Bytes[40..]);
        var headers = new List<byte[]>(_object.Sections.Length + _sections.Count + 4);
        foreach (var section in _object.Sections)
        {
            var header = at + (section.Index * ElfFile.SectionHeaderBytes);
            headers.Add(_object.Bytes.Slice(header, ElfFile.SectionHeaderBytes).ToArray());
        }

        return headers;
    }

    private static byte[] Append(RentedBytes output, NewSection section, int name, int link, int info)
    {
        var alignment = (int)Math.Max(1, section.Alignment);
        output.Align(alignment);

        var header = new byte[ElfFile.SectionHeaderBytes];
        BinaryPrimitives.WriteInt32LittleEndian(header, name);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), (uint)section.Type);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(8), (ulong)section.Flags);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(24), output.Length);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(32), section.Data.Length);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(40), link);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(44), info);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(48), section.Alignment);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(56), section.EntrySize);
        output.Append(section.Data);
        return header;
    }

    private byte[] AppendStrings(RentedBytes output, ElfSection existing, NameTable added, int name) =>
        Append(output, Strings(added.After(_object.Data(existing))), name, 0, 0);

    private static NewSection Strings(byte[] text) => new("", ElfSectionType.StringTable, 0, 1, text);

    /// <summary>
    /// Old locals keep their index, added locals follow, old globals move up by the number of added ones.
    /// </summary>
    private int Final(SymbolReference symbol) => symbol.Origin switch
    {
        SymbolOrigin.AddedLocal => _symbolTable.Info + symbol.Index,
        SymbolOrigin.AddedGlobal => _object.Symbols.Length + _symbols.Count + symbol.Index,
        _ when symbol.Index < _symbolTable.Info => symbol.Index,
        _ => symbol.Index + _symbols.Count,
    };

    private byte[] SymbolTable(NameTable names)
    {
        var old = _object.Data(_symbolTable);
        var oldNameBytes = (int)_object.Sections[_symbolTable.Link].Size;
        var locals = _symbolTable.Info * ElfFile.SymbolBytes;
        var result = new byte[old.Length + ((_symbols.Count + _undefined.Count) * ElfFile.SymbolBytes)];
        old[..locals].CopyTo(result);
        old[locals..].CopyTo(result.AsSpan(locals + (_symbols.Count * ElfFile.SymbolBytes)));
        ShiftSymbols(result);
        for (var i = 0; i < _symbols.Count; i++)
        {
            var entry = result.AsSpan(locals + (i * ElfFile.SymbolBytes));
            BinaryPrimitives.WriteInt32LittleEndian(entry, oldNameBytes + names.Add(_symbols[i].Name));
            entry[4] = (byte)_symbols[i].Type;
            BinaryPrimitives.WriteUInt16LittleEndian(entry[6..], checked((ushort)_symbols[i].Section));
            BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], _symbols[i].Value);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[16..], _symbols[i].Size);
        }

        for (var i = 0; i < _undefined.Count; i++)
        {
            var entry = result.AsSpan(old.Length + ((_symbols.Count + i) * ElfFile.SymbolBytes));
            BinaryPrimitives.WriteInt32LittleEndian(entry, oldNameBytes + names.Add(_undefined[i].Name));
            entry[4] = (byte)(((int)ElfBinding.Global << 4) | (int)_undefined[i].Type);
        }

        return result;
    }

    /// <summary>Lets headers refer to the new tables, and clears the discarded and the replaced.</summary>
    private void Rebase(List<byte[]> headers, ElfSection oldNames, int newSymbolTable)
    {
        for (var i = 0; i < headers.Count; i++)
        {
            if (i >= _object.Sections.Length)
            {
                var name = BinaryPrimitives.ReadInt32LittleEndian(headers[i]);
                BinaryPrimitives.WriteInt32LittleEndian(headers[i], name + (int)oldNames.Size);
                continue;
            }

            var section = _object.Sections[i];
            if (section.Link == _symbolTable.Index)
            {
                BinaryPrimitives.WriteInt32LittleEndian(headers[i].AsSpan(40), newSymbolTable);
            }

            if (section.Type is ElfSectionType.Group)
            {
                // The signature symbol's index.
                BinaryPrimitives.WriteInt32LittleEndian(
                    headers[i].AsSpan(44), Final(SymbolReference.Existing(section.Info)));
            }

            // Address-significance tables hold symbol numbers and serve only identical code folding: dropped.
            var dropped = _discarded.Contains(i)
                || (section.Type is ElfSectionType.LlvmAddressSignificance && _symbols.Count > 0)
                || i == _symbolTable.Index;
            if (dropped)
            {
                headers[i].AsSpan().Clear();
            }
        }
    }

    private void Finish(RentedBytes output, List<byte[]> headers, int nameSection)
    {
        output.Align(8);
        var headersAt = output.Length;
        foreach (var header in headers)
        {
            output.Append(header);
        }

        var result = output.Span;
        foreach (var (section, at, bytes) in _patches)
        {
            bytes.CopyTo(result[(_moved.GetValueOrDefault(section.Index, section.Offset) + ShiftOf(section.Index) + at)..]);
        }

        BinaryPrimitives.WriteInt64LittleEndian(result[40..], headersAt);
        BinaryPrimitives.WriteUInt16LittleEndian(result[60..], checked((ushort)headers.Count));
        BinaryPrimitives.WriteUInt16LittleEndian(result[62..], checked((ushort)nameSection));
        if (_symbols.Count > 0 || _redirections.Count > 0 || _prefixes.Count > 0)
        {
            var shifts = AddendShifts();
            foreach (var section in _object.Sections.Where(s => s.Type is ElfSectionType.RelocationsWithAddend))
            {
                Renumber(section, result, shifts);
            }
        }
    }
}
