using System.Globalization;
using System.Text;

namespace Harness.Reports.Gates;

/// <summary>A gate for people, as markdown that reads well in a terminal too.</summary>
public static class GateText
{
    private const int DetailMax = 240;

    public static string Render(GateResult gate, GateResult? baseline, GateVerdict verdict)
    {
        ArgumentNullException.ThrowIfNull(gate);
        ArgumentNullException.ThrowIfNull(verdict);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# Gate of Zig {gate.Zig}: {verdict.Word}\n\n")
            .Append(baseline is null ? "Without a baseline" : $"Against the gate of Zig {baseline.Zig} by harness {baseline.Harness}")
            .Append(CultureInfo.InvariantCulture, $"; harness {gate.Harness}, budget {TimeSpan.FromSeconds(gate.BudgetSeconds).TotalMinutes:0.#} min, exit code {verdict.ExitCode}.\n");
        foreach (var reason in verdict.Reasons)
        {
            text.Append(CultureInfo.InvariantCulture, $"- {Line(reason)}\n");
        }

        Findings(text, verdict);
        text.Append("\n| phase | | new | same | fixed | s |\n|---|---|---|---|---|---|\n");
        foreach (var part in gate.Phases)
        {
            var rows = verdict.Rows.Where(row => row.Phase == part.Phase).ToLookup(row => row.State);
            text.Append(CultureInfo.InvariantCulture, $"| {part.Phase} | {part.Status.ToString().ToLowerInvariant()} | {rows[GateRowState.New].Count() + rows[GateRowState.First].Count()} | {rows[GateRowState.Same].Count()} | {rows[GateRowState.Fixed].Count()} | {part.Seconds:0} |\n");
        }

        Figures(text, gate, baseline);
        return text.ToString();
    }

    private static void Findings(StringBuilder text, GateVerdict verdict)
    {
        if (verdict.Rows.IsEmpty)
        {
            return;
        }

        text.Append("\n| | | what | repeat |\n|---|---|---|---|\n");
        foreach (var row in verdict.Rows.OrderBy(row => (row.State, row.Item.Kind)))
        {
            text.Append(CultureInfo.InvariantCulture, $"| {Word(row.State)} | {row.Phase} {row.Item.Kind.ToString().ToLowerInvariant()} | {Line(row.Item.Signature)}: {Line(row.Item.Detail)} | {(row.Item.Repeat.Length > 0 ? $"`{row.Item.Repeat}`" : "")} |\n");
        }
    }

    private static void Figures(StringBuilder text, GateResult gate, GateResult? baseline)
    {
        text.Append("\n| figure | now | baseline |\n|---|---|---|\n");
        foreach (var part in gate.Phases)
        {
            var before = baseline?.Phases.FirstOrDefault(other => other.Phase == part.Phase)?.Figures;
            foreach (var figure in part.Figures)
            {
                text.Append(CultureInfo.InvariantCulture, $"| {part.Phase}: {figure.Name} | {Line(figure.Value)} | {Line(before?.FirstOrDefault(other => other.Name == figure.Name)?.Value ?? "")} |\n");
            }
        }
    }

    private static string Word(GateRowState state) => state switch
    {
        GateRowState.New => "new",
        GateRowState.Same => "same",
        GateRowState.Fixed => "fixed",
        GateRowState.First => "no baseline",
        GateRowState.NotJudged => "not judged",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>One line that fits into a cell of a table.</summary>
    private static string Line(string text)
    {
        var line = text.ReplaceLineEndings(" ").Replace("|", "\\|", StringComparison.Ordinal).Trim();
        return line.Length <= DetailMax ? line : line[..DetailMax] + " …";
    }
}
