using static Harness.Model.Tests.Dsl;

namespace Harness.Model.Tests;

/// <summary>docs/SCHEDULING.md, rule by rule, on several fibers.</summary>
public class SchedulingTests
{
    [Fact]
    public void Fibers_run_in_index_order_and_yield_to_the_end_of_the_list()
    {
        var run = Run(Program(
            [Fiber(0), Fiber(1), Fiber(2)],
            0,
            Infallible(0, Yield(1), Log(2)),
            Infallible(1, Log(3)),
            Infallible(2, Yield(4))));
        Assert.Equal([(0, 0), (1, 1), (2, 2)], Entries(run));
        Assert.Equal(["Enter 0", "Yielded 1", "Log 2 0", "Leave 0", "Result ok", "FiberEnd Completed"], Lines(run, 0));
    }

    /// <summary>Orders worked out with a second implementation of the ready list.</summary>
    [Theory]
    [InlineData(0, "0 1 2 0 1 2")]
    [InlineData(1, "2 1 0 0 1 2")]
    [InlineData(2, "1 1 2 0 0 2")]
    [InlineData(3, "0 1 2 2 0 1")]
    public void The_schedule_seed_draws_the_next_fiber(ulong seed, string order)
    {
        // Each fiber enters function 0, yields, enters function 1: the entries tell the order.
        var run = Run(
            Program([Fiber(0), Fiber(0), Fiber(0)], 0, Infallible(0, Yield(1), Call(2, 1)), Infallible(1)), seed: seed);
        Assert.Equal(order, string.Join(' ', run.EntryPoints.Select(e => e.Fiber)));
    }

    [Fact]
    public void A_masked_fiber_never_starts()
    {
        var program = Program([Fiber(0), Fiber(1)], 0, Fallible(0, Spawn(1, 1), Join(2, 1)), Infallible(1));
        var run = Interpreter.Run(program, NoFault, new Schedule(0, LaunchMask: 0b01));
        Assert.Equal(
            ["Enter 0", "Spawned 1 1 0", "Joined 2 1 NotStarted", "Leave 0", "Result ok", "FiberEnd Completed"],
            Lines(run, 0));
        Assert.Equal(FiberOutcome.NotStarted, run.Outcomes[1]);
        Assert.Equal(Digests.Start, run.FiberDigests[1]);
        Assert.Empty(run.Events[1]);
    }

    [Fact]
    public void Spawn_starts_a_fiber_once_and_join_waits_for_its_end()
    {
        var run = Run(Program(
            [Fiber(0), Fiber(1, startsAtLaunch: false)],
            0,
            Fallible(0, Join(1, 1), Spawn(2, 1), Spawn(3, 1), Join(4, 1), Spawn(5, 1), Join(6, 1)),
            Fallible(1, Yield(7), Raise(8, ErrorName.Broken))));
        Assert.Equal(
            [
                "Enter 0", "Joined 1 1 NotStarted", "Spawned 2 1 1", "Spawned 3 1 0", "Joined 4 1 Failed",
                "Spawned 5 1 0", "Joined 6 1 Failed", "Leave 0", "Result ok", "FiberEnd Completed",
            ],
            Lines(run, 0));
    }

    [Fact]
    public void Joiners_become_ready_in_the_order_in_which_they_began_to_wait()
    {
        // Fiber 0 yields first, so fiber 1 joins before it; both then enter function 2.
        var run = Run(Program(
            [Fiber(0), Fiber(1), Fiber(3)],
            0,
            Fallible(0, Yield(1), Join(2, 2), Call(3, 2)),
            Fallible(1, Join(4, 2), Call(5, 2)),
            Infallible(2),
            Infallible(3, Yield(6))));
        Assert.Equal([(0, 0), (1, 1), (2, 3), (1, 2), (0, 2)], Entries(run));
    }

    [Fact]
    public void A_panicked_fiber_can_be_joined()
    {
        var run = Interpreter.Run(
            Program([Fiber(0), Fiber(1)], 0, Fallible(0, Join(1, 1)), Infallible(1)), new FaultPlan.PanicAt(1), Schedule.Fifo);
        Assert.Equal(["Enter 0", "Joined 1 1 Panicked", "Leave 0", "Result ok", "FiberEnd Completed"], Lines(run, 0));
        Assert.Equal(["Enter 1", "FiberEnd Panicked"], Lines(run, 1));
    }

