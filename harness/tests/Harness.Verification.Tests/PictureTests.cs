using Harness.Execution;
using Harness.Model;
using Harness.Tests;
using Harness.Verification.Pictures;

namespace Harness.Verification.Tests;

/// <summary>Pictures of real executions.</summary>
public class PictureTests
{
    private const int Timeout = 300_000;

    private static readonly Cell _debug = new(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted);

    private static readonly ExecutionPlan _split = ExecutionPlan.Baseline with { Split = SplitPlan.Every };

    private static async Task<ReplayResult> ReplayAsync(Case @case, string? defect = null)
    {
        using var scratch = new Scratch();
        var (factory, processes) = await EndToEndTests.OpenFactoryAsync(defect is null ? null : PlantedDefect.Named(defect));
        var runner = new UnitRunner(new WorkerSession(processes), WorkerLimits.Default);
        return await new CaseReplay(factory, runner).RunAsync(@case, scratch.Path, CancellationToken.None);
    }

    private static T Some<T>(T? value)
        where T : class
    {
        Assert.NotNull(value);
        return value;
    }

    private static async Task<StackPicture> HeldAsync(Case @case) =>
        Some(Assert.IsType<ReplayResult.Held>(await ReplayAsync(@case)).Picture);

    [ZigFact(Timeout = Timeout)]
    public async Task Frames_lie_in_their_segments_with_a_stub_where_each_function_split()
    {
        var picture = await HeldAsync(new Case(Samples.Nested(), _debug, _split));
        Assert.True(picture.Segments.Count > 2, $"{picture.Segments.Count} segments");
        Assert.Equal(Enumerable.Range(1, picture.Segments.Count).Reverse(), picture.Segments.Select(s => s.Number));
        Assert.All(picture.Segments.Skip(1), s => Assert.Equal(FrameRole.Stub, s.Frames[0].Role));
        Assert.Equal(picture.Segments.Count - 1, picture.Segments.Sum(s => s.Frames.Count(f => f.Role is FrameRole.Stub)));
        Assert.All(picture.Segments.SkipLast(1), s => Assert.False(s.Above));
        // Descending segments: each frame and its segment have a size, and the frames of a segment fit into it.
        Assert.All(picture.Segments, s => Assert.InRange(s.Frames.Sum(f => f.Bytes ?? 0), 0, s.Bytes));
        Assert.InRange(picture.Segments[0].UsedBytes ?? 0, 1, picture.Segments[0].Bytes);
        Assert.All(picture.Segments.SelectMany(s => s.Frames).Where(f => f.Role is FrameRole.Program), f => Assert.True(f.Bytes >= 16, f.ToString()));
        Assert.Equal("probe", picture.Segments[0].Frames[0].Mark);
        var traces = Some(picture.Traces);
        Assert.Equal(["frame pointers", "std.debug", "our CFI"], traces.Observers.Select(o => o.Name).Take(3));
        // The others are those that the machine has.
        Assert.Subset(new HashSet<string> { "libgcc", "LLVM libunwind", "libunwind" }, traces.Observers.Select(o => o.Name).Skip(3).ToHashSet());
        Assert.All(traces.Rows, row => Assert.All(row.Seen, cell => Assert.Equal(new TraceCell(row.Truth, false), cell)));
        Assert.False(picture.IsCutOff);
    }

    [ZigFact(Timeout = Timeout)]
    public async Task Segments_that_lie_above_their_parents_say_so()
    {
        var picture = await HeldAsync(new Case(Samples.Nested(), _debug, _split with { Placement = Placement.Ascending }));
        Assert.All(picture.Segments.SkipLast(2), s => Assert.True(s.Above));
    }

    [ZigFact(Timeout = Timeout)]
    public async Task The_first_wrong_frame_of_each_observer_is_marked()
    {
        var failed = Assert.IsType<ReplayResult.Failed>(await ReplayAsync(new Case(Samples.Nested(), _debug, _split), "cfi"));
        var traces = Some(Some(failed.Finding.Observation.Picture).Traces);
        var walk = 0;
        Assert.True(traces.Observers[walk].Right);
        Assert.DoesNotContain(traces.Rows, r => r.Seen[walk].FirstWrong);
        // Ours follows the same rows to the same wrong place. Up to the first stub both are right.
        foreach (var unwound in new[] { 1, 2 })
        {
            Assert.False(traces.Observers[unwound].Right);
            Assert.Single(traces.Rows, r => r.Seen[unwound].FirstWrong);
            var wrong = traces.Rows.ToList().FindIndex(r => r.Seen[unwound].FirstWrong);
            Assert.True(wrong > 0);
            Assert.All(traces.Rows.Take(wrong), r => Assert.Equal(r.Truth, r.Seen[unwound].Text));
        }

        Assert.Equal(traces.Rows.Select(r => r.Seen[1].FirstWrong), traces.Rows.Select(r => r.Seen[2].FirstWrong));
        Assert.All(traces.Rows.Where(r => r.Truth is not null), r => Assert.Equal(r.Truth, r.Seen[walk].Text));
    }

