using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Harness.Binary.Unwind;
using Harness.Execution;
using Harness.Model;
using Harness.Tests;
using Harness.Verification.Cores;
using Xunit.Abstractions;

namespace Harness.Verification.Tests;

/// <summary>Workers that die, and what their cores show: every death, on every placement.</summary>
[Collection(DeadWorkersCollection.Name)]
public sealed class CoreTests(DeadWorkers workers, ITestOutputHelper output)
{
    private const int Timeout = 600_000;
    private static readonly Death[] _deaths = [Death.Panic, Death.Segfault, Death.Guard, Death.Abort, Death.Handler];

    [ZigTheory(Timeout = Timeout)]
    [InlineData(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted)]
    public async Task Every_death_on_every_placement_leaves_every_fibers_whole_chain(Route route, OptimizeMode mode, Backend backend)
    {
        using var worker = await workers.GetAsync(new Cell(route, mode, backend));
        foreach (var death in _deaths)
        {
            // The fifth is an abort with another stack on top.
            foreach (var placement in death is Death.Handler ? [Placement.Ascending] : Enum.GetValues<Placement>())
            {
                var began = Stopwatch.GetTimestamp();
                var died = await worker.DieAsync(death, placement);
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{death}, {placement}: {died.Report.Frames} frames, {Stopwatch.GetElapsedTime(began).TotalMilliseconds:0} ms"));
                AssertWhole(died.Report, death);
                AssertCause(died, death);
            }
        }
    }

    [ZigTheory(Timeout = Timeout)]
    [InlineData(Route.Assembly, OptimizeMode.ReleaseSafe, Cell.LinuxGnu)]
    [InlineData(Route.Thunk, OptimizeMode.ReleaseSmall, Cell.LinuxMusl)]
    public async Task Other_routes_and_static_workers_leave_theirs_too(Route route, OptimizeMode mode, string target)
    {
        using var worker = await DeadWorker.BuildAsync(new Cell(route, mode, Backend.Llvm, target));
        foreach (var (death, placement) in new[] { (Death.Panic, Placement.Interleaved), (Death.Segfault, Placement.Ascending) })
        {
            AssertWhole((await worker.DieAsync(death, placement)).Report, death);
        }

        if (target == Cell.LinuxMusl)
        {
            // musl has no rows for what a handler returns to: no guess is made, and what is missing is said. When it gets them, this says so.
            var finding = Assert.Single((await worker.DieAsync(Death.Handler, Placement.Ascending)).Report.Findings);
            Assert.True(finding.Fault is CoreFault.Incomplete && finding.Detail.Contains("NoEntry", StringComparison.Ordinal), finding.ToString());
        }
    }

    [ZigFact(Timeout = Timeout)]
    public async Task A_fiber_that_dies_on_a_second_thread_is_found_there()
    {
        using var worker = await workers.GetAsync(DeadWorkers.Debug);
        foreach (var death in new[] { Death.Segfault, Death.Panic })
        {
            var report = (await worker.DieAsync(death, Placement.Ascending, entry: 0, Disturbance.Threads)).Report;
            AssertWhole(report, death);
            Assert.Equal(death is Death.Panic ? 1 : 2, report.Threads.Count(t => t.Fiber >= 0 || death is not Death.Panic));
            // The first waits in the other's turn: its chain ends where the program began.
            Assert.True(report.Threads[0].Fiber == 0 && report.Threads.Skip(1).All(t => t.Fiber < 0 && t.Chain.Frames.Any(f => f.Function == "main")));
        }
    }

    [ZigFact(Timeout = Timeout)]
    public async Task Unsplit_and_deep_chains_are_whole_too()
    {
        using var worker = await DeadWorker.BuildAsync(DeadWorkers.Debug, Samples.Recursive(3000));
        var deep = (await worker.DieAsync(Death.Segfault, Placement.Interleaved, entry: 2900)).Report;
        AssertWhole(deep, Death.Segfault);
        Assert.True(deep.Frames > 5800, $"{deep.Frames} frames");
        var unsplit = (await worker.DieAsync(Death.Abort, Placement.Descending, entry: 40, split: SplitPlan.None)).Report;
        AssertWhole(unsplit, Death.Abort);
        Assert.DoesNotContain(unsplit.Threads[0].Chain.Frames, f => f.Stub);
    }

