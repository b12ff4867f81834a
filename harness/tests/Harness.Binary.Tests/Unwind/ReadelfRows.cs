using System.Globalization;
using System.Text.RegularExpressions;
using Harness.Binary.Unwind;

namespace Harness.Binary.Tests.Unwind;

/// <summary>Compares our rows with what <c>readelf -wF</c> prints, line by line.</summary>
internal static partial class ReadelfRows
{
    public sealed record Comparison(int Entries, int Rows, List<string> Differences);

    private const int MaxDifferences = 20;

    public static Comparison Compare(UnwindTable table, IEnumerable<string> readelf)
    {
        var own = table.Entries.GroupBy(entry => (entry.Section.Name, entry.Offset)).ToDictionary(group => group.Key, group => group.Single());
        var differences = new List<string>();
        var (section, entries, rows) = ("", 0, 0);
        var commons = new Dictionary<(string, ulong), string>();
        (string Section, ulong Offset)? commonAt = null;
        Block? block = null;
        foreach (var line in readelf.Append(""))
        {
            if (line.StartsWith("Contents of the ", StringComparison.Ordinal))
            {
                section = line.Split(' ')[3];
            }
            else if (line.Contains(" FDE cie=", StringComparison.Ordinal))
            {
                var offset = Hex(line.AsSpan(0, line.IndexOf(' ', StringComparison.Ordinal)));
                block = own.Remove((section, offset), out var entry) ? new Block(line, entry, table, commons.GetValueOrDefault((section, entry.Common.Offset))) : null;
                entries++;
                if (block is null)
                {
                    Note(differences, $"{line}: not found");
                }
            }
            else if (line.Contains(" CIE ", StringComparison.Ordinal))
            {
                // An FDE without a program has the rows of its CIE, which readelf prints there only.
                (block, commonAt) = (null, (section, Hex(line.AsSpan(0, line.IndexOf(' ', StringComparison.Ordinal)))));
            }
            else if (block is null && commonAt is { } place && line.StartsWith("0000000000000000 ", StringComparison.Ordinal))
            {
                commons[place] = line;
            }
            else if (line.Length == 0)
            {
                commonAt = null;
                rows += block?.Finish(text => Note(differences, text)) ?? 0;
                block = null;
            }
            else
            {
                block?.Add(line);
            }
        }

        foreach (var entry in own.Values)
        {
            Note(differences, $"FDE at {entry.Offset:x} for {entry.Start:x}: readelf has none");
        }

        return new Comparison(entries, rows, differences);
    }

    private static void Note(List<string> differences, string text)
    {
        if (differences.Count < MaxDifferences)
        {
            differences.Add(text);
        }
    }

    private static ulong Hex(ReadOnlySpan<char> text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <summary>One FDE of readelf's beside ours.</summary>
    private sealed partial class Block(string head, FrameEntry entry, UnwindTable table, string? common)
    {
        private readonly List<string> _lines = [];
        private int[] _columns = [];

        public void Add(string line)
        {
            if (line.StartsWith("   LOC", StringComparison.Ordinal))
            {
                _columns = [.. Words(line)[2..].Select(DwarfRegister.Of)];
                return;
            }

            // Rows of no extent: the later one counts.
            if (_lines.Count > 0 && _lines[^1].AsSpan(0, 16).SequenceEqual(line.AsSpan(0, 16)))
            {
                _lines.RemoveAt(_lines.Count - 1);
            }

            _lines.Add(line);
        }

        public int Finish(Action<string> differs)
        {
            var range = head[(head.IndexOf("pc=", StringComparison.Ordinal) + 3)..].Split("..");
            if (Hex(range[0]) != entry.Start || Hex(range[1]) != entry.End)
            {
                differs($"{head}: ours covers {entry.Start:x}..{entry.End:x}");
            }

            var rows = table.Rows(entry);
            // A row at the very end is an advance without anything behind it.
            var lines = _lines.Where(line => Hex(line.AsSpan(0, 16)) < entry.End).ToList();
            if (lines.Count == 0 && common is not null && entry.End > entry.Start)
            {
                lines.Add(entry.Start.ToString("x16", CultureInfo.InvariantCulture) + common[16..]);
                _columns = [DwarfRegister.Rip];
            }
            if (rows.Problem is { } problem || rows.Rows.Count != lines.Count)
            {
                differs($"{head}: {lines.Count} rows, ours {rows.Rows.Count} ({rows.Problem})");
                return lines.Count;
            }

            for (var i = 0; i < lines.Count; i++)
            {
                var ours = Text(rows.Rows[i]);
                if (!Words(lines[i]).SequenceEqual(ours))
                {
                    differs($"{head}: {lines[i]} | ours {string.Join(' ', ours)}");
                }
            }

            return lines.Count;
        }

        private List<string> Text(UnwindRow row)
        {
            var unseen = Enumerable.Range(0, DwarfRegister.Count).Except(_columns).Where(r => row.Registers[r].Kind is not RuleKind.Unspecified);
            return [row.Start.ToString("x16", CultureInfo.InvariantCulture), row.Cfa.ToString(), .. _columns.Select(r => row.Registers[r].ToString()),
                .. unseen.Select(r => $"{DwarfRegister.Name(r)}={row.Registers[r]}")];
        }

        /// <summary>Rules by register are written "r5 (rdi)".</summary>
        private static string[] Words(string line) => NumberedRegister().Replace(line, "$1").Split(' ', StringSplitOptions.RemoveEmptyEntries);

        [GeneratedRegex(@"r\d+ \((\w+)\)")]
        private static partial Regex NumberedRegister();
    }
}
