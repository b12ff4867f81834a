using Harness.Execution;
using Harness.Model;

namespace Harness.Verification;

/// <summary>
/// Runs failing executions again, recorded in full, and makes findings of them. Of executions that fail alike, only
/// the first of each program is recorded.
/// </summary>
internal sealed class FailureRecorder(IUnitRunner runner)
{
    private const int MaxPerProgram = 6;
    private const int MaxPerUnit = 48;

    /// <summary>Traces longer than this in all are only recorded when the failure is about traces.</summary>
    private const long MaxFrames = 200_000;

    /// <summary>Findings by the batch's program, first per signature. Rows that do not fail again keep what is known of them.</summary>
    public async Task<IReadOnlyList<Finding>> RecordAsync(BuiltUnit unit, UnitRun run, string directory, CancellationToken ct)
    {
        var chosen = Choose(run);
        if (chosen.Count == 0)
        {
            return [];
        }

        var plans = chosen
            .GroupBy(c => run.Plan.Locate(c.Row).Program)
            .Select(g => PlanComposer.Compose(
                g.Key.Program,
                g.Key.UnitIndex,
                [.. g.Select(c => run.Plan.ExecutionOf(c.Row)).Distinct()],
                FlagsFor(g.Key, g.SelectMany(c => c.Failures))));
        var plan = UnitPlan.Join(plans);
        var again = await runner.RunAsync(unit, plan, directory, ct).ConfigureAwait(false);
        var recorded = Rows(again);
        var before = new ObservationBuilder(unit, run);
        var after = new ObservationBuilder(unit, again);
        var findings = new Dictionary<(int Program, Signature Signature), Finding>();
        foreach (var (row, failures) in chosen)
        {
            var program = run.Plan.Locate(row).Program.UnitIndex;
            var finding = recorded.TryGetValue((program, run.Plan.ExecutionOf(row)), out var second)
                ? after.Build(second.Row, second.Failures, recorded: true)
                : before.Build(row, failures, recorded: false);
            findings.TryAdd((program, finding.Signature), finding);
        }

        return [.. findings.Values];
    }

    /// <summary>One execution, recorded; null when it failed no check.</summary>
    public async Task<(Finding? Finding, UnitRun Run)> RecordAsync(
        BuiltUnit unit, int program, ExecutionPlan execution, string directory, CancellationToken ct)
    {
        var composed = PlanComposer.Compose(unit.Programs[program], program, [execution], FlagsFor(unit.Programs[program], execution));
        var run = await runner.RunAsync(unit, UnitPlan.Join([composed]), directory, ct).ConfigureAwait(false);
        return Rows(run).TryGetValue((program, execution), out var row)
            ? (new ObservationBuilder(unit, run).Build(row.Row, row.Failures, recorded: true), run)
            : (null, run);
    }

    /// <summary>Failed rows that recorded, by program and execution.</summary>
    private static Dictionary<(int, ExecutionPlan), (int Row, RowFailure[] Failures)> Rows(UnitRun run) => run.Failures
        .Where(f => run.Plan.Worker.Rows[f.Row].Flags.HasFlag(RowFlags.Record))
        .GroupBy(f => f.Row)
        .ToDictionary(g => (run.Plan.Locate(g.Key).Program.UnitIndex, run.Plan.ExecutionOf(g.Key)), g => (g.Key, g.ToArray()));

    private static List<(int Row, RowFailure[] Failures)> Choose(UnitRun run)
    {
        var chosen = new List<(int, RowFailure[])>();
        var kinds = new HashSet<(int, (string, string, string))>();
        var perProgram = new Dictionary<int, int>();
        foreach (var group in run.Failures.GroupBy(f => f.Row).OrderBy(g => g.Key))
        {
            var program = run.Plan.Locate(group.Key).Program.UnitIndex;
            var failures = group.ToArray();
            var kind = ObservationBuilder.Kind(ObservationBuilder.Primary(failures), run.Plan.ExecutionOf(group.Key));
            if (chosen.Count == MaxPerUnit || perProgram.GetValueOrDefault(program) == MaxPerProgram || !kinds.Add((program, kind)))
            {
                continue;
            }

            perProgram[program] = perProgram.GetValueOrDefault(program) + 1;
            chosen.Add((group.Key, failures));
        }

        return chosen;
    }

    private static RowFlags FlagsFor(ProgramPlan program, IEnumerable<RowFailure> failures) =>
        failures.Any(f => IsAboutTraces(f.Check)) ? RowFlags.Record | RowFlags.SendTraces | RowFlags.BothObservers
        : FlagsFor(program.Program, ExecutionPlan.Baseline);

    internal static RowFlags FlagsFor(FiberProgram program, ExecutionPlan execution)
    {
        var fault = FaultMenu.IsPredictable(execution.Fault) ? execution.Fault : new FaultPlan.None();
        var frames = Interpreter.Run(program, fault, execution.Schedule).Probes.Sum(p => (long)p.Chain.Count);
        return frames <= MaxFrames ? RowFlags.Record | RowFlags.SendTraces | RowFlags.BothObservers : RowFlags.Record;
    }

    public static bool IsAboutTraces(string check) => check is "trace-fp" or "trace-dwarf" or "trace-errors" or "traces-missing" or "stub-frames" or "probes";
}
