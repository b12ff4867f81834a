using System.Collections.Immutable;

namespace Harness.Verification.Checks;

/// <summary>What of a program's plans was run.</summary>
/// <param name="Checkpoints">That the run without fault reached; likewise <paramref name="Allocations"/> and <paramref name="Prologues"/>.</param>
/// <param name="Faults">Planned ones, and <paramref name="FaultsPossible"/> had every checkpoint and allocation its own.</param>
/// <param name="Singles">Places of a single split in the run without fault that were tried.</param>
/// <param name="Splits">In runs that could be judged.</param>
/// <param name="Left">Plans that the budget had no time for.</param>
public sealed record CheckCounts(
    long Checkpoints, long Allocations, long Prologues, int Faults, long FaultsPossible, int Singles, int Runs, long Splits, int Left)
{
    /// <summary>Of runs in fibers that could be judged.</summary>
    public CheckTraces Traces { get; init; }

    /// <summary>Why runs could not be judged, and how many could not.</summary>
    public ImmutableSortedDictionary<string, int> Unjudged { get; init; } = ImmutableSortedDictionary<string, int>.Empty;
}

/// <summary>What is wrong with a program.</summary>
/// <param name="Plan">The smallest that was found to show it.</param>
/// <param name="Began">That showed it first.</param>
/// <param name="Alike">How many plans showed the same.</param>
/// <param name="Expected">How the unsplit program ends with this fault.</param>
public sealed record CheckFinding(CheckPlan Plan, CheckPlan Began, ImmutableArray<CheckDifference> Differences, int Alike, string Expected, string Observed)
{
    /// <summary>The program's own mistake: it shows without fiber and splits.</summary>
    public bool IsPrograms => Plan.Splits is CheckSplits.Plain;
}

/// <summary>What came of checking a program in one cell. A closed family.</summary>
public abstract record CheckOutcome
{
    private CheckOutcome()
    {
    }

    internal abstract int Seal { get; }

    /// <param name="Unsteady">Plans that failed, but not again in fresh processes.</param>
    public sealed record Compared(CheckCounts Counts, ImmutableArray<CheckFinding> Findings, ImmutableArray<CheckPlan> Unsteady) : CheckOutcome { internal override int Seal => 0; }

    /// <summary>Nothing can be said of it: its unsplit build does not do the same twice, or has no end.</summary>
    public sealed record Unsuitable(string Reason) : CheckOutcome { internal override int Seal => 0; }
}
