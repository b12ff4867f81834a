using Harness.Execution;
using Harness.Model;
using Harness.Tests;
using Harness.Toolchain;
using Harness.Verification.Stepping;

namespace Harness.Verification.Tests;

/// <summary>Real compilers, real workers.</summary>
public class EndToEndTests
{
    private const int Timeout = 600_000;

    private static readonly FiberProgram[] _programs = [Samples.Nested(fibers: 3), Samples.Recursive(40), Samples.Failures(36)];

    /// <summary>Few programs: more of what is rare in many.</summary>
    private static readonly PlanOptions _disturbed = PlanOptions.Default with { SignalsEvery = 7, ThreadsEvery = 12 };

    [ZigTheory(Timeout = Timeout)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted)]
    [InlineData(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm)]
    [InlineData(Route.Attribute, OptimizeMode.ReleaseSafe, Backend.Llvm, Cell.LinuxGnu, true)]
    [InlineData(Route.Assembly, OptimizeMode.ReleaseFast, Backend.Llvm)]
    [InlineData(Route.Thunk, OptimizeMode.ReleaseSmall, Backend.Llvm, Cell.LinuxMusl, true)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted, Cell.LinuxMusl)]
    [InlineData(Route.Assembly, OptimizeMode.ReleaseSafe, Backend.Llvm, Cell.LinuxMusl)]
    public async Task Hand_written_programs_hold(Route route, OptimizeMode mode, Backend backend, string target = Cell.LinuxGnu, bool traced = false)
    {
        using var scratch = new Scratch();
        var (factory, runner) = await OpenAsync();
        var result = await new BatchChecker(factory, runner).CheckAsync(
            _programs, new Cell(route, mode, backend, target) { ErrorTracing = traced }, _disturbed, scratch.Path, CancellationToken.None);
        Assert.True(result.Findings.Count == 0, string.Join("\n\n", result.Findings.Select(Shown)));
        Assert.Empty(result.Unfinished);
        Assert.Equal(3, result.Counters.Programs);
        Assert.Equal(result.Programs.Sum(p => p.RowsPlanned), result.Counters.Executions);
        Assert.Equal(result.Counters.ResourcesAcquired, result.Counters.ResourcesReleased);
        Assert.True(result.Counters is { SplitsForced: > 1000, FaultsInjected: > 500, Probes: > 100, FramesChecked: > 100 });
        Assert.True(result.Judged is { Traces: > 50, Overflows: > 30 });
        // Each of them, although the worker tells those together that go the same course.
        Assert.Equal(result.Coverage["fault/stack-budget"] + result.Coverage["fault/segment-allocation"], result.Judged.Overflows);
        var (kept, full) = traced || mode is OptimizeMode.Debug ? (result.Judged.ErrorTraces, result.Judged.ErrorTracesFull) : (11, 4);
        Assert.True(kept > 10 && full > 3, $"{kept} error return traces, {full} full");
        Assert.All(result.Programs, p => Assert.NotNull(p.Elapsed));
        Assert.True(result.Arrivals is { Signals: > 50, Moves: > 100, Handlers: > 20, Told: > 5 }, result.Arrivals.ToString());
    }

    /// <summary>More than a process may have open by default.</summary>
    [ZigFact(Timeout = Timeout)]
    public async Task Thousands_of_descriptors_may_be_held_at_once()
    {
        using var scratch = new Scratch();
        var (factory, runner) = await OpenAsync();
        var result = await new BatchChecker(factory, runner).CheckAsync(
            [Samples.Recursive(3000, ResourceKind.FileDescriptor)], new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted), PlanOptions.Default with { DeepRowFloor = 30 },
            scratch.Path, CancellationToken.None);
        Assert.Empty(result.Findings);
        Assert.Empty(result.Unfinished);
        Assert.Equal(result.Programs.Sum(p => p.RowsPlanned), result.Counters.Executions);
        Assert.True(result.Counters.ResourcesAcquired > 3000 * 10 && result.Counters.ResourcesAcquired == result.Counters.ResourcesReleased, $"{result.Counters}");
    }

    private static string Shown(Finding finding)
    {
        var (chain, detail) = (finding.Observation.Chain, finding.Observation.Detail);
        return chain is null
            ? $"{finding.Signature}: {detail}"
            : $"{finding.Signature}: {detail}\n{finding.Case.Plan}\n  {string.Join("\n  ", chain.Expected)}\nobserved\n  {string.Join("\n  ", chain.Observed)}";
    }

    /// <summary>Not among the defects that are confirmed and shrunk: a timer's signals come when they come.</summary>
    [ZigTheory(Timeout = Timeout)]
    [InlineData("signal_limit")]
    [InlineData("handler_limit")]
    public async Task A_signal_handler_that_leaves_another_limit_is_found(string defect)
    {
        var (factory, runner) = await OpenAsync(defect);
        var cell = new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted);
        Finding? finding = null;
        // On a busy machine a run may meet none at an instruction that matters.
        for (var seed = 1u; finding is null && seed <= 6; seed++)
        {
            using var scratch = new Scratch();
            var result = await new BatchChecker(factory, runner).CheckAsync(
                [Samples.Nested(fibers: 3)], cell, _disturbed with { Seed = seed }, scratch.Path, CancellationToken.None);
            finding = result.Findings.FirstOrDefault(f => f.Signature.Check == "limit");
        }

        Assert.NotNull(finding);
        Assert.True(finding.Case.Plan.Disturbance.HasFlag(Disturbance.Signals), finding.Case.Plan.ToString());
    }

    [ZigFact(Timeout = Timeout)]
    public async Task A_planted_defect_is_found_confirmed_and_replayed()
    {
        using var scratch = new Scratch();
        var (factory, runner) = await OpenAsync("ledger_order");
        var cell = new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted);
        var result = await new BatchChecker(factory, runner).CheckAsync(
            [Samples.Nested()], cell, PlanOptions.Default, scratch["batch"], CancellationToken.None);
        var finding = result.Findings.First(f => f.Signature.Check == "digest");
        Assert.True(finding.Case.Plan.Fault is FaultPlan.PanicAt or FaultPlan.SegfaultAt);
        Assert.Equal(EventKind.LedgerReleased, finding.Observation.Events?.ExpectedEvent?.Kind);
        var confirmed = await new Confirmer(factory, runner).ConfirmAsync(
            finding.Case, finding.Signature, scratch["confirm"], CancellationToken.None, attempts: 3);
        Assert.Equal("reproduced 3/3", confirmed.ToString());
        var replay = await new CaseReplay(factory, runner).RunAsync(finding.Case, scratch["replay"], CancellationToken.None);
        Assert.Equal(finding.Signature, Assert.IsType<ReplayResult.Failed>(replay).Finding.Signature);
        var sound = await OpenAsync();
        Assert.IsType<ReplayResult.Held>(
            await new CaseReplay(sound.Factory, sound.Runner).RunAsync(finding.Case, scratch["sound"], CancellationToken.None));
    }

    [ZigFact(Timeout = Timeout)]
    public async Task A_defect_of_emitted_programs_is_found()
    {
        using var scratch = new Scratch();
        var (factory, runner) = await OpenAsync("errdefer_order");
        var result = await new BatchChecker(factory, runner).CheckAsync(
            [Samples.TwoErrDefers], new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted), PlanOptions.Default with { DeepRowFloor = 30 },
            scratch.Path, CancellationToken.None);
        var finding = result.Findings.First();
        Assert.Contains(finding.Signature.Check, (string[])["digest", "overflow"]);
        Assert.Equal(("log-not-log", "log-in-errdefer"), (finding.Signature.Event, finding.Signature.Site));
    }

    private static Task<(IUnitFactory Factory, IUnitRunner Runner)> OpenAsync(string defectName) =>
        OpenAsync(PlantedDefect.Named(defectName) ?? throw new ArgumentException(defectName));

    /// <summary>What builds units with a defect in them, and what runs other programs.</summary>
    internal static async Task<(IUnitFactory Factory, ChildProcess Processes)> OpenFactoryAsync(PlantedDefect? defect)
    {
        var builder = new WorkerBuilder(Tools.Fixtures, Tools.Cache, RuntimeRecipe.Standard.With(defect));
        return (new UnitFactory(builder, defect), await Tools.Cache.ProcessesAsync(CancellationToken.None));
    }

    internal static UnitRunner Runner(ChildProcess processes) =>
        new(new WorkerSession(processes), WorkerLimits.Default, new SteppedProgram(processes, StubSources.Functions(Tools.Fixtures, StubSources.All)));

    internal static async Task<(IUnitFactory Factory, IUnitRunner Runner)> OpenAsync(PlantedDefect? defect = null)
    {
        var (factory, processes) = await OpenFactoryAsync(defect);
        return (factory, Runner(processes));
    }
}
