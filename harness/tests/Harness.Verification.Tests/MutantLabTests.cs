using Harness.Execution;
using Harness.Model;
using Harness.Tests;
using Harness.Toolchain;
using Harness.Verification.Mutation;

namespace Harness.Verification.Tests;

/// <summary>A sample of the planted defects, of each kind of verdict, on one ground; all of them are <c>mutants</c>'s.</summary>
public sealed class MutantLabTests : IDisposable
{
    private const int Timeout = 600_000;

    private static readonly Cell _cell = new(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted);

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigFact(Timeout = Timeout)]
    public async Task Each_seat_of_defects_has_its_verdicts()
    {
        var lab = await OpenAsync();
        var options = PlanOptions.Default with { RowCap = 150, SignalsEvery = 0, ThreadsEvery = 0 };
        var (ground, problem) = await lab.PrepareAsync([Samples.Nested(fibers: 3), Samples.Recursive(12), Samples.Failures(12)], _cell, options, _scratch["ground"], CancellationToken.None);
        Assert.True(ground is not null, problem);

        await AssertKilledAsync("limit_restore", "limit");
        await AssertKilledAsync("warm_room", "canary");
        await AssertKilledAsync("model_serial", "digest");
        await AssertKilledAsync("blind_limit", "limit_restore without limit");
        await AssertKilledAsync("checker_line", "passes with a frame at another line");
        Assert.IsType<MutantVerdict.NotReached>((await TryAsync("thread_limit")).Verdict);
        var equivalent = await TryAsync("yield_value");
        Assert.IsType<MutantVerdict.Survived>(equivalent.Verdict);
        Assert.True(equivalent.Reached > 0);
        // What wakes nothing must not be taken for a survivor.
        var unit = ground.Unit with { Defect = null };
        Assert.Equal(0u, unit.Told(ground.Plan.Worker).Planted);

        async Task AssertKilledAsync(string name, string check) => Assert.Equal(check, Assert.IsType<MutantVerdict.Killed>((await TryAsync(name)).Verdict).Check);

        Task<MutantTrial> TryAsync(string name) => lab.TryAsync(ground, PlantedDefect.Named(name)!, CancellationToken.None);
    }

    /// <summary>A defect that was never planted would survive, or a sound worker's "held" be taken for a verdict on it.</summary>
    [ZigFact(Timeout = Timeout)]
    public async Task A_worker_without_defects_refuses_a_plan_that_names_one()
    {
        var builder = new WorkerBuilder(Tools.Fixtures, Tools.Cache);
        var (_, unit) = await new UnitFactory(builder).BuildAsync([Samples.Recursive(3)], _cell, _scratch["unit"], CancellationToken.None);
        var plan = UnitPlan.Join([new PlanBuilder(PlanOptions.Default with { RowCap = 20 }).Build(Samples.Recursive(3), 0, 1)]);
        var runner = new UnitRunner(new WorkerSession(await Tools.Cache.ProcessesAsync(CancellationToken.None)), WorkerLimits.Default);

        var run = await runner.RunAsync(unit! with { Defect = PlantedDefect.Named("limit_restore") }, plan, _scratch["run"], CancellationToken.None);

        var exit = Assert.IsType<RowOutcome.Exited>(Assert.Single(run.Session.Outcomes));
        Assert.Equal(2, exit.Code);
        Assert.Contains("this worker has none", exit.Stderr, StringComparison.Ordinal);
    }

    private static async Task<MutantLab> OpenAsync() =>
        new(Tools.Fixtures, Tools.Cache, new WorkerSession(await Tools.Cache.ProcessesAsync(CancellationToken.None)));
}
