using static Harness.Model.Tests.Dsl;

namespace Harness.Model.Tests;

/// <summary>
/// Error return traces at probes, by the rules of Zig 0.16.0: who enters itself and when, what a handler takes back, what falls off. Each
/// expectation was seen of a Zig program of the same shape, in Debug (both backends) and in the release modes.
/// </summary>
public class ErrorTraceTests
{
    /// <summary>Fails at its probe-free body's raise, site 90.</summary>
    private static Function Failing(int id) => Fallible(id, Raise(90, ErrorName.Broken));

    private static string[] Traces(FiberProgram program, FaultPlan? fault = null)
    {
        Assert.Empty(Validator.Check(program));
        var run = CompiledProgram.Of(program).Run(fault ?? NoFault, Schedule.Fifo);
        var places = run.Probes.Select(probe => probe.Site).ToHashSet();
        return [.. run.Sightings.Where(s => places.Contains(s.Site)).Select(s => $"{s.Site}: {Show(s.Trace)}")];
    }

    private static string Show(ErrorTrace trace)
    {
        var entries = string.Join(", ", trace.Entries.Select(e => e.Step >= ErrorStep.SupportFault ? $"{e.Step}" : $"{e.Step} {e.Place}"));
        return trace.Index == trace.Entries.Count ? entries : $"{trace.Index} of which {trace.Entries.Count}: {entries}";
    }

    [Fact]
    public void A_function_enters_itself_after_its_defers_and_a_handler_takes_back_what_it_handled()
    {
        var program = Program(
            Fallible(0, Call(1, 1, CatchBlock(2, Probe(3))), Probe(4)),
            Fallible(1, ErrDefer(Probe(10)), Defer(Probe(11)), Call(12, 2, Try)),
            Failing(2));
        Assert.Equal(["11: Raised 90", "10: Raised 90", "3: Raised 90, Propagated 12", "4: "], Traces(program));
    }

    [Fact]
    public void The_error_of_a_checkpoint_passes_through_the_support_library()
    {
        var program = Program(Fallible(0, Call(1, 1, CatchBlock(2, Probe(3)))), Fallible(1, Log(10)));
        Assert.Equal(
            ["3: SupportFault, SupportCheckpoint, CheckpointTried 1"],
            Traces(program, new FaultPlan.ErrorAt(1, ErrorName.Injected, Persistent: false)));
    }

    [Fact]
    public void Mapping_and_rethrowing_add_to_what_was_there()
    {
        var program = Program(
            Fallible(0, Call(1, 1, CatchBlock(2, Probe(3))), Call(4, 2, CatchBlock(5, Probe(6)))),
            Fallible(1, Call(10, 3, new Handling.Map(11, ErrorName.Refused))),
            Fallible(2, Capture(20), Call(21, 3, new Handling.Rethrow(22))),
            Failing(3));
        Assert.Equal(["3: Raised 90, Raised 11", "6: Raised 90, SupportAgain, Rethrown 22"], Traces(program));
    }

    [Fact]
    public void An_else_branch_and_a_silent_fallback_take_back_too()
    {
        var program = Program(
            Fallible(
                0,
                Call(1, 1, new Handling.IfElse(2, [], [Probe(3)])),
                Probe(4),
                Call(5, 1, new Handling.CatchValue(C(0))),
                Probe(6)),
            Failing(1));
        Assert.Equal(["3: Raised 90", "4: ", "6: "], Traces(program));
    }

    [Fact]
    public void A_break_out_of_a_handler_takes_back_to_the_loop_and_not_further()
    {
        var program = Program(
            Fallible(
                0,
                Call(
                    1, 1,
                    CatchBlock(
                        2,
                        Loop(0, 2, Call(3, 2, CatchBlock(4, Defer(Probe(5)), new Statement.BreakIf(Always)))),
                        Probe(6))),
                Probe(7)),
            Fallible(1, Call(10, 2, Try)),
            Failing(2));
        Assert.Equal(["5: Raised 90, Propagated 10, Raised 90", "6: Raised 90, Propagated 10", "7: "], Traces(program));
    }

