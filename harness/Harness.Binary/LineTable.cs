namespace Harness.Binary;

/// <summary>Maps addresses of a linked executable to source lines, from <c>.debug_line</c>.</summary>
public sealed class LineTable
{
    private readonly LineSequence[] _sequences;
    private readonly List<string> _files;

    private readonly Dictionary<ulong, LineHeader> _headers;

    private LineTable(LineSequence[] sequences, LineProgram program) => (_sequences, _files, _headers) = (sequences, program.Files, program.Headers);

    /// <summary>How many rows there are, over all sequences.</summary>
    public int RowCount => _sequences.Sum(sequence => sequence.Rows.Length);

    /// <summary>All rows, in order of address.</summary>
    public IEnumerable<LineRow> Rows => _sequences.SelectMany(sequence => sequence.Rows);

    /// <summary>Reads the table; an executable without one has an empty table.</summary>
    /// <exception cref="InvalidDataException">Malformed, compressed, or of an unknown version.</exception>
    public static LineTable Read(ElfFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        var program = new LineProgram(file);
        foreach (var section in file.Sections.Where(section => section.Name is ".debug_line" or ".zdebug_line"))
        {
            if (section.Flags.HasFlag(ElfSectionFlags.Compressed) || section.Name[1] == 'z')
            {
                throw file.Bad(
                    $"{section.Name} is compressed, which is not supported; link with uncompressed debug sections");
            }

            program.Run(section);
        }

        // Code that the linker dropped keeps its rows, at address 0 or another that is no code.
        var code = file.Sections.Where(section => section.IsCode).ToList();
        var live = program.Sequences
            .Where(sequence => code.Exists(s => sequence.Start >= s.Address && sequence.Start - s.Address < s.Size))
            .OrderBy(sequence => sequence.Start)
            .ToArray();
        return new LineTable(live, program);
    }

    /// <summary>The path recorded for a row's file, or null.</summary>
    public string? File(LineRow row) => row.File >= 0 ? _files[row.File] : null;

    /// <summary>The path of a unit's file number, or null.</summary>
    /// <param name="unit">Offset of its line program.</param>
    public string? File(ulong unit, ulong file) =>
        _headers.TryGetValue(unit, out var header) && header.FileIndex(file) is var index and >= 0 ? _files[index] : null;

    /// <summary>The row that covers an address: the last at or before it in its sequence.</summary>
    public LineRow? Find(ulong address) =>
        SequenceOf(address) is { } sequence ? sequence.Rows[LastAtOrBefore(sequence.Rows, address)] : null;

    /// <summary>
    /// The first row that starts exactly at an address, as the one of a function's opening line does; otherwise the
    /// covering one.
    /// </summary>
    public LineRow? FindStart(ulong address)
    {
        if (SequenceOf(address) is not { } sequence)
        {
            return null;
        }

        var at = LastAtOrBefore(sequence.Rows, address);
        while (at > 0 && sequence.Rows[at - 1].Address == address)
        {
            at--;
        }

        return sequence.Rows[at];
    }

    private LineSequence? SequenceOf(ulong address)
    {
        var (low, high) = (0, _sequences.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _sequences[middle].Start <= address ? (middle + 1, high) : (low, middle);
        }

        return low > 0 && address < _sequences[low - 1].End ? _sequences[low - 1] : null;
    }

    private static int LastAtOrBefore(LineRow[] rows, ulong address)
    {
        var (low, high) = (0, rows.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = rows[middle].Address <= address ? (middle + 1, high) : (low, middle);
        }

        return low - 1;
    }
}
