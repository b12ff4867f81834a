using System.Globalization;
using System.Text;
using Harness.Model;

namespace Harness.Reports;

/// <summary>The verdict as people read it on a terminal. Draws text; writing it is the CLI's.</summary>
public static class ConsoleReport
{
    private const int MaxShown = 10;

    /// <summary>Of what a finding depends on; all of it is shown by <c>show</c> and in the report.</summary>
    private const int ExplainedShown = 6;

    private static readonly (string Title, Func<CellSummary, string> Value)[] _columns =
    [
        .. CellColumns.Counted.Select(column => (column.Title, (Func<CellSummary, string>)(cell => Number(column.Value(cell))))),
        ("compile", cell => Seconds(cell.CompileSeconds)),
        ("execute", cell => Seconds(cell.ExecuteSeconds)),
    ];

    /// <param name="runPath">The run's folder as the user would reach it.</param>
    public static string Render(RunSummary summary, string runPath)
    {
        var text = new StringBuilder();
        text.Append(Headline(summary)).Append('\n');
        foreach (var reason in summary.Reasons.Take(MaxShown))
        {
            text.Append("  ").Append(reason).Append('\n');
        }

        More(text, summary.Reasons.Count);

        text.Append('\n');
        Counters(text, summary);
        text.Append('\n');
        CellTable(text, summary.Cells);
        Regressions(text, summary);
        Findings(text, summary, runPath);
        text.Append('\n');
        Closing(text, summary, runPath);
        return Printable.Lines(text.ToString());
    }

    /// <summary>One line: the verdict and what it rests on.</summary>
    public static string Headline(RunSummary summary) => summary.Verdict switch
    {
        "held" => $"HELD: {Number(summary.Programs)} programs, {Number(summary.Executions)} executions, no failure",
        "falsified" => $"FALSIFIED: {Count(FindingFamily.Of(summary.Findings).Count, "distinct failure")} in {Number(summary.Programs)} programs, {Number(summary.Executions)} executions",
        _ => $"INCONCLUSIVE: {Number(summary.Programs)} programs, {Number(summary.Executions)} executions; the evidence is too thin",
    } + (summary.Ending is "completed" ? "" : summary.Ending is "killed" or "interrupted" ? $" ({summary.Ending} early)" : " (stopped early)");

    /// <summary>What a run over the small scope was over; null of others.</summary>
    public static string? ScopeSentence(RunSummary summary) => summary.Scope is not { } scope ? null
        : $"{Number(scope.Checked)} of {Number(scope.Due)}: {(scope.Checked == scope.Due ? "every program" : "programs")} of up to {Count(scope.Size, "statement")} ({Number(scope.Programs)}) "
        + $"in {Count(scope.Cells, "cell")}, each with every fault at every entry, in every placement, and with every set of splits"
        + (scope.SmallSplitSets > 0 ? $"; but {Number(scope.SmallSplitSets)}, which have too many entries, with each split alone, each two, and all" : "");

    /// <summary>What the evidence bounds, or why it bounds nothing.</summary>
    public static string ConfidenceSentence(RunSummary summary) => summary is { Scope: not null, Confidence.UpperBound: not null }
        ? "every program of the scope, so nothing to estimate in it; nothing is said of programs outside"
        : summary.Confidence.UpperBound is { } bound
        ? string.Create(
            CultureInfo.InvariantCulture,
            $"with {summary.Confidence.Level * 100:0} % confidence fewer than {bound * 100:0.###} % of programs of this distribution fail")
        : "no bound: something failed, or nothing ran";

    /// <summary>What came of the executions that were disturbed: counts that no seed repeats.</summary>
    public static string DisturbedSentence(RunSummary summary) =>
        $"by {Count(summary.Disturbances.Signals, "signal")}, of them {Number(summary.Disturbances.InStubs)} inside morestack and lessstack, "
        + $"{Number(summary.Disturbances.Handlers)} with a handler that was split code ({Number(summary.Disturbances.Told)} of those told that its stack is used up); "
        + $"{Count(summary.Disturbances.Moves, "resume")} on a second thread";

