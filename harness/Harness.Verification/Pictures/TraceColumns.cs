using Harness.Execution;
using Harness.Model;

namespace Harness.Verification.Pictures;

/// <summary>Lays observers' traces beside the model's chain: equal frames on one row, what is too much on rows of its own.</summary>
internal sealed class TraceColumns(FramePlaces places)
{
    /// <param name="expected">Null where the model has no trace.</param>
    public PicturedTraces Of(ExpectedFrame[]? expected, IReadOnlyList<SeenTrace> traces)
    {
        var truth = expected is null ? [] : expected.Select(f => (Frame: (ExpectedFrame?)f, Text: places.Names.Of(f))).Append((null, FramePlaces.Start)).ToArray();
        truth = truth[..Math.Min(truth.Length, PicturedTraces.MaxRows)];
        var aligned = traces.Select(trace => Align(truth, trace)).ToArray();
        var rows = new List<TraceRow>();
        for (var at = 0; at <= truth.Length; at++)
        {
            // What the model does not have comes before the frame of the model that it precedes.
            var extra = aligned.Max(a => (int?)a.Before[at].Count) ?? 0;
            for (var i = 0; i < extra; i++)
            {
                rows.Add(new TraceRow(null, aligned.Select(a => i < a.Before[at].Count ? a.Before[at][i] : new TraceCell(null, false)).ToEquatableArray()));
            }

            if (at < truth.Length)
            {
                rows.Add(new TraceRow(truth[at].Text, aligned.Select(a => a.Beside[at]).ToEquatableArray()));
            }
        }

        var observers = traces.Select(t => new PicturedObserver(t.Name, Verdict(t), t.Verdict is not TraceVerdict.Wrong)).ToEquatableArray();
        return new PicturedTraces(
            expected is not null, observers, rows.Take(PicturedTraces.MaxRows).ToEquatableArray(), Math.Max(0, rows.Count - PicturedTraces.MaxRows));
    }

    private static string Verdict(SeenTrace trace) => trace.Verdict switch
    {
        TraceVerdict.Complete c => $"complete, {c.Frames} frames",
        TraceVerdict.Wrong w => $"{w.Fault} at frame {w.Index}{(trace.Reason.Length > 0 ? $", {trace.Reason}" : "")}",
        TraceVerdict.TooDeep => "too deep for it",
        _ => trace.Reason.Length > 0 ? $"not compared, {trace.Reason}" : "not compared",
    };

    private sealed record Aligned(TraceCell[] Beside, List<TraceCell>[] Before);

    private Aligned Align((ExpectedFrame? Frame, string Text)[] truth, SeenTrace trace)
    {
        var seen = trace.Chain.Addresses.Take(PicturedTraces.MaxRows).SelectMany((address, i) => places.Logical(address).Select(f => (Frame: f, Index: i))).Take(PicturedTraces.MaxRows).ToArray();
        var wrong = trace.Verdict is TraceVerdict.Wrong w ? w.Index : -1;
        var lengths = CommonLengths(truth, [.. seen.Select(s => s.Frame)]);
        var result = new Aligned(
            [.. truth.Select(_ => new TraceCell(null, false))], [.. Enumerable.Range(0, truth.Length + 1).Select(_ => new List<TraceCell>())]);
        var (at, marked) = (0, wrong < 0);
        for (var i = 0; i < seen.Length;)
        {
            var isWrong = !marked && seen[i].Index >= wrong;
            if (at < truth.Length && Equal(truth[at].Frame, seen[i].Frame))
            {
                result.Beside[at++] = new TraceCell(seen[i++].Frame.Text, isWrong);
                marked |= isWrong;
            }
            else if (at < truth.Length && lengths[at + 1, i] > lengths[at, i + 1])
            {
                at++;
            }
            else
            {
                result.Before[at].Add(new TraceCell(seen[i++].Frame.Text, isWrong));
                marked |= isWrong;
            }
        }

        if (!marked)
        {
            // Nothing is there where something should be: behind the last frame that was seen.
            var behind = Array.FindLastIndex(result.Beside, c => c.Text is not null) + 1;
            if (behind < truth.Length)
            {
                result.Beside[behind] = new TraceCell(null, true);
            }
            else
            {
                result.Before[truth.Length].Add(new TraceCell(null, true));
            }
        }

        return result;
    }

    /// <summary>Of the suffixes from [truth, seen] on, the longest common subsequence.</summary>
    private static int[,] CommonLengths((ExpectedFrame? Frame, string Text)[] truth, LogicalFrame[] seen)
    {
        var lengths = new int[truth.Length + 1, seen.Length + 1];
        for (var t = truth.Length - 1; t >= 0; t--)
        {
            for (var s = seen.Length - 1; s >= 0; s--)
            {
                lengths[t, s] = Equal(truth[t].Frame, seen[s]) ? lengths[t + 1, s + 1] + 1 : Math.Max(lengths[t + 1, s], lengths[t, s + 1]);
            }
        }

        return lengths;
    }

    /// <summary>The same function at the same line, as far as the line is known. No expected frame stands for the runtime's first.</summary>
    private static bool Equal(ExpectedFrame? expected, LogicalFrame seen) => expected switch
    {
        null => seen.IsStart,
        { IsBridge: true } => seen.IsBridge,
        _ => seen.Owner == expected.Owner && (seen.Line == 0 || seen.Line == expected.Line),
    };
}

/// <summary>One observer's trace and what the check made of it; <paramref name="Verdict"/> is null where there is no model's.</summary>
internal sealed record SeenTrace(string Name, WorkerMessage.Chain Chain, TraceVerdict? Verdict)
{
    /// <summary>Why it ends where it does, in the observer's own words; empty when it does not say.</summary>
    public string Reason { get; init; } = "";
}
