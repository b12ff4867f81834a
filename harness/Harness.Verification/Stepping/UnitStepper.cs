using Harness.Execution;
using Harness.Model;

namespace Harness.Verification.Stepping;

/// <summary>What became of programs that were stepped through together, in one cell.</summary>
public abstract record StepOutcome
{
    private StepOutcome()
    {
    }

    internal abstract int Seal { get; }

    /// <param name="Complaints">What the worker itself found wrong with its executions.</param>
    public sealed record Stepped(SteppedRun Run, IReadOnlyList<string> Complaints) : StepOutcome { internal override int Seal => 0; }

    /// <summary>Nothing was stepped through.</summary>
    public sealed record NotBuilt(string Reason) : StepOutcome { internal override int Seal => 1; }
}

/// <summary>Compiles generated programs and steps through a worker that runs them.</summary>
public sealed class UnitStepper(IUnitFactory factory, IUnitRunner runner)
{
    /// <summary>Beyond all stepping at tens of thousands of steps a second.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromHours(1);
    private const string FailLine = "#hs fail";

    /// <summary>
    /// The executions that a program is stepped through in: on every placement one where everything splits, and one with segments of their
    /// natural size that are kept (morestack's warm path); a different kind of end on each placement.
    /// </summary>
    public static IReadOnlyList<ExecutionPlan> Executions(FiberProgram program, IReadOnlyList<Placement> placements)
    {
        ArgumentNullException.ThrowIfNull(placements);
        var entries = CompiledProgram.Of(program).Run(new FaultPlan.None(), Schedule.Fifo).Entries;
        var middle = Math.Max(0, (entries / 2) - 1);
        FaultPlan[] faults = [new FaultPlan.None(), new FaultPlan.ErrorAt(middle, ErrorName.Canceled, Persistent: false), new FaultPlan.PanicAt(middle), new FaultPlan.SegfaultAt(middle)];
        var natural = new SplitPlan(SplitKind.Natural, (ulong)PlanOptions.Default.NaturalBytes[0]);
        return
        [
            .. placements.SelectMany((placement, i) => new[]
            {
                ExecutionPlan.Baseline with { Fault = faults[i % faults.Length], Split = SplitPlan.Every, Placement = placement },
                ExecutionPlan.Baseline with { Fault = faults[(i + 1) % faults.Length], Split = natural, Placement = placement },
            }),
        ];
    }

    /// <param name="executions">None: the program is compiled with the others, and not run.</param>
    /// <param name="directory">Becomes its own.</param>
    /// <exception cref="Execution.Tracing.TraceException">Tracing is not allowed here.</exception>
    public async Task<StepOutcome> RunAsync(
        IReadOnlyList<FiberProgram> programs, Func<FiberProgram, IReadOnlyList<ExecutionPlan>> executions, Cell cell, string directory, StepOptions options,
        CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(programs);
        ArgumentNullException.ThrowIfNull(executions);
        var (outcome, unit) = await factory.BuildAsync(programs, cell, Path.Combine(directory, "unit"), ct).ConfigureAwait(false);
        if (unit is null)
        {
            return new StepOutcome.NotBuilt(outcome.ToString().Split('\n')[0]);
        }

        var plan = UnitPlan.Join(programs.Select((program, i) => (Program: program, Place: i, Executions: executions(program))).Where(asked => asked.Executions.Count > 0)
            .Select(asked => PlanComposer.Compose(asked.Program, asked.Place, asked.Executions, RowFlags.None)));
        if (plan.Worker.Rows.Length == 0)
        {
            return new StepOutcome.NotBuilt("the model finishes none of the programs");
        }

        var run = await runner.StepAsync(unit, plan, options, _patience, Path.Combine(directory, "steps"), ct).ConfigureAwait(false);
        if (run is null)
        {
            return new StepOutcome.NotBuilt("nobody here can step through a worker");
        }

        return new StepOutcome.Stepped(run, run.IsComplete ? Complaints(run.Outcome) : []);
    }

    /// <summary>What the worker itself found wrong.</summary>
    internal static List<string> Complaints(ProcessOutcome outcome) => outcome switch
    {
        ProcessOutcome.Exited { Code: 0 } exited => [.. exited.Output.Stdout.Split('\n').Where(line => line.StartsWith(FailLine, StringComparison.Ordinal))],
        _ => [$"the worker came to {outcome}"],
    };
}
