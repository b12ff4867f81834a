using Harness.Model;

namespace Harness.Verification;

/// <summary>
/// Where to look for a known failure in a smaller program: the same kind of fault at its own entries, crossed with the
/// same kind of split. What corresponds to the known plan comes first.
/// </summary>
internal static class CandidatePlans
{
    private const int MaxFaults = 24;

    /// <summary>At most <paramref name="limit"/> plans; none when the model does not finish the program.</summary>
    /// <param name="entries">Logical entries of the program that <paramref name="plan"/> is of.</param>
    public static IReadOnlyList<ExecutionPlan> Of(FiberProgram program, ExecutionPlan plan, int entries, int limit)
    {
        var run = Interpreter.Run(program, new FaultPlan.None(), Schedule.Fifo);
        if (run.Ending is not RunEnding.Finished)
        {
            return [];
        }

        var random = new PlanRandom((ulong)run.Entries);
        var schedule = Fit(plan.Schedule, program);
        var faults = Faults(plan.Fault, run.Entries, entries, random);
        var splits = Splits(plan.Split, run.Entries, entries, Math.Max(2, limit / faults.Count), random);
        var plans = new List<ExecutionPlan>();

        // By diagonals: the first of both, then what is next to it.
        for (var sum = 0; sum < faults.Count + splits.Count - 1 && plans.Count < limit; sum++)
        {
            for (var f = Math.Max(0, sum - splits.Count + 1); f <= Math.Min(sum, faults.Count - 1) && plans.Count < limit; f++)
            {
                plans.Add(plan with { Fault = faults[f], Schedule = schedule, Split = splits[sum - f] });
            }
        }

        return plans;
    }

    /// <summary>A solo run of a fiber that is gone becomes one of fiber 0.</summary>
    private static Schedule Fit(Schedule schedule, FiberProgram program)
    {
        var all = (1u << program.Fibers.Count) - 1;
        return schedule.LaunchMask == uint.MaxValue || (schedule.LaunchMask & all) != 0 ? schedule : schedule with { LaunchMask = 1 };
    }

    private static List<FaultPlan> Faults(FaultPlan fault, int entries, int before, PlanRandom random)
    {
        var at = random.Stratified(entries, MaxFaults);
        return fault switch
        {
            FaultPlan.ErrorAt e => [.. Near(e.Entry, entries, before, at).Select(k => e with { Entry = k })],
            FaultPlan.PanicAt p => [.. Near(p.Entry, entries, before, at).Select(k => p with { Entry = k })],
            FaultPlan.SegfaultAt s => [.. Near(s.Entry, entries, before, at).Select(k => s with { Entry = k })],
            FaultPlan.StackBudget b => [.. new[] { b.Bytes, b.Bytes / 2, b.Bytes * 2, b.Bytes / 4 }
                .Where(bytes => bytes > 0).Select(bytes => new FaultPlan.StackBudget(bytes))],
            FaultPlan.SegmentAllocationFails f => [.. new[] { f.Nth, 1, 2, 3, (f.Nth + 1) / 2 }
                .Distinct().Select(nth => new FaultPlan.SegmentAllocationFails(nth))],
            _ => [fault],
        };
    }

    private static List<SplitPlan> Splits(SplitPlan split, int entries, int before, int limit, PlanRandom random)
    {
        var position = (int)Math.Min(split.A, int.MaxValue);
        var numbers = Enumerable.Range(1, Math.Min(limit, 16)).Select(n => (ulong)n);
        IEnumerable<SplitPlan> splits = split.Kind switch
        {
            SplitKind.SingleEntry =>
                Near(position, entries + 1, before + 1, random.Stratified(entries + 1, limit)).Select(SplitMenu.Single),
            SplitKind.DepthEquals or SplitKind.DepthAtLeast => numbers.Select(depth => split with { A = depth }).Prepend(split),
            SplitKind.Random => numbers.Select(n => split with { A = PlanRandom.Derive(split.A, n) | 1 }).Prepend(split),
            SplitKind.EntrySet => [split, split with { A = 0 }, split with { A = 0, B = ulong.MaxValue }],
            _ => [split],
        };
        return [.. splits.Distinct().Take(limit)];
    }

    /// <summary>The corresponding position, the same number, then the sample; all below <paramref name="count"/>.</summary>
    private static IEnumerable<int> Near(int position, int count, int before, int[] sample)
    {
        var scaled = (int)((long)position * count / Math.Max(1, before));
        return new[] { Math.Clamp(scaled, 0, count - 1), position, position - 1, scaled - 1, scaled + 1 }
            .Concat(sample).Where(k => k >= 0 && k < count).Distinct();
    }
}
