using Harness.Model;
using Harness.Tests;
using Harness.Verification.Stepping;

namespace Harness.Verification.Tests;

/// <summary>
/// Real signals at instructions of workers, as campaigns send them in every cell: the traces that the handler takes there are the calls that were made.
/// </summary>
public sealed class AsynchronousTests
{
    [ZigTheory(Timeout = 300_000)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted, Cell.LinuxGnu)]
    [InlineData(Route.Thunk, OptimizeMode.ReleaseFast, Backend.Llvm, Cell.LinuxMusl)]
    public async Task A_batch_is_stepped_through_with_signals(Route route, OptimizeMode mode, Backend backend, string target)
    {
        using var scratch = new Scratch();
        var (factory, processes) = await EndToEndTests.OpenFactoryAsync(null);
        FiberProgram[] programs = [Samples.EveryService(), Samples.Nested(fibers: 2)];
        var options = PlanOptions.Default with { RowCap = 4, DeepRowFloor = 4, Stepped = true, Seed = 2 };
        var result = await new BatchChecker(factory, EndToEndTests.Runner(processes)).CheckAsync(programs, new Cell(route, mode, backend, target), options, scratch.Path, CancellationToken.None);
        Assert.Equal("", string.Join('\n', result.Findings.Select(f => f.Observation.Detail)));
        var steps = result.Traces.Steps;
        Assert.Empty(steps.Refused);
        Assert.True(steps is { Batches: 1, Steps: > 3_000, Signals: > 100, InStubs: > 50, Frames: > 300 }, steps.ToString());
        Assert.True(steps.Traces["dwarf/whole"] + steps.Traces.GetValueOrDefault("dwarf/excused") == steps.Signals, string.Join(", ", steps.Traces));
        Assert.True(steps.Traces["frame-pointers/whole"] > steps.Signals / 2, string.Join(", ", steps.Traces));
        Assert.True(result.Traces.Rows is { Workers: 1, Entries: > 500, Instructions: > 50_000 }, result.Traces.Rows.ToString());
    }

    /// <summary>The defect is a row of morestack that is right but for its ninth instruction: a handler's trace there is wrong, and so is the row.</summary>
    [ZigFact(Timeout = 300_000)]
    public async Task A_wrong_row_shows_in_a_handlers_trace_and_the_case_says_how()
    {
        using var scratch = new Scratch();
        var (factory, processes) = await EndToEndTests.OpenFactoryAsync(PlantedDefect.Named("cfi"));
        var runner = EndToEndTests.Runner(processes);
        var cell = new Cell(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm);
        var program = Samples.Recursive(4);
        var seed = Enumerable.Range(0, 99).First(s => StepSample.Choose(program, [Placement.Descending], (ulong)s).Split == SplitPlan.Every);
        var options = PlanOptions.Default with { RowCap = 4, DeepRowFloor = 4, Stepped = true, Seed = (ulong)seed, Placements = [Placement.Descending] };
        var result = await new BatchChecker(factory, runner).CheckAsync([program], cell, options, scratch["batch"], CancellationToken.None);
        var finding = result.Findings.FirstOrDefault(f => f.Signature.Check == "interrupt");
        Assert.True(finding is not null, $"{result.Traces.Steps}: {string.Join('\n', result.Findings.Select(f => f.Signature))}");
        Assert.Equal("morestack", finding.Signature.Site);
        Assert.Contains(result.Findings, f => f.Signature.Check == "step" && f.Signature.Site == "morestack");

        // The case is enough to see it again; without the flag it is another execution.
        var read = CaseJson.Read(CaseJson.Write(finding.Case));
        Assert.Equal(Disturbance.Stepped, read.Plan.Disturbance);
        var again = await new Confirmer(factory, runner).ConfirmAsync(read, finding.Signature, scratch["again"], CancellationToken.None, attempts: 1);
        Assert.Equal((1, 1), (again.Reproduced, again.Attempts));
    }
}
