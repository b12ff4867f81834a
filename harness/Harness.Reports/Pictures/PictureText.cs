using System.Globalization;
using System.Text;
using Harness.Verification.Pictures;

namespace Harness.Reports.Pictures;

/// <summary>How text is drawn.</summary>
/// <param name="Width">Columns that no line exceeds.</param>
/// <param name="Color">ANSI colours on top of what the characters say; never the only carrier.</param>
/// <param name="Ascii">No box-drawing characters.</param>
public sealed record TextStyle(int Width, bool Color, bool Ascii)
{
    /// <summary>For a text that is copied into a report.</summary>
    public static readonly TextStyle Plain = new(80, false, false);
}

/// <summary>A <see cref="StackPicture"/> for a terminal, or for a fixed-width block of a bug report.</summary>
public static class PictureText
{
    private const int MaxStepWidth = 44;

    public static string Render(StackPicture picture, TextStyle style)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentNullException.ThrowIfNull(style);
        var ink = new Ink(style.Color);
        var text = new StringBuilder();
        Labelled(text, "stack", picture.Moment, style);
        if (picture.Fault is { } fault)
        {
            Labelled(text, "fault", $"{fault.What} {fault.Where}", style);
        }

        if (picture.Segments.Count > 0)
        {
            text.Append('\n').Append(new SegmentBoxes(style, ink).Render(picture));
        }

        if (picture.Traces is { } traces)
        {
            text.Append('\n').Append(new TraceTable(style, ink).Render(traces));
        }

        if (picture.Cleanup is { } cleanup)
        {
            text.Append('\n');
            Cleanup(text, cleanup, style, ink);
        }

        return text.ToString();
    }

    private static void Cleanup(StringBuilder text, PicturedCleanup cleanup, TextStyle style, Ink ink)
    {
        var by = cleanup.Observed ? "" : " (the model's: nothing was recorded)";
        Labelled(text, "clean-up", $"of fiber {cleanup.Fiber}{by}: {cleanup.Start}", style);
        if (cleanup.LeftOut > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"    ({cleanup.LeftOut} steps left out)\n");
        }

        var how = cleanup.Steps.Max(s => (int?)s.How.Length) ?? 0;
        var what = Math.Min(MaxStepWidth, cleanup.Steps.Max(s => (int?)s.What.Length) ?? 0);
        foreach (var (step, index) in cleanup.Steps.Select((s, i) => (s, i)))
        {
            var isWrong = step.Instead is not null;
            var line = string.Create(CultureInfo.InvariantCulture, $"{(isWrong ? '>' : ' ')} {index + 1,3} {step.How.PadRight(how)}  {step.What.PadRight(what)}  {step.Where}").TrimEnd();
            text.Append(ink.Paint(Fit(line, style.Width, style), isWrong ? Hue.Bad : Hue.None)).Append('\n');
            if (isWrong)
            {
                text.Append(ink.Paint(Fit($"      first wrong step; the model has: {step.Instead}", style.Width, style), Hue.Bad)).Append('\n');
            }
        }
    }

    /// <summary>A label in front, continued under itself.</summary>
    private static void Labelled(StringBuilder text, string label, string content, TextStyle style)
    {
        const int indent = 11;
        var room = Math.Max(20, style.Width - indent);
        var words = Printable.Of(content).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var line = new StringBuilder(label.PadRight(indent));
        var used = 0;
        foreach (var word in words)
        {
            if (used > 0 && used + 1 + word.Length > room)
            {
                text.Append(line).Append('\n');
                line.Clear().Append(' ', indent);
                used = 0;
            }

            line.Append(used > 0 ? " " : "").Append(word);
            used += word.Length + (used > 0 ? 1 : 0);
        }

        text.Append(line.ToString().TrimEnd()).Append('\n');
    }

    /// <summary>The text in so many columns, cut with a mark where it is longer.</summary>
    internal static string Fit(string text, int width, TextStyle style)
    {
        text = Printable.Of(text);
        var mark = style.Ascii ? ".." : "…";
        return text.Length <= width ? text : width <= mark.Length ? text[..width] : text[..(width - mark.Length)] + mark;
    }
}

/// <summary>What colours say again that characters have said.</summary>
internal enum Hue
{
    None,
    Bad,
    Quiet,
    Good,
}

/// <summary>Paints when it may.</summary>
internal sealed class Ink(bool color)
{
    public string Paint(string text, Hue hue) => !color || hue is Hue.None ? text : $"\u001b[{Code(hue)}m{text}\u001b[0m";

    private static string Code(Hue hue) => hue switch
    {
        Hue.Bad => "1;31",
        Hue.Good => "32",
        _ => "2",
    };
}
