using System.Globalization;
using System.Text;
using Harness.Binary.Unwind.Stepping;
using Harness.Model;
using Harness.Verification.Stepping;

namespace Harness.Cli;

/// <summary>What stepping came to, in words.</summary>
internal static class StepText
{
    private const int MaxMissed = 12;

    public static string Of(Cell cell, StepOutcome outcome)
    {
        var text = new StringBuilder($"{cell}\n");
        if (outcome is not StepOutcome.Stepped stepped)
        {
            return text.Append($"  INCONCLUSIVE: {((StepOutcome.NotBuilt)outcome).Reason}\n").ToString();
        }

        var report = stepped.Run.Report;
        text.Append(CultureInfo.InvariantCulture, $"  {report.Steps:N0} steps, {report.Checked:N0} checked in full, {stepped.Run.StepsPerSecond:N0} per second")
            .Append(stepped.Run.IsComplete ? "\n" : "; ended at the cap (--steps)\n")
            .Append(CultureInfo.InvariantCulture, $"  {report.Whole:N0} whole chains, {report.Frames:N0} frames, {report.DepthMax:N0} deep at most; {report.Places:N0} different instructions\n")
            .Append(CultureInfo.InvariantCulture, $"  {report.Splits:N0} calls of morestack, {report.Switches:N0} changes of stack, {report.Signals:N0} signals\n");
        foreach (var (shortcoming, count) in report.Known.OrderByDescending(k => k.Value))
        {
            text.Append(CultureInfo.InvariantCulture, $"  known: {shortcoming.Where}, {count:N0} times: {shortcoming.Reason}\n");
        }

        foreach (var complaint in stepped.Complaints)
        {
            text.Append($"  the worker: {complaint}\n");
        }

        foreach (var finding in report.Findings)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {finding}\n");
        }

        return text.Append(report.Findings.Count + stepped.Complaints.Count > 0 ? "  FALSIFIED\n" : stepped.Run.IsComplete ? "  HELD\n" : "  INCONCLUSIVE\n").ToString();
    }

    /// <summary>How much of each stub all runs together went through.</summary>
    public static string Coverage(IEnumerable<StepOutcome> outcomes)
    {
        var stubs = StubCoverage.Union(outcomes.OfType<StepOutcome.Stepped>().SelectMany(s => s.Run.Report.Coverage));
        var text = new StringBuilder();
        if (stubs.Count > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"stubs: {stubs.Sum(s => s.Visited)} of {stubs.Sum(s => s.Instructions)} instructions visited\n");
        }

        foreach (var stub in stubs)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {stub.Function,-22} {stub.Visited,3} of {stub.Instructions}\n");
            foreach (var (offset, instruction) in stub.Missed.Take(MaxMissed))
            {
                text.Append(CultureInfo.InvariantCulture, $"    not: +{offset:x} {instruction}\n");
            }
        }

        return text.ToString();
    }

    public static object Fields((Cell Cell, StepOutcome Outcome) result) => result.Outcome is StepOutcome.Stepped { Run: var run } stepped
        ? new
        {
            cell = result.Cell.ToString(), steps = run.Report.Steps, @checked = run.Report.Checked, stepsPerSecond = Math.Round(run.StepsPerSecond), complete = run.IsComplete,
            chains = run.Report.Whole, frames = run.Report.Frames, deepest = run.Report.DepthMax, instructions = run.Report.Places,
            splits = run.Report.Splits, switches = run.Report.Switches, signals = run.Report.Signals,
            findings = run.Report.Findings.Select(f => new
            {
                fault = f.Fault.ToString(), address = f.Pc.ToString("x", CultureInfo.InvariantCulture), place = f.Place, instruction = f.Instruction, expected = f.Expected,
                observed = f.Observed, step = f.Step, count = f.Count,
            }),
            complaints = stepped.Complaints,
            known = run.Report.Known.Select(k => new { where = k.Key.Where, reason = k.Key.Reason, count = k.Value }),
            stubs = run.Report.Coverage.Select(s => new
            {
                function = s.Function, instructions = s.Instructions, visited = s.Visited, missed = s.Missed.Select(m => $"+{m.Offset:x} {m.Text}"),
            }),
        }
        : new { cell = result.Cell.ToString(), reason = ((StepOutcome.NotBuilt)result.Outcome).Reason };
}
