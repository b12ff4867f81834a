using System.Globalization;
using System.Text;
using Harness.Model;
using Harness.Reports;
using Harness.Verification.Checks;

namespace Harness.Cli;

/// <summary>What came of checking a user's program, for people and as JSON.</summary>
internal static class CheckText
{
    private const int TextMax = 400;

    public static string Of(string path, string entry, Cell cell, ProgramOutcome outcome) => outcome switch
    {
        ProgramOutcome.Unusable unusable => $"{cell}\n  cannot be used: {unusable.Reason}\n",
        ProgramOutcome.Replayed replayed => $"{cell}\n{Replayed(replayed.Judgement)}",
        ProgramOutcome.Checked { Outcome: CheckOutcome.Unsuitable unsuitable } => $"{cell}\n  nothing can be said: {unsuitable.Reason}\n",
        ProgramOutcome.Checked { Outcome: CheckOutcome.Compared compared } ran =>
            string.Create(CultureInfo.InvariantCulture, $"{cell}   {ran.Checks:N0} of {ran.Functions:N0} functions have checks\n") + Counted(compared)
                + string.Concat(compared.Findings.Select(finding => Finding(path, entry, cell, finding))),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    public static string Ending(IReadOnlyList<(Cell Cell, ProgramOutcome Outcome)> outcomes, int code)
    {
        var verdict = code switch { ExitCodes.Held => "HELD", ExitCodes.Falsified => "FALSIFIED", _ => "INCONCLUSIVE" };
        var compared = Compared(outcomes).ToList();
        return compared.Count == 0
            ? $"{verdict}\n"
            : string.Create(CultureInfo.InvariantCulture, $"{verdict}: {compared.Sum(c => c.Findings.Length):N0} findings in {compared.Sum(c => c.Counts.Runs):N0} runs with {compared.Sum(c => c.Counts.Splits):N0} splits\n");
    }

    public static object Fields(IReadOnlyList<(Cell Cell, ProgramOutcome Outcome)> outcomes) => new
    {
        cells = outcomes.Select(o => o.Outcome switch
        {
            ProgramOutcome.Checked { Outcome: CheckOutcome.Compared compared } ran => (object)new
            {
                cell = o.Cell.ToString(), checks = ran.Checks, functions = ran.Functions, counts = compared.Counts,
                findings = compared.Findings.Select(f => new
                {
                    kind = f.IsPrograms ? "cleanup" : "split", fault = Words(f.Plan.Fault), splits = Words(f.Plan.Splits), token = CheckToken.Write(o.Cell, f.Plan),
                    f.Alike, expected = f.Expected, observed = f.Observed, differences = f.Differences.Select(Differing),
                }),
                unsteady = compared.Unsteady.Select(plan => CheckToken.Write(o.Cell, plan)),
            },
            ProgramOutcome.Checked { Outcome: CheckOutcome.Unsuitable unsuitable } => new { cell = o.Cell.ToString(), unsuitable = unsuitable.Reason },
            ProgramOutcome.Unusable unusable => new { cell = o.Cell.ToString(), unusable = unusable.Reason },
            ProgramOutcome.Replayed replayed => new { cell = o.Cell.ToString(), differences = replayed.Judgement.Differences.Select(Differing), unjudged = replayed.Judgement.Unjudged },
            _ => throw new System.Diagnostics.UnreachableException(),
        }),
    };

    private static IEnumerable<CheckOutcome.Compared> Compared(IReadOnlyList<(Cell Cell, ProgramOutcome Outcome)> outcomes) =>
        outcomes.Select(o => o.Outcome).OfType<ProgramOutcome.Checked>().Select(c => c.Outcome).OfType<CheckOutcome.Compared>();

    private static object Differing(CheckDifference difference) => new { aspect = Aspect(difference.Aspect), difference.Expected, difference.Observed };

    private static string Counted(CheckOutcome.Compared compared)
    {
        var counts = compared.Counts;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"  without fault   {counts.Checkpoints:N0} checkpoints, {counts.Allocations:N0} allocations, {counts.Prologues:N0} prologues\n");
        text.Append(CultureInfo.InvariantCulture, $"  faults          {counts.Faults:N0}{(counts.Faults < counts.FaultsPossible ? $" of {counts.FaultsPossible:N0}: a sample" : ", every one")}\n");
        text.Append(CultureInfo.InvariantCulture, $"  single splits   {counts.Singles:N0}{(counts.Singles < counts.Prologues ? $" of {counts.Prologues:N0} places without fault: a sample" : ", every place without fault")}\n");
        text.Append(CultureInfo.InvariantCulture, $"  runs            {counts.Runs:N0} with {counts.Splits:N0} splits{(counts.Left > 0 ? $"; the budget left no time for {counts.Left:N0} more plans" : "")}\n");
        text.Append(CultureInfo.InvariantCulture, $"  traces          {counts.Traces.Taken:N0} in fibers, {counts.Traces.Walked:N0} of them asked of std.debug as well\n");
        foreach (var (why, number) in counts.Unjudged)
        {
            text.Append(CultureInfo.InvariantCulture, $"  not judged      {number:N0} runs: {why}\n");
        }

        foreach (var plan in compared.Unsteady)
        {
            text.Append(CultureInfo.InvariantCulture, $"  unsteady        failed, but not again in fresh processes: {plan}\n");
        }

        return text.ToString();
    }

