using System.Buffers.Binary;
using Harness.Binary.Flow;
using Iced.Intel;

namespace Harness.Binary.StackUse;

/// <summary>A function of an image.</summary>
/// <param name="Start">Its first address.</param>
/// <param name="End">The address behind it.</param>
/// <param name="Object">Which of the linked objects it came from, by the order of the symbol table's file entries; for local symbols.</param>
public sealed record CodeFunction(ulong Start, ulong End, string Name, int Object);

/// <summary>
/// The code of an executable at its addresses, or of an object as if it were linked alone: sections one after another, what it
/// refers to in itself filled in, what it lacks at addresses where nothing is.
/// </summary>
public sealed class CodeImage : ITableImage
{
    /// <summary>Where the sections of an object are put.</summary>
    private const ulong ObjectBase = 0x1000000;

    /// <summary>Where what an object lacks is put: nobody else is there.</summary>
    private const ulong MissingBase = 0x40000000;

    /// <summary>What stands, in an object, in the place of a distance from the thread pointer that a linker will fill in.</summary>
    private const int ThreadDistance = -0x7f000000;

    private const int PltEntryBytes = 16;
    private readonly ElfFile _file;
    private readonly List<Stretch> _stretches = [];
    private readonly CodeFunction[] _functions;
    private readonly ulong[] _starts;
    private readonly Dictionary<string, List<ulong>> _byName = [];
    private readonly Dictionary<ulong, string> _missing = [];
    private readonly Dictionary<ulong, string> _slots = [];
    private HashSet<ulong>? _named;

    private CodeImage(ElfFile file)
    {
        _file = file;
        var bases = file.Kind is ElfKind.Relocatable ? Lay() : Map();
        _functions = ReadFunctions(bases);
        _starts = [.. _functions.Select(function => function.Start)];
        if (file.Kind is ElfKind.Relocatable)
        {
            Fill(bases);
        }
        else
        {
            ReadSlots();
        }
    }

    private sealed record Stretch(ulong Start, byte[] Bytes, bool IsCode, bool IsConstant)
    {
        public ulong End => Start + (ulong)Bytes.Length;
    }

    /// <summary>The file, for messages.</summary>
    public string Name => _file.Name;

    /// <summary>By address; one per address.</summary>
    public IReadOnlyList<CodeFunction> Functions => _functions;

    internal ElfFile File => _file;

    /// <exception cref="InvalidDataException">The file is malformed, or not for this processor, or has neither code nor symbols.</exception>
    public static CodeImage Of(ElfFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        const ushort x86_64 = 62;
        if (file.Machine != x86_64)
        {
            throw file.Bad($"is for machine {file.Machine}, and only x86-64 (62) can be analysed");
        }

        if (file.Kind is not (ElfKind.Relocatable or ElfKind.Executable or ElfKind.SharedObject))
        {
            throw file.Bad("is neither an object nor an executable");
        }

        var image = new CodeImage(file);
        return image._functions.Length > 0
            ? image
            : throw file.Bad("has no symbols of functions; link it without stripping (-fno-strip)");
    }

    /// <summary>The function that has an address in it.</summary>
    public CodeFunction? Containing(ulong address)
    {
        var at = Array.BinarySearch(_starts, address);
        at = at >= 0 ? at : ~at - 1;
        return at >= 0 && address < _functions[at].End ? _functions[at] : null;
    }

    /// <summary>Functions of a name: several objects may each have a local one.</summary>
    public IReadOnlyList<ulong> Named(string name) => _byName.GetValueOrDefault(name) ?? [];

    /// <summary>What lies outside and is reached at an address: through the linkage table of an executable, or lacking in an object.</summary>
    public string? External(ulong address)
    {
        if (_missing.TryGetValue(address, out var name))
        {
            return name;
        }

        // jmp *slot(%rip), perhaps behind endbr64.
        var code = Bytes(address, PltEntryBytes, codeOnly: true);
        ReadOnlySpan<byte> mark = [0xf3, 0x0f, 0x1e, 0xfa];
        var skip = code.StartsWith(mark) ? mark.Length : 0;
        const int JumpBytes = 6;
        return code.Length >= skip + JumpBytes && code[skip] == 0xff && code[skip + 1] == 0x25
            ? _slots.GetValueOrDefault(unchecked(address + (ulong)(skip + JumpBytes)
                + (ulong)BinaryPrimitives.ReadInt32LittleEndian(code[(skip + 2)..])))
            : null;
    }

    /// <summary>What the loader puts into a word of data; null: nothing of a name.</summary>
    public string? ExternalIn(ulong slot) => _slots.GetValueOrDefault(slot);

    /// <summary>The word of data at an address, as the file has it.</summary>
    public ulong? WordAt(ulong address)
    {
        var bytes = Bytes(address, sizeof(ulong), codeOnly: false);
        return bytes.Length == sizeof(ulong) ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : null;
    }

