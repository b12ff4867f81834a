using static Harness.Model.Tests.Dsl;

namespace Harness.Model.Tests;

/// <summary>Checkpoints and the fault plans that hit them.</summary>
public class FaultTests
{
    /// <summary>f0 calls f1 (infallible), which calls nothing, then f2 (fallible) twice; catches only the first.</summary>
    private static readonly FiberProgram Chain = Program(
        Fallible(
            0,
            ErrDefer(Log(1)),
            Call(2, 1),
            Call(3, 2, CatchBlock(4, Log(5))),
            Call(6, 2, Try),
            Log(7)),
        Infallible(1, Log(8)),
        Fallible(2, Defer(Log(9)), Log(10)));

    [Fact]
    public void Without_a_fault_every_entry_just_enters() => AssertEvents(
        Chain,
        """
        Enter 0
        Enter 1
        Log 8 0
        Leave 1
        Enter 2
        Log 10 0
        Leave 2
        Log 9 0
        Enter 2
        Log 10 0
        Leave 2
        Log 9 0
        Log 7 0
        Leave 0
        Result ok
        FiberEnd Completed
        """);

    [Fact]
    public void An_error_at_a_fallible_entry_is_returned_before_anything_else_of_the_function_runs() => AssertEvents(
        Chain,
        """
        Enter 0
        Enter 1
        Log 8 0
        Leave 1
        Enter 2
        Delivered Injected
        Caught 4 Injected
        Log 5 0
        Enter 2
        Log 10 0
        Leave 2
        Log 9 0
        Log 7 0
        Leave 0
        Result ok
        FiberEnd Completed
        """,
        new FaultPlan.ErrorAt(2, ErrorName.Injected, Persistent: false));

    [Fact]
    public void An_error_at_an_infallible_entry_waits_for_the_next_fallible_one() => AssertEvents(
        Chain,
        """
        Enter 0
        Enter 1
        Log 8 0
        Leave 1
        Enter 2
        Delivered StackOverflow
        Caught 4 StackOverflow
        Log 5 0
        Enter 2
        Log 10 0
        Leave 2
        Log 9 0
        Log 7 0
        Leave 0
        Result ok
        FiberEnd Completed
        """,
        new FaultPlan.ErrorAt(1, ErrorName.StackOverflow, Persistent: false));

    [Fact]
    public void A_persistent_error_comes_back_at_every_later_entry() => AssertEvents(
        Chain,
        """
        Enter 0
        Enter 1
        Log 8 0
        Leave 1
        Enter 2
        Delivered Injected
        Caught 4 Injected
        Log 5 0
        Enter 2
        Delivered Injected
        Log 1 0
        Result Injected
        FiberEnd Failed
        """,
        new FaultPlan.ErrorAt(1, ErrorName.Injected, Persistent: true));

    [Fact]
    public void An_error_at_the_entry_function_runs_none_of_its_defers() => AssertEvents(
        Chain,
        """
        Enter 0
        Delivered Injected
        Result Injected
        FiberEnd Failed
        """,
        new FaultPlan.ErrorAt(0, ErrorName.Injected, Persistent: false));

    [Fact]
    public void A_persistent_error_stays_with_the_fiber_that_met_it_first()
    {
        var program = Program(
            [Fiber(0), Fiber(0)],
            0,
            Fallible(0, Yield(1), Call(2, 1, Try)),
            Fallible(1));
        var fault = new FaultPlan.ErrorAt(2, ErrorName.Injected, Persistent: true);
        AssertEvents(
            program,
            """
            Enter 0
            Yielded 1
            Enter 1
            Delivered Injected
            Result Injected
            FiberEnd Failed
            """,
            fault);
        AssertEvents(
            program,
            """
            Enter 0
            Yielded 1
            Enter 1
            Leave 1
            Leave 0
            Result ok
            FiberEnd Completed
            """,
            fault,
            fiber: 1);
    }

    [Fact]
    public void A_fault_beyond_the_last_entry_changes_nothing() =>
        Assert.Equal(
            Interpreter.Run(Chain, NoFault, Schedule.Fifo),
            Interpreter.Run(Chain, new FaultPlan.ErrorAt(4, ErrorName.Injected, true), Schedule.Fifo));

