using System.Diagnostics;
using Harness.Emit;
using Harness.Execution;
using Harness.Model;
using Harness.Verification.Mutation;

namespace Harness.Verification;

/// <summary>A model's entry with the line whose code made it. Without an owner it is the support library's.</summary>
internal sealed record ExpectedEntry(ErrorStep Step, SourceOwner? Owner, int Line)
{
    public override string ToString() => Owner switch
    {
        SourceOwner.Function f => $"function {f.Id} line {Line}",
        SourceOwner.FiberEntry f => $"entry of fiber {f.Fiber} line {Line}",
        _ => $"{SupportLines.FileName} line {Line}",
    };
}

/// <summary>
/// Compares error return traces with the model's: how many entries were made, and of each that was kept (oldest first) the line whose
/// code made it. Lines belong to one function each, so inlining leaves nothing open. Where an optimiser merged several makings into one
/// call (line 0), the function is compared alone.
/// </summary>
internal sealed class ErrorTraceChecker(ICodeMap code, SourceMap map, bool keeps, CheckerDefect defect = CheckerDefect.None)
{
    public ExpectedEntry[] Of(int program, ErrorTrace trace) => [.. trace.Entries.Select(entry => Translate(program, entry))];

    /// <param name="walk">The same probe by frame pointers, where there is one.</param>
    public TraceVerdict Check(
        int program, ErrorSighting expected, WorkerMessage.Errors observed, WorkerMessage.Chain chain, WorkerMessage.Chain? walk)
    {
        if (observed.Kept != keeps)
        {
            return new TraceVerdict.Wrong(TraceFault.ErrorsKept, 0, keeps ? "a trace" : "no trace", observed.Kept ? "a trace" : "no trace");
        }

        // Who called the panic handler is the walk's second address, the first being in the handler itself.
        if (expected.Site < 0 && walk is { Addresses.Count: > 1 } && observed.Caller != walk.Addresses[1])
        {
            return new TraceVerdict.Wrong(TraceFault.PanicCaller, 0, Shown(walk.Addresses[1]), Shown(observed.Caller));
        }

        return keeps ? Compare(Of(program, expected.Trace), expected.Trace.Index, observed.Index, chain.Addresses) : new TraceVerdict.Complete(0, 0);
    }

    private string Shown(ulong returnAddress) => code.Resolve(unchecked(returnAddress - 1)).Words;

    private TraceVerdict Compare(ExpectedEntry[] expected, int made, long index, EquatableArray<ulong> addresses)
    {
        var unknown = 0;
        for (var i = 0; i < Math.Min(expected.Length, addresses.Count); i++)
        {
            var position = code.Resolve(unchecked(addresses[i] - 1));
            if (defect is not CheckerDefect.ErrorPlace && Wrong(expected[i], position) is { } fault)
            {
                return new TraceVerdict.Wrong(fault, i, expected[i].ToString(), Shown(addresses[i]));
            }

            unknown += position is { Line: 0, SupportLine: 0 } ? 1 : 0;
        }

        return (made == index && expected.Length == addresses.Count) || defect is CheckerDefect.ErrorCount
            ? new TraceVerdict.Complete(expected.Length, unknown)
            : new TraceVerdict.Wrong(
                TraceFault.ErrorCount, Math.Min(expected.Length, addresses.Count),
                $"{made} entries, {expected.Length} kept", $"{index} entries, {addresses.Count} kept");
    }

    private TraceFault? Wrong(ExpectedEntry expected, CodePosition position)
    {
        var (line, owner) = expected.Owner is null
            ? (position.SupportLine, null)
            : (position.Line, map.OwnerOfLine(position.Line));
        if (line == expected.Line)
        {
            return null;
        }

        if (position is { Line: 0, SupportLine: 0 })
        {
            // Merged: of several functions inlined into this one, nobody can say which.
            return position.Function is not null || (expected.Owner is null && IsSupport(position.Symbol)) ? null : TraceFault.WrongFunction;
        }

        return expected.Owner == owner && line > 0 ? TraceFault.WrongLine : TraceFault.WrongFunction;
    }

    private static bool IsSupport(string symbol) => symbol.StartsWith("support.", StringComparison.Ordinal);

    private ExpectedEntry Translate(int program, ErrorEntry entry)
    {
        var line = entry.Step switch
        {
            ErrorStep.Propagated => map.LineOfSite(program, entry.Place),
            // The statement that returns stands below the one that has the site.
            ErrorStep.Raised or ErrorStep.Rethrown => map.LineOfSite(program, entry.Place) + 1,
            ErrorStep.CheckpointTried => map.CheckpointLine(program, entry.Place),
            _ => 0,
        };
        return line == 0
            ? new ExpectedEntry(entry.Step, null, SupportLines.Of(entry.Step))
            : new ExpectedEntry(entry.Step, map.OwnerOfLine(line) ?? throw new UnreachableException(), line);
    }
}
