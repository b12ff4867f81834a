using Harness.Model;

namespace Harness.Verification.Tests;

public class BatchCheckerTests
{
    private static readonly PlanOptions Options = PlanOptions.Default with { RowCap = 300 };

    private static async Task<BatchResult> CheckAsync(
        Func<FiberProgram, ExecutionPlan, Defect> defect, FakeFactory? factory = null, params FiberProgram[] programs)
    {
        FiberProgram[] all = programs.Length > 0 ? programs : [Samples.Nested(fibers: 2), Samples.Recursive(6)];
        return await new BatchChecker(factory ?? new FakeFactory(), new ModelWorker(defect))
            .CheckAsync(all, Samples.Cell, Options, "nowhere", CancellationToken.None);
    }

    [Fact]
    public async Task A_healthy_batch_runs_everything_and_finds_nothing()
    {
        var result = await CheckAsync((_, _) => Defect.None);
        Assert.Empty(result.Findings);
        Assert.Empty(result.Inconclusive);
        Assert.Empty(result.RowsSkipped);
        Assert.Empty(result.Unfinished);
        Assert.Equal(0, result.FailedRows);
        Assert.Equal(2, result.Counters.Programs);
        Assert.Equal(result.Programs.Sum(p => p.RowsPlanned), result.Counters.Executions);
        Assert.True(result.Judged.Traces > 20);
        Assert.True(result.Judged.Overflows > 5);
        Assert.Equal(0, result.Judged.LinesUnknown);
        Assert.Equal(result.Programs.Sum(p => p.Facts.ObservedRows), result.Traces.Observed);
        string[] labels =
            ["fault/panic", "fault/error", "fault/none", "split/natural", "placement/ascending", "policy/unmap", "schedule/seeded"];
        foreach (var label in labels)
        {
            Assert.True(result.Coverage[label] > 0, label);
        }
    }

    [Fact]
    public async Task A_lost_release_is_a_finding_with_both_logs()
    {
        var program = Samples.Nested();
        var result = await CheckAsync(
            (_, e) => e.Split.Kind is SplitKind.EveryEntry && e.Fault is FaultPlan.None ? Defect.LosesRelease : Defect.None, null, program);
        var finding = Assert.Single(result.Findings);
        Assert.Equal("digest.released-not-result.acquire-defer.attribute-releasefast-llvm-x86_64-linux-gnu", finding.Signature.ToString());
        Assert.Equal(program, finding.Case.Program);
        Assert.Equal(SplitPlan.Every, finding.Case.Plan.Split);
        var observation = finding.Observation;
        Assert.True(observation.Recorded);
        Assert.NotNull(observation.Events);
        Assert.Equal(EventKind.Released, observation.Events.ExpectedEvent?.Kind);
        Assert.Equal(EventKind.Result, observation.Events.ObservedEvent?.Kind);
        Assert.Equal(
            observation.Events.Expected.Take(observation.Events.FirstDifference),
            observation.Events.Observed.Take(observation.Events.FirstDifference));
        Assert.Equal(Enumerable.Range(0, 1), result.Programs.Where(p => p.IsComplete).Select(p => p.Index));
        Assert.True(result.FailedRows >= 9);
    }

    [Fact]
    public async Task A_lost_frame_in_a_baseline_is_a_finding_with_both_traces()
    {
        var result = await CheckAsync((_, e) => e == ExecutionPlan.Baseline ? Defect.LosesFrame : Defect.None, null, Samples.Nested());
        var finding = Assert.Single(result.Findings);
        Assert.Equal("trace-fp", finding.Signature.Check);
        Assert.Equal("wrongfunction", finding.Signature.Event);
        var chain = finding.Observation.Chain;
        Assert.NotNull(chain);
        Assert.Equal(1, chain.FirstDifference);
        Assert.Equal(chain.Expected.Count, chain.Observed.Count);
        Assert.Contains("function 1", chain.Expected[1]);
    }

    [Fact]
    public async Task Error_return_traces_are_compared_where_they_are_kept()
    {
        var programs = new[] { Samples.Failures(40), Samples.Nested() };
        foreach (var cell in new[] { Samples.Cell, Samples.Cell with { ErrorTracing = true } })
        {
            var result = await new BatchChecker(new FakeFactory(), new ModelWorker())
                .CheckAsync(programs, cell, Options, "nowhere", CancellationToken.None);
            Assert.Empty(result.Findings.Select(f => $"{f.Signature}: {f.Observation}"));
            Assert.Equal(cell.ErrorTracing, result.Judged.ErrorTraces > 20);
            Assert.Equal(cell.ErrorTracing, result.Coverage.ContainsKey("trace/error-return-full"));
        }
    }

