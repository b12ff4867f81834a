using Harness.Model;
using Harness.Verification.Pictures;

namespace Harness.Reports.Pictures;

/// <summary>A frame to draw, or (Frame null) a line that stands for several.</summary>
internal sealed record DrawnFrame(PicturedFrame? Frame, string Note);

/// <summary>A segment to draw, or (Segment null) a line that stands for several.</summary>
/// <param name="Splits">The function whose frame begins the segment is the one that split.</param>
internal sealed record DrawnSegment(PicturedSegment? Segment, IReadOnlyList<DrawnFrame> Frames, bool Splits, string Note);

/// <summary>What is shown of a deep stack, the same in every renderer: both ends, and how much is between.</summary>
internal static class FoldedPicture
{
    private const int InnerFrames = 8;
    private const int OuterFrames = 3;
    private const int InnerSegments = 6;
    private const int OuterSegments = 2;
    private const int RowsAround = 5;
    private const int RowsFirst = 10;
    private const int RowsLast = 4;

    public static IReadOnlyList<DrawnSegment> Segments(StackPicture picture)
    {
        var all = picture.Segments;
        var drawn = new List<DrawnSegment>();
        for (var i = 0; i < all.Count; i++)
        {
            if (all.Count > InnerSegments + OuterSegments + 1 && i == InnerSegments)
            {
                var left = all.Count - InnerSegments - OuterSegments;
                var frames = all.Skip(i).Take(left).Sum(s => s.Frames.Count) + picture.FramesLeftOut;
                drawn.Add(new DrawnSegment(null, [], false, $"{left} more segments that were sent, {frames} frames in all"));
                i += left - 1;
                continue;
            }

            drawn.Add(new DrawnSegment(all[i], Frames(all[i]), all[i].Number > 1, ""));
        }

        if (picture.FramesLeftOut > 0 && all.Count <= InnerSegments + OuterSegments + 1)
        {
            drawn.Add(new DrawnSegment(null, [], false, $"{picture.FramesLeftOut} frames in the middle are not shown"));
        }

        if (picture.IsCutOff)
        {
            drawn.Add(new DrawnSegment(null, [], false, "saved frame pointers lead no further: the chain is broken here"));
        }

        return drawn;
    }

    /// <summary>Rows of traces; where <c>Row</c> is null, the note stands for those left out.</summary>
    public static IReadOnlyList<(TraceRow? Row, string Note)> Rows(PicturedTraces traces)
    {
        var wrong = Enumerable.Range(0, traces.Rows.Count).Where(i => traces.Rows[i].Seen.Any(c => c.FirstWrong)).ToArray();
        bool IsShown(int i) => i < RowsFirst || i >= traces.Rows.Count - RowsLast || wrong.Any(w => Math.Abs(w - i) <= RowsAround);
        var rows = new List<(TraceRow?, string)>();
        for (var i = 0; i < traces.Rows.Count;)
        {
            var until = i;
            while (until < traces.Rows.Count && !IsShown(until))
            {
                until++;
            }

            if (until > i + 1)
            {
                rows.Add((null, $"{until - i} rows left out"));
                i = until;
            }
            else
            {
                rows.Add((traces.Rows[i++], ""));
            }
        }

        if (traces.LeftOut > 0)
        {
            rows.Add((null, $"{traces.LeftOut} further rows are not kept"));
        }

        return rows;
    }

    /// <summary>Observers that saw the same stand in one column, under all their names.</summary>
    public static PicturedTraces Merged(PicturedTraces traces)
    {
        var groups = Enumerable.Range(0, traces.Observers.Count)
            .GroupBy(i => (traces.Observers[i].Verdict, traces.Observers[i].Right, Seen: traces.Rows.Select(r => r.Seen[i]).ToEquatableArray())).ToArray();
        return traces with
        {
            Observers = groups.Select(g => traces.Observers[g.First()] with { Name = string.Join(NameSeparator, g.Select(i => traces.Observers[i].Name)) }).ToEquatableArray(),
            Rows = traces.Rows.Select(r => r with { Seen = groups.Select(g => r.Seen[g.First()]).ToEquatableArray() }).ToEquatableArray(),
        };
    }

    /// <summary>Between names of observers.</summary>
    public const string NameSeparator = ", ";

    private static IReadOnlyList<DrawnFrame> Frames(PicturedSegment segment)
    {
        var count = segment.Frames.Count;
        if (count <= InnerFrames + OuterFrames + 1)
        {
            return [.. segment.Frames.Select(f => new DrawnFrame(f, ""))];
        }

        return
        [
            .. segment.Frames.Take(InnerFrames).Select(f => new DrawnFrame(f, "")),
            new DrawnFrame(null, $"{count - InnerFrames - OuterFrames} more frames"),
            .. segment.Frames.Skip(count - OuterFrames).Select(f => new DrawnFrame(f, "")),
        ];
    }

    /// <summary>What stands in a frame's first column, and what it means.</summary>
    public static (char Mark, string Meaning) MarkOf(PicturedFrame frame) => frame switch
    {
        { Mark: "fault" } => ('!', "the fault struck here"),
        { Mark: "crash" } => ('!', "the process died here"),
        { Mark: "probe" } => ('*', "the trace was taken here"),
        { Mark: "entry" } => ('*', "the checkpoint"),
        { Role: FrameRole.Stub } => ('~', "stub of a split, and the segment it leads to"),
        { Role: FrameRole.Inlined } => ('+', "inlined into the next frame"),
        _ => (' ', ""),
    };

    /// <summary>Whether a wrong trace has a frame here that the model does not have. (Panic machinery in a right one is no mistake.)</summary>
    public static bool IsTooMuch(PicturedTraces traces, TraceRow row, int observer) =>
        traces.HasTruth && row.Truth is null && row.Seen[observer].Text is not null && !traces.Observers[observer].Right;

    /// <summary>Heading and footing of a segment.</summary>
    public static (string Head, string Foot) Titles(PicturedSegment segment)
    {
        if (segment.Number == 0)
        {
            return ("on no segment", "");
        }

        var used = segment.UsedBytes is { } bytes ? $"{ConsoleReport.Number(bytes)} of {ConsoleReport.Number(segment.Bytes)} B used" : $"{ConsoleReport.Number(segment.Bytes)} B";
        var place = segment.Above switch
        {
            true => $", above {segment.Number - 1}",
            false => $", below {segment.Number - 1}",
            _ => "",
        };
        return (segment.Number == 1 ? "segment 1, the first" : $"segment {segment.Number}", used + place);
    }
}