    [Fact]
    public void A_free_mutex_is_taken_and_released_by_its_defer()
    {
        var run = Run(Program([Fiber(0)], 1, Fallible(0, Defer(Log(1)), Lock(2, 0, 0), Log(3, Fold(0)))));
        Assert.Equal(
            [
                "Enter 0", "Acquired 2 1 Mutex", $"Log 3 {Values.FoldWord(1)}", "Leave 0", "Released 2 1", "Log 1 0",
                "Result ok", "FiberEnd Completed",
            ],
            Lines(run, 0));
        Assert.Equal(1, run.Acquired);
    }

    [Fact]
    public void A_contended_mutex_is_handed_to_its_waiters_in_order()
    {
        // Fiber 0 holds it over a yield; 1 and 2 queue up; the entries of function 1 show the order of owners.
        var run = Run(Program(
            [Fiber(0), Fiber(0), Fiber(0)],
            1,
            Fallible(0, Block(Lock(1, 0, 0), Call(2, 1), Yield(3)), Yield(4)),
            Infallible(1)));
        Assert.Equal([(0, 0), (0, 1), (1, 0), (2, 0), (1, 1), (2, 1)], Entries(run));
        Assert.Equal(
            [
                "Enter 0", "Acquired 1 1 Mutex", "Enter 1", "Leave 1", "Yielded 3", "Released 1 1", "Yielded 4", "Leave 0",
                "Result ok", "FiberEnd Completed",
            ],
            Lines(run, 2));
    }

    [Fact]
    public void Release_hands_over_at_once_so_the_releaser_cannot_take_it_back_first()
    {
        var run = Run(Program(
            [Fiber(0), Fiber(1)],
            1,
            Fallible(0, Block(Lock(1, 0, 0), Yield(2)), Block(Lock(3, 1, 0), Call(4, 2))),
            Fallible(1, Lock(5, 0, 0), Call(6, 2)),
            Infallible(2)));
        Assert.Equal([(0, 0), (1, 1), (1, 2), (0, 2)], Entries(run));
    }

    [Fact]
    public void Locking_an_owned_mutex_is_a_deadlock_at_once()
    {
        var run = Run(Program(
            [Fiber(0)],
            1,
            Fallible(0, Lock(1, 0, 0), Call(2, 1, CatchBlock(3))),
            Fallible(1, Capture(4), Lock(5, 0, 0), Log(6))));
        Assert.Equal(
            [
                "Enter 0", "Acquired 1 1 Mutex", "Enter 1", "ErrDeferred 4 Deadlock", "Caught 3 Deadlock", "Leave 0",
                "Released 1 1", "Result ok", "FiberEnd Completed",
            ],
            Lines(run, 0));
    }

    [Fact]
    public void Joining_itself_is_a_deadlock_at_once()
    {
        var run = Run(Program([Fiber(0)], 0, Fallible(0, Join(1, 0))));
        Assert.Equal(["Enter 0", "Result Deadlock", "FiberEnd Failed"], Lines(run, 0));
    }

    [Fact]
    public void When_all_wait_the_lowest_fiber_gives_up_and_the_others_go_on()
    {
        // 0 holds mutex 0 and wants 1; 1 holds 1 and wants 0.
        var run = Run(Program(
            [Fiber(0), Fiber(1)],
            2,
            Fallible(0, Lock(1, 0, 0), Yield(2), ErrDefer(Log(3)), Lock(4, 1, 1)),
            Fallible(1, Lock(5, 0, 1), Lock(6, 1, 0))));
        Assert.Equal(
            ["Enter 0", "Acquired 1 1 Mutex", "Yielded 2", "Log 3 0", "Released 1 1", "Result Deadlock", "FiberEnd Failed"],
            Lines(run, 0));
        Assert.Equal(
            [
                "Enter 1", "Acquired 5 1 Mutex", "Acquired 6 2 Mutex", "Leave 1", "Released 6 2", "Released 5 1",
                "Result ok", "FiberEnd Completed",
            ],
            Lines(run, 1));
    }

