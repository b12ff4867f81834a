using static Harness.Model.Tests.Dsl;

namespace Harness.Model.Tests;

/// <summary>
/// Zig's rules for defer and errdefer, each on a program small enough to work by hand. (The shapes were also compiled
/// and run with Zig 0.16.0.)
/// </summary>
public class DeferTests
{
    [Fact]
    public void Defers_run_last_first_when_the_function_returns() => AssertEvents(
        Program(Fallible(0, Defer(Log(1)), Log(2), Defer(Log(3)), ErrDefer(Log(4)), Return())),
        """
        Enter 0
        Log 2 0
        Leave 0
        Log 3 0
        Log 1 0
        Result ok
        FiberEnd Completed
        """);

    [Fact]
    public void Defers_and_errdefers_run_last_first_together_when_an_error_is_returned() => AssertEvents(
        Program(Fallible(
            0, Defer(Log(1)), ErrDefer(Log(2)), Capture(3, Log(4)), Defer(Log(5)), Raise(6, ErrorName.Broken))),
        """
        Enter 0
        Raised 6 Broken
        Log 5 0
        ErrDeferred 3 Broken
        Log 4 0
        Log 2 0
        Log 1 0
        Result Broken
        FiberEnd Failed
        """);

    [Fact]
    public void A_defer_behind_the_exit_does_not_run() => AssertEvents(
        Program(Fallible(0, If(Always, [Return()]), Defer(Log(1)), ErrDefer(Log(2)))),
        """
        Enter 0
        Leave 0
        Result ok
        FiberEnd Completed
        """);

    [Fact]
    public void Falling_off_the_end_leaves_then_runs_the_defers() => AssertEvents(
        Program(Infallible(0, Defer(Log(1)))),
        """
        Enter 0
        Leave 0
        Log 1 0
        Result ok
        FiberEnd Completed
        """);

    [Fact]
    public void A_block_runs_its_own_defers_at_its_end_and_no_errdefers() => AssertEvents(
        Program(Fallible(
            0,
            Defer(Log(1)),
            Block(Defer(Log(2)), ErrDefer(Log(3)), Log(4)),
            Raise(5, ErrorName.Refused))),
        """
        Enter 0
        Log 4 0
        Log 2 0
        Raised 5 Refused
        Log 1 0
        Result Refused
        FiberEnd Failed
        """);

    [Fact]
    public void An_error_leaves_nested_blocks_innermost_first_and_runs_their_errdefers() => AssertEvents(
        Program(Fallible(
            0,
            ErrDefer(Log(1)),
            Block(
                Defer(Log(2)),
                ErrDefer(Log(3)),
                Block(ErrDefer(Log(4)), Defer(Log(5)), Raise(6, ErrorName.NotFound))))),
        """
        Enter 0
        Raised 6 NotFound
        Log 5 0
        Log 4 0
        Log 3 0
        Log 2 0
        Log 1 0
        Result NotFound
        FiberEnd Failed
        """);

    [Fact]
    public void An_errdefer_of_a_catch_body_runs_only_if_an_error_leaves_it() => AssertEvents(
        Program(
            Fallible(
                0,
                Call(1, 1, CatchBlock(2, ErrDefer(Log(3)), Defer(Log(4)), Log(5))),
                Call(6, 1, CatchBlock(7, ErrDefer(Log(8)), Defer(Log(9)), Raise(10, ErrorName.Refused)))),
            Fallible(1, Raise(11, ErrorName.Broken))),
        """
        Enter 0
        Enter 1
        Raised 11 Broken
        Caught 2 Broken
        Log 5 0
        Log 4 0
        Enter 1
        Raised 11 Broken
        Caught 7 Broken
        Raised 10 Refused
        Log 9 0
        Log 8 0
        Result Refused
        FiberEnd Failed
        """);

    [Fact]
    public void A_try_runs_the_errdefers_that_are_pending_at_that_point_only() => AssertEvents(
        Program(
            Fallible(0, ErrDefer(Log(1)), Call(2, 1, Try), ErrDefer(Log(3)), Return()),
            Fallible(1, Raise(4, ErrorName.Broken))),
        """
        Enter 0
        Enter 1
        Raised 4 Broken
        Log 1 0
        Result Broken
        FiberEnd Failed
        """);