    [Fact]
    public void A_panic_runs_no_defer_and_releases_the_ledger_last_first()
    {
        var run = AssertEvents(
            Program(
                Fallible(
                    0,
                    Acquire(1, 0),
                    Acquire(2, 1, Disposition.ErrDefer, ResourceKind.TableHandle),
                    Block(Acquire(3, 2)),
                    Defer(Log(4)),
                    ErrDefer(Log(5)),
                    Call(6, 1),
                    Raise(7, ErrorName.Broken)),
                Infallible(1, Acquire(8, 0), Call(9, 2)),
                Infallible(2, Log(10))),
            """
            Enter 0
            Acquired 1 1 HeapBlock
            Acquired 2 2 TableHandle
            Acquired 3 3 HeapBlock
            Released 3 3
            Enter 1
            Acquired 8 4 HeapBlock
            Enter 2
            LedgerReleased 0 4
            LedgerReleased 0 2
            LedgerReleased 0 1
            FiberEnd Panicked
            """,
            new FaultPlan.PanicAt(2));
        Assert.Equal(FiberOutcome.Panicked, run.Outcomes[0]);
        Assert.Equal(4, run.Acquired);
        var trace = Assert.Single(run.Probes);
        Assert.Equal(-1, trace.Site);
        Assert.Equal(
            [
                new Frame.Transpiled(2, -1, false, false), new Frame.Transpiled(1, 9, false, false),
                new Frame.Transpiled(0, 6, false, false), new Frame.FiberEntry(0),
            ],
            trace.Chain);
    }

    [Fact]
    public void A_segfault_ends_like_a_panic_with_its_own_outcome() => AssertEvents(
        Program(Fallible(0, Defer(Log(1)), Call(2, 1)), Infallible(1, Log(3))),
        """
        Enter 0
        Enter 1
        FiberEnd Segfaulted
        """,
        new FaultPlan.SegfaultAt(1));

    [Fact]
    public void A_delivered_plan_returns_its_errors_at_its_entries() => AssertEvents(
        Chain,
        """
        Enter 0
        Enter 1
        Log 8 0
        Leave 1
        Enter 2
        Delivered StackOverflow
        Caught 4 StackOverflow
        Log 5 0
        Enter 2
        Delivered OutOfStackSegments
        Log 1 0
        Result OutOfStackSegments
        FiberEnd Failed
        """,
        new FaultPlan.Delivered([new(2, ErrorName.StackOverflow), new(3, ErrorName.OutOfStackSegments)]));

    [Fact]
    public void A_stack_fault_is_delivered_before_a_cancellation_which_stays_pending() => AssertEvents(
        Program(
            Fallible(0, Cancel(1, 0), Call(2, 1, CatchBlock(3)), Call(4, 1, CatchBlock(5)), Call(6, 1, Try)),
            Fallible(1)),
        """
        Enter 0
        CancelRequested 1 0 1
        Enter 1
        Delivered StackOverflow
        Caught 3 StackOverflow
        Enter 1
        Delivered Canceled
        Caught 5 Canceled
        Enter 1
        Leave 1
        Leave 0
        Result ok
        FiberEnd Completed
        """,
        new FaultPlan.Delivered([new(1, ErrorName.StackOverflow), new(2, ErrorName.Canceled)]));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Stack_faults_are_not_predicted(bool budget) => Assert.Throws<ArgumentException>(() => Interpreter.Run(
        Chain, budget ? new FaultPlan.StackBudget(4096) : new FaultPlan.SegmentAllocationFails(1), Schedule.Fifo));

    [Fact]
    public void An_errdefer_release_happens_on_an_error_and_the_handle_is_returned_otherwise()
    {
        var program = Program(
            Fallible(0, Call(1, 1, new Handling.IfElse(2, [Release(3, 0)], []), 0)),
            Fallible(1, HandleType, Acquire(4, 0, Disposition.ErrDefer), Call(5, 2, Try), ReturnLocal(0)),
            Fallible(2));
        AssertEvents(
            program,
            """
            Enter 0
            Enter 1
            Acquired 4 1 HeapBlock
            Enter 2
            Leave 2
            Leave 1
            Released 3 1
            Leave 0
            Result ok
            FiberEnd Completed
            """);
        AssertEvents(
            program,
            """
            Enter 0
            Enter 1
            Acquired 4 1 HeapBlock
            Enter 2
            Delivered Injected
            Released 4 1
            Caught 2 Injected
            Leave 0
            Result ok
            FiberEnd Completed
            """,
            new FaultPlan.ErrorAt(2, ErrorName.Injected, false));
    }

    [Fact]
    public void A_manual_resource_is_released_where_its_release_stands() => AssertEvents(
        Program(Fallible(
            0,
            Acquire(1, 0, Disposition.Manual, ResourceKind.FileDescriptor),
            Defer(Log(2)),
            Log(3, Fold(0)),
            Release(4, 0),
            Log(5))),
        $"""
        Enter 0
        Acquired 1 1 FileDescriptor
        Log 3 {Values.FoldWord(1)}
        Released 4 1
        Log 5 0
        Leave 0
        Log 2 0
        Result ok
        FiberEnd Completed
        """);
}
