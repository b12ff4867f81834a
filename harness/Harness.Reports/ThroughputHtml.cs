using System.Globalization;
using Harness.Campaigns;

namespace Harness.Reports;

/// <summary>Throughput over time in report.html.</summary>
internal static class ThroughputHtml
{
    public const string Style = """
        <style>
        .pace { margin: .8rem 0; }
        .pace svg { height: 6rem; }
        .pace rect.drawn { fill: var(--good); } .key.drawn::before { background: var(--good); } .pace rect.small { fill: var(--quiet); } .key.small::before { background: var(--quiet); }
        .key { display: inline-block; margin-left: 1rem; } .key::before { content: ""; display: inline-block; width: .8rem; height: .8rem; border-radius: .15rem; margin-right: .35rem; vertical-align: -.05rem; }
        </style>

        """;

    public static void Write(HtmlWriter page, RunSummary summary)
    {
        var spans = summary.Throughput.OverTime;
        if (spans.Count == 0)
        {
            return;
        }

        page.Open("section").Element("h2", "Throughput over time");
        if (spans.Any(span => span.SmallExecutionsPerSecond > 0) && spans.Any(span => span.ExecutionsPerSecond > 0))
        {
            page.Element("p", "Random programs, and the small ones that are gone through before them, each to a scale of its own: the highest column is its most.", "quiet");
        }

        Chart(page, spans, "executions per second", span => span.ExecutionsPerSecond, span => span.SmallExecutionsPerSecond);
        Chart(page, spans, "programs per second, in each cell anew", span => span.ProgramsPerSecond, span => span.SmallProgramsPerSecond);
        page.Close("section");
    }

    private static void Chart(HtmlWriter page, IReadOnlyList<PaceSpan> spans, string name, Func<PaceSpan, double> drawn, Func<PaceSpan, double> small)
    {
        page.Open("div", "pace").Open("div", "name").Element("span", name).Open("span");
        Key(page, "drawn", "random", spans.Select(drawn));
        Key(page, "small", "small", spans.Select(small));
        page.Close("span").Close("div");
        page.Literal(string.Create(CultureInfo.InvariantCulture, $"<svg viewBox=\"0 0 {spans.Count} 100\" preserveAspectRatio=\"none\" role=\"img\">"));
        Columns(page, "small", spans, small);
        Columns(page, "drawn", spans, drawn);
        page.Literal("</svg>").Open("div", "name").Element("span", "0 s", "quiet");
        page.Element("span", string.Create(CultureInfo.InvariantCulture, $"{spans[^1].To:N0} s"), "quiet").Close("div").Close("div");
    }

    private static void Key(HtmlWriter page, string kind, string name, IEnumerable<double> rates)
    {
        if (rates.Where(rate => rate > 0).ToList() is { Count: > 0 } running)
        {
            page.Element("span", $"{name}: {ConsoleReport.Short(running.Average())} on average, {ConsoleReport.Short(running.Max())} at most", $"key {kind}");
        }
    }

    /// <summary>One per span, the highest as high as the chart.</summary>
    private static void Columns(HtmlWriter page, string kind, IReadOnlyList<PaceSpan> spans, Func<PaceSpan, double> rate)
    {
        var most = spans.Max(rate);
        for (var i = 0; i < spans.Count && most > 0; i++)
        {
            var height = 100 * rate(spans[i]) / most;
            page.Literal("<g>").Element("title", string.Create(CultureInfo.InvariantCulture, $"{spans[i].From:0} to {spans[i].To:0} s: {rate(spans[i]):N1}"));
            page.Literal(Column(kind, i, 100 - height, height)).Literal("</g>");
        }
    }

    private static string Column(string kind, int at, double top, double height) => height > 0
        ? string.Create(CultureInfo.InvariantCulture, $"<rect class=\"{kind}\" x=\"{at}.05\" y=\"{top:0.##}\" width=\".9\" height=\"{height:0.##}\"/>")
        : "";
}
