using System.Text;
using Harness.Reports;
using Harness.Reports.Pictures;

namespace Harness.Cli;

/// <summary>Where the result and the progress go. The only user of <see cref="Console"/>; tests hand in their own writers.</summary>
/// <param name="Out">The result.</param>
/// <param name="Error">Progress and messages.</param>
/// <param name="IsLive">Progress may rewrite its line.</param>
public sealed record Terminal(TextWriter Out, TextWriter Error, bool IsLive, int Width)
{
    private const int DefaultWidth = 120;
    private const int MinWidth = 40;

    /// <summary>Of a complaint, which may quote the whole of what it is about: its beginning is kept, and its end, where it says how to mend it.</summary>
    private const int MaxComplaint = 1000;
    private const int ComplaintEnd = 200;

    /// <summary>The result may have colours: it goes to a terminal, and NO_COLOR is not set (no-color.org).</summary>
    public bool HasColor { get; init; }

    /// <summary>The locale has no box-drawing characters.</summary>
    public bool IsAscii { get; init; }

    public TextStyle Style => new(Width, HasColor, IsAscii);

    public static Terminal OfProcess()
    {
        var live = !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") is not (null or "dumb");
        return new Terminal(Console.Out, Console.Error, live, WindowWidth())
        {
            HasColor = !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") is not (null or "dumb")
                && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")),
            IsAscii = Console.OutputEncoding.CodePage != Encoding.UTF8.CodePage,
        };
    }

    /// <summary>One line on standard error that says what is wrong and how to mend it. What it quotes may be anything: no control character gets through.</summary>
    public void Complain(string message)
    {
        var line = Printable.Of(message.ReplaceLineEndings(" "));
        Error.WriteLine($"harness: {(line.Length <= MaxComplaint ? line : $"{line[..(MaxComplaint - ComplaintEnd)]} … {line[^ComplaintEnd..]}")}");
    }

    private static int WindowWidth()
    {
        try
        {
            return Console.IsOutputRedirected && Console.IsErrorRedirected ? DefaultWidth : Math.Max(MinWidth, Console.WindowWidth);
        }
        catch (IOException)
        {
            return DefaultWidth;
        }
    }
}
