using static Harness.Model.Tests.Dsl;

namespace Harness.Model.Tests;

/// <summary>Call chains at probes, entry points with depth, deep recursion, and the caps.</summary>
public class TraceTests
{
    [Fact]
    public void A_chain_names_every_active_call_site_from_the_probe_to_the_fibers_entry()
    {
        var run = Run(Program(
            Fallible(0, Call(1, 1, Try)),
            Fallible(1, Probe(2), Call(3, 2)) with { NoInline = false },
            Infallible(2, Probe(4))));
        Assert.Equal(2, run.ProbeCount);
        Assert.Equal(
            new ProbeTrace(0, 2, [Transpiled(1, 2, mayBeInlined: true), Transpiled(0, 1), new Frame.FiberEntry(0)]),
            run.Probes[0]);
        Assert.Equal(
            new ProbeTrace(
                0, 4, [Transpiled(2, 4), Transpiled(1, 3, mayBeInlined: true), Transpiled(0, 1), new Frame.FiberEntry(0)]),
            run.Probes[1]);
    }

    [Fact]
    public void Frames_of_tail_calls_are_optional()
    {
        var run = Run(Program(
            Fallible(0, Call(1, 1, Try)),
            Fallible(1, Tail(2, 2)),
            Fallible(2, Tail(3, 3)),
            Fallible(3, Probe(4), Call(5, 4), Return()),
            Infallible(4, Probe(6))));
        Assert.Equal(
            [
                Transpiled(3, 4), Transpiled(2, 3, optional: true), Transpiled(1, 2, optional: true), Transpiled(0, 1),
                new Frame.FiberEntry(0),
            ],
            run.Probes[0].Chain);
        Assert.Equal(
            [
                Transpiled(4, 6), Transpiled(3, 5), Transpiled(2, 3, optional: true), Transpiled(1, 2, optional: true),
                Transpiled(0, 1), new Frame.FiberEntry(0),
            ],
            run.Probes[1].Chain);
    }

    [Fact]
    public void A_callback_is_called_by_the_bridge()
    {
        var run = Run(Program(
            Infallible(
                0,
                new Statement.Cell(0, C(1)),
                new Statement.Call(1, 1, CallForm.Callback, [new Argument.Local(0)], Plain, -1),
                Probe(2)),
            Infallible(
                1,
                Probe(3),
                new Statement.Call(4, 2, CallForm.Callback, [new Argument.Local(0)], Plain, -1))
                with { Kind = FunctionKind.Callback, Parameters = [Pointer] },
            Infallible(2, Probe(5)) with { Kind = FunctionKind.Callback, Parameters = [Pointer] }));
        Assert.Equal([Transpiled(1, 3), new Frame.CallbackBridge(), Transpiled(0, 1), new Frame.FiberEntry(0)], run.Probes[0].Chain);
        Assert.Equal(
            [
                Transpiled(2, 5), new Frame.CallbackBridge(), Transpiled(1, 4), new Frame.CallbackBridge(), Transpiled(0, 1),
                new Frame.FiberEntry(0),
            ],
            run.Probes[1].Chain);
        Assert.Equal([Transpiled(0, 2), new Frame.FiberEntry(0)], run.Probes[2].Chain);
        Assert.Equal([1, 2, 3], run.EntryPoints.Select(entry => entry.Depth));
    }

    [Fact]
    public void In_a_defer_the_chain_shows_the_site_inside_the_defer()
    {
        var run = Run(Program(
            Fallible(0, Defer(Probe(1), Call(2, 1)), ErrDefer(Call(3, 1)), Raise(4, ErrorName.Broken)),
            Infallible(1, Probe(5))));
        Assert.Equal(
            [
                [Transpiled(1, 5), Transpiled(0, 3), new Frame.FiberEntry(0)],
                [Transpiled(0, 1), new Frame.FiberEntry(0)],
                [Transpiled(1, 5), Transpiled(0, 2), new Frame.FiberEntry(0)],
            ],
            run.Probes.Select(probe => probe.Chain.ToArray()));
    }

    [Fact]
    public void Each_fiber_has_its_own_chain_while_others_are_in_the_middle_of_theirs()
    {
        var run = Run(Program(
            [Fiber(0), Fiber(1)],
            0,
            Infallible(0, Call(1, 2)),
            Infallible(1, Call(2, 2)),
            Infallible(2, Yield(3), Probe(4))));
        Assert.Equal([new ProbeTrace(0, 4, [Transpiled(2, 4), Transpiled(0, 1), new Frame.FiberEntry(0)]),
            new ProbeTrace(1, 4, [Transpiled(2, 4), Transpiled(1, 2), new Frame.FiberEntry(1)])], run.Probes);
    }

