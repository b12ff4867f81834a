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

        (string Name, string Verdict)[] expected =
        [
            ("limit_restore", "killed by limit"), ("cfi_leave", "killed by unwind-row"), ("model_serial", "killed by digest"), ("errdefer_dropped", "killed by digest"),
            ("blind_limit", "killed by limit_restore without limit"), ("checker_end", "killed by passes with a trace that was cut"),
            ("thread_limit", "never reached"), ("yield_value", "survived"),
        ];
        var observed = new List<(string, string)>();
        foreach (var (name, _) in expected)
        {
            var trial = await lab.TryAsync(ground, PlantedDefect.Named(name)!, CancellationToken.None);
            observed.Add((name, trial.Verdict switch
            {
                MutantVerdict.Killed killed => $"killed by {killed.Check}",
                MutantVerdict.NotReached => "never reached",
                MutantVerdict.Survived when trial.Reached > 0 => "survived",
                var other => other.ToString(),
            }));
        }

        Assert.Equal(expected, observed);
        Assert.Equal(0u, ground.Unit.Told(ground.Plan.Worker).Planted);

        // Of all programs: without a defect none; one that only handled errors show, and one that only several fibers show.
        Assert.Empty((await lab.FindersAsync(ground, null, CancellationToken.None))!.Programs);
        Assert.Equal([2], (await lab.FindersAsync(ground, PlantedDefect.Named("pending_kept")!, CancellationToken.None))!.Programs.Order());
        Assert.Equal([0], (await lab.FindersAsync(ground, PlantedDefect.Named("schedule_lifo")!, CancellationToken.None))!.Programs.Order());
    }

    [Fact]
    public void Programs_that_do_not_come_to_a_defect_take_back_no_verdict()
    {
        var (survived, timedOut, killed, none) = (new MutantVerdict.Survived("1"), new MutantVerdict.TimedOut(), new MutantVerdict.Killed("digest", null, null), new MutantVerdict.NotReached());
        Assert.Equal<MutantVerdict>([survived, timedOut, none, none, killed, survived], [
            MutantVerdict.After(survived, none), MutantVerdict.After(timedOut, none), MutantVerdict.After(null, none), MutantVerdict.After(none, none),
            MutantVerdict.After(survived, killed), MutantVerdict.After(none, survived),
        ]);
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
