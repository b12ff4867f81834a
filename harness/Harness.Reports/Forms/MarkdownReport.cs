using System.Globalization;
using System.Text;

namespace Harness.Reports.Forms;

/// <summary>summary.md: the verdict for a pull request or a job's summary page.</summary>
public static class MarkdownReport
{
    private const int MaxFindings = 20;

    public static string Render(RunSummary summary)
    {
        var text = new StringBuilder();
        text.Append($"## {Escaped(ConsoleReport.Headline(summary))}\n\n");
        foreach (var reason in summary.Reasons)
        {
            text.Append($"- {Escaped(reason)}\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"\n{Escaped(ConsoleReport.ConfidenceSentence(summary))}. Zig {Escaped(summary.ZigVersion)}, {summary.Timings.WallSeconds:0} s, run {Escaped(summary.RunId)}.\n\n");
        if (summary.Runtime is { } runtime)
        {
            text.Append($"Runtime {Escaped(runtime.Name)}, in place of ours. Without {Escaped(string.Join("; ", runtime.LeftOut.Select(left => left.What)))}.\n\n");
        }

        if (ConsoleReport.ScopeSentence(summary) is { } scope)
        {
            text.Append($"Scope: {Escaped(scope)}.\n\n");
        }

        text.Append($"Small programs: {Escaped(EvidenceText.EnumeratedSentence(summary))}. Mutation score: {Escaped(EvidenceText.MutationSentence(summary))}.\n\n");
        if (EvidenceText.InteractionSentence(summary) is { } met)
        {
            text.Append($"Covered: {Escaped(met)}.\n\n");
        }

        text.Append($"| cell | {string.Join(" | ", CellColumns.All.Select(column => column.Title))} |\n|---|{string.Concat(CellColumns.All.Select(_ => "---:|"))}\n");
        foreach (var cell in summary.Cells)
        {
            text.Append($"| {Escaped(cell.Cell)} | {string.Join(" | ", CellColumns.All.Select(column => ConsoleReport.Number(column.Value(cell))))} |\n");
        }

        Findings(text, summary);
        text.Append($"\nRepeat:\n\n{Code(summary.Repeat)}");
        return text.ToString();
    }

    private static void Findings(StringBuilder text, RunSummary summary)
    {
        var families = FindingFamily.Of(summary.Findings);
        foreach (var (finding, others) in families.Take(MaxFindings))
        {
            text.Append($"\n### {Escaped(finding.Family)}\n\n{Escaped(finding.Cell)}, {ConsoleReport.Count(finding.Occurrences, "time")}, {Escaped(finding.Again + finding.Shrunk)}");
            text.Append(others.Count > 0 ? $"; also in {Escaped(string.Join(", ", others.Select(other => other.Cell)))}.\n\n" : ".\n\n");
            text.Append(Code(finding.Replay));
        }

        if (families.Count > MaxFindings)
        {
            text.Append($"\n{families.Count - MaxFindings} more are in summary.json.\n");
        }
    }

    /// <summary>A fence longer than any run of backticks inside, or the text could end it.</summary>
    private static string Code(string text)
    {
        var longest = text.Split(text.Where(c => c != '`').Distinct().ToArray()).Max(run => run.Length);
        var fence = new string('`', Math.Max(longest + 1, 3));
        return $"{fence}\n{text}\n{fence}\n";
    }

    /// <summary>What programs and tools say is text, not markup.</summary>
    private static string Escaped(string text)
    {
        var safe = new StringBuilder(text.Length);
        foreach (var c in text.ReplaceLineEndings(" "))
        {
            if (@"\`*_{}[]<>#|~&!".Contains(c))
            {
                safe.Append('\\');
            }

            safe.Append(char.IsControl(c) ? ' ' : c);
        }

        return safe.ToString();
    }
}
