namespace Harness.Binary.Unwind;

/// <summary>
/// Reads the entries of .eh_frame or .debug_frame one after another. An entry that cannot be read is a problem and the next one
/// is read; only a broken length ends the section.
/// </summary>
internal sealed class FrameSection(ElfFile file, ElfSection section, UnwindLimits limits, List<UnwindProblem> problems)
{
    private const ulong PlainAddressBytes = 8;

    /// <summary>DW_CFA_def_cfa_sf.</summary>
    private const byte SelfHostedMark = 0x12;

    private readonly bool _isExceptionFrame = section.Name == ".eh_frame";
    private readonly Dictionary<ulong, CommonEntry?> _common = [];
    private readonly ulong _text = file.Section(".text")?.Address ?? 0;
    private readonly ulong _data = file.Section(".got")?.Address ?? 0;

    public List<FrameEntry> Entries { get; } = [];

    /// <summary>The section as a whole: an error in it is where the entries stop.</summary>
    public void Read()
    {
        if (section.Flags.HasFlag(ElfSectionFlags.Compressed))
        {
            Add(new UnwindProblem(UnwindFault.Compressed, 0, $"{section.Name} is compressed"));
            return;
        }

        try
        {
            var cursor = new Cursor(file.Data(section), file.Name, section.Name);
            var count = 0;
            // Files of the C library's own (crtend) bring a zero length along; linkers put more entries behind it.
            while (cursor.Left >= 4)
            {
                var offset = (ulong)cursor.Position;
                if (Header(ref cursor) is not { } header)
                {
                    continue;
                }

                if (++count > limits.MaxEntries)
                {
                    throw new UnwindException(UnwindFault.TooManyEntries, offset, $"more than {limits.MaxEntries} entries");
                }

                Entry(offset, header);
            }
        }
        catch (UnwindException e)
        {
            Add(e.Problem);
        }
        catch (InvalidDataException e)
        {
            Add(new UnwindProblem(UnwindFault.Truncated, 0, e.Message));
        }
    }

    /// <param name="IdAt">Where the identification is, which tells CIEs from FDEs.</param>
    /// <param name="Wide">The 64-bit format.</param>
    private readonly record struct EntryHeader(int IdAt, int End, bool Wide);

    /// <summary>Null for a zero length.</summary>
    private static EntryHeader? Header(ref Cursor cursor)
    {
        ulong length = cursor.U32();
        if (length == 0)
        {
            return null;
        }

        var wide = length == 0xffffffff;
        length = wide ? cursor.U64() : length;
        if (!wide && length >= 0xfffffff0)
        {
            throw cursor.Bad($"has an entry of reserved length {length:x}");
        }

        var at = cursor.Position;
        cursor.Skip(length);
        return new EntryHeader(at, cursor.Position, wide);
    }

    private void Entry(ulong offset, EntryHeader header)
    {
        try
        {
            var cursor = At(header.IdAt, header.End);
            // In .eh_frame the field has four bytes in the 64-bit format too.
            var idBytes = header.Wide && !_isExceptionFrame ? 8 : 4;
            var id = cursor.Unsigned(idBytes);
            if (IsCommon(id, idBytes))
            {
                return; // Read when an FDE refers to it.
            }

            var commonAt = _isExceptionFrame ? unchecked((ulong)header.IdAt - id) : id;
            var common = Common(commonAt)
                ?? throw new UnwindException(UnwindFault.NoCommonEntry, offset, $"an FDE refers to a CIE at {commonAt:x}, where none can be read");
            Entries.Add(Frame(offset, common, ref cursor));
        }
        catch (UnwindException e)
        {
            Add(e.Problem);
        }
        catch (InvalidDataException e)
        {
            Add(new UnwindProblem(UnwindFault.Truncated, offset, e.Message));
        }
    }

    private bool IsCommon(ulong id, int bytes) => _isExceptionFrame ? id == 0 : id == (bytes == 8 ? ulong.MaxValue : uint.MaxValue);

    /// <summary>A CIE by its offset, read once; null when it cannot be read (which is a problem of its own).</summary>
    private CommonEntry? Common(ulong offset)
    {
        if (_common.TryGetValue(offset, out var known))
        {
            return known;
        }

        _common[offset] = null;
        if (offset >= section.Size)
        {
            return null;
        }

        try
        {
            var outer = At((int)offset, (int)section.Size);
            return _common[offset] = Header(ref outer) is { } header
                ? ReadCommon(offset, header with { IdAt = header.IdAt + (int)offset, End = header.End + (int)offset })
                : null;
        }
        catch (UnwindException e)
        {
            Add(e.Problem);
        }
        catch (InvalidDataException e)
        {
            Add(new UnwindProblem(UnwindFault.Truncated, offset, e.Message));
        }

        return null;
    }

