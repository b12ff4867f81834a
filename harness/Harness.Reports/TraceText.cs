using System.Globalization;

namespace Harness.Reports;

/// <summary>What a run shows of stack traces beyond its counters, in sentences and rows: how many took any, what was checked of unwind rows, what was stepped through.</summary>
public static class TraceText
{
    /// <summary>The sampling rate: executions that took no traces have probes, too, whose traces nobody looked at.</summary>
    public static string Observed(RunSummary summary) => summary.Executions == 0
        ? "by no execution"
        : string.Create(
            CultureInfo.InvariantCulture, $"by {summary.Traces.Observed:N0} of {summary.Executions:N0} executions ({Rate(summary):0.0} %), at every probe of these: {summary.FramesChecked:N0} frames");

    /// <summary>Per cent of the executions that took traces.</summary>
    public static double Rate(RunSummary summary) => summary.Executions == 0 ? 0 : 100.0 * summary.Traces.Observed / summary.Executions;

    /// <summary>The static check.</summary>
    public static string Rows(RunSummary summary)
    {
        var rows = summary.Traces.Rows;
        return rows.Workers == 0 ? "of no worker" : string.Create(
            CultureInfo.InvariantCulture,
            $"{rows.Entries:N0} FDEs and {rows.Instructions:N0} instructions of {ConsoleReport.Count(rows.Workers, "worker")} agree or are excused ({ConsoleReport.Count(rows.Excused.Count, "known shortcoming")} in use), {rows.Seconds / rows.Workers:0.00} s each");
    }

    /// <summary>Single steps, and signals at them.</summary>
    public static string Steps(RunSummary summary)
    {
        var steps = summary.Traces.Steps;
        var refused = steps.Refused.Count == 0 ? "" : $"; {ConsoleReport.Count(steps.Refused.Values.Sum(), "other")} could not be: {string.Join("; ", steps.Refused.Keys)}";
        return steps.Batches == 0 ? $"nothing{refused}" : string.Create(
            CultureInfo.InvariantCulture,
            $"{ConsoleReport.Count(steps.Batches, "execution")}, {steps.Steps:N0} instructions; {ConsoleReport.Count(steps.Signals, "signal")} sent, {steps.InStubs:N0} of them inside stubs, whose handlers' traces had {steps.Frames:N0} frames{refused}");
    }

    /// <summary>For the report's table: what is excused by which shortcoming, and how handlers' traces compared.</summary>
    internal static IEnumerable<string[]> Table(RunSummary summary) =>
    [
        ["executions that took traces", ConsoleReport.Number(summary.Traces.Observed)],
        ["of all executions, per cent", Rate(summary).ToString("0.0", CultureInfo.InvariantCulture)],
        ["workers whose unwind rows were checked", ConsoleReport.Number(summary.Traces.Rows.Workers)],
        ["FDEs", ConsoleReport.Number(summary.Traces.Rows.Entries)],
        ["instructions compared with their rows", ConsoleReport.Number(summary.Traces.Rows.Instructions)],
        ["seconds of that (beside execution)", summary.Traces.Rows.Seconds.ToString("N1", CultureInfo.InvariantCulture)],
        .. summary.Traces.Rows.Excused.Select(pair => (string[])[$"excused: {pair.Key}", ConsoleReport.Number(pair.Value)]),
        ["executions stepped through", ConsoleReport.Number(summary.Traces.Steps.Batches)],
        ["single steps", ConsoleReport.Number(summary.Traces.Steps.Steps)],
        ["rows compared in full, the one before the first step too", ConsoleReport.Number(summary.Traces.Steps.Checked)],
        ["signals sent at an instruction", ConsoleReport.Number(summary.Traces.Steps.Signals)],
        ["of them inside stubs", ConsoleReport.Number(summary.Traces.Steps.InStubs)],
        ["frames in their handlers' traces", ConsoleReport.Number(summary.Traces.Steps.Frames)],
        .. summary.Traces.Steps.Traces.Select(pair => (string[])[$"handlers' traces, {pair.Key}", ConsoleReport.Number(pair.Value)]),
        ["seconds of stepping", summary.Traces.Steps.Seconds.ToString("N1", CultureInfo.InvariantCulture)],
        .. summary.Traces.Steps.Refused.Select(pair => (string[])[$"not stepped through: {pair.Key}", ConsoleReport.Number(pair.Value)]),
    ];
}
