using System.Globalization;
using System.Text;
using Harness.Binary.Unwind;
using Harness.Execution;
using Harness.Verification.Cores;

namespace Harness.Cli;

/// <summary>What a core shows, in words.</summary>
internal static class CoreText
{
    /// <summary>Frames that are shown of each end of a deep chain.</summary>
    private const int MaxAtEachEnd = 60;

    public static string Of(CoreReport report, string path, IReadOnlyList<(CoreTool Tool, ToolComparison? Comparison)> opinions)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"core       {Repository.Shown(path)} ({new FileInfo(path).Length / 1e6:0.#} MB with its holes), its worker beside it\n");
        text.Append($"died of    {Cause(report)}\n");
        foreach (var thread in report.Threads)
        {
            text.Append(CultureInfo.InvariantCulture, $"\nthread {thread.Thread.Id}{(thread.Fiber < 0 ? "" : $", on it fiber {thread.Fiber}: {Word(report.Fibers[thread.Fiber].Comparison)}")}\n");
            Chain(text, thread.Chain);
        }

        foreach (var fiber in report.Fibers.Where(f => f.Fiber.State is not CoreFiberState.Running))
        {
            var state = fiber.Fiber.State.ToString().ToLowerInvariant();
            text.Append(CultureInfo.InvariantCulture, $"\nfiber {fiber.Fiber.Index}, {state}{(fiber.Chain is null ? "" : $": {Word(fiber.Comparison)}")}\n");
            if (fiber.Chain is { } chain)
            {
                Chain(text, chain);
            }
        }

        text.Append(report.Findings.Count + opinions.Count > 0 ? "\n" : "");
        foreach (var (tool, comparison) in opinions)
        {
            text.Append(CultureInfo.InvariantCulture, $"{Word(tool, comparison)}\n");
        }

        foreach (var finding in report.Findings.Concat(opinions.SelectMany(o => o.Comparison?.Findings ?? [])))
        {
            text.Append(CultureInfo.InvariantCulture, $"{finding}\n");
        }

        return text.Append(CultureInfo.InvariantCulture, $"\n{Verdict(report)}\n").ToString();
    }

    public static string How(ProcessOutcome outcome) => outcome switch
    {
        ProcessOutcome.Exited e => $"it ended with exit code {e.Code}",
        ProcessOutcome.Signaled s => $"it was killed by signal {s.Signal}",
        ProcessOutcome.TimedOut => "it did not end in time",
        _ => outcome.ToString().Split('\n')[0],
    };

    public static object Fields(CoreReport report, string path, IReadOnlyList<(CoreTool Tool, ToolComparison? Comparison)> opinions) => new
    {
        core = path, holds = report.Holds, signal = report.Signal?.Number ?? 0, code = report.Signal?.Code ?? 0, address = Hex(report.Signal?.Address ?? 0), row = report.Row,
        death = report.Death.ToString().ToLowerInvariant(), frames = report.Frames,
        threads = report.Threads.Select(t => new { id = t.Thread.Id, fiber = t.Fiber, fsBase = Hex(t.Thread.Words.FsBase), end = End(t.Chain), chain = t.Chain.Frames.Select(Fields) }),
        fibers = report.Fibers.Select(f => new
        {
            index = f.Fiber.Index, state = f.Fiber.State.ToString().ToLowerInvariant(), segments = f.Fiber.Segments.Count, model = Word(f.Comparison),
            end = f.Chain is null ? null : End(f.Chain), chain = f.Chain?.Frames.Select(Fields),
        }),
        tools = opinions.Select(o => new
        {
            tool = o.Tool.ToString().ToLowerInvariant(), chains = o.Comparison?.Chains, frames = o.Comparison?.Frames, known = o.Comparison?.Known.Select(k => new { name = k.Key.Name, count = k.Value }),
        }),
        findings = report.Findings.Concat(opinions.SelectMany(o => o.Comparison?.Findings ?? [])).Select(f => new { fault = f.Fault.ToString(), where = f.Where, detail = f.Detail }),
    };

    private static object Fields(CoreFrame frame) => new
    {
        address = Hex(frame.Pc), exact = frame.IsExact, function = frame.Function, file = frame.File is null ? null : Path.GetFileName(frame.File), line = frame.Line,
        segment = frame.Segment, stub = frame.Stub,
    };

    private static string Word(CoreTool tool, ToolComparison? comparison)
    {
        var name = tool is CoreTool.Gdb ? "gdb" : "eu-stack";
        return comparison is null
            ? $"{name,-9}  no answer; is it installed?"
            : string.Create(CultureInfo.InvariantCulture, $"{name,-9}  {comparison.Frames} frames of {comparison.Chains} chains as ours")
                + string.Concat(comparison.Known.Select(k => string.Create(CultureInfo.InvariantCulture, $"; {k.Value} known to end early ({k.Key.Name})")));
    }

    private static string Verdict(CoreReport report)
    {
        var agreeing = report.Fibers.Count(f => f.Comparison is ModelComparison.Agrees);
        return report.Holds
            ? $"WHOLE: {report.Frames} frames in {report.Threads.Count} threads and {report.Fibers.Count} fibers, every chain to its end; {agreeing} of the fibers' compared with the model's, both readers of the core agree"
            : $"FALSIFIED: {report.Findings.Count} findings";
    }

    private static string Cause(CoreReport report)
    {
        var on = report.Death is Death.None ? "" : $"; on purpose: {report.Death.ToString().ToLowerInvariant()}";
        return report.Signal is not { } signal
            ? $"its own doing: it was ending itself, in row {report.Row}{on}"
            : $"signal {signal.Number} (code {signal.Code}){(report.Place.Length > 0 ? $" at {signal.Address:x}, {report.Place}" : "")}, in row {report.Row}{on}";
    }

    private static string Word(ModelComparison comparison) => comparison switch
    {
        ModelComparison.Agrees { Beyond: 0 } a => $"the model's chain, {a.Frames} frames{(a.LinesUnknown > 0 ? $", of {a.LinesUnknown} only the function" : "")}",
        ModelComparison.Agrees a => $"the model's chain, {a.Frames} frames, below {a.Beyond} that came after its last event",
        ModelComparison.Differs d => $"NOT the model's chain: {d.Verdict.Expected} expected, {d.Verdict.Observed} found",
        ModelComparison.Unknown u => $"not compared with the model: {u.Reason}",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static void Chain(StringBuilder text, CoreChain chain)
    {
        var segment = -1;
        for (var i = 0; i < chain.Frames.Count; i++)
        {
            if (i == MaxAtEachEnd && chain.Frames.Count > 2 * MaxAtEachEnd)
            {
                text.Append(CultureInfo.InvariantCulture, $"  … {chain.Frames.Count - (2 * MaxAtEachEnd)} frames …\n");
                i = chain.Frames.Count - MaxAtEachEnd;
            }

            var frame = chain.Frames[i];
            if (frame.Segment != segment)
            {
                segment = frame.Segment;
                text.Append(segment == 0 ? "  ── on no segment ──\n" : $"  ── segment {segment} ──\n");
            }

            var place = frame.File is null ? "" : $"  {Path.GetFileName(frame.File)}:{frame.Line}";
            text.Append(CultureInfo.InvariantCulture, $"  {i,4} {frame.Pc,12:x} {(frame.Stub ? "↑ " : "")}{frame.Function}{place}\n");
        }

        text.Append($"       {End(chain)}\n");
    }

    private static string End(CoreChain chain) => chain.End switch
    {
        TraceEnd.UndefinedReturnAddress => "end: there is no caller",
        TraceEnd.ZeroReturnAddress => "end: the return address is zero",
        TraceEnd.Failed f => $"BROKEN OFF: {f.Problem}",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static string Hex(ulong value) => value.ToString("x", CultureInfo.InvariantCulture);
}
