using Harness.Execution;

namespace Harness.Verification.Tests;

public class WorkerSessionTests
{
    private const int Timeout = 60_000;

    private static readonly WorkerLimits Limits =
        new() { RowTimeout = TimeSpan.FromSeconds(1), PollInterval = TimeSpan.FromMilliseconds(10) };

    /// <summary>Wall time alone tells nothing.</summary>
    private static WorkerLimits Patient => Limits with { RowTimeout = TimeSpan.FromMinutes(1) };

    private readonly List<WorkerMessage> _messages = [];

    private async Task<SessionResult> RunAsync(
        FakeWorker worker, WorkerPlan plan, WorkerLimits? limits = null, CancellationToken ct = default, CancellationToken windUp = default) =>
        await new WorkerSession(ChildProcess.Bare).RunAsync(worker.Path, plan, worker.RunDirectory, limits ?? Limits, _messages.Add, ct, windUp);

    private IEnumerable<int> RowsRun => _messages.OfType<WorkerMessage.Delivered>().Select(m => m.Row);

    [Fact(Timeout = Timeout)]
    public async Task A_plan_that_runs_through_has_no_outcomes()
    {
        using var worker = FakeWorker.Of(4, "");
        var result = await RunAsync(worker, FakeWorker.PlanOf([2, 2]));
        Assert.Empty(result.Outcomes);
        Assert.Empty(result.Skipped);
        Assert.Equal(1, result.Processes);
        Assert.Equal([0, 1, 2, 3], RowsRun);
        Assert.Equal(2, result.Counters.Executions);
        Assert.IsType<WorkerMessage.Done>(_messages[^1]);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_crash_belongs_to_its_row_and_the_rest_still_runs()
    {
        using var worker = FakeWorker.Of(6, "3) kill -SEGV $$;;");
        var result = await RunAsync(worker, FakeWorker.PlanOf([3, 3], []));
        // Row 3 is the baseline of the second scenario: the rows behind it have nothing to be compared with.
        Assert.Equal((3, 11), result.Outcomes.Single() is RowOutcome.Crashed c ? (c.Row, c.Signal) : default);
        Assert.Equal([new SkippedRows(4, 6, "baseline failed")], result.Skipped);
        Assert.Equal([0, 1, 2], RowsRun);
    }

    [Fact(Timeout = Timeout)]
    public async Task What_a_worker_says_of_rows_that_it_runs_again_for_itself_is_not_handed_on()
    {
        const string said = """
            for line in 'probe row=0 fiber=0 site=1 ordinal=0 observer=fp chain=0 stubs=0 segments=0' 'probes row=0 fiber=0 site=1 ordinal=0 chain=0 stubs=0 segments=0'                 'errors row=0 fiber=0 site=1 ordinal=0 kept=1 index=0 chain=0 caller=0' 'opinion row=0 fiber=0 site=1 ordinal=0 tool=libgcc chain=0 stubs=0'                 'places row=0 masks=001' 'delivered row=0 entry=1 error=100' 'again row=0 times=2'; do echo "#hs $line"; done
            """;
        using var worker = FakeWorker.Of(3, $"1) kill -SEGV $$;; 2) {said};;");
        var result = await RunAsync(worker, FakeWorker.PlanOf([3]));
        Assert.Equal([1], result.Outcomes.Select(outcome => outcome.Row));
        var second = _messages.Skip(_messages.FindLastIndex(m => m is WorkerMessage.Ready)).ToArray();
        Assert.Equal([null, 2, null], second.Select(m => m.OfRow));

        // The same of the row itself is.
        _messages.Clear();
        using var same = FakeWorker.Of(3, $"1) kill -SEGV $$;; 2) {said.Replace("row=0", "row=2", StringComparison.Ordinal)};;");
        await RunAsync(same, FakeWorker.PlanOf([3]));
        Assert.Equal(9, _messages.Count(m => m.OfRow == 2));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_crash_behind_the_baseline_costs_one_row()
    {
        using var worker = FakeWorker.Of(6, "1|4) kill -ABRT $$;;");
        var result = await RunAsync(worker, FakeWorker.PlanOf([3, 3]));
        Assert.Equal([(1, 6), (4, 6)], result.Outcomes.Cast<RowOutcome.Crashed>().Select(c => (c.Row, c.Signal)));
        Assert.Empty(result.Skipped);
        Assert.Equal(3, result.Processes);
        Assert.Equal([0, 2, 3, 5], RowsRun);
        Assert.Equal(6, result.Counters.Executions);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_failing_first_row_ends_its_program_only()
    {
        using var worker = FakeWorker.Of(5, "0) kill -SEGV $$;;");
        var result = await RunAsync(worker, FakeWorker.PlanOf([1, 2], [2]));
        Assert.Equal([new SkippedRows(1, 3, "first row failed")], result.Skipped);
        Assert.Equal([3, 4], RowsRun);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_crash_that_the_worker_wrote_down_has_address_and_program_counter()
    {
        using var worker = FakeWorker.Of(2, "1) page 1 1 11; exit 1;;");
        var result = await RunAsync(worker, FakeWorker.PlanOf([2]));
        Assert.Equal(new RowOutcome.Crashed(1, 11, 96, 80, 1, ""), result.Outcomes.Single());
    }

    [Fact(Timeout = Timeout)]
    public async Task A_hang_is_killed_and_timed_out_and_its_program_not_run_further()
    {
        using var worker = FakeWorker.Of(4, "1) sleep 60;;");
        var result = await RunAsync(worker, FakeWorker.PlanOf([3], [1]));
        Assert.Equal(new RowOutcome.TimedOut(1, Limits.RowTimeout), result.Outcomes.Single());
        Assert.Equal([0, 3], RowsRun);
        Assert.Equal([new SkippedRows(2, 3, "program hung")], result.Skipped);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_row_that_spins_is_told_by_its_processor_time()
    {
        using var worker = FakeWorker.Of(3, "1) while :; do :; done;;");
        var limits = Patient with { RowProcessorTime = TimeSpan.FromMilliseconds(300) };
        var result = await RunAsync(worker, FakeWorker.PlanOf([3]), limits);
        Assert.Equal(new RowOutcome.TimedOut(1, limits.RowProcessorTime, Standstill.Busy), result.Outcomes.Single());
        Assert.Equal("nothing for 0.3 s of a processor's time", ((RowOutcome.TimedOut)result.Outcomes[0]).Words);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_row_that_sleeps_is_told_by_that()
    {
        using var worker = FakeWorker.Of(3, "1) sleep 60;;");
        var limits = Patient with { RowSleep = TimeSpan.FromMilliseconds(300) };
        var result = await RunAsync(worker, FakeWorker.PlanOf([3]), limits);
        Assert.Equal(new RowOutcome.TimedOut(1, limits.RowSleep, Standstill.Asleep), result.Outcomes.Single());
    }

    /// <summary>It sleeps because nobody reads on; a pipe holds 64 KiB.</summary>
    [Fact(Timeout = Timeout)]
    public async Task A_worker_that_waits_for_us_is_not_asleep()
    {
        using var worker = FakeWorker.Of(3, "1) i=0; while [ $i -lt 3000 ]; do echo '#hs delivered row=1 entry=1 error=100'; i=$((i+1)); done;;");
        var first = true;
        var result = await new WorkerSession(ChildProcess.Bare).RunAsync(
            worker.Path, FakeWorker.PlanOf([3]), worker.RunDirectory, Patient with { RowSleep = TimeSpan.FromMilliseconds(300) },
            _ =>
            {
                Thread.Sleep(first ? 1500 : 0);
                first = false;
            }, CancellationToken.None);
        Assert.Empty(result.Outcomes);
    }

    [Fact]
    public void What_a_process_does_is_told_with_its_children()
    {
        using var process = System.Diagnostics.Process.Start("sh", ["-c", "sleep 60; :"]);
        try
        {
            Assert.True(SpinWait.SpinUntil(() => ProcessActivity.Of(process.Id) is { IsAsleep: true }, TimeSpan.FromSeconds(10)));
            Assert.False(ProcessActivity.Of(Environment.ProcessId)!.Value.IsAsleep);
            Assert.True(ProcessActivity.Of(Environment.ProcessId)!.Value.Processor > TimeSpan.Zero);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }

        process.WaitForExit();
        Assert.Null(ProcessActivity.Of(process.Id));
    }

    [Fact(Timeout = Timeout)]
    public async Task Time_that_we_take_to_judge_is_not_the_workers()
    {
        using var worker = FakeWorker.Of(3, "");
        var result = await new WorkerSession(ChildProcess.Bare).RunAsync(
            worker.Path, FakeWorker.PlanOf([3]), worker.RunDirectory, Limits with { RowTimeout = TimeSpan.FromMilliseconds(200) },
            _ => Thread.Sleep(300), CancellationToken.None);
        Assert.Empty(result.Outcomes);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_kill_from_outside_is_memory_and_neither_pass_nor_fail()
    {
        using var worker = FakeWorker.Of(2, "1) kill -KILL $$;;");
        var result = await RunAsync(worker, FakeWorker.PlanOf([2]));
        Assert.Equal(new RowOutcome.MemoryExceeded(1), result.Outcomes.Single());
    }

    [Fact(Timeout = Timeout)]
    public async Task A_worker_that_lacks_something_is_neither_pass_nor_fail()
    {
        using var worker = FakeWorker.Of(2, "1) echo 'worker: out of file descriptors' >&2; exit 3;;");
        var result = await RunAsync(worker, FakeWorker.PlanOf([2]));
        Assert.Contains("descriptors", Assert.IsType<RowOutcome.LimitReached>(result.Outcomes.Single()).Reason);
    }

    [Fact(Timeout = Timeout)]
    public async Task Timeouts_are_limited_because_each_takes_long()
    {
        using var worker = FakeWorker.Of(9, "*) if [ $row -gt 0 ]; then sleep 60; fi;;");
        var result = await RunAsync(
            worker, FakeWorker.PlanOf([2], [1], [6]), Limits with { RowTimeout = TimeSpan.FromMilliseconds(300), MaxTimeouts = 2 });
        Assert.Equal(2, result.Outcomes.OfType<RowOutcome.TimedOut>().Count());
        Assert.Equal([new SkippedRows(3, 9, "too many timeouts")], result.Skipped);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_session_whose_time_is_over_ends_where_it_is_with_what_it_has()
    {
        using var worker = FakeWorker.Of(9, "1) kill -SEGV $$;; 4) echo '#hs delivered row=4 entry=1 error=100'; sleep 60;;");
        using var windUp = new CancellationTokenSource();
        var running = new WorkerSession(ChildProcess.Bare).RunAsync(
            worker.Path, FakeWorker.PlanOf([3], [6]), worker.RunDirectory, Patient, Accept, CancellationToken.None, windUp.Token);
        void Accept(WorkerMessage message)
        {
            if (message is WorkerMessage.Delivered { Row: 4 })
            {
                windUp.Cancel();
            }
        }

        var result = await running;
        Assert.True(result.WoundUp);
        Assert.Equal(new RowOutcome.Crashed(1, 11, 0, 0, 0, ""), Assert.IsType<RowOutcome.Crashed>(result.Outcomes.Single()) with { Address = 0, Pc = 0, Fiber = 0, Stderr = "" });
        Assert.Equal([new SkippedRows(4, 9, "the time was over")], result.Skipped);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_session_whose_time_is_over_starts_no_process()
    {
        using var worker = FakeWorker.Of(2, "");
        var result = await RunAsync(worker, FakeWorker.PlanOf([2]), windUp: new CancellationToken(canceled: true));
        Assert.Equal((true, 0), (result.WoundUp, result.Processes));
        Assert.Equal([new SkippedRows(0, 2, "the time was over")], result.Skipped);
    }

    [Fact(Timeout = Timeout)]
    public async Task An_exit_code_is_an_outcome_with_what_was_said()
    {
        using var worker = FakeWorker.Of(2, "1) echo 'worker: unexpected panic: x' >&2; exit 101;;");
        var result = await RunAsync(worker, FakeWorker.PlanOf([2]));
        var exited = Assert.IsType<RowOutcome.Exited>(result.Outcomes.Single());
        Assert.Equal((1, 101), (exited.Row, exited.Code));
        Assert.Contains("unexpected panic", exited.Stderr);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_program_that_fails_again_and_again_is_given_up()
    {
        using var worker = FakeWorker.Of(12, "1|2|3|4|5|6|7) kill -SEGV $$;;");
        var result = await RunAsync(worker, FakeWorker.PlanOf([10], [2]), Limits with { MaxOutcomesPerProgram = 3 });
        Assert.Equal(3, result.Outcomes.Count);
        Assert.Equal([new SkippedRows(4, 10, "program failed too often")], result.Skipped);
        Assert.Equal([0, 10, 11], RowsRun);
    }

    [Fact(Timeout = Timeout)]
    public async Task Restarts_are_limited()
    {
        using var worker = FakeWorker.Of(10, "1|2|3|4|5|6|7) kill -SEGV $$;;");
        var result = await RunAsync(worker, FakeWorker.PlanOf([10]), Limits with { MaxRestarts = 2 });
        Assert.Equal(3, result.Processes);
        Assert.Equal([new SkippedRows(4, 10, "too many restarts")], result.Skipped);
    }

    [Theory(Timeout = Timeout)]
    // The worker stays in the row for a while: a bad line names none, so it is blamed on the one that the status page shows when it is read.
    [InlineData("1) echo '#hs probe row=x'; sleep 0.5;;", "bad row")]
    [InlineData("1) echo '#hs nonsense'; sleep 0.5;;", "unknown word")]
    [InlineData("1) exit 0;;", "no done line")]
    public async Task What_is_not_in_the_protocol_is_a_violation(string cases, string reason)
    {
        using var worker = FakeWorker.Of(3, cases);
        var result = await RunAsync(worker, FakeWorker.PlanOf([3]));
        var violation = Assert.IsType<RowOutcome.ProtocolViolation>(result.Outcomes.Single());
        Assert.Contains(reason, violation.Detail);

        // The row is the one that runs when the line is read: a later one may.
        Assert.InRange(violation.Row, 1, 2);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_trace_that_both_observers_saw_is_handed_on_as_one_of_each()
    {
        using var worker = FakeWorker.Of(1, "0) echo '#hs probes row=0 fiber=1 site=2 ordinal=3 chain=4 stubs=5 segments=6';;");
        var result = await RunAsync(worker, FakeWorker.PlanOf([1]));
        Assert.Empty(result.Outcomes);
        Assert.Equal(
            [new(0, 1, 2, 3, Observer.FramePointers, 4, 5, 6), new WorkerMessage.Probe(0, 1, 2, 3, Observer.Dwarf, 4, 5, 6)],
            _messages.OfType<WorkerMessage.Probe>());
    }

    [Fact(Timeout = Timeout)]
    public async Task Noise_on_standard_output_is_no_message()
    {
        using var worker = FakeWorker.Of(2, "0) echo 'hello #hs done rows=2'; printf '\\377\\001\\n';;");
        var result = await RunAsync(worker, FakeWorker.PlanOf([2]));
        Assert.Empty(result.Outcomes);
        Assert.Equal(4, _messages.Count);
    }

    [Fact(Timeout = Timeout)]
    public async Task Messages_of_rows_that_are_replayed_after_a_restart_are_dropped()
    {
        using var worker = FakeWorker.Of(3, "1) kill -SEGV $$;; 2) echo '#hs delivered row=0 entry=1 error=100';;");
        await RunAsync(worker, FakeWorker.PlanOf([3]));
        Assert.Equal([0, 2], RowsRun);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_missing_worker_skips_everything()
    {
        using var worker = FakeWorker.Of(2, "");
        var result = await new WorkerSession(ChildProcess.Bare).RunAsync(
            worker.Path + ".missing", FakeWorker.PlanOf([2]), worker.RunDirectory, Limits, _messages.Add, CancellationToken.None);
        Assert.IsType<RowOutcome.ProtocolViolation>(result.Outcomes.Single());
        Assert.Equal(2, result.Skipped.Sum(s => s.Count));
    }

    [Fact(Timeout = Timeout)]
    public async Task Cancellation_kills_the_worker()
    {
        using var worker = FakeWorker.Of(2, "1) sleep 60;;");
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => RunAsync(worker, FakeWorker.PlanOf([2]), Limits with { RowTimeout = TimeSpan.FromMinutes(1) }, cancel.Token));
    }
}