    /// <summary>The planted defect breaks the program's values, so that it dies by itself, nobody knows where in advance.</summary>
    [ZigFact(Timeout = Timeout)]
    public async Task A_death_that_nobody_planned_is_compared_with_where_the_model_was()
    {
        const string stored = "trace-dwarf-differs-from-baseline-probe-thunk-debug-selfhost-219618a8";
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Tools.Repository, "results", "regressions", stored, "case.json")));
        var @case = CaseJson.Read(document.RootElement.GetProperty("case").GetRawText());
        using var worker = await DeadWorker.BuildAsync(@case.Cell, @case.Program, PlantedDefect.Named("return_register"));
        var report = Assert.IsType<CoreOutcome.Died>(await worker.RunAsync(DeathPlan.Compose(@case, Death.None))).Report;
        Assert.Equal("", string.Join('\n', report.Findings));
        Assert.Equal(Death.None, report.Death);
        Assert.Contains(report.Fibers, f => f.Fiber.State is CoreFiberState.Running && f.Comparison is ModelComparison.Agrees);
    }

    [ZigFact(Timeout = Timeout)]
    public async Task A_worker_that_lives_leaves_nothing()
    {
        using var worker = await workers.GetAsync(DeadWorkers.Debug);
        var outcome = await worker.RunAsync(Death.None, Placement.Ascending);
        Assert.Equal(0, Assert.IsType<ProcessOutcome.Exited>(Assert.IsType<CoreOutcome.Survived>(outcome).Outcome).Code);
    }

    private static void AssertWhole(CoreReport report, Death death)
    {
        Assert.Equal("", string.Join('\n', report.Findings));
        Assert.Equal(death, report.Death);
        foreach (var fiber in report.Fibers.Where(f => f.Chain is not null))
        {
            var agrees = Assert.IsType<ModelComparison.Agrees>(fiber.Comparison);
            Assert.Equal(0, agrees.Beyond);
            Assert.IsNotType<TraceEnd.Failed>(fiber.Chain!.End);
            Assert.Equal("hs_fiber_start", fiber.Chain.Frames[^1].Function);
            Assert.Equal(fiber.Fiber.Segments.Count - 1, fiber.Chain.Frames.Count(f => f.Stub));
        }

        Assert.Contains(report.Fibers, f => f.Fiber.State is CoreFiberState.Running && f.Chain is not null);
    }

    private static void AssertCause(CoreOutcome.Died died, Death death)
    {
        var (report, frames) = (died.Report, died.Report.Threads[0].Chain.Frames);
        switch (death)
        {
            case Death.Panic:
                Assert.Null(report.Signal);
                Assert.Equal(RowModel.UnexpectedPanicCode, Assert.IsType<ProcessOutcome.Exited>(died.Outcome).Code);
                Assert.Contains(frames, f => f.Function == "hs_panic");
                break;
            case Death.Segfault:
                Assert.Equal((11, 0x5e60UL, "which is not mapped"), (report.Signal!.Number, report.Signal.Address, report.Place));
                Assert.True(frames[0].IsExact && frames[0].Segment > 0);
                break;
            case Death.Guard:
                Assert.Contains("no access", report.Place, StringComparison.Ordinal);
                Assert.Equal(report.Signal!.Address, report.Threads[0].Thread.Registers[DwarfRegister.Rsp]);
                break;
            case Death.Abort:
                Assert.Equal(6, report.Signal!.Number);
                Assert.Contains(frames, f => f.Function == "hs_rt_checkpoint" && f.Segment == 0);
                break;
            case Death.Handler:
                Assert.Equal(6, report.Signal!.Number);
                // Above the signal's frame there is a function on the signal stack; below it one that was interrupted.
                Assert.Contains(frames.Zip(frames.Skip(1)), pair => pair.First.Segment > 0 && !pair.First.Stub && pair.Second.IsExact);
                break;
        }

        Assert.Equal(died.Outcome is ProcessOutcome.Signaled s ? s.Signal : 0, report.Signal?.Number ?? 0);
        Assert.Contains(report.Fibers, f => f.Fiber.State is CoreFiberState.Waiting && f.Chain is { Frames.Count: > 3 });
    }
}
