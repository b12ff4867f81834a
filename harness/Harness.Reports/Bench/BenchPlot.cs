using System.Globalization;

namespace Harness.Reports;

/// <summary>Figures as inline SVG: a row each, from the least to the most with a dot at the median, on a logarithmic scale; required values as lines.</summary>
internal static class BenchPlot
{
    private const int Width = 760;
    private const int LabelWidth = 300;
    private const int ValueWidth = 70;
    private const int RowHeight = 22;
    private const int Margin = 24;
    private const double PlotWidth = Width - LabelWidth - ValueWidth;

    public static void Draw(HtmlWriter page, BenchGroup group, RuntimeBenchResult result)
    {
        var rows = group.Of(result);
        var lines = group.Required(result);
        var (low, high) = Decades([.. rows.SelectMany(row => (double[])[row.Figure.Min, row.Figure.Max]), .. lines.Select(line => line.Value)]);
        double X(double value) => LabelWidth + (PlotWidth * (Math.Log10(Math.Max(value, low)) - Math.Log10(low)) / (Math.Log10(high) - Math.Log10(low)));
        var bottom = Margin + (rows.Count * RowHeight);
        var height = bottom + Margin + (lines.Count * RowHeight);
        page.Open("div", "scroll").Literal($"<svg class=\"plot\" viewBox=\"0 0 {Width} {height}\" role=\"img\" aria-label=\"")
            .Text($"{group.Title}, {group.Unit}, logarithmic").Literal("\">");
        for (var decade = low; decade <= high * 1.001; decade *= 10)
        {
            Line(page, "grid", X(decade), Margin - 6, X(decade), bottom);
            Text(page, "quiet", X(decade), Margin - 10, "middle", RuntimeBars.Number(decade));
        }

        foreach (var ((figure, title), index) in rows.Select((row, index) => (row, index)))
        {
            var y = Margin + (index * RowHeight) + (RowHeight / 2);
            var kind = BenchContender.Routes.Contains(figure.Contender) ? "ours" : "theirs";
            Text(page, "label", LabelWidth - 10, y + 4, "end", title);
            Line(page, kind, X(figure.Min), y, X(figure.Max), y);
            page.Literal(Invariant($"<circle class=\"{kind}\" cx=\"{X(figure.Median):0.0}\" cy=\"{y}\" r=\"5\"/>"));
            Text(page, "label", Width, y + 4, "end", RuntimeBars.Number(figure.Median));
        }

        foreach (var ((value, text), index) in lines.Select((line, index) => (line, index)))
        {
            var y = bottom + 16 + (index * RowHeight);
            Line(page, "required", X(value), Margin - 6, X(value), y - 10);
            var right = X(value) > LabelWidth + (PlotWidth / 2);
            Text(page, "required", X(value), y + 2, right ? "end" : "start", $"required: {text}");
        }

        page.Literal("</svg>").Close("div");
    }

    /// <summary>The powers of ten around the values; at least one decade.</summary>
    private static (double Low, double High) Decades(IReadOnlyList<double> values)
    {
        const double Least = 1e-3;
        var low = Math.Pow(10, Math.Floor(Math.Log10(Math.Max(values.Min(), Least))));
        var high = Math.Pow(10, Math.Ceiling(Math.Log10(Math.Max(values.Max(), Least))));
        return (low, high > low ? high : low * 10);
    }

    private static void Line(HtmlWriter page, string @class, double x1, double y1, double x2, double y2) => page.Literal(
        Invariant($"<line class=\"{@class}\" x1=\"{x1:0.0}\" y1=\"{y1:0.0}\" x2=\"{x2:0.0}\" y2=\"{y2:0.0}\"/>"));

    private static void Text(HtmlWriter page, string @class, double x, double y, string anchor, string text) => page
        .Literal(Invariant($"<text class=\"{@class}\" x=\"{x:0.0}\" y=\"{y:0.0}\" text-anchor=\"{anchor}\">")).Text(text).Literal("</text>");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