    [Theory]
    [InlineData(nameof(Defect.LosesErrorEntry), "trace-errors", "errorcount")]
    [InlineData(nameof(Defect.ForgetsToTakeBack), "trace-errors", "errorcount")]
    [InlineData(nameof(Defect.EntersTheStub), "trace-errors", "wrongfunction")]
    [InlineData(nameof(Defect.SendsNoErrorTraces), "traces-missing", "undisturbed")]
    public async Task A_wrong_error_return_trace_in_a_baseline_is_a_finding_with_both_traces(string defect, string check, string how)
    {
        var what = Enum.Parse<Defect>(defect);
        var result = await new BatchChecker(new FakeFactory(), new ModelWorker((_, e) => e == ExecutionPlan.Baseline ? what : Defect.None))
            .CheckAsync([Samples.Failures(5)], Samples.Cell with { ErrorTracing = true }, Options, "nowhere", CancellationToken.None);
        var finding = Assert.Single(result.Findings);
        Assert.Equal((check, how), (finding.Signature.Check, finding.Signature.Event));
        Assert.True(finding.Case.Cell.ErrorTracing);
        // An index that was not taken back shows at once, where nothing is kept yet; the others in the first trace with entries.
        Assert.Equal(check == "trace-errors" && how != "errorcount" ? "function 1 line" : "", Beginning(finding.Observation.Chain));
    }

    private static string Beginning(ChainComparison? chain) =>
        chain is { Expected: [var first, ..] } && chain.Fault is TraceFault.WrongFunction ? first[..15] : "";

    [Fact]
    public async Task Traces_that_are_not_sent_are_a_finding()
    {
        var result = await CheckAsync((_, e) => e == ExecutionPlan.Baseline ? Defect.SendsNoTraces : Defect.None, null, Samples.Nested());
        Assert.Equal("traces-missing", Assert.Single(result.Findings).Signature.Check);
    }

    [Fact]
    public async Task A_crash_is_a_finding_of_its_execution_and_the_rest_goes_on()
    {
        var result = await CheckAsync(
            (_, e) => e is { Split.Kind: SplitKind.SingleEntry, Split.A: 3, Fault: FaultPlan.None } ? Defect.Crashes : Defect.None,
            null, Samples.Nested());
        var finding = Assert.Single(result.Findings);
        Assert.Equal(("crash", "sigsegv", "hs-callback"), (finding.Signature.Check, finding.Signature.Event, finding.Signature.Site));
        Assert.Equal(SplitMenu.Single(3), finding.Case.Plan.Split);
        Assert.NotNull(finding.Observation.Crash);
    }

    [Fact]
    public async Task A_hang_is_a_finding()
    {
        var result = await CheckAsync(
            (_, e) => e.Fault is FaultPlan.PanicAt { Entry: 0 } ? Defect.Hangs : Defect.None, null, Samples.Nested());
        Assert.Equal(("hang", "trapped"), (result.Findings[0].Signature.Check, result.Findings[0].Signature.Event));
    }

    [Fact]
    public async Task A_kill_for_memory_is_neither_pass_nor_fail()
    {
        var result = await CheckAsync(
            (p, e) => p.Functions.Count == 1 && e.Split.Kind is SplitKind.DepthSet ? Defect.IsKilledForMemory : Defect.None);
        Assert.Empty(result.Findings);
        Assert.Equal([1], result.Unfinished);
        Assert.Equal(1, result.Counters.Programs);
        Assert.Contains("killed for memory", Assert.Single(result.Inconclusive));
        Assert.True(result.RowsSkipped["killed for memory"] > 0);
    }

    [Fact]
    public async Task An_overflow_that_the_model_does_not_follow_is_a_finding()
    {
        var result = await CheckAsync(
            (_, e) => e.Fault is FaultPlan.StackBudget ? Defect.LosesRelease : Defect.None, null, Samples.Nested());
        Assert.NotEmpty(result.Findings);
        Assert.All(result.Findings, f => Assert.Equal("overflow", f.Signature.Check));
        Assert.All(result.Findings, f => Assert.NotNull(f.Observation.Events));
    }

