using static Harness.Model.Tests.Dsl;

namespace Harness.Model.Tests;

/// <summary>What a caller does with an error, and the events that it leaves.</summary>
public class HandlingTests
{
    [Fact]
    public void Try_hands_the_error_on_without_an_event() => AssertEvents(
        Program(Fallible(0, Call(1, 1, Try), Log(2)), Fallible(1, Raise(3, ErrorName.Broken))),
        """
        Enter 0
        Enter 1
        Raised 3 Broken
        Result Broken
        FiberEnd Failed
        """);

    [Fact]
    public void Map_raises_another_error() => AssertEvents(
        Program(
            Fallible(0, Capture(1), Call(2, 1, new Handling.Map(3, ErrorName.Refused))),
            Fallible(1, Raise(4, ErrorName.Broken))),
        """
        Enter 0
        Enter 1
        Raised 4 Broken
        Raised 3 Refused
        ErrDeferred 1 Refused
        Result Refused
        FiberEnd Failed
        """);

    [Fact]
    public void Rethrow_catches_then_returns_the_same_error() => AssertEvents(
        Program(
            Fallible(0, Defer(Log(1)), Call(2, 1, new Handling.Rethrow(3))),
            Fallible(1, Raise(4, ErrorName.Broken))),
        """
        Enter 0
        Enter 1
        Raised 4 Broken
        Caught 3 Broken
        Log 1 0
        Result Broken
        FiberEnd Failed
        """);

    [Fact]
    public void IfElse_runs_then_with_the_payload_and_else_with_the_error() => AssertEvents(
        Program(
            Fallible(
                0,
                Call(1, 1, new Handling.IfElse(2, [Log(3, Fold(0))], [Log(4)]), 0),
                Call(5, 2, new Handling.IfElse(6, [Log(7, Fold(1))], [Log(8)]), 1)),
            Fallible(1, U64, Return(9)),
            Fallible(2, U64, Raise(10, ErrorName.Broken))),
        $"""
        Enter 0
        Enter 1
        Leave 1
        Log 3 {Values.Fold(U64, 9)}
        Enter 2
        Raised 10 Broken
        Caught 6 Broken
        Log 8 0
        Leave 0
        Result ok
        FiberEnd Completed
        """);

    [Theory]
    [InlineData(ErrorName.NotFound, 4)]
    [InlineData(ErrorName.Refused, 5)]
    [InlineData(ErrorName.Broken, 6)]
    public void A_switch_runs_the_prong_of_the_error_or_else(ErrorName raised, int logged) => AssertEvents(
        Program(
            Fallible(
                0,
                Call(
                    1,
                    1,
                    new Handling.CatchSwitch(
                        2,
                        [new(ErrorName.NotFound, [Log(4)]), new(ErrorName.Refused, [Log(5)])],
                        [Log(6)],
                        C(7)),
                    0),
                Log(8, Fold(0))),
            Fallible(1, U64, Raise(3, raised))),
        $"""
        Enter 0
        Enter 1
        Raised 3 {raised}
        Caught 2 {raised}
        Log {logged} 0
        Log 8 {Values.Fold(U64, 7)}
        Leave 0
        Result ok
        FiberEnd Completed
        """);

    [Fact]
    public void CatchValue_gives_the_fallback_silently_and_only_on_an_error() => AssertEvents(
        Program(
            Fallible(
                0,
                Call(1, 1, new Handling.CatchValue(C(7)), 0),
                Log(2, Fold(0)),
                Call(3, 2, new Handling.CatchValue(C(7)), 1),
                Log(4, Fold(1))),
            Fallible(1, U64, Raise(5, ErrorName.Broken)),
            Fallible(2, U64, Return(8))),
        $"""
        Enter 0
        Enter 1
        Raised 5 Broken
        Log 2 {Values.Fold(U64, 7)}
        Enter 2
        Leave 2
        Log 4 {Values.Fold(U64, 8)}
        Leave 0
        Result ok
        FiberEnd Completed
        """);

    [Fact]
    public void A_fallback_is_built_after_the_callee_failed() => AssertEvents(
        Program(
            Fallible(
                0,
                new Statement.Cell(0, C(1)),
                Call(1, 1, new Handling.CatchValue(Fold(0)), 1, new Argument.Local(0)),
                Log(2, Fold(1))),
            Fallible(1, U64, new Statement.Store(0, C(2)), Raise(3, ErrorName.Broken)) with { Parameters = [Pointer] }),
        $"""
        Enter 0
        Enter 1
        Raised 3 Broken
        Log 2 {Values.Fold(U64, Values.FoldWord(2))}
        Leave 0
        Result ok
        FiberEnd Completed
        """);