    [Fact]
    public void Recursion_may_be_as_deep_as_the_fuel_and_an_error_at_the_bottom_unwinds_it_all()
    {
        var program = Recursive(depth: 12_000);
        var compiled = CompiledProgram.Of(program);
        var run = compiled.Run(NoFault, Schedule.Fifo);
        Assert.Equal(RunEnding.Finished, run.Ending);
        Assert.Equal(12_001, run.Entries);
        Assert.Equal(12_001, run.EntryPoints[^1].Depth);
        Assert.Equal(12_002, Assert.Single(run.Probes).Chain.Count);

        var failed = compiled.Run(new FaultPlan.ErrorAt(12_000, ErrorName.StackOverflow, false), Schedule.Fifo);
        Assert.Equal(FiberOutcome.Failed, failed.Outcomes[0]);
        Assert.Equal(12_000, failed.Events[0].Count(e => e.Kind is EventKind.ErrDeferred));
        Assert.Equal(12_000, failed.Events[0].Count(e => e.Kind is EventKind.Released));
        Assert.Equal(0, failed.ProbeCount);

        var panicked = compiled.Run(new FaultPlan.PanicAt(12_000), Schedule.Fifo);
        Assert.Equal(12_000, panicked.Events[0].Count(e => e.Kind is EventKind.LedgerReleased));
        Assert.Equal(run, compiled.Run(NoFault, Schedule.Fifo));
    }

    [Fact]
    public void Two_fibers_recurse_deeply_side_by_side()
    {
        var function = Fallible(0, Yield(1), Fuel(Call(2, 0, Try)));
        var run = Run(Program([Fiber(0, fuel: 5_000), Fiber(0, fuel: 7_000)], 0, function));
        Assert.Equal(12_002, run.Entries);
        Assert.Equal(7_001, run.EntryPoints[^1].Depth);
    }

    [Fact]
    public void More_entries_than_the_cap_end_the_run()
    {
        var program = Program(
            [Fiber(0, fuel: ProgramLimits.MaxFuel)], 0, Infallible(0, Call(2, 1), Fuel(Call(1, 0))), Infallible(1, Loop(0, 16, Call(3, 2))), Infallible(2));
        var run = Interpreter.Run(program, NoFault, Schedule.Fifo);
        Assert.Equal(RunEnding.CapReached, run.Ending);
        Assert.Equal(run.Digest, Interpreter.Run(program, NoFault, Schedule.Fifo, Kept.Counts).Digest);
    }

    [Fact]
    public void More_events_than_the_cap_end_the_run() => Assert.Equal(
        RunEnding.CapReached, Interpreter.Run(Program(Infallible(0, Nest(5, Log(1)))), NoFault, Schedule.Fifo, Kept.Counts).Ending);

    [Fact]
    public void Loops_that_log_nothing_end_by_the_cap_on_steps() => Assert.Equal(
        RunEnding.CapReached, Interpreter.Run(Program(Infallible(0, Nest(12))), NoFault, Schedule.Fifo).Ending);

    [Fact]
    public void A_probe_at_every_level_of_a_deep_recursion_ends_by_the_cap_on_traced_frames() => Assert.Equal(
        RunEnding.CapReached,
        Interpreter.Run(
            Program([Fiber(0, fuel: 5_000)], 0, Infallible(0, Probe(1), Fuel(Call(2, 0)))), NoFault, Schedule.Fifo).Ending);

    [Fact]
    public void A_resource_still_held_at_a_normal_end_is_a_leak()
    {
        var program = Program(Fallible(0, Acquire(1, 0, Disposition.ErrDefer), Return()));
        Assert.NotEmpty(Validator.Check(program));
        Assert.Equal(RunEnding.Leaked, Interpreter.Run(program, NoFault, Schedule.Fifo).Ending);
        Assert.Equal(RunEnding.Finished, Interpreter.Run(program, new FaultPlan.PanicAt(0), Schedule.Fifo).Ending);
    }

    [Fact]
    public void A_handle_released_twice_is_reported()
    {
        var program = Program(Fallible(0, Acquire(1, 0), Release(2, 0)));
        Assert.NotEmpty(Validator.Check(program));
        Assert.Equal(RunEnding.ReleasedTwice, Interpreter.Run(program, NoFault, Schedule.Fifo).Ending);
    }

    private static Statement Nest(int depth, params Statement[] innermost) =>
        Loop(depth, 16, depth == 0 ? innermost : [Nest(depth - 1, innermost)]);

    /// <summary>Recurses to the fuel's end, holding a resource at each level, and probes at the bottom.</summary>
    private static FiberProgram Recursive(int depth) => Program(
        [Fiber(0, fuel: depth)],
        0,
        Fallible(
            0,
            new Statement.Cell(0, C(0)),
            Acquire(1, 1),
            Capture(2),
            Fuel(Call(3, 0, Try), new Statement.Store(0, C(1))),
            If(new Condition(new Scalar.Add(Fold(0), C(unchecked(0 - Values.FoldWord(0)))), 64, 0), [Probe(4)])));

    private static ExpectedRun Run(FiberProgram program)
    {
        Assert.Empty(Validator.Check(program));
        var run = Interpreter.Run(program, NoFault, Schedule.Fifo);
        Assert.Equal(RunEnding.Finished, run.Ending);
        return run;
    }

    private static Frame Transpiled(int function, int site, bool optional = false, bool mayBeInlined = false) =>
        new Frame.Transpiled(function, site, optional, mayBeInlined);
}
