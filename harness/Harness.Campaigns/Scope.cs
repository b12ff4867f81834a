using Harness.Generators.Exhaustive;
using Harness.Verification;

namespace Harness.Campaigns;

/// <summary>What a run over the small scope came to (docs/EXHAUSTIVE.md).</summary>
/// <param name="Size">Statements that a program has at most.</param>
/// <param name="Programs">Of that size and of the run's shard, in each cell.</param>
/// <param name="Checked">Programs checked, all cells together.</param>
/// <param name="EverySplitSet">Of them, those that ran with every set of splits.</param>
/// <param name="SmallSplitSets">And those that have too many entries for it: with each split alone, each two, and all.</param>
/// <param name="Excludes">What the scope leaves out.</param>
public sealed record Scope(int Size, long Programs, int Cells, long Checked, long EverySplitSet, long SmallSplitSets, IReadOnlyList<string> Excludes)
{
    /// <summary>Small programs: hundreds compile as fast as a few dozen others.</summary>
    public const int ProgramsPerBatch = 128;

    /// <summary>Sizes that a campaign goes through before its random programs, as far as its share of the budget goes.</summary>
    public const int MaxSizeInCampaigns = 3;

    /// <summary>How many programs of up to so many statements there are, in the whole stream.</summary>
    public static long ProgramsOf(int size) => SmallScopeProfile.Programs(size).Count;

    /// <summary>What every program meets; the scope has no others to ask for.</summary>
    public static IReadOnlyList<string> Splits { get; } = ["every-entry", "entry-set", "natural"];

    /// <summary>Null: the run was over random programs.</summary>
    public static Scope? Of(Tally tally) => SmallScopeProfile.SizeOf(tally.Start?.Settings.Profile) is { } size
        ? new Scope(
            size, tally.Start!.Settings.Part().Of(tally.Start.Settings.Programs ?? 0), tally.Start.Settings.Cells.Count, tally.Cells.Sum(cell => cell.Counters.Programs),
            tally.Coverage.GetValueOrDefault(ExhaustivePlan.EverySetLabel), tally.Coverage.GetValueOrDefault(ExhaustivePlan.SmallSetsLabel),
            SmallScope.Excludes)
        : null;

    /// <summary>All of it, in every cell.</summary>
    public long Due => Programs * Cells;
}