    private CommonEntry? ReadCommon(ulong offset, EntryHeader header)
    {
        var cursor = At(header.IdAt, header.End);
        var idBytes = header.Wide && !_isExceptionFrame ? 8 : 4;
        if (!IsCommon(cursor.Unsigned(idBytes), idBytes))
        {
            return null;
        }

        var version = cursor.U8();
        if (version is not (1 or 3 or 4))
        {
            throw new UnwindException(UnwindFault.UnknownVersion, offset, $"a CIE of version {version}");
        }

        var augmentation = cursor.CString(16);
        if (version == 4 && (cursor.U8(), cursor.U8()) is var (address, segment) && (address != PlainAddressBytes || segment != 0))
        {
            throw new UnwindException(UnwindFault.UnknownVersion, offset, $"a CIE with addresses of {address} and segments of {segment} bytes");
        }

        var codeFactor = cursor.Uleb();
        var dataFactor = cursor.Sleb();
        var column = version == 1 ? cursor.U8() : cursor.Uleb();
        if (column >= DwarfRegister.Count)
        {
            throw new UnwindException(UnwindFault.BadRegister, offset, $"the return address is in column {column}");
        }

        var entry = new CommonEntry(offset, version, augmentation, codeFactor, dataFactor, (int)column, augmentation.Contains('S'), null);
        entry = Augment(entry, header.IdAt, ref cursor);
        var program = new ByteRange(header.IdAt + cursor.Position, cursor.Left);
        return entry with { Program = program, IsSelfHosted = !cursor.AtEnd && cursor.U8() == SelfHostedMark };
    }

    private CommonEntry Augment(CommonEntry entry, int start, ref Cursor cursor)
    {
        if (entry.Augmentation.Length == 0)
        {
            return entry;
        }

        if (entry.Augmentation[0] != 'z')
        {
            throw new UnwindException(UnwindFault.UnknownAugmentation, entry.Offset, $"augmentation \"{Printable(entry.Augmentation)}\"");
        }

        var length = cursor.Uleb();
        var at = start + cursor.Position;
        var data = cursor.Sub(length);
        var bases = Bases(at);
        foreach (var letter in entry.Augmentation.AsSpan(1))
        {
            entry = letter switch
            {
                'R' => entry with { Addresses = new PointerEncoding(data.U8()) },
                'L' => entry with { Handlers = new PointerEncoding(data.U8()) },
                'P' => entry with { Personality = Optional(new PointerEncoding(data.U8()), ref data, bases) },
                'S' => entry,
                _ => throw new UnwindException(UnwindFault.UnknownAugmentation, entry.Offset, $"augmentation \"{Printable(entry.Augmentation)}\""),
            };
        }

        return entry with { HasAugmentationData = true };
    }

    /// <summary>Indirect personalities are filled in by the loader: what the file has there is not asked for.</summary>
    private static ulong? Optional(PointerEncoding encoding, ref Cursor data, in PointerEncoding.Bases bases) =>
        encoding.IsOmitted ? null : new PointerEncoding((byte)(encoding.Value & 0x7f)).Read(ref data, bases, _ => null);

    private FrameEntry Frame(ulong offset, CommonEntry common, ref Cursor cursor)
    {
        // The cursor's positions count from the identification.
        var origin = IdAt(offset);
        var startField = origin + cursor.Position;
        var bases = Bases(origin);
        var start = common.Addresses.Read(ref cursor, bases, file.LoadWord);
        var bytes = common.Addresses.ReadLength(ref cursor);
        if (bytes > ulong.MaxValue - start)
        {
            throw new UnwindException(UnwindFault.BadRange, offset, $"an FDE from {start:x} of {bytes:x} bytes");
        }

        ulong? handlers = null;
        if (common.HasAugmentationData)
        {
            var length = cursor.Uleb();
            var dataAt = origin + cursor.Position;
            var data = cursor.Sub(length);
            if (!common.Handlers.IsOmitted && !data.AtEnd)
            {
                handlers = common.Handlers.Read(ref data, Bases(dataAt) with { Function = start }, file.LoadWord);
                handlers = handlers == 0 ? null : handlers;
            }
        }

        return new FrameEntry(section, offset, common, start, start + bytes, handlers)
        {
            StartField = startField, Program = new ByteRange(origin + cursor.Position, cursor.Left),
        };
    }

    /// <summary>Where an entry's identification is: behind a length of 4 or 12 bytes.</summary>
    private int IdAt(ulong offset) => (int)offset + (file.Data(section).Slice((int)offset, 4).IndexOfAnyExcept((byte)0xff) < 0 ? 12 : 4);

    private PointerEncoding.Bases Bases(int at) => new(unchecked(section.Address + (ulong)at), _text, _data, 0);

    private Cursor At(int start, int end) => new(file.Data(section)[start..end], file.Name, section.Name);

    private static string Printable(string text) => string.Concat(text.Select(c => c is > ' ' and < (char)127 ? c : '?'));

    private void Add(UnwindProblem problem)
    {
        if (problems.Count < limits.MaxProblems)
        {
            problems.Add(problem);
        }
    }
}
