using System.Globalization;
using System.Text;

namespace Harness.Reports;

/// <summary>What <c>bench runtime</c> prints.</summary>
public static class RuntimeBenchText
{
    public static string Headline(RuntimeBenchResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        var bars = result.Bars;
        int Count(BarVerdict verdict) => bars.Count(bar => bar.Verdict == verdict);
        return $"{Count(BarVerdict.Met)} of {bars.Count} bars met, {Count(BarVerdict.Missed)} missed, {Count(BarVerdict.NotMeasured)} not measured";
    }

    public static string Word(BarVerdict verdict) => verdict switch
    {
        BarVerdict.Met => "met",
        BarVerdict.Missed => "missed",
        BarVerdict.NotMeasured => "not measured",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    public static string Render(RuntimeBenchResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        var text = new StringBuilder();
        foreach (var group in BenchGroup.All.Where(group => group.Of(result).Count > 0))
        {
            BenchTable.Append(text, [$"{group.Title} ({group.Unit})", "median", "least", "most"], group.Of(result).Select(row => (string[])[
                row.Title, RuntimeBars.Number(row.Figure.Median), RuntimeBars.Number(row.Figure.Min), RuntimeBars.Number(row.Figure.Max)]), numbers: true);
        }

        BenchTable.Append(text, ["bar", "required", "measured", ""], result.Bars.Select(bar => (string[])[bar.Name, bar.Required, bar.Measured, Word(bar.Verdict)]), numbers: false);
        foreach (var skip in result.Skipped)
        {
            text.Append(CultureInfo.InvariantCulture, $"left out: {BenchContender.Title(skip.Contender)}: {skip.Reason}\n");
        }

        return text.Append(Headline(result)).Append('\n').ToString();
    }
}
