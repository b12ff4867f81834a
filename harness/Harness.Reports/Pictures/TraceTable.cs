using System.Text;
using Harness.Verification.Pictures;

namespace Harness.Reports.Pictures;

/// <summary>The model's trace and each observer's in columns. <c>&gt;</c> marks an observer's first wrong frame, <c>!</c> what differs behind it.</summary>
internal sealed class TraceTable(TextStyle style, Ink ink)
{
    private const int MarkWidth = 2;
    private const string Nothing = "(nothing)";

    public string Render(PicturedTraces kept)
    {
        var traces = FoldedPicture.Merged(kept);
        string[][] titles = [.. traces.HasTruth ? [["must be"]] : Array.Empty<string[]>(), .. traces.Observers.Select(o => o.Name.Split(FoldedPicture.NameSeparator))];
        string[] verdicts = [.. traces.HasTruth ? [""] : Array.Empty<string>(), .. traces.Observers.Select(o => o.Verdict)];
        var rows = FoldedPicture.Rows(traces);
        var cells = rows.Select(r => r.Row is null ? null : Cells(traces, r.Row)).ToArray();
        var widths = Widths(titles, verdicts, cells);
        var text = new StringBuilder();
        for (var i = 0; i < titles.Max(t => t.Length); i++)
        {
            Line(text, [.. titles.Select(t => (' ', i < t.Length ? t[i] : "", Hue.Quiet))], widths);
        }

        Line(text, [.. widths.Select(w => (' ', new string(style.Ascii ? '-' : '─', w), Hue.Quiet))], widths);
        foreach (var (row, line) in rows.Zip(cells))
        {
            if (line is null)
            {
                text.Append(PictureText.Fit($"  ({row.Note})", style.Width, style)).Append('\n');
            }
            else
            {
                Line(text, line, widths);
            }
        }

        var ends = verdicts.Select((v, i) => (' ', v, i < titles.Length - traces.Observers.Count ? Hue.None
            : traces.Observers[i - (titles.Length - traces.Observers.Count)].Right ? Hue.Good : Hue.Bad)).ToArray();
        Line(text, [.. widths.Select(w => (' ', new string(style.Ascii ? '-' : '─', w), Hue.Quiet))], widths);
        Line(text, ends, widths);
        if (traces.Rows.Any(r => r.Seen.Any(c => c.FirstWrong)))
        {
            text.Append(ink.Paint("  > the first wrong frame", Hue.Quiet)).Append('\n');
        }

        return text.ToString();
    }

    private static (char Mark, string Text, Hue Hue)[] Cells(PicturedTraces traces, TraceRow row)
    {
        var seen = row.Seen.Select((cell, i) => cell switch
        {
            { FirstWrong: true } => ('>', cell.Text ?? Nothing, Hue.Bad),
            { Text: null } => (' ', "", Hue.None),
            _ when FoldedPicture.IsTooMuch(traces, row, i) => ('!', cell.Text, Hue.Bad),
            _ => (' ', cell.Text, Hue.None),
        });
        return traces.HasTruth ? [(' ', row.Truth ?? "", Hue.None), .. seen] : [.. seen];
    }

    /// <summary>As wide as what is in them; together no wider than the page, the widest giving way first.</summary>
    private int[] Widths(string[][] titles, string[] verdicts, IEnumerable<(char, string Text, Hue)[]?> cells)
    {
        var widths = titles.Select((t, i) => Math.Max(t.Max(n => n.Length), verdicts[i].Length)).ToArray();
        foreach (var line in cells)
        {
            for (var i = 0; line is not null && i < widths.Length; i++)
            {
                widths[i] = Math.Max(widths[i], line[i].Text.Length);
            }
        }

        while (widths.Sum() + (MarkWidth * widths.Length) + widths.Length - 1 > style.Width && widths.Max() > 8)
        {
            widths[Array.IndexOf(widths, widths.Max())]--;
        }

        return widths;
    }

    private void Line(StringBuilder text, (char Mark, string Text, Hue Hue)[] cells, int[] widths)
    {
        var line = new StringBuilder();
        for (var i = 0; i < cells.Length; i++)
        {
            var (mark, content, hue) = cells[i];
            var shown = $"{mark} {PictureText.Fit(content, widths[i], style)}";
            line.Append(ink.Paint(shown, hue)).Append(' ', i + 1 < cells.Length ? Math.Max(0, MarkWidth + widths[i] - shown.Length) + 1 : 0);
        }

        text.Append(line.ToString().TrimEnd()).Append('\n');
    }
}