    [Fact]
    public void A_ring_of_joins_is_broken_at_the_lowest_fiber()
    {
        var run = Run(Program(
            [Fiber(0), Fiber(1), Fiber(2)],
            0,
            Fallible(0, Join(1, 1)),
            Fallible(1, Join(2, 2)),
            Fallible(2, Join(3, 0))));
        Assert.Equal(["Enter 0", "Result Deadlock", "FiberEnd Failed"], Lines(run, 0));
        Assert.Equal(["Enter 1", "Joined 2 2 Completed", "Leave 1", "Result ok", "FiberEnd Completed"], Lines(run, 1));
        Assert.Equal(["Enter 2", "Joined 3 0 Failed", "Leave 2", "Result ok", "FiberEnd Completed"], Lines(run, 2));
    }

    [Fact]
    public void A_fiber_that_gave_up_is_no_longer_in_the_queue()
    {
        // 0 and 1 wait for mutex 0, which 2 holds while it joins 0: 0 gives up, 2 ends, and the mutex goes to 1.
        var run = Run(Program(
            [Fiber(0), Fiber(1), Fiber(2)],
            1,
            Fallible(0, Yield(1), Lock(2, 0, 0)),
            Fallible(1, Yield(3), Lock(4, 0, 0)),
            Fallible(2, Lock(5, 0, 0), Join(6, 0))));
        Assert.Equal(["Enter 0", "Yielded 1", "Result Deadlock", "FiberEnd Failed"], Lines(run, 0));
        Assert.Equal(
            ["Enter 2", "Acquired 5 1 Mutex", "Joined 6 0 Failed", "Leave 2", "Released 5 1", "Result ok", "FiberEnd Completed"],
            Lines(run, 2));
        Assert.Equal(
            ["Enter 1", "Yielded 3", "Acquired 4 1 Mutex", "Leave 1", "Released 4 1", "Result ok", "FiberEnd Completed"],
            Lines(run, 1));
    }

    [Fact]
    public void A_panic_releases_a_contended_mutex_to_its_waiter_before_the_joiners_wake()
    {
        // Fiber 0 panics in function 3 holding the mutex; 2 waits to join it, 1 waits for the mutex.
        var run = Interpreter.Run(
            Program(
                [Fiber(0), Fiber(1), Fiber(2)],
                1,
                Fallible(0, Acquire(1, 0), Lock(2, 1, 0), Yield(3), Call(4, 3)),
                Fallible(1, Yield(5), Lock(6, 0, 0), Call(7, 4)),
                Fallible(2, Join(8, 0), Call(9, 4)),
                Infallible(3, Yield(10)),
                Infallible(4)),
            new FaultPlan.PanicAt(3),
            Schedule.Fifo);

        // The panic comes before fiber 1 asks for the mutex: it finds it free.
        Assert.Equal([(0, 0), (1, 1), (2, 2), (0, 3), (1, 4), (2, 4)], Entries(run));
        Assert.Equal(
            ["Enter 0", "Acquired 1 1 HeapBlock", "Acquired 2 2 Mutex", "Yielded 3", "Enter 3", "LedgerReleased 0 2",
                "LedgerReleased 0 1", "FiberEnd Panicked"],
            Lines(run, 0));
    }

    [Fact]
    public void A_mutex_that_a_panicking_fiber_holds_goes_to_the_fiber_that_waits_for_it()
    {
        var run = Interpreter.Run(
            Program(
                [Fiber(0), Fiber(1), Fiber(2)],
                1,
                Fallible(0, Lock(1, 0, 0), Yield(2), Call(3, 3)),
                Fallible(1, Join(4, 0), Call(5, 3)),
                Fallible(2, Lock(6, 0, 0), Call(7, 3)),
                Infallible(3)),
            new FaultPlan.PanicAt(3),
            Schedule.Fifo);
        Assert.Equal([(0, 0), (1, 1), (2, 2), (0, 3), (2, 3), (1, 3)], Entries(run));
        Assert.Equal(
            ["Enter 2", "Acquired 6 1 Mutex", "Enter 3", "Leave 3", "Leave 2", "Released 6 1", "Result ok", "FiberEnd Completed"],
            Lines(run, 2));
        Assert.Equal(RunEnding.Finished, run.Ending);
    }

