using System.Globalization;
using Harness.Model;

namespace Harness.Reports;

/// <summary>The cells in report.html: at a glance as a matrix of optimisation modes, and the numbers of each.</summary>
internal static class CellsHtml
{
    public const string Style = """
        <style>
        table.matrix { table-layout: fixed; border-spacing: .25rem; border-collapse: separate; font-size: .8rem; } table.matrix th { border: 0; padding: .2rem; overflow-wrap: anywhere; font-weight: 600; }
        table.matrix td { border: 0; border-left: .25rem solid var(--line); border-radius: .3rem; background: var(--soft); padding: .35rem .4rem; }
        table.matrix td.held { border-color: var(--good); } table.matrix td.failed { border-color: var(--bad); background: var(--differs); } table.matrix td.thin { border-color: var(--thin); }
        table.matrix td.none { background: none; border-color: transparent; } table.matrix b, table.matrix span { display: block; } table.matrix span { color: var(--quiet); }
        </style>

        """;

    public static void Write(HtmlWriter page, RunSummary summary)
    {
        page.Open("section").Element("h2", "Cells");
        var places = summary.Cells.Select(Place.Of).ToList();
        var target = Common(places.Select(place => place.Target));
        Matrix(page, summary, places, target);
        page.Open("details").Element("summary", "The numbers of each cell");
        page.Table(
            ["cell", .. CellColumns.All.Select(column => column.Title), "compile s", "execute s"],
            places.Select(place => Numbers(place.Cell, target is null ? place.Cell.Cell : $"{place.Row}/{place.Mode}")));
        page.Close("details").Close("section");
    }

    private static void Matrix(HtmlWriter page, RunSummary summary, IReadOnlyList<Place> places, string? target)
    {
        var modes = places.Select(place => place.Mode).Distinct().OrderBy(mode => Enum.TryParse<OptimizeMode>(mode, out var known) ? (int)known : int.MaxValue).ToList();
        page.Element("p", $"{(target is null ? "" : $"All for {target}. ")}Of each: what came of it, random programs, and executions, those of small programs too.", "quiet");
        page.Open("div", "scroll").Open("table", "matrix").Open("thead").Open("tr").Element("th", "");
        foreach (var mode in modes)
        {
            page.Element("th", mode.Replace("Release", "Release\u200b", StringComparison.Ordinal)); // Where it may break.
        }

        page.Close("tr").Close("thead").Open("tbody");
        foreach (var row in places.GroupBy(place => target is null ? $"{place.Row}/{place.Target}" : place.Row))
        {
            page.Open("tr").Element("th", row.Key.Replace("/", " / ", StringComparison.Ordinal));
            foreach (var mode in modes)
            {
                Entry(page, row.FirstOrDefault(place => place.Mode == mode)?.Cell, summary);
            }

            page.Close("tr");
        }

        page.Close("tbody").Close("table").Close("div");
    }

    private static void Entry(HtmlWriter page, CellSummary? cell, RunSummary summary)
    {
        if (cell is null)
        {
            page.Open("td", "none").Close("td");
            return;
        }

        var findings = summary.Findings.Where(finding => finding.Cell == cell.Cell).ToList();
        var flakes = findings.Count(finding => finding.Flake);
        var (kind, word) = (findings.Count - flakes, flakes, cell.Executions) switch
        {
            (> 0, _, _) => ("failed", ConsoleReport.Count(findings.Count - flakes, "finding")),
            (_, > 0, _) => ("thin", ConsoleReport.Count(flakes, "flake")),
            (_, _, 0) => ("thin", "nothing ran"),
            _ => ("held", "held"),
        };
        page.Open("td", kind).Element("b", word).Element("span", $"{ConsoleReport.Short(cell.Programs)} programs").Element("span", $"{ConsoleReport.Short(cell.Executions)} executions").Close("td");
    }

    private static string[] Numbers(CellSummary cell, string name) =>
    [
        name, .. CellColumns.All.Select(column => ConsoleReport.Number(column.Value(cell))),
        cell.CompileSeconds.ToString("N1", CultureInfo.InvariantCulture), cell.ExecuteSeconds.ToString("N1", CultureInfo.InvariantCulture),
    ];

    private static string? Common(IEnumerable<string> names) => names.Distinct().ToList() is [var only] ? only : null;

    /// <summary>Where a cell stands in the matrix; one whose name is of another make (a journal of a later version) has a row of its own.</summary>
    private sealed record Place(CellSummary Cell, string Row, string Mode, string Target)
    {
        public static Place Of(CellSummary cell) => cell.Cell.Split('/') switch
        {
            [var route, var mode, var backend, var target] => new(cell, $"{route}/{backend}", mode, target),
            [var runtime, var route, var mode, var backend, var target] => new(cell, $"{runtime}/{route}/{backend}", mode, target),
            _ => new(cell, cell.Cell, "", ""),
        };
    }
}