    [Fact]
    public void A_catch_blocks_fallback_is_built_before_the_blocks_defers_and_a_switchs_after_the_prongs() => AssertEvents(
        Program(
            Fallible(
                0,
                new Statement.Cell(0, C(1)),
                Call(1, 1, new Handling.CatchBlock(2, [Defer(new Statement.Store(0, C(2)))], Fold(0)), 1),
                Log(3, Fold(1)),
                Call(4, 1, new Handling.CatchSwitch(5, [], [Defer(new Statement.Store(0, C(3)))], Fold(0)), 2),
                Log(6, Fold(2))),
            Fallible(1, U64, Raise(7, ErrorName.Broken))),
        $"""
        Enter 0
        Enter 1
        Raised 7 Broken
        Caught 2 Broken
        Log 3 {Values.Fold(U64, Values.FoldWord(1))}
        Enter 1
        Raised 7 Broken
        Caught 5 Broken
        Log 6 {Values.Fold(U64, Values.FoldWord(3))}
        Leave 0
        Result ok
        FiberEnd Completed
        """);

    [Fact]
    public void A_tail_call_leaves_no_event_and_hands_value_and_error_through() => AssertEvents(
        Program(
            Fallible(0, U64, Call(1, 1, new Handling.CatchValue(C(0)), 0), Log(2, Fold(0)), Tail(3, 2)),
            Fallible(1, U64, Tail(4, 3)),
            Fallible(2, U64, Raise(5, ErrorName.Refused)),
            Fallible(3, U64, Return(6))),
        $"""
        Enter 0
        Enter 1
        Enter 3
        Leave 3
        Log 2 {Values.Fold(U64, 6)}
        Enter 2
        Raised 5 Refused
        Result Refused
        FiberEnd Failed
        """);

    [Fact]
    public void Values_pass_through_arguments_results_cells_slices_and_callbacks() => AssertEvents(
        Program(
            Fallible(
                0,
                U64,
                new Statement.Let(0, Slice, C(2)),
                new Statement.Buffer(1, 40, 8, C(7)),
                new Statement.Cell(2, C(3)),
                Call(1, 1, Plain, -1, new Argument.Local(0), new Argument.Local(1), new Argument.Local(2), new Argument.Made(C(4))),
                Log(2, Fold(2)),
                new Statement.Call(3, 2, CallForm.Callback, [new Argument.Local(2)], Plain, -1),
                Log(4, new Scalar.Add(Fold(2), C(1))),
                new Statement.CheckBuffer(5, 1),
                Return(6)),
            Infallible(
                1,
                Log(10, Fold(0)),
                Log(11, Fold(1)),
                Log(12, Fold(3)),
                new Statement.Store(2, C(8)),
                Log(13, Fold(2))) with { Parameters = [Slice, Slice, Pointer, U64] },
            Infallible(2, new Statement.Store(0, C(9))) with { Kind = FunctionKind.Callback, Parameters = [Pointer] }),
        $"""
        Enter 0
        Enter 1
        Log 10 {Values.Fold(Slice, 2)}
        Log 11 {Values.FoldOfSlicedBuffer(7)}
        Log 12 {Values.Fold(U64, 4)}
        Log 13 {Values.FoldWord(8)}
        Leave 1
        Log 2 {Values.FoldWord(8)}
        Enter 2
        Leave 2
        Log 4 {Values.FoldWord(9) + 1}
        Log 5 {Values.SumOfFilled(40, 7)}
        Leave 0
        Result ok {Values.Fold(U64, 6):x}
        FiberEnd Completed
        """);

    [Fact]
    public void Seeds_that_depend_on_locals_are_evaluated_where_they_stand() => AssertEvents(
        Program(
            Fallible(
                0,
                new Statement.Let(0, U64, C(1)),
                Loop(1, 2, new Statement.Let(2, U64, new Scalar.Add(Fold(0), new Scalar.LoopIndex(1))), Log(1, Fold(2))),
                Call(2, 1, Plain, 3, new Argument.Made(Fold(0))),
                Log(3, Fold(3))),
            Infallible(1, ReturnLocal(0)) with { Parameters = [U64], Payload = U64 }),
        $"""
        Enter 0
        Log 1 {Values.Fold(U64, Values.Fold(U64, 1))}
        Log 1 {Values.Fold(U64, Values.Fold(U64, 1) + 1)}
        Enter 1
        Leave 1
        Log 3 {Values.Fold(U64, Values.Fold(U64, 1))}
        Leave 0
        Result ok
        FiberEnd Completed
        """);
}
