using System.Globalization;
using System.Text;
using Harness.Verification;

namespace Harness.Reports;

/// <summary>What verifying stack traces may cost, and what <c>bench traces</c> prints of it.</summary>
public static class TraceBars
{
    public const double AuditSeconds = 1;
    public const double StepsPerSecond = 15_000;

    /// <summary>Of what the run itself takes that they check.</summary>
    public const double TimesTheRun = 1;

    public static IReadOnlyList<BenchBar> Of(TraceCost cost)
    {
        ArgumentNullException.ThrowIfNull(cost);
        return
        [
            new BenchBar(
                "static check of a worker", "less than 1 s",
                string.Create(CultureInfo.InvariantCulture, $"{cost.Audit.CpuSeconds:0.00} s of one processor, {cost.Audit.Instructions:N0} instructions"),
                Verdict(cost.Audit is { Findings: 0, CpuSeconds: < AuditSeconds })),
            new BenchBar(
                "single steps, fully checked", "at least 15,000 per second",
                cost.Steps is { } steps ? string.Create(CultureInfo.InvariantCulture, $"{steps.PerSecond:N0} per second, {steps.Steps:N0} of them") : "tracing is not allowed here",
                cost.Steps is null ? BarVerdict.NotMeasured : Verdict(cost.Steps is { Findings: 0, PerSecond: >= StepsPerSecond })),
            new BenchBar("full chains at probes", "less than the run they check", Words(cost.Sampled), Verdict(cost is { Failures: 0, Sampled: { Frames: > 0, Times: < TimesTheRun } })),
        ];
    }

    public static string Render(IReadOnlyList<TraceCost> costs)
    {
        ArgumentNullException.ThrowIfNull(costs);
        var text = new StringBuilder();
        foreach (var cost in costs)
        {
            BenchTable.AppendBars(text, cost.Cell.ToString(), Of(cost));
            text.Append(CultureInfo.InvariantCulture, $"not sampled: {Words(cost.Everywhere)}\n");
            text.Append(cost.Failures + cost.Audit.Findings + (cost.Steps?.Findings ?? 0) is var failed and > 0
                ? string.Create(CultureInfo.InvariantCulture, $"{failed} checks failed meanwhile: the figures are of something else\n\n") : "\n");
        }

        return text.ToString();
    }

    private static string Words(ObserverCost cost) => string.Create(
        CultureInfo.InvariantCulture,
        $"{cost.Times:0.00} times the run, taken by {cost.Observed:N0} of {cost.Executions:N0} executions ({100 * cost.Rate:0.0} %), {cost.Frames:N0} frames");

    private static BarVerdict Verdict(bool met) => met ? BarVerdict.Met : BarVerdict.Missed;
}
