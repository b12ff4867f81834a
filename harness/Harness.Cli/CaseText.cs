using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Harness.Campaigns;
using Harness.Model;

namespace Harness.Cli;

/// <summary>Cases in words.</summary>
internal static class CaseText
{
    public static readonly JsonSerializerOptions JsonOptions = new()
    {
        WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static string Header(CaseDocument document)
    {
        var text = new StringBuilder();
        if (document.Signature.Length > 0)
        {
            text.Append($"signature  {document.Signature}\ncheck      {document.Check}\n");
        }

        var recipe = document.Recipe;
        text.Append($"cell       {document.Case.Cell}\n");
        text.Append(CultureInfo.InvariantCulture, $"program    {document.Case.Program.Functions.Count} functions, {document.Case.Program.Fibers.Count} fibers");
        text.Append(CultureInfo.InvariantCulture, $" (program {recipe.Ordinal}, seed {recipe.Seed}, size {recipe.Size}, profile {recipe.Profile})\n");
        text.Append($"found with Zig {document.Versions.Zig}, harness {document.Versions.Harness}, generators {document.Versions.Generator}\n");
        text.Append(Plan(document.Case.Plan));
        return text.ToString();
    }

    public static string Plan(ExecutionPlan plan) =>
        $"""
        fault      {Fault(plan.Fault)}
        split      {Split(plan.Split)}
        placement  {plan.Placement.ToString().ToLowerInvariant()}, released segments: {plan.Policy.ToString().ToLowerInvariant()}{Disturbed(plan.Disturbance)}
        schedule   {(plan.Schedule.Seed == 0 ? "first in, first out" : $"seed {plan.Schedule.Seed}")}{(plan.Schedule.LaunchMask == uint.MaxValue ? "" : $", launch mask {plan.Schedule.LaunchMask:x}")}

        """;

    private static string Disturbed(Disturbance disturbance) => disturbance switch
    {
        Disturbance.None => "",
        Disturbance.Signals => "\ndisturbed  by timer signals",
        Disturbance.Threads => "\ndisturbed  by a second thread that resumes every other time",
        _ => "\ndisturbed  by timer signals, and a second thread that resumes every other time",
    };

    private static string Fault(FaultPlan fault) => fault switch
    {
        FaultPlan.None => "none",
        FaultPlan.ErrorAt at => $"{at.Error} at entry {at.Entry}{(at.Persistent ? " and every later one of that fiber" : "")}",
        FaultPlan.PanicAt at => $"panic at entry {at.Entry}",
        FaultPlan.SegfaultAt at => $"segfault at entry {at.Entry}",
        FaultPlan.StackBudget budget => $"stack budget of {budget.Bytes} bytes",
        FaultPlan.SegmentAllocationFails fails => $"segment allocation {fails.Nth} fails",
        FaultPlan.Delivered delivered => "delivered " + string.Join(", ", delivered.Deliveries.Select(d => $"{d.Error} at entry {d.Entry}")),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static string Split(SplitPlan split) => split.Kind switch
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
