using Harness.Execution;
using Harness.Execution.Tracing;
using Harness.Model;

namespace Harness.Verification.Cores;

/// <summary>What running a case until its worker dies came to.</summary>
public abstract record CoreOutcome
{
    private CoreOutcome()
    {
    }

    internal abstract int Seal { get; }

    /// <summary>Nothing ran.</summary>
    public sealed record NotRun(string Reason) : CoreOutcome { internal override int Seal => 0; }

    /// <summary>The worker did not die of anything that leaves a core.</summary>
    public sealed record Survived(ProcessOutcome Outcome) : CoreOutcome { internal override int Seal => 1; }

    /// <summary>It died, and its core would have been larger than allowed: none was written.</summary>
    public sealed record TooLarge(long MaxBytes) : CoreOutcome { internal override int Seal => 3; }

    /// <param name="CorePath">Beside it lies the worker.</param>
    public sealed record Died(CoreReport Report, string CorePath, ProcessOutcome Outcome) : CoreOutcome { internal override int Seal => 2; }
}

/// <summary>
/// Runs cases in a worker that is followed to its death, and looks at what it leaves. The harness itself writes the core, as the process's tracer: a limit
/// on cores, a core_pattern that pipes them somewhere or forbids them, a filter that leaves code out have no say, nothing of the machine is changed, and
/// a worker that ends itself (a panic) leaves one too.
/// </summary>
public sealed class CoreReplay(IUnitFactory factory, ChildProcess processes)
{
    public const string CoreName = "core";
    public const string WorkerName = "worker";

    /// <param name="death">How the worker dies at the plan's fault; <see cref="Death.None"/>: as it does by itself, if it does.</param>
    /// <param name="keep">Where the core and its worker are left.</param>
    /// <param name="maxBytes">No core is written that would have more.</param>
    /// <exception cref="TraceException">The system does not allow tracing.</exception>
    public async Task<CoreOutcome> RunAsync(Case @case, Death death, string scratch, string keep, CancellationToken ct, long maxBytes = long.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(@case);
        var plan = DeathPlan.Compose(@case, death);
        if (plan.Worker.Rows.Length == 0)
        {
            return new CoreOutcome.NotRun("the model does not finish the program under this plan");
        }

        var (outcome, unit) = await factory.BuildAsync(@case.Unit, @case.Cell, Path.Combine(scratch, "unit"), ct).ConfigureAwait(false);
        return unit is null
            ? new CoreOutcome.NotRun(outcome.ToString().Split('\n')[0])
            : await RunAsync(unit, plan, scratch, keep, ct, maxBytes).ConfigureAwait(false);
    }

    internal async Task<CoreOutcome> RunAsync(BuiltUnit unit, UnitPlan plan, string scratch, string keep, CancellationToken ct, long maxBytes = long.MaxValue)
    {
        var (planPath, statusPath) = (Path.GetFullPath(Path.Combine(scratch, "plan.bin")), Path.GetFullPath(Path.Combine(scratch, "status.bin")));
        PlanFile.Write(planPath, unit.Told(plan.Worker));
        StatusPage.Create(statusPath);
        Directory.CreateDirectory(keep);
        var (core, worker) = (Path.Combine(keep, CoreName), Path.Combine(keep, WorkerName));
        File.Delete(core);
        File.Copy(unit.WorkerPath, worker, overwrite: true);
        var request = new ProcessRequest
        {
            // From where it is kept: the core names that path, and debuggers find it there.
            File = Path.GetFullPath(worker), Arguments = [planPath, statusPath], WorkingDirectory = scratch, Timeout = WorkerLimits.Default.SessionTimeout,
            Limits = WorkerLimits.Default.Resources,
        };
        var (died, outcome) = await TracedLaunch.RunAsync(processes, request, process => process.RunToDeath(dying => Take(process, dying, core, maxBytes)), ct).ConfigureAwait(false);
        ct.ThrowIfCancellationRequested();
        if (died && !File.Exists(core))
        {
            File.Delete(worker);
            return new CoreOutcome.TooLarge(maxBytes);
        }

        return died ? new CoreOutcome.Died(CoreExamination.Run(core, worker, _ => new CoreExpectation(plan, unit.Map, unit.Cell)), core, outcome) : new CoreOutcome.Survived(outcome);
    }

    /// <returns>It died, whether or not a core is written.</returns>
    private static bool Take(TracedProcess process, Dying dying, string path, long maxBytes)
    {
        new CoreTaking(process).Write(path, dying, maxBytes);
        return true;
    }
}

/// <summary>Plans of cases whose worker is to leave a core.</summary>
public static class DeathPlan
{
    /// <summary>
    /// The case's execution behind the run without fault that the protocol asks for. With a death, it comes where the plan's fault strikes; where it has none
    /// at a certain entry, at the middle one of the run.
    /// </summary>
    public static UnitPlan Compose(Case @case, Death death)
    {
        ArgumentNullException.ThrowIfNull(@case);
        var (program, execution) = (@case.Program, @case.Plan);
        if (death is Death.None)
        {
            return UnitPlan.Join([PlanComposer.Compose(program, 0, [execution], FailureRecorder.FlagsFor(program, execution))]);
        }

        var dying = execution with { Fault = new FaultPlan.PanicAt(EntryOf(program, execution)) };
        var composed = PlanComposer.Compose(program, 0, [dying], RowFlags.Record);
        // Without the baseline of its own, which would die first.
        var rows = composed.Rows.Where(row => row.Scenario == 0 || row.Flags.HasFlag(RowFlags.Record)).ToArray();
        return UnitPlan.Join([composed with
        {
            Scenarios = [.. composed.Scenarios.Select((s, i) => i == 0 ? s : s with { Record = s.Record with { Death = death } })], Rows = rows,
        }]);
    }

    private static int EntryOf(FiberProgram program, ExecutionPlan execution) => execution.Fault switch
    {
        FaultPlan.PanicAt at => at.Entry,
        FaultPlan.SegfaultAt at => at.Entry,
        FaultPlan.ErrorAt at => at.Entry,
        _ => Math.Max(0, (CompiledProgram.Of(program).Run(new FaultPlan.None(), execution.Schedule, Kept.Counts).Entries / 2) - 1),
    };
}
