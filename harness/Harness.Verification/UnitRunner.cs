using Harness.Emit;
using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;
using Harness.Verification.Stepping;

namespace Harness.Verification;

/// <summary>Compiles programs together.</summary>
public interface IUnitFactory
{
    /// <summary>The outcome, and the unit when it was built. <paramref name="directory"/> becomes its own.</summary>
    Task<(BuildOutcome Outcome, BuiltUnit? Unit)> BuildAsync(
        IReadOnlyList<FiberProgram> programs, Cell cell, string directory, CancellationToken ct);
}

/// <summary>Runs plans on built units.</summary>
public interface IUnitRunner
{
    /// <summary>Runs every row it can; <paramref name="directory"/> is for files of this run.</summary>
    /// <param name="windUp">Ends the run where it is, with what was found until then.</param>
    Task<UnitRun> RunAsync(BuiltUnit unit, UnitPlan plan, string directory, CancellationToken ct, CancellationToken windUp = default);

    /// <summary>Steps through a worker that runs the plan; null where nobody can.</summary>
    /// <exception cref="Execution.Tracing.TraceException">Tracing is not allowed here.</exception>
    Task<SteppedRun?> StepAsync(BuiltUnit unit, UnitPlan plan, StepOptions options, TimeSpan patience, string directory, CancellationToken ct) =>
        Task.FromResult<SteppedRun?>(null);
}

/// <summary>The real one: emitter and worker builder. A planted defect that lives in emitted programs is put in here.</summary>
public sealed class UnitFactory(WorkerBuilder builder, PlantedDefect? defect = null) : IUnitFactory
{
    public async Task<(BuildOutcome Outcome, BuiltUnit? Unit)> BuildAsync(
        IReadOnlyList<FiberProgram> programs, Cell cell, string directory, CancellationToken ct)
    {
        var emitted = ZigEmitter.Emit(
            defect is { Seat: DefectSeat.EmittedProgram } ? [.. programs.Select(program => EmissionDefects.Apply(defect.Name, program))] : programs);
        var outcome = await builder.BuildAsync(emitted, cell, directory, ct).ConfigureAwait(false);
        var unit = outcome is BuildOutcome.Built built ? BuiltUnit.Load(programs, emitted.Map, cell, built) with { Defect = defect } : null;
        return (outcome, unit);
    }
}

/// <summary>The real one: worker processes.</summary>
public sealed class UnitRunner(WorkerSession session, WorkerLimits limits, SteppedProgram? stepper = null) : IUnitRunner
{
    private const string HandlesInterruptions = "--interrupted";

    public async Task<SteppedRun?> StepAsync(
        BuiltUnit unit, UnitPlan plan, StepOptions options, TimeSpan patience, string directory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(unit);
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(options);
        if (stepper is null)
        {
            return null;
        }

        Directory.CreateDirectory(directory);
        var (planPath, statusPath) = (Path.GetFullPath(Path.Combine(directory, "plan.bin")), Path.GetFullPath(Path.Combine(directory, "status.bin")));
        PlanFile.Write(planPath, unit.Told(plan.Worker));
        StatusPage.Create(statusPath);
        var request = new ProcessRequest
        {
            File = unit.WorkerPath, Arguments = [planPath, statusPath, .. options.Interrupt is null ? (string[])[] : [HandlesInterruptions]],
            WorkingDirectory = directory, Timeout = patience, Limits = limits.Resources,
        };
        return await stepper.RunAsync(request, options, ct).ConfigureAwait(false);
    }

    public async Task<UnitRun> RunAsync(BuiltUnit unit, UnitPlan plan, string directory, CancellationToken ct, CancellationToken windUp = default)
    {
        ArgumentNullException.ThrowIfNull(unit);
        ArgumentNullException.ThrowIfNull(plan);
        var collector = new RowCollector(unit, plan);
        var result = await session.RunAsync(unit.WorkerPath, unit.Told(plan.Worker), directory, limits, collector.Accept, ct, windUp).ConfigureAwait(false);
        return collector.Finish(result);
    }
}
