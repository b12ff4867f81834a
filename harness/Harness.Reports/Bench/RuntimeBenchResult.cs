using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Harness.Reports;

/// <summary>One thing measured of one contender, in all rounds.</summary>
/// <param name="Name">As the program reports it: what it belongs to, a dot, which of it (<c>hot.split</c>).</param>
/// <param name="Contender">One of <see cref="BenchContender"/>.</param>
/// <param name="Samples">One per round, in order; at least one.</param>
public sealed record BenchFigure(string Name, string Contender, IReadOnlyList<double> Samples)
{
    public double Median => Statistics.Median(Samples);

    public double Min => Samples.Min();

    public double Max => Samples.Max();
}

/// <summary>Who is measured; the keys of results, and what they are called.</summary>
public static class BenchContender
{
    public const string Attribute = "attribute";
    public const string Thunk = "thunk";
    public const string Assembly = "assembly";
    public const string Libgcc = "libgcc";
    public const string LibgccUnblocked = "libgcc-unblocked";
    public const string Go = "go";
    public const string Fcontext = "fcontext";
    public const string StandardIo = "std-io";

    public static IReadOnlyList<string> Routes { get; } = [Attribute, Thunk, Assembly];

    public static string Title(string contender) => contender switch
    {
        Attribute or Thunk or Assembly => $"this runtime, {contender} route",
        Libgcc => "libgcc as shipped",
        LibgccUnblocked => "libgcc, signals not blocked",
        Go => "Go",
        Fcontext => "Boost fcontext",
        StandardIo => "Zig std.Io.Evented",
        _ => contender,
    };
}

public enum BarVerdict
{
    Met,
    Missed,
    NotMeasured,
}

/// <summary>A requirement and what was measured of it.</summary>
/// <param name="Required">In words: <c>at most 5 ns</c>.</param>
/// <param name="Measured">In words, or why it was not.</param>
public sealed record BenchBar(string Name, string Required, string Measured, BarVerdict Verdict);

/// <summary>A contender that was left out.</summary>
public sealed record BenchSkip(string Contender, string Reason);

/// <summary>What <c>bench runtime</c> found.</summary>
/// <param name="Processor">As the kernel names it.</param>
/// <param name="Only">The measurement that was asked for alone; null: all.</param>
public sealed record RuntimeBenchResult(
    DateTimeOffset StartedAt, string ZigVersion, string HarnessVersion, string Processor, int Rounds, string? Only,
    IReadOnlyList<BenchFigure> Figures, IReadOnlyList<BenchSkip> Skipped)
{
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public IReadOnlyList<BenchBar> Bars => RuntimeBars.Of(this);

    public bool AllMet => Bars.All(bar => bar.Verdict is BarVerdict.Met);

    /// <summary>Null when it was not measured.</summary>
    public BenchFigure? Figure(string name, string contender) =>
        Figures.FirstOrDefault(figure => figure.Name == name && figure.Contender == contender);

    public string ToJson() => JsonSerializer.Serialize(this, _json) + "\n";
}

/// <summary>Of small samples.</summary>
public static class Statistics
{
    /// <summary>The middle one, or the mean of the two in the middle.</summary>
    /// <exception cref="ArgumentException">There are none.</exception>
    public static double Median(IEnumerable<double> samples)
    {
        var sorted = samples.Order().ToArray();
        return sorted.Length == 0
            ? throw new ArgumentException("no samples", nameof(samples))
            : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
