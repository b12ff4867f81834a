using System.Globalization;
using Harness.Binary;
using Harness.Binary.Unwind.Audit;
using Harness.Execution;
using Harness.Execution.Tracing;
using Harness.Model;
using Harness.Toolchain;
using Harness.Verification.Stepping;

namespace Harness.Verification;

/// <summary>What the static check of one worker takes.</summary>
/// <param name="CpuSeconds">Of one processor, the median of all rounds.</param>
public sealed record AuditCost(double CpuSeconds, int Instructions, int Findings);

/// <summary>How fast a worker is stepped through, every step checked in full.</summary>
/// <param name="PerSecond">The best round: what others did on the machine meanwhile is in all of them.</param>
/// <param name="Findings">Steps that were wrong, which a measurement must not have.</param>
public sealed record StepSpeed(double PerSecond, long Steps, int Findings);

/// <summary>The same executions with traces and without, in turns.</summary>
/// <param name="Observed">Executions that took traces, at every probe.</param>
/// <param name="RunSeconds">Without any trace, the mean of all rounds.</param>
/// <param name="TracedSeconds">With them.</param>
public sealed record ObserverCost(long Executions, long Observed, long Frames, double RunSeconds, double TracedSeconds)
{
    /// <summary>What the traces cost, in times of the run that they check.</summary>
    public double Times => RunSeconds > 0 ? Math.Max(0, TracedSeconds - RunSeconds) / RunSeconds : 0;

    public double Rate => Executions > 0 ? Observed / (double)Executions : 0;
}

/// <summary>What verifying stack traces costs in one cell.</summary>
/// <param name="Steps">Null where tracing is not allowed.</param>
/// <param name="Sampled">As campaigns sample.</param>
/// <param name="Everywhere">At every probe of every execution whose traces the model has.</param>
/// <param name="Failures">Checks that failed meanwhile: then the figures are of something else.</param>
public sealed record TraceCost(Cell Cell, AuditCost Audit, StepSpeed? Steps, ObserverCost Sampled, ObserverCost Everywhere, int Failures);

/// <summary>Measures it.</summary>
public interface ITraceCosts
{
    /// <param name="directory">Becomes its own.</param>
    /// <exception cref="ToolchainException">The programs do not compile.</exception>
    Task<TraceCost> MeasureAsync(IReadOnlyList<FiberProgram> programs, Cell cell, int rounds, string directory, CancellationToken ct);
}

/// <summary>The real one.</summary>
public sealed class TraceCosts(IUnitFactory factory, IUnitRunner runner) : ITraceCosts
{
    private const ulong Seed = 1;

    /// <summary>Of one round of stepping: two to three seconds.</summary>
    private const long MaxSteps = 40_000;

    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    public async Task<TraceCost> MeasureAsync(IReadOnlyList<FiberProgram> programs, Cell cell, int rounds, string directory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(programs);
        ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1);
        var (outcome, unit) = await factory.BuildAsync(programs, cell, Path.Combine(directory, "unit"), ct).ConfigureAwait(false);
        if (unit is null)
        {
            throw new ToolchainException($"the programs to measure do not compile in {cell}: {outcome}");
        }

