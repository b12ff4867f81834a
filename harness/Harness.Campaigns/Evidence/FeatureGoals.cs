namespace Harness.Campaigns.Evidence;

/// <summary>
/// How much of the programs must contain what matters. Judged as QuickCheck's <c>checkCoverage</c> does: not by the share that was seen, which varies by
/// chance, but when its Wilson interval lies below what is required; so a short run is not blamed for luck and a long one is.
/// </summary>
public static class FeatureGoals
{
    /// <summary>Standard deviations: certain but for one in a thousand million.</summary>
    private const double Certainty = 6;

    /// <summary>The share of programs that must have each.</summary>
    private const double Required = 0.02;

    private static readonly string[] _labels =
    [
        "call:direct", "call:nevertail", "call:pointer", "call:callback", "call:tail",
        "handling:try", "handling:catchblock", "handling:catchswitch", "handling:map", "handling:rethrow", "handling:ifelse",
        "released:defer", "released:errdefer", "released:manual",
        "errors:infallible", "errors:inferred", "errors:explicit", "errors:anyerror",
    ];

    /// <summary>Of the cell that checked most programs; none where a profile was asked for, which may leave anything out.</summary>
    public static IEnumerable<CoverageLine> Of(Tally tally)
    {
        var largest = tally.Cells.MaxBy(cell => cell.Counters.Programs);
        if (largest is null || largest.Features.Count == 0 || tally.Start?.Settings.Profile is not null)
        {
            return [];
        }

        var programs = largest.Counters.Programs;
        return _labels.Select(label =>
        {
            var count = Math.Min(largest.Features.GetValueOrDefault(label), programs);
            var (low, high) = Bounds.Wilson(count, programs, Certainty);
            return new CoverageLine("program/" + label, count, (long)(Required * programs)) { Share = new ShareGoal(Required, low, high) { Seen = programs == 0 ? 0 : (double)count / programs } };
        });
    }
}

/// <summary>A required share of programs, and what the share that was seen says of the true one.</summary>
public sealed record ShareGoal(double Required, double Low, double High)
{
    public double Seen { get; init; }

    public bool Met => High >= Required;
}
