using System.Text;

namespace Harness.Reports;

/// <summary>One line of expected against observed; null where a side has ended.</summary>
public sealed record ComparedLine(string? Expected, string? Observed, bool IsFirstDifference)
{
    public bool Differs => Expected != Observed;
}

/// <summary>Expected against observed, line by line, the first difference marked.</summary>
public static class SideBySide
{
    private const int MinColumn = 20;
    private const int LinesBefore = 12;
    private const int LinesAfter = 40;

    public static IReadOnlyList<ComparedLine> Compare(string expected, string observed)
    {
        var left = Lines(expected);
        var right = Lines(observed);
        var result = new List<ComparedLine>();
        var found = false;
        for (var i = 0; i < Math.Max(left.Length, right.Length); i++)
        {
            var line = new ComparedLine(i < left.Length ? left[i] : null, i < right.Length ? right[i] : null, false);
            result.Add(line with { IsFirstDifference = !found && line.Differs });
            found |= line.Differs;
        }

        return result;
    }

    /// <summary>The lines around the first difference; what is left out before and after is counted.</summary>
    public static (int Before, IReadOnlyList<ComparedLine> Lines, int After) Window(string expected, string observed)
    {
        var lines = Compare(expected, observed);
        var first = Array.FindIndex([.. lines], line => line.IsFirstDifference);
        var from = first > LinesBefore + 1 ? first - LinesBefore : 0;
        var to = Math.Min(lines.Count, Math.Max(first, 0) + LinesAfter);
        // Equal texts are shown from the start.
        return (from, [.. lines.Take(to).Skip(from)], lines.Count - to);
    }

    /// <summary>
    /// Two columns in <paramref name="width"/> characters; longer lines wrap. <c>&gt;</c> marks the first difference,
    /// <c>!</c> the later ones.
    /// </summary>
    public static string Render(string expected, string observed, int width)
    {
        var (before, lines, after) = Window(expected, observed);
        var column = Math.Max(MinColumn, (width - 5) / 2);
        var text = new StringBuilder();
        Row(text, ' ', "expected", "observed", column);
        Row(text, ' ', new string('-', column), new string('-', column), column);
        if (before > 0)
        {
            Row(text, ' ', $"({before} equal lines)", "", column);
        }

        foreach (var line in lines)
        {
            Row(text, line.IsFirstDifference ? '>' : line.Differs ? '!' : ' ', line.Expected ?? "", line.Observed ?? "", column);
        }

        if (after > 0)
        {
            Row(text, ' ', $"({after} more lines)", "", column);
        }

        return text.ToString();
    }

    private static void Row(StringBuilder text, char mark, string left, string right, int column)
    {
        var (leftParts, rightParts) = (Wrap(left, column), Wrap(right, column));
        for (var i = 0; i < Math.Max(leftParts.Count, rightParts.Count); i++)
        {
            var l = i < leftParts.Count ? leftParts[i] : "";
            var r = i < rightParts.Count ? rightParts[i] : "";
            text.Append($"{(i == 0 ? mark : ' ')} {l.PadRight(column)} | {r}".TrimEnd()).Append('\n');
        }
    }

    private static List<string> Wrap(string line, int column)
    {
        var parts = new List<string>();
        for (var at = 0; at < line.Length; at += column)
        {
            parts.Add(line.Substring(at, Math.Min(column, line.Length - at)));
        }

        return parts.Count == 0 ? [""] : parts;
    }

    private static string[] Lines(string text) => text.Length == 0 ? [] : Printable(text).TrimEnd('\n').Split('\n');

    /// <summary>What a program printed may hold anything; control characters would write over the report.</summary>
    private static string Printable(string text) =>
        string.Concat(text.Replace("\r\n", "\n").Select(c => c is '\n' || !char.IsControl(c) ? c : c is '\t' ? ' ' : '\uFFFD'));
}
