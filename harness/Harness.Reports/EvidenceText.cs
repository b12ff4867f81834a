using System.Globalization;
using Harness.Campaigns.Evidence;

namespace Harness.Reports;

/// <summary>What a run's evidence is worth, in words.</summary>
public static class EvidenceText
{
    /// <summary>"fewer than 1 in N", with the confidence left to the sentence around it; of more than half, the share.</summary>
    public static string OneIn(double bound) => bound switch
    {
        >= 1 => "any number",
        > 0.5 => string.Create(CultureInfo.InvariantCulture, $"fewer than {100 * bound:0.#} %"),
        _ => string.Create(CultureInfo.InvariantCulture, $"fewer than 1 in {Rounded(1 / bound)}"),
    };

    /// <summary>Of which programs least is known; null when nothing ran, or when programs were enumerated and not drawn.</summary>
    public static string? WorstSentence(RunSummary summary) => summary is { Scope: null, Confidence.Worst: { } worst }
        ? $"least is known of {worst.Name}: {ConsoleReport.Count(worst.Programs, "program")}{Failures(worst)}, {OneIn(worst.Bound95)} fail (95 %), {OneIn(worst.Bound99)} (99 %)"
        : null;

    /// <summary>What became of the planted defect; null when the run had none.</summary>
    public static string? CanarySentence(RunSummary summary) => summary.Canary switch
    {
        null => null,
        { Found: true } found => string.Create(CultureInfo.InvariantCulture, $"{found.Defect}, planted in {found.Cell}, was found by {found.Check} in {found.Seconds:0.0} s"),
        var silent => $"{silent.Defect}, planted in {silent.Cell}, was not found: {silent.Detail}",
    };

    /// <summary>How far every small program was checked.</summary>
    public static string EnumeratedSentence(RunSummary summary) => summary.Enumerated switch
    {
        null => "none of any size was gone through whole (short budgets do not reach that, and runs with a number of programs or a profile do not try)",
        { } reached => (reached.Everywhere > 0 ? $"exhaustive up to size {reached.Everywhere} in every cell" : "exhaustive up to no size in every cell")
            + (reached.Largest > reached.Everywhere
                ? $", up to size {reached.Largest} (all {ConsoleReport.Number(reached.Programs)} programs, every set of splits, every fault) in {reached.LargestCells} of {reached.Cells}" : ""),
    };

    /// <summary>How many planted mistakes the harness finds, as far as that was measured.</summary>
    public static string MutationSentence(RunSummary summary) => summary.Mutation is { } score
        ? $"{score.Killed} of {score.Valid} planted mistakes are found (results/mutants/{score.Run})"
        : "not measured for this Zig and this harness; scripts/harness mutants does";

    /// <summary>What of the space was met; null where that is not known.</summary>
    public static string? InteractionSentence(RunSummary summary) => summary.Interactions is { } met
        ? string.Join(", ", met.Ways.Select(way => $"{WayName(way)} {ConsoleReport.Number(way.Covered)}/{ConsoleReport.Number(way.Feasible)}{(way.Required > 0 ? $" (needs {ConsoleReport.Number(way.Required)})" : "")}"))
        : null;

    /// <summary>The first pairs that no execution met; null: all were, or nothing is known.</summary>
    public static string? MissingPairs(RunSummary summary)
    {
        const int shown = 3;
        return summary.Interactions?.Ways.First(way => way.Ways == 2) is { Missing.Count: > 0 } pairs
            ? string.Join("; ", pairs.Missing.Take(shown)) + (pairs.Feasible - pairs.Covered > shown ? $"; and {ConsoleReport.Number(pairs.Feasible - pairs.Covered - shown)} more" : "")
            : null;
    }

    public static string WayName(InteractionWay way) => way.Ways switch
    {
        1 => "values",
        2 => "pairs",
        _ => "triples",
    };

    /// <summary>What is known now and what is not, for somebody who does not know the harness.</summary>
    public static string Paragraph(RunSummary summary)
    {
        var whole = summary.Confidence.Strata.FirstOrDefault();
        var known = summary.Scope is not null
            ? "Known: what the programs of the scope below do; they were enumerated, not drawn, so there is nothing to estimate. "
            : whole is { Programs: > 0 }
            ? $"Known: if programs were drawn like these for ever, with 95 % confidence {OneIn(whole.Bound95)} would fail, with 99 % confidence {OneIn(whole.Bound99)}; "
                + $"{ConsoleReport.Count(whole.Programs, "program")} were drawn{Failures(whole)}. "
            : "Known: nothing, as no program ran to its end. ";
        var least = WorstSentence(summary) is { } worst ? char.ToUpperInvariant(worst[0]) + worst[1..] + ". " : "";
        var canary = CanarySentence(summary) is { } bird ? $"A mistake planted on purpose: {bird}. " : "";
        var small = summary.Scope is null ? $"Small programs, which are not drawn but gone through: {EnumeratedSentence(summary)}. " : "";
        var met = InteractionSentence(summary) is { } combinations
            ? $"Of what calls differ in (how they are made, what they take and give back, where the stack splits, how they end, how much they clean up, where segments lie, the cell) the executions met: {combinations}. " : "";
        return known + small + least + met + canary + $"Mutation score: {MutationSentence(summary)}. "
            + (summary.Scope is not null
                ? "Not known: anything about programs outside the scope. "
                : "Not known: anything about programs of another kind, and nothing more for each further execution of the same program, because only programs are drawn "
                + "independently of one another, executions of one are not. ")
            + "What the harness cannot see at all is in NOT-VERIFIED.md.";
    }

    private static string Failures(Stratum stratum) => stratum.Failed > 0 ? $", {ConsoleReport.Number(stratum.Failed)} failed" : "";

    /// <summary>Downwards, so that no sentence says more than the bound.</summary>
    private static string Rounded(double times) => times < 10
        ? (Math.Floor(times * 10) / 10).ToString("0.#", CultureInfo.InvariantCulture)
        : ConsoleReport.Number((long)Math.Floor(times));
}
