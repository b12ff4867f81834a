using System.Text;

namespace Harness.Reports;

/// <summary>Columns as wide as what is in them.</summary>
internal static class BenchTable
{
    /// <param name="numbers">All but the first column stand at their right edge.</param>
    public static void Append(StringBuilder text, string[] head, IEnumerable<string[]> body, bool numbers)
    {
        List<string[]> rows = [head, .. body];
        var widths = head.Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows)
        {
            var cells = row.Select((cell, column) => numbers && column > 0 ? cell.PadLeft(widths[column]) : cell.PadRight(widths[column]));
            text.Append(string.Join("  ", cells).TrimEnd()).Append('\n');
        }

        text.Append('\n');
    }
}
