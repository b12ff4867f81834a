using System.Globalization;

namespace Harness.Reports;

/// <summary>The coverage part of report.html: bars with the lines that are required, what is missing, and every label.</summary>
internal static class CoverageHtml
{
    public const string Style = """
        <style>
        .bar { margin: .5rem 0; }
        .bar svg { height: 1rem; }
        .bar .fill { fill: var(--good); } .bar.short .fill { fill: var(--thin); } .bar .line { stroke: var(--fg); stroke-width: 2; vector-effect: non-scaling-stroke; }
        </style>

        """;

    /// <summary>Bars for labels that a share of the programs must have; beyond, the table has them.</summary>
    private const int MaxBars = 24;

    public static void Write(HtmlWriter page, RunSummary summary)
    {
        page.Open("section").Element("h2", "Coverage");
        if (summary.Interactions is { } met)
        {
            page.Element("p", "Values, pairs and triples of what calls differ in, as executions met them; the line is what a run of so many programs must reach. Combinations that cannot be are not counted.");
            foreach (var way in met.Ways)
            {
                Bar(page, $"{way.Ways}-way: {EvidenceText.WayName(way)}", way.Share, way.Feasible == 0 ? 0 : (double)way.Required / way.Feasible, way.Met,
                    $"{ConsoleReport.Number(way.Covered)} of {ConsoleReport.Number(way.Feasible)}, {(way.Required > 0 ? $"required {ConsoleReport.Number(way.Required)}" : "nothing required of so few programs")}");
            }

            foreach (var way in met.Ways.Where(way => way.Missing.Count > 0))
            {
                var left = way.Feasible - way.Covered - way.Missing.Count;
                page.Open("details").Element("summary", $"{ConsoleReport.Number(way.Feasible - way.Covered)} {EvidenceText.WayName(way)} were not met").Open("ul");
                foreach (var name in way.Missing)
                {
                    page.Element("li", name);
                }

                page.Close("ul").Element("p", left > 0 ? $"And {ConsoleReport.Number(left)} more." : "", "quiet").Close("details");
            }
        }

        foreach (var line in summary.Coverage.Where(line => line.Share is not null).Take(MaxBars))
        {
            var share = line.Share!;
            Bar(page, line.Label, share.Seen, share.Required, line.Met, string.Create(
                CultureInfo.InvariantCulture, $"{100 * share.Low:0.#} to {100 * share.High:0.#} % of the programs, required {100 * share.Required:0.#} %"));
        }

        page.Open("details").Element("summary", "Every label");
        page.Table(["label", "count", "required", "met"], summary.Coverage.Select(line => (string[])
            [line.Label, ConsoleReport.Number(line.Count), ConsoleReport.Number(line.Required), Met(line)]));
        page.Close("details").Close("section");
    }

    /// <summary>A bar from 0 to 1, and where it must reach.</summary>
    private static void Bar(HtmlWriter page, string name, double share, double required, bool met, string told)
    {
        page.Open("div", met ? "bar" : "bar short").Open("div", "name").Element("span", name).Element("span", told).Close("div");
        page.Literal(string.Create(
            CultureInfo.InvariantCulture,
            $"<svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" role=\"img\"><rect class=\"fill\" width=\"{100 * share:0.##}\" height=\"10\"/>"));
        page.Literal(required > 0 ? string.Create(CultureInfo.InvariantCulture, $"<line class=\"line\" x1=\"{100 * required:0.##}\" x2=\"{100 * required:0.##}\" y1=\"0\" y2=\"10\"/>") : "");
        page.Literal("</svg>").Close("div");
    }

    private static string Met(CoverageSummary line) => line.Share is { } share
        ? string.Create(CultureInfo.InvariantCulture, $"{(line.Met ? "yes" : "no")}: {100 * share.Low:0.#} to {100 * share.High:0.#} % of {100 * share.Required:0.#} %")
        : line.Met ? "yes" : "no";
}
