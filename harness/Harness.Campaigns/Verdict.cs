using Harness.Campaigns.Evidence;

namespace Harness.Campaigns;

/// <summary>What a run shows.</summary>
public enum Verdict
{
    Held,
    Falsified,
    Inconclusive,
}

/// <summary>A verdict and why.</summary>
public sealed record Judgement(Verdict Verdict, IReadOnlyList<string> Reasons)
{
    /// <summary>
    /// Falsified when something failed and did so again in a fresh process (or there was no time to try). Inconclusive when
    /// the evidence is too thin to say that anything held. Held otherwise.
    /// </summary>
    public static Judgement Of(Tally tally)
    {
        var failures = Falsifications(tally).ToList();
        if (failures.Count > 0)
        {
            return new Judgement(Verdict.Falsified, failures);
        }

        var gaps = Gaps(tally).ToList();
        return gaps.Count > 0 ? new Judgement(Verdict.Inconclusive, gaps) : new Judgement(Verdict.Held, []);
    }

    private static IEnumerable<string> Falsifications(Tally tally)
    {
        foreach (var family in tally.Findings.Where(finding => !finding.IsFlake).GroupBy(finding => finding.Family))
        {
            var best = family.MaxBy(finding => finding.Reproduced + finding.Otherwise)!;
            var again = best.Attempts == 0 ? "not run again"
                : best.Company is { } company ? $"reproduced {company.Reproduced}/{company.Attempts} in company"
                : best.Reproduced + best.Otherwise == 0 ? "only in its batch"
                : $"reproduced {best.Reproduced}/{best.Attempts}{(best.Otherwise > 0 ? $", failed otherwise {best.Otherwise}/{best.Attempts}" : "")}";
            var others = family.Count() - 1;
            yield return $"{family.Key} in {best.Cell}{(others > 0 ? $" and {others} more" : "")} ({again})";
        }

        foreach (var regression in tally.Regressions.Where(replay => replay is { Holds: false, Conclusive: true }))
        {
            yield return $"the stored case {regression.Name} fails in {regression.Cell}";
        }
    }

    private static IEnumerable<string> Gaps(InteractionCoverage met)
    {
        foreach (var way in met.Ways.Where(way => !way.Met))
        {
            yield return $"too little of {way.Label}: {way.Covered} of {way.Required} required ({way.Feasible} can be met), without {way.Missing[0]}";
        }

        foreach (var rare in met.Rare)
        {
            yield return $"too few programs with {rare.Name}: {rare.Programs} of {rare.Of}";
        }

        foreach (var impossible in met.Impossible)
        {
            yield return $"the space is wrong: {impossible}";
        }
    }

    private static IEnumerable<string> Gaps(Tally tally)
    {
        if (tally.Start?.Settings.Canary is { } canary && tally.Canary is not { Check.Length: > 0 })
        {
            yield return tally.Canary is { } flown ? $"the canary is silent: nothing found {flown.Defect} in {flown.Cell} ({flown.Detail})" : $"the canary {canary} was not tried";
        }

        if (tally.Ending is RunStop.Failed or RunStop.Unwritable)
        {
            yield return $"the run stopped early: {tally.EndingDetail}";
        }

        if (tally.Start?.Settings is { Merged: true } settings && settings.Part() is { IsWhole: false } part)
        {
            yield return $"missing of {part.Count} shards: {string.Join(", ", part.Missing)}";
        }

        var total = tally.Total;
        if (total.Programs == 0 || total.Executions == 0)
        {
            yield return "no program was checked";
        }
        else
        {
            if (total.SplitsForced == 0)
            {
                yield return "no split was forced";
            }

            if (total.Probes == 0)
            {
                yield return "no stack trace was probed";
            }

            foreach (var line in CoverageGoals.Of(tally).Where(line => !line.Met))
            {
                yield return $"too little of {line.Label}: {line.Count} of {line.Required}";
            }

            if (InteractionCoverage.Of(tally) is { } met)
            {
                foreach (var gap in Gaps(met))
                {
                    yield return gap;
                }
            }
        }

        foreach (var flake in tally.Findings.Where(finding => finding.IsFlake))
        {
            yield return $"{flake.Signature} failed once and did not again in {flake.Attempts} fresh processes";
        }

        foreach (var regression in tally.Regressions.Where(replay => !replay.Conclusive))
        {
            yield return $"the stored case {regression.Name} could not be judged: {regression.Detail}";
        }
    }
}