    /// <summary>Number of the linked object that defines a symbol of data which is also visible to others; 0: not known.</summary>
    public int ObjectDefining(string name)
    {
        var value = _file.Symbols.FirstOrDefault(s => s.Name == name && s.IsDefined && s.Binding is not ElfBinding.Local);
        var from = 0;
        foreach (var symbol in _file.Symbols)
        {
            from += symbol.Type is ElfSymbolType.File ? 1 : 0;
            if (value.Name is not null && symbol is { Binding: ElfBinding.Local, Type: ElfSymbolType.Object } && symbol.Value == value.Value && symbol.Section == value.Section)
            {
                return from;
            }
        }

        return 0;
    }

    /// <summary>Nothing changes what lies there, once the loader is done.</summary>
    public bool IsConstant(ulong address) => _stretches.Any(s => address >= s.Start && address < s.End && s.IsConstant);

    /// <summary>Distance from fs at which checks find the limit; null: the image has no such place.</summary>
    public long? LimitDistance(LimitSlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        if (slot.Variable is not { } variable)
        {
            return slot.Displacement;
        }

        var symbol = _file.Symbols.FirstOrDefault(s => s.Name == variable && (s.IsDefined || _file.Kind is ElfKind.Relocatable));
        if (symbol.Name is null)
        {
            return null;
        }

        const uint threadLocal = 7;
        var segment = _file.Segments.FirstOrDefault(s => s.Type is threadLocal);
        var alignment = Math.Max(segment.Alignment, 1);
        return _file.Kind is ElfKind.Relocatable ? ThreadDistance
            : unchecked((long)(symbol.Value - ((segment.MemoryBytes + alignment - 1) / alignment * alignment)));
    }

    /// <summary>Functions whose address stands in data, in a word of its own.</summary>
    public IReadOnlySet<ulong> PointedAtByData()
    {
        var result = new HashSet<ulong>();
        foreach (var stretch in _stretches.Where(stretch => !stretch.IsCode))
        {
            for (var rest = stretch.Bytes.AsSpan(); rest.Length >= sizeof(ulong); rest = rest[sizeof(ulong)..])
            {
                var word = BinaryPrimitives.ReadUInt64LittleEndian(rest);
                if (word >= _starts[0] && word <= _starts[^1] && Array.BinarySearch(_starts, word) >= 0)
                {
                    result.Add(word);
                }
            }
        }

        return result;
    }

    ReadOnlySpan<byte> ITableImage.Memory(ulong address) => Bytes(address, int.MaxValue, codeOnly: false);

    bool ITableImage.IsNamed(ulong address) => (_named ??= AddressesTaken()).Contains(address);

    /// <summary>Bytes at an address; fewer where the section ends.</summary>
    internal ReadOnlySpan<byte> Bytes(ulong address, int count, bool codeOnly)
    {
        foreach (var stretch in _stretches)
        {
            if (address >= stretch.Start && address < stretch.End && (stretch.IsCode || !codeOnly))
            {
                var rest = stretch.Bytes.AsSpan((int)(address - stretch.Start));
                return rest[..Math.Min(rest.Length, count)];
            }
        }

        return [];
    }

    /// <summary>All addresses that code puts into registers, relative to itself.</summary>
    private HashSet<ulong> AddressesTaken()
    {
        var taken = new HashSet<ulong>();
        foreach (var function in _functions)
        {
            var code = Bytes(function.Start, (int)Math.Min(function.End - function.Start, int.MaxValue), codeOnly: true).ToArray();
            var decoder = Decoder.Create(64, new ByteArrayCodeReader(code), function.Start);
            for (var decoded = 0; decoder.IP < function.End && decoded < _file.Limits.MaxFunctionInstructions; decoded++)
            {
                decoder.Decode(out var instruction);
                if (instruction is { Mnemonic: Mnemonic.Lea, IsIPRelativeMemoryOperand: true })
                {
                    taken.Add(instruction.IPRelativeMemoryAddress);
                }
            }
        }

        return taken;
    }

    private static bool IsConstant(ElfSection section) =>
        !section.Flags.HasFlag(ElfSectionFlags.Write) || section.Name is ".got" or ".data.rel.ro";

    private Dictionary<int, ulong> Map()
    {
        var bases = new Dictionary<int, ulong>();
        foreach (var section in _file.Sections.Where(s => s.IsAllocated && s.Type is not ElfSectionType.NoBits && s.Size > 0))
        {
            if (section.Address > long.MaxValue)
            {
                throw _file.Bad($"section {section.Name} lies at 0x{section.Address:x}");
            }

            _stretches.Add(new Stretch(section.Address, _file.Data(section).ToArray(), section.IsCode, IsConstant(section)));
            bases[section.Index] = 0; // Symbols of executables are addresses already.
        }

        return bases;
    }

    private Dictionary<int, ulong> Lay()
    {
        const ulong spacing = 64;
        var bases = new Dictionary<int, ulong>();
        var next = ObjectBase;
        foreach (var section in _file.Sections.Where(s => s.IsAllocated && s.Type is not ElfSectionType.NoBits && s.Size > 0))
        {
            bases[section.Index] = next;
            _stretches.Add(new Stretch(next, _file.Data(section).ToArray(), section.IsCode, IsConstant(section)));
            next += (section.Size + (2 * spacing) - 1) / spacing * spacing;
        }

        return bases;
    }