    [ZigFact(Timeout = Timeout)]
    public async Task Clean_up_is_the_defers_and_errdefers_that_ran_in_order()
    {
        var plan = _split with { Fault = new FaultPlan.ErrorAt(1, ErrorName.Injected, false) };
        var picture = await HeldAsync(new Case(Samples.TwoErrDefers, _debug, plan));
        Assert.Equal("error.Injected", Some(picture.Fault).What);
        Assert.StartsWith("at entry 1: run_1 unit.zig:", Some(picture.Fault).Where);
        var cleanup = Some(picture.Cleanup);
        Assert.True(cleanup.Observed);
        Assert.Equal(["errdefer", "defer", "errdefer", "end"], cleanup.Steps.Select(s => s.How));
        Assert.All(cleanup.Steps.Take(3), s => Assert.StartsWith("start_0 unit.zig:", s.Where));
        Assert.All(cleanup.Steps, s => Assert.Null(s.Instead));
        var struck = Assert.Single(picture.Segments.SelectMany(s => s.Frames), f => f.Mark == "fault");
        Assert.Equal("run_1", struck.Function);
    }

    [ZigFact(Timeout = Timeout)]
    public async Task The_first_step_of_clean_up_that_is_not_the_models_is_marked()
    {
        var plan = _split with { Fault = new FaultPlan.ErrorAt(1, ErrorName.Injected, false) };
        var failed = Assert.IsType<ReplayResult.Failed>(await ReplayAsync(new Case(Samples.TwoErrDefers, _debug, plan), "errdefer_order"));
        var cleanup = Some(Some(failed.Finding.Observation.Picture).Cleanup);
        var wrong = Assert.Single(cleanup.Steps, s => s.Instead is not null);
        Assert.Equal(wrong, cleanup.Steps[0]);
        Assert.Equal(("errdefer", "log"), (wrong.How, wrong.What));
        Assert.StartsWith("errdefer log start_0", wrong.Instead);
    }

    [ZigFact(Timeout = Timeout)]
    public async Task A_segfault_is_marked_at_the_function_that_it_struck()
    {
        var plan = _split with { Fault = new FaultPlan.SegfaultAt(1) };
        var picture = await HeldAsync(new Case(Samples.TwoErrDefers, _debug, plan));
        Assert.Contains(picture.Segments.SelectMany(s => s.Frames), f => f is { Mark: "fault", Function: "run_1" });
        Assert.All(Some(picture.Traces).Observers, o => Assert.True(o.Right));
    }

    [ZigTheory(Timeout = Timeout)]
    [InlineData(Route.Thunk)]
    [InlineData(Route.Attribute)] // whose debug information has names and calls alone
    public async Task Inlined_functions_stand_before_the_function_that_they_are_inlined_into(Route route)
    {
        var function = Samples.Function(1, new Statement.Probe(5)) with { NoInline = false };
        var program = new FiberProgram([Samples.Function(0, Samples.Call(4, 1)), function], [new Fiber(0, [], 0, true)], 0);
        var picture = await HeldAsync(new Case(program, new Cell(route, OptimizeMode.ReleaseFast, Backend.Llvm), ExecutionPlan.Baseline));
        var frames = picture.Segments.SelectMany(s => s.Frames).ToList();
        Assert.Equal([(FrameRole.Inlined, "run_1"), (FrameRole.Program, "start_0")], frames.Take(2).Select(f => (f.Role, f.Function)));
        Assert.True(frames[0] is { Bytes: null, Place.Length: > 0 } && frames[1] is { Bytes: > 0, Place.Length: > 0 }, string.Join('\n', frames));
        Assert.All(Some(picture.Traces).Rows, row => Assert.All(row.Seen, cell => Assert.Equal(row.Truth, cell.Text)));
    }

    /// <summary>LLVM makes one call of panics in several functions inlined into one: it has neither line nor inlined callers (docs/ZIG-FINDINGS.md).</summary>
    [ZigFact(Timeout = Timeout)]
    public async Task A_merged_panic_names_only_the_function_whose_code_it_is()
    {
        Function Inlinable(int id) => Samples.Function(id, new Statement.Log(10 + id, new Scalar.Const((ulong)id))) with { NoInline = false };
        var program = new FiberProgram(
            [Samples.Function(0, Samples.Call(4, 1), Samples.Call(5, 2)), Inlinable(1), Inlinable(2)], [new Fiber(0, [], 0, true)], 0);
        var plan = ExecutionPlan.Baseline with { Fault = new FaultPlan.PanicAt(1) };
        var picture = await HeldAsync(new Case(program, new Cell(Route.Thunk, OptimizeMode.ReleaseFast, Backend.Llvm), plan));
        var rows = Some(picture.Traces).Rows;
        Assert.StartsWith("run_1 unit.zig:", rows.First(r => r.Truth is not null).Truth);
        Assert.DoesNotContain(rows, r => r.Seen.Any(c => c.Text?.StartsWith("run_1", StringComparison.Ordinal) == true));
        Assert.Contains(rows, r => r.Truth?.StartsWith("start_0 unit.zig:", StringComparison.Ordinal) == true && r.Seen[0].Text == "start_0");
        Assert.All(Some(picture.Traces).Observers, o => Assert.True(o.Right, o.Verdict));
    }
}