    [Fact]
    public void A_function_that_succeeds_out_of_a_handler_leaves_nothing()
    {
        var program = Program(
            Fallible(0, Call(1, 1, Try), Probe(2)),
            Fallible(1, Defer(Probe(9)), Call(10, 2, CatchBlock(11, Return()))),
            Failing(2));
        Assert.Equal(["9: Raised 90", "2: "], Traces(program));
    }

    /// <summary>
    /// Zig's compiler takes back to the block around, also where that block is on its way out with an error: an errdefer that handles
    /// an error of its own loses the one that is being returned (docs/ZIG-FINDINGS.md).
    /// </summary>
    [Fact]
    public void A_handler_inside_an_errdefer_takes_back_the_error_that_is_being_returned()
    {
        var program = Program(
            Fallible(0, Call(1, 1, CatchBlock(2, Probe(3)))),
            Fallible(1, ErrDefer(Call(10, 2, CatchBlock(11, Probe(12))), Probe(13)), Call(14, 2, Try)),
            Failing(2));
        Assert.Equal(["12: Raised 90, Raised 90", "13: ", "3: Propagated 14"], Traces(program));
    }

    [Fact]
    public void Beyond_thirty_two_entries_are_counted_and_not_kept()
    {
        var program = Program(
            [Fiber(0, fuel: 40)], 0,
            Fallible(0, Call(1, 1, CatchBlock(2, Probe(3))), Probe(4)),
            Fallible(1, Fuel(Call(10, 1, Try)), Raise(11, ErrorName.Broken)));
        var traces = Traces(program);
        Assert.StartsWith("3: 41 of which 32: Raised 11, Propagated 10, ", traces[0], StringComparison.Ordinal);
        Assert.Equal("4: ", traces[1]);
    }

    [Fact]
    public void A_callback_has_a_trace_of_its_own()
    {
        var program = Program(
            Fallible(
                0,
                new Statement.Cell(0, C(1)),
                Call(1, 2, CatchBlock(2, new Statement.Call(3, 1, CallForm.Callback, [new Argument.Local(0)], Plain, -1), Probe(4)))),
            Infallible(1, Probe(10), Call(11, 2, CatchBlock(12, Probe(13)))) with { Kind = FunctionKind.Callback, Parameters = [Pointer] },
            Failing(2));
        Assert.Equal(["10: ", "13: Raised 90", "4: Raised 90"], Traces(program));
    }

    [Fact]
    public void A_fiber_that_joins_itself_meets_the_support_librarys_error()
    {
        var program = Program(Fallible(0, Call(1, 1, CatchBlock(2, Probe(3)))), Fallible(1, Join(10, 0)));
        Assert.Equal(["3: SupportFault, SupportJoin, Propagated 10"], Traces(program));
    }

    [Fact]
    public void It_is_looked_at_where_errors_are_raised_caught_and_met_too()
    {
        var program = Program(
            Fallible(0, Call(1, 1, CatchBlock(2, Log(3)))),
            Fallible(1, Capture(10), Raise(11, ErrorName.Lost)));
        var run = CompiledProgram.Of(program).Run(NoFault, Schedule.Fifo);
        Assert.Equal(["11: ", "10: ", "2: Raised 11"], run.Sightings.Select(s => $"{s.Site}: {Show(s.Trace)}"));
    }

    [Fact]
    public void A_panic_shows_what_is_being_handled()
    {
        var program = Program(Fallible(0, Call(1, 1, CatchBlock(2, Call(3, 2, Try)))), Failing(1), Fallible(2, Log(10)));
        Assert.Equal(["-1: Raised 90"], Traces(program, new FaultPlan.PanicAt(2)));
    }
}