    [Fact]
    public void Cancel_is_pending_until_the_next_fallible_checkpoint_and_counts_once()
    {
        var run = Run(Program(
            [Fiber(0), Fiber(1)],
            0,
            Infallible(0, Cancel(1, 1), Cancel(2, 1), Yield(3), Cancel(4, 1), Yield(5), Cancel(6, 1)),
            Fallible(1, ErrDefer(Log(7)), Yield(8)),
            Fallible(2)));

        // Fiber 1 had not run yet: its entry function's own checkpoint delivers.
        Assert.Equal(["Enter 1", "Delivered Canceled", "Result Canceled", "FiberEnd Failed"], Lines(run, 1));
        Assert.Equal(
            [
                "Enter 0", "CancelRequested 1 1 1", "CancelRequested 2 1 0", "Yielded 3", "CancelRequested 4 1 0",
                "Yielded 5", "CancelRequested 6 1 0", "Leave 0", "Result ok", "FiberEnd Completed",
            ],
            Lines(run, 0));
    }

    [Fact]
    public void Cancel_does_not_wake_a_waiting_fiber_and_does_not_start_one()
    {
        var run = Run(Program(
            [Fiber(0), Fiber(1), Fiber(2, startsAtLaunch: false)],
            1,
            Fallible(0, Cancel(1, 2), Block(Lock(2, 0, 0), Yield(3), Cancel(4, 1), Yield(5)), Yield(6), Log(7)),
            Fallible(1, Lock(8, 0, 0), Log(9), Call(10, 2, Try)),
            Fallible(2)));
        Assert.Equal(
            ["Enter 1", "Acquired 8 1 Mutex", "Log 9 0", "Enter 2", "Delivered Canceled", "Released 8 1", "Result Canceled",
                "FiberEnd Failed"],
            Lines(run, 1));
        Assert.Contains("CancelRequested 1 2 0", Lines(run, 0));
        Assert.Contains("CancelRequested 4 1 1", Lines(run, 0));
    }

    [Fact]
    public void A_fault_at_an_entry_with_a_cancellation_pending_is_lost()
    {
        var run = Interpreter.Run(
            Program(
                [Fiber(0)],
                0,
                Fallible(0, Cancel(1, 0), Call(2, 1), Call(3, 2, CatchBlock(4)), Call(5, 2, Try)),
                Infallible(1),
                Fallible(2)),
            new FaultPlan.ErrorAt(1, ErrorName.Injected, Persistent: false),
            Schedule.Fifo);
        Assert.Equal(
            ["Enter 0", "CancelRequested 1 0 1", "Enter 1", "Leave 1", "Enter 2", "Delivered Canceled", "Caught 4 Canceled",
                "Enter 2", "Leave 2", "Leave 0", "Result ok", "FiberEnd Completed"],
            Lines(run, 0));
    }

    [Fact]
    public void Serials_and_fuel_belong_to_the_fiber()
    {
        var run = Run(Program(
            [Fiber(0, fuel: 2), Fiber(0, fuel: 0)],
            0,
            Infallible(0, Acquire(1, 0), Yield(2), Fuel(Acquire(3, 1), Call(4, 0)))));
        Assert.Equal(["Enter 0", "Acquired 1 1 HeapBlock", "Yielded 2", "Leave 0", "Released 1 1", "Result ok", "FiberEnd Completed"],
            Lines(run, 1));
        Assert.Equal(5, run.Events[0].Count(e => e.Kind is EventKind.Acquired));
        Assert.Equal(4, run.Entries);
    }

    private static ExpectedRun Run(FiberProgram program, ulong seed = 0)
    {
        Assert.Empty(Validator.Check(program));
        var run = Interpreter.Run(program, NoFault, new Schedule(seed));
        Assert.Equal(RunEnding.Finished, run.Ending);
        return run;
    }

    private static (int Fiber, int Function)[] Entries(ExpectedRun run) =>
        [.. run.EntryPoints.Select(entry => (entry.Fiber, entry.Function))];

    private static string[] Lines(ExpectedRun run, int fiber) => run.Events(fiber).Split('\n');
}
