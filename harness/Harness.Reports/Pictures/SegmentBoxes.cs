using System.Text;
using Harness.Verification.Pictures;

namespace Harness.Reports.Pictures;

/// <summary>
/// Segments as boxes side by side, the one in use first, as many as fit. Inside, the innermost frame is on top, so that left to right and top to bottom is
/// the order of a trace. An edge leads from the stub on top of a segment to the function at the bottom of the box before it: the one that split.
/// </summary>
internal sealed class SegmentBoxes(TextStyle style, Ink ink)
{
    private const int Gap = 2;
    private const int MinInner = 24;

    /// <summary>Around a title in a border: a line and a space at either side.</summary>
    private const int TitleFrame = 4;

    private readonly char[] _lines = (style.Ascii ? "-|++++++++" : "─│┌┐└┘├┤┌┘").ToCharArray();

    private char Across => _lines[0];

    private char Down => _lines[1];

    private sealed record Box(List<(string Text, Hue Hue)> Lines, int Width, int StubRow, int SplitRow);

    public string Render(StackPicture picture)
    {
        var segments = FoldedPicture.Segments(picture);
        var text = new StringBuilder();
        var line = new List<Box>();
        foreach (var segment in segments)
        {
            var box = segment.Segment is null ? null : Draw(segment);
            if (line.Count > 0 && (box is null || line.Sum(b => b.Width + Gap) + box.Width > style.Width))
            {
                Flush(text, line);
            }

            if (box is null)
            {
                text.Append(PictureText.Fit($"  ({segment.Note})", style.Width, style)).Append('\n');
            }
            else
            {
                line.Add(box);
            }
        }

        Flush(text, line);
        return text.Append(Legend(segments)).ToString();
    }

    private string Legend(IReadOnlyList<DrawnSegment> segments)
    {
        var text = new StringBuilder();
        var used = segments.SelectMany(s => s.Frames).Where(f => f.Frame is not null).Select(f => FoldedPicture.MarkOf(f.Frame!)).Where(m => m.Meaning.Length > 0).Distinct();
        foreach (var (mark, meaning) in used)
        {
            text.Append(ink.Paint(PictureText.Fit($"  {mark} {meaning}", style.Width, style), Hue.Quiet)).Append('\n');
        }

        return text.ToString();
    }

    private Box Draw(DrawnSegment drawn)
    {
        var (head, foot) = FoldedPicture.Titles(drawn.Segment!);
        var inner = Math.Max(MinInner, Math.Max(head.Length, foot.Length) + TitleFrame);
        inner = Math.Max(inner, drawn.Frames.Max(f => (int?)(Left(f, drawn.Segment!.Number).Length + Right(f).Length + 3)) ?? 0);
        inner = Math.Min(inner, style.Width - 2);
        var lines = new List<(string, Hue)> { (Border(2, 3, head, inner), Hue.None) };
        foreach (var frame in drawn.Frames)
        {
            var right = Right(frame);
            var left = PictureText.Fit(Left(frame, drawn.Segment!.Number), Math.Max(1, inner - 2 - (right.Length > 0 ? right.Length + 1 : 0)), style);
            var hue = frame.Frame switch
            {
                { Mark: "fault" or "crash" } => Hue.Bad,
                { Role: FrameRole.Stub or FrameRole.Runtime } => Hue.Quiet,
                _ => Hue.None,
            };
            lines.Add(($"{Down} {left}{new string(' ', Math.Max(0, inner - 2 - left.Length - right.Length))}{right} {Down}", hue));
        }

        lines.Add((Border(4, 5, foot, inner), Hue.None));
        var stub = drawn.Frames is [{ Frame.Role: FrameRole.Stub }, ..] ? 1 : -1;
        return new Box(lines, inner + 2, stub, drawn.Splits && drawn.Frames.Count > 0 ? drawn.Frames.Count : -1);
    }

    private string Border(int left, int right, string title, int inner)
    {
        var shown = title.Length > 0 ? $" {PictureText.Fit(title, inner - TitleFrame, style)} " : "";
        return $"{_lines[left]}{Across}{shown}{new string(Across, Math.Max(0, inner - 1 - shown.Length))}{_lines[right]}";
    }

    private static string Left(DrawnFrame drawn, int segment)
    {
        if (drawn.Frame is not { } frame)
        {
            return $"  ({drawn.Note})";
        }

        var leads = frame.Role is FrameRole.Stub ? $" to {segment + 1}" : "";
        return $"{FoldedPicture.MarkOf(frame).Mark} {frame.Function}{leads}{(frame.Place.Length > 0 ? " " + frame.Place : "")}";
    }

    private static string Right(DrawnFrame drawn) => drawn.Frame switch
    {
        { Role: FrameRole.Inlined } => "inlined",
        { Bytes: { } bytes } => $"{ConsoleReport.Number(bytes)} B",
        _ => "",
    };

    private void Flush(StringBuilder text, List<Box> boxes)
    {
        var height = boxes.Max(b => (int?)b.Lines.Count) ?? 0;
        for (var row = 0; row < height; row++)
        {
            var line = new StringBuilder();
            for (var i = 0; i < boxes.Count; i++)
            {
                var (box, next, before) = (boxes[i], i + 1 < boxes.Count ? boxes[i + 1] : null, i > 0 ? boxes[i - 1] : null);
                if (row < box.Lines.Count)
                {
                    var (content, hue) = box.Lines[row];
                    var opensLeft = before is not null && row == box.StubRow && before.SplitRow > 0;
                    var opensRight = next is not null && row == box.SplitRow && next.StubRow > 0;
                    content = (opensLeft ? _lines[7] : content[0]) + content[1..^1] + (opensRight ? _lines[6] : content[^1]);
                    line.Append(ink.Paint(content, hue));
                }
                else
                {
                    line.Append(' ', box.Width);
                }

                line.Append(next is null ? "" : Connector(box, next, row));
            }

            text.Append(line.ToString().TrimEnd()).Append('\n');
        }

        boxes.Clear();
    }

    /// <summary>Two columns between boxes: from the function that split, up to the stub.</summary>
    private string Connector(Box box, Box next, int row)
    {
        if (box.SplitRow < 0 || next.StubRow < 0 || row > box.SplitRow || row < next.StubRow)
        {
            return "  ";
        }

        return (row == box.SplitRow, row == next.StubRow) switch
        {
            (true, true) => new string(Across, Gap),
            (true, false) => $"{Across}{_lines[9]}",
            (false, true) => $" {_lines[8]}",
            _ => $" {Down}",
        };
    }
}
