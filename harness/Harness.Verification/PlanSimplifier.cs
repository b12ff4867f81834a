using System.Numerics;
using Harness.Model;

namespace Harness.Verification;

/// <summary>Simpler plans for a case, and what simpler means.</summary>
internal static class PlanSimplifier
{
    private const int MaxSingles = 48;

    /// <summary>Plans of less <see cref="Cost"/> with the same fault, the simplest first.</summary>
    public static IReadOnlyList<ExecutionPlan> Simpler(ExecutionPlan plan, int entries, int limit, bool hasPlacements = true)
    {
        var cost = Cost(plan);
        var plans =
            from split in Splits(plan.Split, entries)
            from schedule in (Schedule[])[Schedule.Fifo, plan.Schedule]
            // Another runtime takes its memory where it will, which is called the pool's: there is no other to try.
            from placement in hasPlacements ? (Placement[])[Placement.Descending, plan.Placement] : [plan.Placement]
            from policy in (ReleasePolicy[])[ReleasePolicy.Cache, plan.Policy]
            from disturbance in (Disturbance[])[Disturbance.None, plan.Disturbance]
            select plan with { Split = split, Schedule = schedule, Placement = placement, Policy = policy, Disturbance = disturbance };
        return [.. plans.Distinct().Where(p => Cost(p) < cost).OrderBy(Cost).Take(limit)];
    }

    /// <summary>
    /// What a reader has to hold in mind. One split beats several, none beats one; then peace around it, and the defaults of
    /// schedule, placement and policy. The one entry that is split counts for nothing.
    /// </summary>
    public static int Cost(ExecutionPlan plan) =>
        (SplitCost(plan.Split) * 64)
        + (BitOperations.PopCount((uint)plan.Disturbance) * 16)
        + (plan.Schedule.Seed != 0 ? 8 : 0)
        + (plan.Schedule.LaunchMask != uint.MaxValue ? 4 : 0)
        + (plan.Placement is Placement.Descending ? 0 : 2)
        + (plan.Policy is ReleasePolicy.Cache ? 0 : 1);

    private static int SplitCost(SplitPlan split) => split.Kind switch
    {
        SplitKind.None => 0,
        SplitKind.SingleEntry => 1,
        SplitKind.DepthEquals => 2,
        SplitKind.EveryEntry => 3,
        SplitKind.DepthAtLeast => 4,
        SplitKind.Natural => 5,
        SplitKind.EntrySet => 6 + BitOperations.PopCount(split.B),
        SplitKind.DepthSet => 71,
        SplitKind.EveryNth => 72,
        _ => 73,
    };

    private static IEnumerable<SplitPlan> Splits(SplitPlan split, int entries)
    {
        yield return SplitPlan.None;
        yield return split;
        if (split.Kind is SplitKind.None or SplitKind.SingleEntry)
        {
            yield break;
        }

        foreach (var entry in new PlanRandom((ulong)entries).Stratified(entries + 1, MaxSingles))
        {
            yield return SplitMenu.Single(entry);
        }

        yield return SplitPlan.Every;
        if (split.Kind is SplitKind.EntrySet)
        {
            foreach (var half in (ulong[])[0xFFFF_FFFF, 0xFFFF_FFFF_0000_0000, 0x5555_5555_5555_5555, 0xAAAA_AAAA_AAAA_AAAA])
            {
                if ((split.B & half) != 0)
                {
                    yield return split with { B = split.B & half };
                }
            }
        }
    }
}
