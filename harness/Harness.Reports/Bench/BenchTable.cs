using System.Text;

namespace Harness.Reports;

/// <summary>Columns as wide as what is in them.</summary>
internal static class BenchTable
{
    /// <summary>What is required and what was measured, under the name of what they are about.</summary>
    public static void AppendBars(StringBuilder text, string subject, IEnumerable<BenchBar> bars) =>
        Append(text, [subject, "required", "measured", ""], bars.Select(bar => (string[])[bar.Name, bar.Required, bar.Measured, RuntimeBenchText.Word(bar.Verdict)]), numbers: false);

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
