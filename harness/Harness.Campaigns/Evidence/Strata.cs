namespace Harness.Campaigns.Evidence;

/// <summary>A part of the programs that a run checked, and what its passing says.</summary>
/// <param name="Cell">Empty: in whatever cell.</param>
/// <param name="Feature">What its programs contain (a label of the generators); empty: anything.</param>
/// <param name="Failed">Programs with any failure, flakes included.</param>
/// <param name="Bound95">With 95 % confidence fewer than this share of such programs fail; likewise 99.</param>
public sealed record Stratum(string Cell, string Feature, long Programs, long Failed, double Bound95, double Bound99)
{
    public static Stratum Of(string cell, string feature, long programs, long failed) => new(
        cell, feature, programs, failed, Bounds.Exact(programs, failed, 0.95), Bounds.Exact(programs, failed, 0.99));

    /// <summary>Its name in a sentence.</summary>
    public string Name => (Cell, Feature) switch
    {
        ("", _) => "all",
        (_, "") => Cell,
        _ => $"{Cell} with {Feature}",
    };
}

/// <summary>
/// The strata of a run: all of it, each cell, and in each cell the programs that have a feature. A program counts once in each, however often it was
/// executed: executions of one program share what it is made of, programs are drawn one by one.
/// </summary>
public static class Strata
{
    private static readonly string[] _kinds = ["call:", "handling:", "released:", "errors:", "function:", "payload:", "recursion:", "fibers:"];

    /// <summary>Whether programs with this label are a stratum of their own.</summary>
    public static bool IsFeature(string label) => Array.Exists(_kinds, kind => label.StartsWith(kind, StringComparison.Ordinal));

    public static Stratum Whole(Tally tally) => Stratum.Of("", "", tally.Total.Programs, Math.Min(tally.FailedPrograms, tally.Total.Programs));

    public static IReadOnlyList<Stratum> Cells(Tally tally) =>
        [.. tally.Cells.Select(cell => Stratum.Of(cell.Cell, "", cell.Counters.Programs, Math.Min(cell.FailedPrograms, cell.Counters.Programs)))];

    /// <summary>Of cells in which nothing failed: which of a failed program's features is to blame, nobody knows.</summary>
    public static IReadOnlyList<Stratum> Features(Tally tally) =>
    [
        .. tally.Cells.Where(cell => cell.FailedPrograms == 0)
            .SelectMany(cell => cell.Features.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => Stratum.Of(cell.Cell, pair.Key, pair.Value, 0))),
    ];
}
