using Harness.Execution;
using Harness.Model;

namespace Harness.Verification;

/// <summary>
/// A plan of chosen executions, for replays, confirmation and shrinking: the run without fault first, as the protocol
/// wants it, then each fault plan and schedule with its unsplit baseline before the executions asked for.
/// </summary>
internal static class PlanComposer
{
    /// <param name="flags">Of the chosen rows. Baselines observe when these do.</param>
    public static ProgramPlan Compose(FiberProgram program, int unitIndex, IReadOnlyCollection<ExecutionPlan> executions, RowFlags flags)
    {
        var compiled = CompiledProgram.Of(program);
        var reference = compiled.Run(new FaultPlan.None(), Schedule.Fifo);
        if (reference.Ending is not RunEnding.Finished)
        {
            return ProgramPlan.Rejected(program, unitIndex, $"the model's run without fault ended as {reference.Ending}");
        }

        var scenarios = new List<ScenarioPlan>();
        var rows = new List<PlanRow>();
        var isolation = new Isolation(compiled, reference);
        var groups = executions.GroupBy(e => (e.Fault, e.Schedule)).ToDictionary(g => g.Key, g => g.ToArray());
        (FaultPlan Fault, Schedule Schedule) none = (new FaultPlan.None(), Schedule.Fifo);
        foreach (var (fault, schedule) in groups.Keys.Where(k => k != none).Prepend(none))
        {
            var record = PlanScenario.Of(0, fault, schedule);
            var whenSplit = TraceChecker.WhenSplit(flags, reference);
            if (FaultMenu.IsPredictable(fault))
            {
                var run = (fault, schedule) == none ? reference : compiled.Run(fault, schedule);
                if (run.Ending is not RunEnding.Finished)
                {
                    continue;
                }

                record = isolation.Expecting(record, run);
                whenSplit = TraceChecker.WhenSplit(flags, run);
            }

            scenarios.Add(new ScenarioPlan(fault, schedule, record, null));
            AddRows(rows, scenarios.Count - 1, groups.GetValueOrDefault((fault, schedule)) ?? [], flags, whenSplit);
        }

        var facts = new PlanFacts(reference.Entries, 0, 0, 0, 0, groups.Count + 1 - scenarios.Count);
        return new ProgramPlan(program, unitIndex, scenarios, [.. rows], facts);
    }

    private static void AddRows(List<PlanRow> rows, int scenario, ExecutionPlan[] executions, RowFlags flags, RowFlags whenSplit)
    {
        var baseline = PlanRow.Of(scenario, SplitPlan.None, Placement.Descending, ReleasePolicy.Cache, flags & ~RowFlags.Record);
        if (!executions.Any(e => e.Split.Kind is SplitKind.None))
        {
            rows.Add(baseline);
        }

        // An unsplit execution is its own baseline.
        foreach (var execution in executions.OrderBy(e => e.Split.Kind is not SplitKind.None))
        {
            var own = execution.Split.Kind is SplitKind.None ? flags : whenSplit;
            rows.Add(PlanRow.Of(scenario, execution.Split, execution.Placement, execution.Policy, own | PlanRow.FlagsOf(execution.Disturbance)));
        }
    }
}

/// <summary>Tells which fibers a run must leave alone, and writes the model's expectations into scenarios.</summary>
internal sealed class Isolation
{
    private readonly ExpectedRun _reference;
    private readonly ulong[] _solo;

    public Isolation(CompiledProgram compiled, ExpectedRun reference)
    {
        _reference = reference;
        _solo = new ulong[compiled.Program.Fibers.Count];
        for (var fiber = 0; fiber < _solo.Length; fiber++)
        {
            var run = _solo.Length == 1 ? reference : compiled.Run(new FaultPlan.None(), Solo(fiber), Kept.Counts);
            ModelEntries += run.Entries;
            _solo[fiber] = run.FiberDigests[fiber];
        }
    }

    /// <summary>Entries that the model executed to find out.</summary>
    public long ModelEntries { get; }

    public static Schedule Solo(int fiber) => Schedule.Fifo with { LaunchMask = 1u << fiber };

    public PlanScenario Expecting(PlanScenario record, ExpectedRun run) => record with
    {
        ExpectedDigest = run.Digest,
        ExpectedAcquired = (uint)run.Acquired,
        ExpectedProbes = (uint)ProbeEvents(run),
        ExpectedEntries = (uint)run.Entries,
        IsolatedMask = MaskOf(run),
        Flags = record.Flags | ScenarioFlags.DigestKnown,
    };

    /// <summary>Fibers whose digest is that of the run without fault and of their solo run.</summary>
    private uint MaskOf(ExpectedRun run)
    {
        var mask = 0u;
        for (var fiber = 0; fiber < _solo.Length; fiber++)
        {
            var digest = run.FiberDigests[fiber];
            mask |= digest == _reference.FiberDigests[fiber] && digest == _solo[fiber] ? 1u << fiber : 0;
        }

        return mask;
    }

    /// <summary>The worker counts Probe statements; the traces of a panic or segfault are apart from them.</summary>
    private static int ProbeEvents(ExpectedRun run) =>
        run.ProbeCount - run.Outcomes.Count(o => o is FiberOutcome.Panicked or FiberOutcome.Segfaulted);
}
