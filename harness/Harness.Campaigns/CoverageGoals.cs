using Harness.Campaigns.Evidence;

namespace Harness.Campaigns;

/// <summary>One thing that a run is expected to have met.</summary>
public sealed record CoverageLine(string Label, long Count, long Required)
{
    /// <summary>A share of the programs rather than a count; null: a count.</summary>
    public ShareGoal? Share { get; init; }

    public bool Met => Share?.Met ?? Count >= Required;
}

/// <summary>
/// What a run must have met before it may say "held". Goals grow with the number of programs, because a handful of random
/// programs may miss a kind by chance and a hundred may not.
/// </summary>
public static class CoverageGoals
{
    public const string FaultPrefix = "fault/";
    public const string SplitPrefix = "split/";
    public const string PlacementPrefix = "placement/";

    /// <summary>One meeting of each required label per this many checked programs.</summary>
    private const int ProgramsPerMeeting = 50;

    private static readonly string[] _faults =
        ["none", "error", "panic", "segfault", "stack-budget", "segment-allocation"];

    private static readonly string[] _splits =
        ["every-entry", "single-entry", "depth-at-least", "every-nth", "random", "natural"];

    /// <summary>What is not required of another runtime, which cannot be asked for it (docs/RUNTIMES.md).</summary>
    private static readonly string[] _ownFaults = ["stack-budget", "segment-allocation"];

    private const string Unforced = "natural";

    /// <summary>The labels that are required of a run with these placements.</summary>
    public static IReadOnlyList<string> Labels(IEnumerable<string> placements, IReadOnlyList<string>? splits = null) =>
    [
        .. _faults.Select(name => FaultPrefix + name), .. (splits ?? _splits).Select(name => SplitPrefix + name),
        .. placements.Select(name => PlacementPrefix + name),
    ];

    public static IReadOnlyList<CoverageLine> Of(Tally tally)
    {
        var programs = tally.Total.Programs;
        var required = programs / ProgramsPerMeeting;
        var scope = Scope.Of(tally);
        var labels = Labels(tally.Start?.Settings.Placements ?? [], scope is null ? null : Scope.Splits);
        if (tally.Start?.Settings.Runtime is { } runtime)
        {
            labels = [.. labels.Where(label => !_ownFaults.Any(fault => label == FaultPrefix + fault)
                && (runtime.Forces || !label.StartsWith(SplitPrefix, StringComparison.Ordinal) || label == SplitPrefix + Unforced))];
        }

        var cells = tally.Cells.Select(cell => new CoverageLine("cell/" + cell.Cell, cell.Counters.Executions, 1));
        var goals = labels.Select(label => new CoverageLine(label, tally.Coverage.GetValueOrDefault(label), required));
        var others = tally.Coverage.Where(pair => !labels.Contains(pair.Key)).Select(pair => new CoverageLine(pair.Key, pair.Value, 0));
        CoverageLine[] whole = scope is null ? [] : [new CoverageLine("scope/programs", scope.Checked, scope.Due)];
        return [.. whole, .. cells, .. goals, .. scope is null ? FeatureGoals.Of(tally) : [], .. others];
    }
}
