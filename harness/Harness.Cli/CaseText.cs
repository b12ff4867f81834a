using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Harness.Campaigns;
using Harness.Model;
using Harness.Reports;
using Harness.Verification;

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
        if (document.Case.Company.Count > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"company    {ConsoleReport.Count(document.Case.Company.Count, "other program")} in its unit, compiled and not run: without, it does not fail\n");
        }

        text.Append($"found with Zig {document.Versions.Zig}, harness {document.Versions.Harness}, generators {document.Versions.Generator}\n");
        text.Append(Plan(document.Case.Plan));
        return Printable.Lines(text.ToString());
    }

    public static string Plan(ExecutionPlan plan) =>
        $"""
        fault      {PlanWords.Fault(plan.Fault)}
        split      {PlanWords.Split(plan.Split)}
        placement  {plan.Placement.ToString().ToLowerInvariant()}, released segments: {plan.Policy.ToString().ToLowerInvariant()}{Disturbed(plan.Disturbance)}
        schedule   {(plan.Schedule.Seed == 0 ? "first in, first out" : $"seed {plan.Schedule.Seed}")}{(plan.Schedule.LaunchMask == uint.MaxValue ? "" : $", launch mask {plan.Schedule.LaunchMask:x}")}

        """;

    /// <summary>What it depends on, a sentence a line.</summary>
    public static string Explained(Verification.Explaining.Explanation explanation) =>
        "depends    on what follows; each part was varied by itself\n" + string.Concat(explanation.Sentences().Select(sentence => $"  {Printable.Of(sentence)}\n"));

    private static string Disturbed(Disturbance disturbance) => disturbance switch
    {
        Disturbance.None => "",
        Disturbance.Signals => "\ndisturbed  by timer signals",
        Disturbance.Threads => "\ndisturbed  by a second thread that resumes every other time",
        _ => "\ndisturbed  by timer signals, and a second thread that resumes every other time",
    };
}
