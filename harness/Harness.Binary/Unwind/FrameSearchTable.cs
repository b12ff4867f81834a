namespace Harness.Binary.Unwind;

/// <summary>The sorted table of <c>.eh_frame_hdr</c>: start addresses and where their entries are.</summary>
public sealed class FrameSearchTable
{
    /// <summary>Signed 4-byte offsets from the section: the one encoding that can be searched in place, and what every linker writes.</summary>
    private const byte SearchableEncoding = 0x3b;

    private readonly (ulong Start, ulong Entry)[] _rows;

    private FrameSearchTable(ulong? frames, (ulong, ulong)[] rows) => (Frames, _rows) = (frames, rows);

    /// <summary>Where the header says that <c>.eh_frame</c> is.</summary>
    public ulong? Frames { get; }

    /// <summary>As written: start of code, address of the entry.</summary>
    public IReadOnlyList<(ulong Start, ulong Entry)> Rows => _rows;

    internal static FrameSearchTable? Read(ElfFile file, UnwindLimits limits, List<UnwindProblem> problems)
    {
        if (file.Section(".eh_frame_hdr") is not { } section)
        {
            return null;
        }

        try
        {
            return Read(file, section, limits);
        }
        catch (UnwindException e)
        {
            problems.Add(e.Problem);
        }
        catch (InvalidDataException e)
        {
            problems.Add(new UnwindProblem(UnwindFault.Truncated, section.Address, e.Message));
        }

        return null;
    }

    /// <summary>The entry of the last row that starts at or before an address.</summary>
    public ulong? Find(ulong address)
    {
        var (low, high) = (0, _rows.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _rows[middle].Start <= address ? (middle + 1, high) : (low, middle);
        }

        return low > 0 ? _rows[low - 1].Entry : null;
    }

    private static FrameSearchTable Read(ElfFile file, ElfSection section, UnwindLimits limits)
    {
        var cursor = new Cursor(file.Data(section), file.Name, section.Name);
        var version = cursor.U8();
        if (version != 1)
        {
            throw new UnwindException(UnwindFault.UnknownVersion, section.Address, $".eh_frame_hdr of version {version}");
        }

        var (frames, count, table) = (new PointerEncoding(cursor.U8()), new PointerEncoding(cursor.U8()), new PointerEncoding(cursor.U8()));
        var bases = new PointerEncoding.Bases(section.Address, 0, section.Address, 0);
        ulong? start = frames.IsOmitted ? null : frames.Read(ref cursor, bases, file.LoadWord);
        if (count.IsOmitted || table.IsOmitted)
        {
            return new FrameSearchTable(start, []);
        }

        if (table.Value != SearchableEncoding)
        {
            throw new UnwindException(UnwindFault.UnknownEncoding, section.Address, $"the search table is encoded as {table.Value:x2}");
        }

        var rows = count.Read(ref cursor, bases, file.LoadWord);
        if (rows > (ulong)limits.MaxEntries || rows > (ulong)cursor.Left / 8)
        {
            throw new UnwindException(UnwindFault.TooManyEntries, section.Address, $"{rows} rows in {cursor.Left} bytes");
        }

        var result = new (ulong, ulong)[rows];
        for (var i = 0; i < result.Length; i++)
        {
            result[i] = (unchecked(section.Address + (ulong)(int)cursor.U32()), unchecked(section.Address + (ulong)(int)cursor.U32()));
        }

        return new FrameSearchTable(start, result);
    }
}
