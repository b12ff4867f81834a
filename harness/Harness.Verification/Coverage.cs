using System.Diagnostics;
using Harness.Model;

namespace Harness.Verification;

/// <summary>Names of what executions cover, as they are counted and reported.</summary>
public static class Coverage
{
    /// <summary>The fault's kind; a solo run is one of its own.</summary>
    public static string FaultLabel(FaultPlan fault, Schedule schedule) => fault switch
    {
        FaultPlan.None => schedule.LaunchMask != uint.MaxValue ? "solo" : schedule.Seed != 0 ? "schedule" : "none",
        FaultPlan.ErrorAt { Error: ErrorName.Injected } e => e.Persistent ? "error-persistent" : "error-once",
        FaultPlan.ErrorAt { Error: ErrorName.Canceled } => "cancel",
        FaultPlan.ErrorAt { Error: ErrorName.StackOverflow } => "injected-overflow",
        FaultPlan.ErrorAt => "injected-exhaustion",
        FaultPlan.PanicAt => "panic",
        FaultPlan.SegfaultAt => "segfault",
        FaultPlan.StackBudget => "stack-budget",
        FaultPlan.SegmentAllocationFails => "segment-allocation",
        FaultPlan.Delivered => "delivered",
        _ => throw new UnreachableException(),
    };

    /// <summary>Lower case with dashes: <c>single-entry</c>.</summary>
    public static string SplitLabel(SplitKind kind) => kind switch
    {
        SplitKind.None => "none",
        SplitKind.EveryEntry => "every",
        SplitKind.SingleEntry => "single",
        SplitKind.DepthAtLeast => "depth-and-below",
        SplitKind.DepthEquals => "depth",
        SplitKind.EveryNth => "every-nth",
        SplitKind.Random => "random",
        SplitKind.Natural => "natural",
        SplitKind.DepthSet => "depth-set",
        SplitKind.EntrySet => "entry-set",
        _ => throw new UnreachableException(),
    };

    /// <summary>The labels that an execution counts for.</summary>
    public static IEnumerable<string> LabelsOf(ExecutionPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        yield return $"fault:{FaultLabel(plan.Fault, plan.Schedule)}";
        yield return $"split:{SplitLabel(plan.Split.Kind)}";
        yield return $"placement:{plan.Placement.ToString().ToLowerInvariant()}";
        yield return $"policy:{plan.Policy.ToString().ToLowerInvariant()}";
        yield return plan.Schedule.Seed == 0 ? "schedule:fifo" : "schedule:seeded";
        if (plan.Schedule.LaunchMask != uint.MaxValue)
        {
            yield return "launch:solo";
        }
    }
}