        var audit = Audit(unit, rounds);
        var steps = await StepAsync(unit, rounds, directory, ct).ConfigureAwait(false);
        var planner = new PlanBuilder(PlanOptions.Default with { Seed = Seed, SignalsEvery = 0, ThreadsEvery = 0 });
        var sampled = programs.Select((program, i) => planner.Build(program, i, Seed + (ulong)i)).Where(plan => plan.Rows.Length > 0).ToList();
        var (asSampled, failures) = await CompareAsync(unit, sampled, rounds, Path.Combine(directory, "sampled"), ct).ConfigureAwait(false);
        var (everywhere, more) = await CompareAsync(unit, [.. sampled.Select(Everywhere)], 1, Path.Combine(directory, "everywhere"), ct).ConfigureAwait(false);
        return new TraceCost(cell, audit, steps, asSampled, everywhere, failures + more);
    }

    private static AuditCost Audit(BuiltUnit unit, int rounds)
    {
        // The first one compiles the checker itself.
        var report = UnwindAudit.Run(ElfFile.Load(unit.WorkerPath));
        var seconds = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            var before = Environment.CpuUsage.TotalTime;
            report = UnwindAudit.Run(ElfFile.Load(unit.WorkerPath));
            seconds.Add((Environment.CpuUsage.TotalTime - before).TotalSeconds);
        }

        return new AuditCost(seconds.Order().ElementAt(rounds / 2), report.Counts.Instructions, report.Findings.Count);
    }

    private async Task<StepSpeed?> StepAsync(BuiltUnit unit, int rounds, string directory, CancellationToken ct)
    {
        var executions = UnitStepper.Executions(unit.Programs[0], Enum.GetValues<Placement>());
        var plan = UnitPlan.Join([PlanComposer.Compose(unit.Programs[0], 0, executions, RowFlags.None)]);
        StepSpeed? best = null;
        for (var round = 0; round < rounds; round++)
        {
            try
            {
                var run = await runner.StepAsync(unit, plan, new StepOptions(MaxSteps: MaxSteps), _patience, Path.Combine(directory, $"steps-{round}"), ct).ConfigureAwait(false);
                best = run is null || run.StepsPerSecond < best?.PerSecond ? best : new StepSpeed(run.StepsPerSecond, run.Report.Steps, run.Report.Findings.Count);
            }
            catch (TraceException)
            {
                return null;
            }
        }

        return best;
    }

    /// <summary>
    /// Each program without traces and with them. A round is a worker of its own, because some questions are asked once in a worker; every other one takes
    /// the traces first, so that each side is the second, which finds its memory touched, in half of them. Their mean counts: where a hypervisor takes time away, what a
    /// process has used stands still and then catches up, and the fastest of short rounds is nothing at all.
    /// </summary>
    private async Task<(ObserverCost Cost, int Failures)> CompareAsync(
        BuiltUnit unit, IReadOnlyList<ProgramPlan> traced, int rounds, string directory, CancellationToken ct)
    {
        var (without, with, failures, frames) = (0.0, 0.0, 0, 0L);
        var even = rounds + (rounds % 2);
        for (var round = 0; round < even; round++)
        {
            var turns = traced.SelectMany(plan => round % 2 == 0 ? [Without(plan), plan] : new[] { plan, Without(plan) }).ToList();
            var place = Path.Combine(directory, round.ToString(CultureInfo.InvariantCulture));
            Directory.CreateDirectory(place);
            var run = await runner.RunAsync(unit, UnitPlan.Join(turns), place, ct).ConfigureAwait(false);
            foreach (var (turn, done) in run.ProgramsDone)
            {
                var isWithout = turn % 2 == round % 2;
                (without, with) = isWithout ? (without + done.Elapsed.TotalSeconds, with) : (without, with + done.Elapsed.TotalSeconds);
            }

            frames = run.ProgramsDone.Values.Sum(done => done.Counters.FramesChecked);
            failures += run.Failures.Count + turns.Count - run.ProgramsDone.Count;
        }

        var cost = new ObserverCost(
            traced.Sum(plan => (long)plan.Rows.Length), traced.Sum(plan => (long)plan.Rows.Count(row => (row.Flags & RowFlags.BothObservers) != 0)),
            frames, without / even, with / even);
        return (cost, failures);
    }

    private static ProgramPlan Without(ProgramPlan plan) =>
        plan with { Rows = [.. plan.Rows.Select(row => row with { Flags = row.Flags & ~(RowFlags.BothObservers | RowFlags.SendTraces | RowFlags.Record) })] };

    /// <summary>Overflowing executions left out: what they come to depends on the plan.</summary>
    private static ProgramPlan Everywhere(ProgramPlan plan) => plan with
    {
        Rows = [.. plan.Rows.Where(row => FaultMenu.IsPredictable(plan.Scenarios[row.Scenario].Fault)).Select(row => row with { Flags = row.Flags | RowFlags.BothObservers })],
    };
}
