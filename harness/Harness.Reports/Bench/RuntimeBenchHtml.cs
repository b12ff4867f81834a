using System.Globalization;

namespace Harness.Reports;

/// <summary>The report of <c>bench runtime</c>: one file that asks nothing of the network, in light and dark, on a phone too.</summary>
public static class RuntimeBenchHtml
{
    private const string PlotStyle = """
        <style>
        svg.plot { display: block; width: 100%; min-width: 40rem; font: 12px system-ui, sans-serif; }
        svg.plot text { fill: var(--fg); } svg.plot text.quiet { fill: var(--quiet); } svg.plot text.required { fill: var(--thin); }
        svg.plot line { stroke-width: 3; stroke-linecap: round; } svg.plot line.grid { stroke: var(--line); stroke-width: 1; }
        svg.plot line.required { stroke: var(--thin); stroke-width: 1.5; stroke-dasharray: 5 4; }
        svg.plot line.ours { stroke: var(--good); } svg.plot circle.ours { fill: var(--good); }
        svg.plot line.theirs { stroke: var(--quiet); } svg.plot circle.theirs { fill: var(--quiet); }
        td.met { color: var(--good); font-weight: 600; } td.missed { color: var(--bad); font-weight: 600; } td.not { color: var(--thin); }
        </style>

        """;

    public static string Render(RuntimeBenchResult result, string repeat)
    {
        ArgumentNullException.ThrowIfNull(result);
        var page = new HtmlWriter();
        page.Literal("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n")
            .Literal("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .Element("title", RuntimeBenchText.Headline(result))
            .Literal(HtmlAssets.Style).Literal(PlotStyle).Literal("</head><body><main>\n");
        Head(page, result, repeat);
        Bars(page, result);
        foreach (var group in BenchGroup.All.Where(group => group.Of(result).Count > 0))
        {
            Group(page, group, result);
        }

        page.Literal("</main>").Literal(HtmlAssets.Script).Literal("</body></html>\n");
        return page.ToString();
    }

    private static void Head(HtmlWriter page, RuntimeBenchResult result, string repeat)
    {
        var worst = result.Bars.Select(bar => bar.Verdict).Order().FirstOrDefault(verdict => verdict is not BarVerdict.Met);
        page.Open("header", worst switch { BarVerdict.Missed => "falsified", BarVerdict.NotMeasured => "", _ => "held" })
            .Element("h1", RuntimeBenchText.Headline(result))
            .Element("p", "Every contender runs in processes of its own, in turns, round by round. Times are processor time; a dot is the median of the "
                + "rounds, its line goes from the least to the most. Ratios are of medians.");
        foreach (var skip in result.Skipped)
        {
            page.Element("p", $"Left out: {BenchContender.Title(skip.Contender)}: {skip.Reason}", "warn");
        }

        var started = result.StartedAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
        page.Element("p", $"{started} UTC, {result.Processor}, {result.Rounds} rounds, Zig {result.ZigVersion}, harness {result.HarnessVersion}. Run it again:", "quiet")
            .Command(repeat).Close("header");
    }

    private static void Bars(HtmlWriter page, RuntimeBenchResult result)
    {
        page.Element("h2", "Bars").Open("div", "scroll").Open("table").Open("thead").Open("tr");
        foreach (var title in (string[])["bar", "required", "measured", ""])
        {
            page.Element("th", title);
        }

        page.Close("tr").Close("thead").Open("tbody");
        foreach (var bar in result.Bars)
        {
            var verdict = RuntimeBenchText.Word(bar.Verdict);
            page.Open("tr").Element("td", bar.Name).Element("td", bar.Required).Element("td", bar.Measured)
                .Element("td", verdict, verdict.Split(' ')[0]).Close("tr");
        }

        page.Close("tbody").Close("table").Close("div");
    }

    private static void Group(HtmlWriter page, BenchGroup group, RuntimeBenchResult result)
    {
        page.Open("section").Element("h2", $"{group.Title} ({group.Unit})").Element("p", group.Text, "quiet");
        BenchPlot.Draw(page, group, result);
        page.Open("details").Element("summary", "numbers").Table(
            ["", "median", "least", "most", "rounds"],
            group.Of(result).Select(row => (string[])[
                row.Title, RuntimeBars.Number(row.Figure.Median), RuntimeBars.Number(row.Figure.Min), RuntimeBars.Number(row.Figure.Max),
                row.Figure.Samples.Count.ToString(CultureInfo.InvariantCulture)]));
        page.Close("details").Close("section");
    }
}