    /// <summary>Which other unwinders were asked about probes' stacks, and how often. They agreed, or there are findings with the check <c>opinion</c>.</summary>
    public static string OpinionsSentence(RunSummary summary)
    {
        var asked = summary.Coverage.Where(line => line.Label.StartsWith(CoverageLabels.Opinion, StringComparison.Ordinal))
            .OrderBy(line => line.Label, StringComparer.Ordinal).Select(line => $"{line.Label[CoverageLabels.Opinion.Length..]} {Number(line.Count)} times").ToList();
        return asked.Count > 0 ? string.Join(", ", asked) : "nobody: no other unwinder is installed, or no probe took traces";
    }

    private static void Counters(StringBuilder text, RunSummary summary)
    {
        (string Name, long Value)[] counters =
        [
            ("programs", summary.Programs), ("executions", summary.Executions), ("splits forced", summary.SplitsForced),
            ("faults injected", summary.FaultsInjected), ("probes", summary.Probes), ("frames checked", summary.FramesChecked),
            ("resources acquired", summary.ResourcesAcquired), ("resources released", summary.ResourcesReleased),
        ];
        var width = counters.Max(counter => Number(counter.Value).Length);
        foreach (var (name, value) in counters)
        {
            text.Append($"  {name,-20}{Number(value).PadLeft(width)}\n");
        }

        foreach (var (reason, count) in summary.Inconclusive)
        {
            text.Append($"  neither pass nor fail: {Number(count)} × {reason}\n");
        }
    }

    private static void CellTable(StringBuilder text, IReadOnlyList<CellSummary> cells)
    {
        string[][] rows =
        [
            ["cell", .. _columns.Select(column => column.Title)],
            .. cells.Select(cell => (string[])[cell.Cell, .. _columns.Select(column => column.Value(cell))]),
        ];
        var widths = Enumerable.Range(0, rows[0].Length).Select(i => rows.Max(row => row[i].Length)).ToArray();
        foreach (var row in rows)
        {
            var cellsOfRow = row.Select((value, i) => i == 0 ? value.PadRight(widths[i]) : value.PadLeft(widths[i]));
            text.Append("  ").AppendJoin("  ", cellsOfRow).Append('\n');
        }
    }

    private static void Regressions(StringBuilder text, RunSummary summary)
    {
        if (summary.Regressions.Count > 0)
        {
            var held = summary.Regressions.Count(regression => regression.Holds);
            text.Append($"\n  stored cases        {held} of {summary.Regressions.Count} hold\n");
        }
    }

    /// <summary>One paragraph per family; the member that was shrunk stands for the others.</summary>
    private static void Findings(StringBuilder text, RunSummary summary, string runPath)
    {
        var families = FindingFamily.Of(summary.Findings);
        foreach (var (finding, others) in families.Take(MaxShown))
        {
            text.Append($"\n  {finding.Family}\n    {finding.Cell}, {Count(finding.Occurrences, "time")}, {finding.Again}{finding.Shrunk}\n    {(finding.History.Length > 0 ? finding.History : "new")}\n");
            foreach (var sentence in finding.Explanation?.Sentences().Take(ExplainedShown) ?? [])
            {
                text.Append($"      {sentence}\n");
            }

            if (others.Count > 0)
            {
                text.Append($"    also in {string.Join(", ", others.Select(other => other.Cell))}\n");
            }

            if (finding.CasePath.Length > 0)
            {
                text.Append($"    scripts/harness show {Shell.Quote(CasePath(runPath, finding))}\n    {finding.Replay}\n");
            }

            if (finding.CorePath.Length > 0)
            {
                text.Append($"    scripts/harness replay --core {Shell.Quote(Path.Combine(CasePath(runPath, finding), Path.GetFileName(finding.CorePath)))}\n");
            }
            else if (finding.CoreMissing.Length > 0)
            {
                text.Append($"    no core: {finding.CoreMissing}\n");
            }
        }

        More(text, families.Count);
    }