    [Fact]
    public void A_handled_error_runs_no_errdefer() => AssertEvents(
        Program(
            Fallible(0, ErrDefer(Log(1)), Call(2, 1, new Handling.CatchValue(C(0))), Return()),
            Fallible(1, ErrDefer(Log(3)), Raise(4, ErrorName.Broken))),
        """
        Enter 0
        Enter 1
        Raised 4 Broken
        Log 3 0
        Leave 0
        Result ok
        FiberEnd Completed
        """);

    [Fact]
    public void The_returned_value_is_built_before_the_defers_run() => AssertEvents(
        Program(Fallible(
            0,
            U64,
            new Statement.Cell(0, C(5)),
            Defer(new Statement.Store(0, C(6)), Log(1, Fold(0))),
            new Statement.Return(new ReturnValue.Made(Fold(0))))),
        $"""
        Enter 0
        Leave 0
        Log 1 {Values.FoldWord(6)}
        Result ok {Values.Fold(U64, Values.FoldWord(5)):x}
        FiberEnd Completed
        """);

    [Fact]
    public void Deferred_bodies_are_blocks_with_their_own_defers() => AssertEvents(
        Program(Fallible(
            0,
            Defer(Defer(Log(1)), ErrDefer(Log(2)), Log(3)),
            ErrDefer(Defer(Log(4)), Loop(0, 3, new Statement.BreakIf(IndexIs(0, 1)), Log(5))),
            Raise(6, ErrorName.Broken))),
        """
        Enter 0
        Raised 6 Broken
        Log 5 0
        Log 4 0
        Log 3 0
        Log 1 0
        Result Broken
        FiberEnd Failed
        """);

    [Fact]
    public void A_call_in_a_defer_may_fail_and_be_caught_without_changing_the_error_being_returned() => AssertEvents(
        Program(
            Fallible(
                0,
                Capture(1),
                Defer(Call(2, 1, CatchBlock(3, Log(4)))),
                Raise(5, ErrorName.NotFound)),
            Fallible(1, Defer(Log(6)), Raise(7, ErrorName.Broken))),
        """
        Enter 0
        Raised 5 NotFound
        Enter 1
        Raised 7 Broken
        Log 6 0
        Caught 3 Broken
        Log 4 0
        ErrDeferred 1 NotFound
        Result NotFound
        FiberEnd Failed
        """);

    [Fact]
    public void Break_continue_and_the_end_of_a_round_run_the_rounds_defers_but_no_errdefers() => AssertEvents(
        Program(Fallible(
            0,
            Loop(
                0,
                4,
                Defer(Log(1, new Scalar.LoopIndex(0))),
                ErrDefer(Log(2)),
                Block(Defer(Log(3)), new Statement.ContinueIf(IndexIs(0, 1))),
                new Statement.BreakIf(IndexIs(0, 2)),
                Log(4)))),
        """
        Enter 0
        Log 3 0
        Log 4 0
        Log 1 0
        Log 3 0
        Log 1 1
        Log 3 0
        Log 1 2
        Leave 0
        Result ok
        FiberEnd Completed
        """);

    [Fact]
    public void An_error_in_a_round_runs_that_rounds_errdefers_only() => AssertEvents(
        Program(Fallible(
            0,
            ErrDefer(Log(9)),
            Loop(
                0,
                3,
                ErrDefer(Log(1, new Scalar.LoopIndex(0))),
                Defer(Log(2, new Scalar.LoopIndex(0))),
                If(IndexIs(0, 1), [Raise(3, ErrorName.Broken)])))),
        """
        Enter 0
        Log 2 0
        Raised 3 Broken
        Log 2 1
        Log 1 1
        Log 9 0
        Result Broken
        FiberEnd Failed
        """);

    [Fact]
    public void A_return_from_a_loop_runs_all_scopes() => AssertEvents(
        Program(Fallible(
            0, Defer(Log(1)), Loop(0, 3, Defer(Log(2)), Loop(1, 3, Defer(Log(3)), If(Always, [Defer(Log(4)), Return()]))))),
        """
        Enter 0
        Leave 0
        Log 4 0
        Log 3 0
        Log 2 0
        Log 1 0
        Result ok
        FiberEnd Completed
        """);

    [Fact]
    public void A_break_leaves_the_innermost_loop() => AssertEvents(
        Program(Infallible(
            0,
            Loop(0, 2, Loop(1, 3, new Statement.BreakIf(IndexIs(1, 1)), Log(1, new Scalar.LoopIndex(1))), Log(2, new Scalar.LoopIndex(0))))),
        """
        Enter 0
        Log 1 0
        Log 2 0
        Log 1 0
        Log 2 1
        Leave 0
        Result ok
        FiberEnd Completed
        """);
}