    private static string Finding(string path, string entry, Cell cell, CheckFinding finding)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"  {(finding.IsPrograms ? "CLEANUP: it keeps what it took, split or not" : "SPLITS: it does otherwise than its unsplit build")}\n");
        text.Append(CultureInfo.InvariantCulture, $"    fault         {Words(finding.Plan.Fault)}\n");
        if (!finding.IsPrograms)
        {
            text.Append(CultureInfo.InvariantCulture, $"    splits        {Words(finding.Plan.Splits)}; {Words(finding.Plan.Memory)}\n");
        }

        Differences(text, finding.Differences);
        text.Append(CultureInfo.InvariantCulture, $"    seen in       {finding.Alike:N0} plans\n");
        text.Append(CultureInfo.InvariantCulture, $"    again         scripts/harness check {path} --entry {entry} --plan {CheckToken.Write(cell, finding.Plan)}\n");
        return text.ToString();
    }

    private static string Replayed(CheckJudgement judgement)
    {
        var plan = judgement.Run.Plan;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"    fault         {Words(plan.Fault)}\n    splits        {Words(plan.Splits)}; {Words(plan.Memory)}\n");
        text.Append(CultureInfo.InvariantCulture, $"    ended         {judgement.Run.Seen.Outcome}\n");
        if (judgement.Unjudged is { } why)
        {
            text.Append(CultureInfo.InvariantCulture, $"    not judged    {why}\n");
        }

        Differences(text, judgement.Differences);
        return text.ToString();
    }

    private static void Differences(StringBuilder text, IEnumerable<CheckDifference> differences)
    {
        foreach (var difference in differences)
        {
            text.Append(CultureInfo.InvariantCulture, $"    {Aspect(difference.Aspect),-13} expected {Line(difference.Expected)}\n{"",-18}observed {Line(difference.Observed)}\n");
        }
    }

    private static string Aspect(CheckAspect aspect) => aspect switch
    {
        CheckAspect.ErrorTraces => "error traces",
        CheckAspect.Errors => "stderr",
        CheckAspect.Output => "stdout",
        var other => other.ToString().ToLowerInvariant(),
    };

    private static string Words(CheckFault fault) => fault switch
    {
        CheckFault.None => "none",
        CheckFault.Deliver deliver => string.Join(", ", deliver.Deliveries.Select(d => d.Code == CheckFault.PanicCode ? $"a panic at checkpoint {d.Checkpoint}" : $"error.{(ErrorName)d.Code} at checkpoint {d.Checkpoint}")),
        CheckFault.Cancel cancel => $"cancelled at checkpoint {cancel.Checkpoint}",
        CheckFault.Overflow overflow => $"no more stack from checkpoint {overflow.Checkpoint} on",
        CheckFault.Allocation allocation => $"allocation {allocation.Number} fails",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static string Words(CheckSplits splits) => splits switch
    {
        CheckSplits.Plain => "no fiber",
        CheckSplits.Fiber => "none, but in a fiber",
        CheckSplits.Nth { N: 1 } => "every prologue",
        CheckSplits.Nth nth => $"every prologue whose number {nth.N} divides",
        CheckSplits.At at => $"prologue{(at.Prologues.Count == 1 ? "" : "s")} {string.Join(", ", at.Prologues)}",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static string Words(CheckMemory memory) => memory switch
    {
        CheckMemory.Descending => "segments below each other",
        CheckMemory.Ascending => "segments above each other, poisoned when released",
        CheckMemory.Interleaved => "segments above and below, some unmapped when released",
        CheckMemory.Pool => "the product's own memory",
        CheckMemory.Kept => "segments below each other, kept for the next split",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static string Line(string text) => text.Length == 0 ? "nothing more" : text.Length <= TextMax ? text : text[..TextMax] + "…";
}
