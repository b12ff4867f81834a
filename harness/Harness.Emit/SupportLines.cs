using System.Text.RegularExpressions;
using Harness.Model;

namespace Harness.Emit;

/// <summary>Where the support library (<c>zig-fixtures/support/support.zig</c>) returns errors: it says so itself, by mark.</summary>
public static partial class SupportLines
{
    public const string FileName = "support.zig";

    private static readonly Dictionary<ErrorStep, int> _lines = Read();

    /// <summary>The line of one of the library's own steps, from 1.</summary>
    /// <exception cref="ArgumentException">A step of generated code.</exception>
    public static int Of(ErrorStep step) =>
        _lines.TryGetValue(step, out var line) ? line : throw new ArgumentException($"no step of the support library: {step}", nameof(step));

    private static Dictionary<ErrorStep, int> Read()
    {
        using var stream = typeof(SupportLines).Assembly.GetManifestResourceStream(FileName)!;
        using var reader = new StreamReader(stream);
        var lines = new Dictionary<ErrorStep, int>();
        for (var number = 1; reader.ReadLine() is { } text; number++)
        {
            if (Mark().Match(text) is { Success: true } mark)
            {
                lines.Add(Enum.Parse<ErrorStep>(mark.Groups[1].ValueSpan), number);
            }
        }

        return lines;
    }

    [GeneratedRegex("// error trace: (\\w+)$")]
    private static partial Regex Mark();
}
