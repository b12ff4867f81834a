using System.Diagnostics;
using System.Globalization;
using Harness.Model;

namespace Harness.Verification;

/// <summary>Plans in words; everywhere the same.</summary>
public static class PlanWords
{
    public static string Fault(FaultPlan fault) => fault switch
    {
        FaultPlan.None => "none",
        FaultPlan.ErrorAt at => $"{at.Error} at entry {at.Entry}{(at.Persistent ? " and every later one of that fiber" : "")}",
        FaultPlan.PanicAt at => $"panic at entry {at.Entry}",
        FaultPlan.SegfaultAt at => $"segfault at entry {at.Entry}",
        FaultPlan.StackBudget budget => $"stack budget of {budget.Bytes} bytes",
        FaultPlan.SegmentAllocationFails fails => $"segment allocation {fails.Nth} fails",
        FaultPlan.Delivered delivered => "delivered " + string.Join(", ", delivered.Deliveries.Select(d => $"{d.Error} at entry {d.Entry}")),
        _ => throw new UnreachableException(),
    };

    public static string Split(SplitPlan split)
    {
        ArgumentNullException.ThrowIfNull(split);
        return split.Kind switch
        {
            SplitKind.None => "none",
            SplitKind.EveryEntry => "at every prologue",
            SplitKind.SingleEntry => $"at the prologues between entries {split.A} - 1 and {split.A}",
            SplitKind.DepthAtLeast => $"at call depths from {split.A}",
            SplitKind.DepthEquals => $"at call depth {split.A}",
            SplitKind.EveryNth => $"at every {split.A}th prologue",
            SplitKind.Random => string.Create(CultureInfo.InvariantCulture, $"at random, probability {split.B / 65536.0:0.###}, seed {split.A}"),
            SplitKind.Natural => $"where segments of {split.A} bytes end",
            SplitKind.DepthSet => $"at the call depths (mod 64) of {split.A:x}",
            SplitKind.EntrySet => $"at entries {split.A} + bits of {split.B:x}",
            _ => split.ToString(),
        };
    }

    /// <summary>A member of an enum of the plan's.</summary>
    public static string Word(Enum value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return value.ToString().ToLowerInvariant();
    }
}
