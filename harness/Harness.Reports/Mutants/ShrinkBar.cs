using System.Globalization;
using System.Text;

namespace Harness.Reports.Mutants;

/// <summary>How soon a finding must be small, and what <c>bench shrink</c> prints of it (docs/THROUGHPUT.md).</summary>
public static class ShrinkBar
{
    /// <summary>From the first failure to at most <see cref="MutationReport.SmallStatements"/> statements, the median over the defects.</summary>
    public const double Seconds = 10;

    public static BenchBar Of(MutationReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        var name = $"from a finding to at most {MutationReport.SmallStatements} statements, median";
        var required = string.Create(CultureInfo.InvariantCulture, $"at most {Seconds:0} s");
        return report.Shrinking switch
        {
            null => new BenchBar(name, required, "nothing was shrunk", BarVerdict.NotMeasured),
            { MedianSeconds: { } median } => new BenchBar(name, required, string.Create(CultureInfo.InvariantCulture, $"{median:0.0} s"), median <= Seconds ? BarVerdict.Met : BarVerdict.Missed),
            _ => new BenchBar(name, required, "fewer than half of them came to that", BarVerdict.Missed),
        };
    }

    public static string Render(MutationReport report)
    {
        var text = new StringBuilder();
        BenchTable.AppendBars(text, $"{report.Mutants.Count} planted defects", [Of(report)]);
        if (report.Shrinking is { } score)
        {
            text.Append(CultureInfo.InvariantCulture, $"{score.Small} of {score.Shrunk} counterexamples came to that, in the end median {score.MedianStatements} statements; {report.Seconds:0} s for all of them\n");
            foreach (var large in report.Mutants.Where(mutant => mutant is { Shrunk: true, SmallAfterSeconds: null }))
            {
                text.Append(CultureInfo.InvariantCulture, $"  {large.Name} has {large.Statements}\n");
            }
        }

        return text.ToString();
    }
}
