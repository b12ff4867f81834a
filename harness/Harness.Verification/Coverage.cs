using System.Diagnostics;
using Harness.Model;

namespace Harness.Verification;

/// <summary>Labels of what executions cover, as they are counted and reported: <c>fault/panic</c>, <c>split/natural</c> …</summary>
public static class Coverage
{
    /// <summary>The fault's kind; another schedule and a solo run without fault are kinds of their own.</summary>
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

    /// <summary>The kind's name in lower case with dashes: <c>single-entry</c>.</summary>
    public static string SplitLabel(SplitKind kind) => kind switch
    {
        SplitKind.None => "none",
        SplitKind.EveryEntry => "every-entry",
        SplitKind.SingleEntry => "single-entry",
        SplitKind.DepthAtLeast => "depth-at-least",
        SplitKind.DepthEquals => "depth-equals",
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
        return LabelsOf(new CoverageKind(FaultLabel(plan.Fault, plan.Schedule), plan.Schedule.Seed != 0, plan.Split.Kind, plan.Placement, plan.Policy, plan.Disturbance));
    }

    private static IEnumerable<string> LabelsOf(CoverageKind kind)
    {
        yield return $"fault/{kind.Fault}";
        if (kind.Fault is "error-once" or "error-persistent")
        {
            yield return "fault/error";
        }

        yield return $"split/{SplitLabel(kind.Split)}";
        yield return $"placement/{kind.Placement.ToString().ToLowerInvariant()}";
        yield return $"policy/{kind.Policy.ToString().ToLowerInvariant()}";
        yield return kind.IsSeeded ? "schedule/seeded" : "schedule/fifo";
        foreach (var disturbance in (Disturbance[])[Disturbance.Signals, Disturbance.Threads])
        {
            if (kind.Disturbance.HasFlag(disturbance))
            {
                yield return $"disturbed/{disturbance.ToString().ToLowerInvariant()}";
            }
        }
    }

    /// <summary>Adds to a label's count; nothing for 0.</summary>
    internal static void Add(Dictionary<string, long> counts, string label, long count)
    {
        if (count != 0)
        {
            counts[label] = counts.GetValueOrDefault(label) + count;
        }
    }

    /// <summary>Adds to each label of the kind's.</summary>
    internal static void Count(Dictionary<string, long> counts, CoverageKind kind, long count)
    {
        foreach (var label in LabelsOf(kind))
        {
            Add(counts, label, count);
        }
    }
}

/// <summary>What executions have in common that have the same labels.</summary>
/// <param name="Fault"><see cref="Coverage.FaultLabel"/>.</param>
internal readonly record struct CoverageKind(string Fault, bool IsSeeded, SplitKind Split, Placement Placement, ReleasePolicy Policy, Disturbance Disturbance);