    private CodeFunction[] ReadFunctions(Dictionary<int, ulong> bases)
    {
        var found = new Dictionary<ulong, CodeFunction>();
        var from = 0;
        foreach (var symbol in _file.Symbols)
        {
            from += symbol.Type is ElfSymbolType.File ? 1 : 0;
            if (symbol is not { Type: ElfSymbolType.Function or ElfSymbolType.IndirectFunction, IsDefined: true }
                || !bases.TryGetValue(symbol.Section, out var start) || !_file.Sections[symbol.Section].IsCode)
            {
                continue;
            }

            var section = _file.Sections[symbol.Section];
            var low = _file.Kind is ElfKind.Relocatable ? start : section.Address;
            var address = unchecked(start + symbol.Value);
            if (address < low || address - low >= section.Size || symbol.Size > section.Size - (address - low))
            {
                throw _file.Bad($"function {symbol.Name} lies outside its section {section.Name}");
            }

            Add(_byName, symbol.Name, address);
            var end = symbol.Size > 0 ? address + symbol.Size : low + section.Size;
            var owner = symbol.Binding is ElfBinding.Local ? from : 0;
            if (!found.TryGetValue(address, out var known) || (symbol.Size > 0 && known.End - known.Start > symbol.Size && known.Object == 0))
            {
                found[address] = new CodeFunction(address, end, symbol.Name, owner);
            }
            else if (known.Object == 0 && owner > 0)
            {
                found[address] = known with { Object = owner };
            }
        }

        var sorted = found.Values.OrderBy(f => f.Start).ToArray();
        for (var i = 0; i + 1 < sorted.Length; i++)
        {
            // A symbol without a size reaches to the next one; none reaches into another.
            sorted[i] = sorted[i] with { End = Math.Min(sorted[i].End, sorted[i + 1].Start) };
        }

        return sorted;
    }

    private static void Add(Dictionary<string, List<ulong>> index, string name, ulong address)
    {
        if (!index.TryGetValue(name, out var addresses))
        {
            index[name] = addresses = [];
        }

        if (!addresses.Contains(address) && addresses.Count < 1000)
        {
            addresses.Add(address);
        }
    }

    /// <summary>Fills in an object's references as a linker would.</summary>
    private void Fill(Dictionary<int, ulong> bases)
    {
        var missing = new Dictionary<int, ulong>();
        foreach (var table in _file.Sections.Where(s => s.Type is ElfSectionType.RelocationsWithAddend && bases.ContainsKey(s.Info)))
        {
            var start = bases[table.Info];
            var bytes = _stretches.First(s => s.Start == start).Bytes;
            foreach (var entry in _file.Relocations(table).Where(entry => entry.Symbol > 0))
            {
                var symbol = _file.Symbols[entry.Symbol];
                var value = bases.TryGetValue(symbol.Section, out var at) && symbol.IsDefined ? at + symbol.Value : Missing(missing, symbol);
                Fill(bytes.AsSpan((int)entry.Offset), entry, start + entry.Offset, unchecked(value + (ulong)entry.Addend));
            }
        }
    }

    private ulong Missing(Dictionary<int, ulong> missing, ElfSymbol symbol)
    {
        if (!missing.TryGetValue(symbol.Index, out var address))
        {
            address = MissingBase + ((ulong)missing.Count * 16);
            missing.Add(symbol.Index, address);
            _missing[address] = symbol.Name;
        }

        return address;
    }

    private static void Fill(Span<byte> field, ElfRelocation entry, ulong place, ulong value)
    {
        switch (entry.Type)
        {
            case RelocationType.Absolute64 when field.Length >= sizeof(ulong):
                BinaryPrimitives.WriteUInt64LittleEndian(field, value);
                break;
            case RelocationType.PcRelative32 or RelocationType.Plt32 when field.Length >= sizeof(uint):
                BinaryPrimitives.WriteInt32LittleEndian(field, unchecked((int)(value - place)));
                break;
            case RelocationType.Absolute32 or RelocationType.Absolute32Signed when field.Length >= sizeof(uint):
                BinaryPrimitives.WriteInt32LittleEndian(field, unchecked((int)value));
                break;
            case RelocationType.ThreadPointerOffset32 when field.Length >= sizeof(uint):
                BinaryPrimitives.WriteInt32LittleEndian(field, ThreadDistance);
                break;
            default:
                break; // Means no function that is called, or one through a table that only a linker makes.
        }
    }

    /// <summary>What the loader fills in, by name.</summary>
    private void ReadSlots()
    {
        const RelocationType globalData = (RelocationType)6;
        const RelocationType jumpSlot = (RelocationType)7;
        foreach (var table in _file.Sections.Where(s => s is { Type: ElfSectionType.RelocationsWithAddend, IsAllocated: true }))
        {
            foreach (var entry in _file.Relocations(table).Where(e => e.Type is globalData or jumpSlot or RelocationType.Absolute64 && e.Symbol > 0))
            {
                _slots[entry.Offset] = _file.DynamicSymbols[entry.Symbol].Name;
            }
        }
    }
}