    [Fact]
    public async Task An_overflow_whose_delivery_is_kept_secret_is_a_finding()
    {
        var result = await CheckAsync(
            (_, e) => e.Fault is FaultPlan.StackBudget ? Defect.DeliversInSilence : Defect.None, null, Samples.Nested());
        Assert.All(result.Findings, f => Assert.Equal("overflow", f.Signature.Check));
        Assert.NotEmpty(result.Findings);
    }

    [Fact]
    public async Task What_fails_alike_in_one_program_is_one_finding_and_in_two_programs_two()
    {
        var result = await CheckAsync((_, e) => e.Split.Kind is SplitKind.None ? Defect.None : Defect.SaysCanary);
        var byProgram = result.Findings.GroupBy(f => f.Case.Program).ToArray();
        Assert.Equal(2, byProgram.Length);
        Assert.All(byProgram, g => Assert.Equal(g.Count(), g.Select(f => f.Signature).Distinct().Count()));
        Assert.All(result.Findings, f => Assert.Equal("canary", f.Signature.Check));
    }

    [Fact]
    public async Task A_failure_that_does_not_come_back_when_recorded_is_still_reported()
    {
        var seen = 0;
        var result = await CheckAsync(
            (_, e) => e is { Split.Kind: SplitKind.DepthSet, Fault: FaultPlan.None } && seen++ == 0 ? Defect.LosesRelease : Defect.None,
            null, Samples.Nested());
        var finding = Assert.Single(result.Findings);
        Assert.Equal("digest", finding.Signature.Check);
        Assert.False(finding.Observation.Recorded);
        Assert.Null(finding.Observation.Events);
    }

    [Fact]
    public async Task A_program_that_does_not_compile_is_found_by_halving_and_the_others_are_checked()
    {
        FiberProgram[] programs = [.. Enumerable.Range(1, 8).Select(i => Samples.Recursive(i))];
        var factory = new FakeFactory(p => p == programs[5]);
        var result = await CheckAsync((_, _) => Defect.None, factory, programs);
        var finding = Assert.Single(result.Findings);
        Assert.Equal("compile.expected-type-u-found-void.unit.attribute-releasefast-llvm-x86_64-linux-gnu", finding.Signature.ToString());
        Assert.Equal(programs[5], finding.Case.Program);
        Assert.Contains("error: expected type", finding.Observation.Output);
        Assert.Equal([5], result.Unfinished);
        Assert.Equal(7, result.Counters.Programs);
        Assert.Equal(7, factory.Attempts);
    }

    [Fact]
    public async Task What_failed_before_the_time_was_over_is_recorded_and_the_rest_is_said_not_to_have_run()
    {
        var result = await WindUpAsync(Defect.SaysCanary);
        var finding = Assert.Single(result.Findings);
        Assert.Equal(("canary", true), (finding.Signature.Check, finding.Observation.Recorded));
        Assert.Equal([0, 1], result.Unfinished);
        Assert.True(result.RowsSkipped["the time was over"] > 0);
    }

    [Fact]
    public Task A_batch_that_is_wound_up_before_anything_failed_leaves_nothing() =>
        Assert.ThrowsAnyAsync<OperationCanceledException>(() => WindUpAsync(Defect.None));

    /// <summary>The time is over while the first program's first execution with a split runs, which this befalls.</summary>
    private static async Task<BatchResult> WindUpAsync(Defect defect)
    {
        using var windUp = new CancellationTokenSource();
        var worker = new ModelWorker((_, e) =>
        {
            if (e.Split.Kind is SplitKind.None)
            {
                return Defect.None;
            }

            windUp.Cancel();
            return defect;
        });
        return await new BatchChecker(new FakeFactory(), worker)
            .CheckAsync([Samples.Nested(), Samples.Recursive(2)], Samples.Cell, Options, "nowhere", CancellationToken.None, windUp.Token);
    }

    [Fact]
    public async Task An_empty_batch_is_nothing_checked()
    {
        var result = await new BatchChecker(new FakeFactory(), new ModelWorker())
            .CheckAsync([], Samples.Cell, Options, "nowhere", CancellationToken.None);
        Assert.Equal(Counters.Zero, result.Counters);
    }
}
