using System.Globalization;

namespace Harness.Campaigns;

/// <summary>
/// Whether two runs came to the same. Compared is all that depends on the seed and the code: which programs were checked where, every counter,
/// coverage, features, what failed and how often, stored cases, the canary, the verdict. Not compared is what depends on time and on the machine: seconds,
/// dates, names of runs, how often a run was gone on with, signals that arrived, the order of lanes, and how small a counterexample became before its time was up.
/// </summary>
public static class RunComparison
{
    /// <summary>What differs, a line each: the fact, then what it is in both; empty: nothing does.</summary>
    public static IReadOnlyList<string> Differences(IReadOnlyList<JournalRecord> one, IReadOnlyList<JournalRecord> other)
    {
        var (left, right) = (Facts(one), Facts(other));
        return [.. left.Keys.Union(right.Keys).Order(StringComparer.Ordinal)
            .Where(fact => left.GetValueOrDefault(fact) != right.GetValueOrDefault(fact))
            .Select(fact => $"{fact}: {left.GetValueOrDefault(fact, "nothing")} and {right.GetValueOrDefault(fact, "nothing")}")];
    }

    private static Dictionary<string, string> Facts(IReadOnlyList<JournalRecord> records)
    {
        var tally = Tally.Of(records);
        var facts = new Dictionary<string, string>
        {
            ["verdict"] = Judgement.Of(tally).Verdict.ToString(), ["ending"] = tally.Ending.ToString(), ["all"] = tally.Total.ToString(),
            ["programs that failed"] = Text(tally.FailedPrograms), ["canary"] = tally.Canary is { } canary ? $"{canary.Defect} in {canary.Cell}: {canary.Check}" : "none",
        };
        foreach (var cell in tally.Cells)
        {
            facts[$"{cell.Cell}, counters"] = cell.Counters.ToString();
            facts[$"{cell.Cell}, features"] = string.Join(", ", cell.Features.OrderBy(feature => feature.Key, StringComparer.Ordinal).Select(feature => $"{feature.Key} {feature.Value}"));
            facts[$"{cell.Cell}, programs that failed"] = Text(cell.FailedPrograms);
        }

        foreach (var (label, count) in tally.Coverage)
        {
            facts[$"coverage of {label}"] = Text(count);
        }

        foreach (var (reason, count) in tally.Inconclusive)
        {
            facts[$"inconclusive, {reason}"] = Text(count);
        }

        // A batch that was checked twice would be two.
        foreach (var batch in records.OfType<JournalRecord.BatchChecked>().GroupBy(batch => (batch.Cell, batch.Start)))
        {
            facts[$"batch of {batch.Key.Cell} from program {batch.Key.Start}"] = string.Join(" and ", batch.Select(one => $"{one.Count} programs, unfinished {one.Unfinished}"));
        }

        foreach (var failure in records.OfType<JournalRecord.FailureSeen>().GroupBy(failure => (failure.Signature, failure.Cell, failure.Ordinal)))
        {
            facts[$"failure {failure.Key.Signature} of program {failure.Key.Ordinal} in {failure.Key.Cell}"] = Text(failure.Count());
        }

        foreach (var finding in tally.Findings)
        {
            facts[$"finding {finding.Signature}"] = $"{finding.Check} in {finding.Cell}, {(finding.CasePath.Length > 0 ? "stored" : "not stored")}, {(finding.Attempts > 0 ? "run again" : "not run again")}";
        }

        foreach (var replay in tally.Regressions)
        {
            facts[$"stored case {replay.Name}"] = $"{replay.Cell}, holds {replay.Holds}, judged {replay.Conclusive}";
        }

        return facts;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
