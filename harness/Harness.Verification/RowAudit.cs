using System.Diagnostics;
using System.Text.RegularExpressions;
using Harness.Binary;
using Harness.Binary.Unwind.Audit;
using Harness.Model;

namespace Harness.Verification;

/// <summary>
/// The static check of a linked worker's unwind rows (docs/TRACES.md). Starts when it is first asked for, on a thread of its own, and is done once: the
/// worker runs meanwhile.
/// </summary>
public sealed class RowAudit
{
    private readonly Lazy<Task<(UnwindReport Report, double Seconds)>> _report;

    private RowAudit(Func<UnwindReport> audit) => _report = new(() => Task.Run(() =>
    {
        var began = Stopwatch.GetTimestamp();
        return (audit(), Math.Round(Stopwatch.GetElapsedTime(began).TotalSeconds, 3));
    }));

    public static RowAudit Of(ElfFile worker) => new(() => UnwindAudit.Run(worker));

    public static RowAudit Of(UnwindReport report) => new(() => report);

    public async Task<UnwindReport> ReportAsync() => (await _report.Value.ConfigureAwait(false)).Report;

    /// <summary>How much it compared.</summary>
    public async Task<RowCounts> CountsAsync()
    {
        var (report, seconds) = await _report.Value.ConfigureAwait(false);
        var excused = report.Excused.GroupBy(e => e.Reason.Function).ToDictionary(g => g.Key, g => (long)g.Count());
        return new RowCounts(1, report.Counts.Entries, report.Counts.Instructions, excused, seconds);
    }
}

/// <summary>Findings about unwind rows.</summary>
internal static partial class UnwindFindings
{
    /// <summary>The check's name.</summary>
    public const string Check = "unwind-row";

    /// <summary>With the place in the unit of the program whose function it is; the first one's where it is no program's. First per signature and place.</summary>
    public static async Task<IReadOnlyList<(int Place, Finding Finding)>> OfAsync(BuiltUnit unit)
    {
        if (unit.Rows is not { } rows)
        {
            return [];
        }

        var report = await rows.ReportAsync().ConfigureAwait(false);
        return [.. report.Findings.Select(finding => Of(unit, finding)).DistinctBy(found => (found.Place, found.Finding.Signature))];
    }

    /// <summary>One of a unit's case, which has the first place: what its company shows is not the case's.</summary>
    /// <param name="wanted">Null: any.</param>
    public static async Task<Finding?> OfCaseAsync(BuiltUnit unit, Signature? wanted = null) =>
        (await OfAsync(unit).ConfigureAwait(false)).Where(found => found.Place == 0).Select(found => found.Finding).FirstOrDefault(finding => wanted is null || finding.Signature == wanted);

    private static (int Place, Finding Finding) Of(BuiltUnit unit, UnwindFinding finding)
    {
        var place = ProgramFunction().Match(finding.Function) is { Success: true } match
            && int.TryParse(match.Groups["number"].ValueSpan, out var number) && number < unit.Programs.Count ? number : 0;
        var signature = new Signature(Check, unit.Cell, Signature.Dashed(finding.Kind), finding.Function);
        var alike = finding.Instructions > 1 ? $"{finding.Instructions} instructions alike" : "";
        return (place, new Finding(
            signature,
            new Case(unit.Programs[place], unit.Cell, ExecutionPlan.Baseline),
            new Observation(Check, finding.ToString(), [], null, null, null, alike.Length > 0 ? alike : null, Recorded: true)));
    }

    [GeneratedRegex(@"\bprogram_(?<number>\d+)\.", RegexOptions.ExplicitCapture)]
    private static partial Regex ProgramFunction();
}
