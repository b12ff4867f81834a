using Harness.Campaigns;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli.Tests;

public sealed class VerdictTests
{
    private static readonly JournalRecord _started = new JournalRecord.RunStarted(
        JournalRecord.FormatVersion, "id", DateTimeOffset.UnixEpoch,
        new RunSettings(1, null, 4, null, [Sample.Cell.ToString()], ["descending"], 2, "scripts/harness run"), Sample.Versions);

    private static readonly JournalRecord _ended = new JournalRecord.RunEnded(RunStop.Completed, "");

    [Fact]
    public void A_run_without_failures_held() => AssertVerdict(Verdict.Held, ExitCodes.Held, _started, Batch(Sample.Counters), _ended);

    [Fact]
    public void A_run_in_which_nothing_ran_is_inconclusive() => AssertVerdict(Verdict.Inconclusive, ExitCodes.Inconclusive, _started, _ended);

    [Fact]
    public void A_run_without_splits_is_inconclusive() =>
        AssertVerdict(Verdict.Inconclusive, ExitCodes.Inconclusive, _started, Batch(Sample.Counters with { SplitsForced = 0 }), _ended);

    [Fact]
    public void A_run_without_probes_is_inconclusive() =>
        AssertVerdict(Verdict.Inconclusive, ExitCodes.Inconclusive, _started, Batch(Sample.Counters with { Probes = 0 }), _ended);

    [Fact]
    public void A_run_whose_programs_never_finished_is_inconclusive() =>
        AssertVerdict(Verdict.Inconclusive, ExitCodes.Inconclusive, _started, Batch(Sample.Counters, [0, 1, 2, 3]), _ended);

    [Fact]
    public void A_run_that_reached_only_some_cells_is_inconclusive()
    {
        var started = (JournalRecord.RunStarted)_started;
        var wider = started with { Settings = started.Settings with { Cells = [.. CellMatrix.Default.Select(cell => cell.ToString())] } };
        AssertVerdict(Verdict.Inconclusive, ExitCodes.Inconclusive, wider, Batch(Sample.Counters), _ended);
    }

    [Fact]
    public void Many_programs_that_never_met_a_fault_are_inconclusive()
    {
        var judgement = AssertVerdict(Verdict.Inconclusive, ExitCodes.Inconclusive, _started, Batch(Sample.Counters, [], 100), _ended);
        Assert.Contains(judgement.Reasons, reason => reason.Contains("fault/panic"));
    }

    [Fact]
    public void A_reproduced_failure_falsifies() => AssertVerdict(
        Verdict.Falsified, ExitCodes.Falsified, _started, Batch(Sample.Counters), Seen(), new JournalRecord.FindingConfirmed("s", 1, 10, false), _ended);

    [Fact]
    public void A_failure_that_there_was_no_time_to_run_again_falsifies() =>
        AssertVerdict(Verdict.Falsified, ExitCodes.Falsified, _started, Batch(Sample.Counters), Seen());

    [Fact]
    public void A_failure_that_never_came_back_is_inconclusive() => AssertVerdict(
        Verdict.Inconclusive, ExitCodes.Inconclusive, _started, Batch(Sample.Counters), Seen(), new JournalRecord.FindingConfirmed("s", 0, 10, false), _ended);

    [Fact]
    public void A_case_that_failed_otherwise_when_it_was_run_again_falsifies() => AssertVerdict(
        Verdict.Falsified, ExitCodes.Falsified, _started, Batch(Sample.Counters), Seen(), new JournalRecord.FindingConfirmed("s", 0, 10, false, Otherwise: 10), _ended);

    [Fact]
    public void A_failure_that_came_back_only_in_its_batch_falsifies() => AssertVerdict(
        Verdict.Falsified, ExitCodes.Falsified, _started, Batch(Sample.Counters), Seen(), new JournalRecord.FindingConfirmed("s", 0, 10, InBatch: true), _ended);

    [Fact]
    public void A_failing_stored_case_falsifies() => AssertVerdict(
        Verdict.Falsified, ExitCodes.Falsified, _started,
        new JournalRecord.RegressionReplayed("n", "s", "c", "k", Holds: false, Conclusive: true, "p", "t", ""), Batch(Sample.Counters), _ended);

    [Fact]
    public void A_stored_case_that_cannot_be_judged_is_inconclusive() => AssertVerdict(
        Verdict.Inconclusive, ExitCodes.Inconclusive, _started,
        new JournalRecord.RegressionReplayed("n", "s", "c", "k", Holds: false, Conclusive: false, "p", "t", ""), Batch(Sample.Counters), _ended);

    [Fact]
    public void A_broken_environment_ends_with_its_own_code() => AssertVerdict(
        Verdict.Inconclusive, ExitCodes.Environment, _started, Batch(Sample.Counters), new JournalRecord.RunEnded(RunStop.Failed, "no compiler"));

    [Fact]
    public void A_killed_run_is_judged_by_what_it_did() =>
        AssertVerdict(Verdict.Held, ExitCodes.Held, _started, Batch(Sample.Counters));

    [Fact]
    public void A_program_counts_once_however_many_cells_checked_it()
    {
        var other = (JournalRecord.BatchChecked)Batch(Sample.Counters);
        var tally = Tally.Of([_started, other, other with { Cell = CellMatrix.All[1].ToString() }, other with { Start = 4, Unfinished = [0] }]);
        Assert.Equal(7, tally.Total.Programs);
        Assert.Equal(300, tally.Total.Executions);
        Assert.Equal([7L, 4L], tally.Cells.Select(cell => cell.Counters.Programs));
    }

    private static JournalRecord Batch(Counters counters, int[]? unfinished = null, int count = 4) => new JournalRecord.BatchChecked(
        0, Sample.Cell.ToString(), 0, count, (unfinished ?? []).ToEquatableArray(), counters, new Dictionary<string, long>(), new Dictionary<string, long>(), PhaseSeconds.Zero, 1);

    private static JournalRecord Seen() => new JournalRecord.FailureSeen("s", "f", Sample.Cell.ToString(), 0, "digest");

    private static Judgement AssertVerdict(Verdict verdict, int exitCode, params JournalRecord[] records)
    {
        var tally = Tally.Of(records);
        var judgement = Judgement.Of(tally);
        Assert.Equal(verdict, judgement.Verdict);
        Assert.Equal(verdict is Verdict.Held, judgement.Reasons.Count == 0);
        Assert.Equal(exitCode, RunSummary.Of(tally).ExitCode);
        return judgement;
    }
}