    private static void More(StringBuilder text, int count)
    {
        if (count > MaxShown)
        {
            text.Append($"  and {count - MaxShown} more in the report\n");
        }
    }

    private static string CasePath(string runPath, FindingSummary finding) =>
        Path.Combine(runPath, "cases", Path.GetFileName(finding.CasePath));

    private static void Closing(StringBuilder text, RunSummary summary, string runPath)
    {
        var timings = summary.Timings;
        if (ScopeSentence(summary) is { } scope)
        {
            text.Append($"  scope     {scope}\n");
            foreach (var left in summary.Scope!.Excludes)
            {
                text.Append($"  left out  {left}\n");
            }
        }

        if (summary.Runtime is { } runtime)
        {
            text.Append($"  runtime   {runtime.Name}: {runtime.About}\n");
            foreach (var (what, why) in runtime.LeftOut)
            {
                text.Append($"  without   {what}: {why}\n");
            }
        }

        text.Append($"  evidence  {ConfidenceSentence(summary)}\n");
        if (EvidenceText.WorstSentence(summary) is { } worst)
        {
            text.Append($"  least     {worst}\n");
        }

        if (summary.Scope is null)
        {
            text.Append($"  small     {EvidenceText.EnumeratedSentence(summary)}\n");
        }

        if (EvidenceText.InteractionSentence(summary) is { } met)
        {
            text.Append($"  covered   {met}\n");
            text.Append(EvidenceText.MissingPairs(summary) is { } missing ? $"  missing   {missing}\n" : "");
        }

        text.Append($"  mutants   {EvidenceText.MutationSentence(summary)}\n");
        if (EvidenceText.CanarySentence(summary) is { } canary)
        {
            text.Append($"  canary    {canary}\n");
        }

        text.Append(string.Create(
            CultureInfo.InvariantCulture,
            $"  time      {timings.WallSeconds:0.0} s, of it {timings.PrepareSeconds:0.0} s preparing; {summary.Throughput.ProgramsPerSecond:0.0} programs/s, {summary.Throughput.ExecutionsPerSecond:N0} executions/s\n"));
        text.Append($"  traces    taken {TraceText.Observed(summary)}\n");
        text.Append($"  rows      {TraceText.Rows(summary)}\n");
        text.Append($"  stepped   {TraceText.Steps(summary)}\n");
        text.Append($"  disturbed {DisturbedSentence(summary)}\n");
        text.Append($"  asked     {OpinionsSentence(summary)}\n");
        text.Append($"  zig       {summary.ZigVersion}\n");
        text.Append($"  report    {Path.Combine(runPath, "report.html")}\n");
        text.Append($"  summary   {Path.Combine(runPath, "summary.json")}\n");
        text.Append($"  seed      {summary.Seed}\n");
        text.Append($"  repeat    {summary.Repeat}\n");
    }

    /// <summary>Three digits of it, for narrow places.</summary>
    internal static string Short(double number) => number switch
    {
        < 10 => number.ToString("0.##", CultureInfo.InvariantCulture),
        < 10_000 => number.ToString("N0", CultureInfo.InvariantCulture),
        < 1e6 => (number / 1e3).ToString("0.#", CultureInfo.InvariantCulture) + " k",
        < 1e9 => (number / 1e6).ToString("0.#", CultureInfo.InvariantCulture) + " M",
        _ => (number / 1e9).ToString("N1", CultureInfo.InvariantCulture) + " G",
    };

    internal static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    public static string Count(long count, string noun) => $"{Number(count)} {noun}{(count == 1 ? "" : "s")}";

    private static string Seconds(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s");
}

/// <summary>Words for a POSIX shell.</summary>
public static class Shell
{
    public static string Quote(string word) =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./=:,+@%".Contains(c))
            ? word
            : $"'{word.Replace("'", @"'\''")}'";
}
