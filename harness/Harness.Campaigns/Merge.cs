namespace Harness.Campaigns;

/// <summary>A run to be merged: its folder and its journal.</summary>
public sealed record MergedRun(RunDirectory Run, Journal Journal);

/// <summary>Joins the journals of a campaign's shards into one, the same whatever the order in which they are named. Pure.</summary>
public static class Merge
{
    /// <param name="id">Of the merged run.</param>
    /// <param name="casePath">What a stored case's path becomes, given its run and signature; empty: it is not there any more.</param>
    /// <exception cref="InvalidDataException">They are not different shards of one campaign; the message says what differs.</exception>
    public static IReadOnlyList<JournalRecord> Of(IReadOnlyList<MergedRun> runs, string id, Func<RunDirectory, string, string> casePath)
    {
        ArgumentOutOfRangeException.ThrowIfZero(runs.Count);
        var parts = runs.Select(Part.Of).OrderBy(part => part.Shard.Indices[0]).ToList();
        Require(parts);
        var first = parts[0].Started;
        var settings = first.Settings with
        {
            Shard = new Shards([.. parts.Select(part => part.Shard.Indices[0])], first.Settings.Part().Count).ToString(),
            Corpus = null, Mutation = parts.Select(part => part.Started.Settings.Mutation).FirstOrDefault(score => score is not null),
            Merged = true, Command = "scripts/harness merge", Jobs = parts.Max(part => part.Started.Settings.Jobs),
        };
        var ended = parts.Select(part => part.Tally).MaxBy(tally => tally.Ending is RunStop.Killed ? int.MaxValue : (int)tally.Ending)!;
        var wall = parts.Max(part => part.Tally.WallSeconds);
        var known = new HashSet<string>();
        return
        [
            new JournalRecord.RunStarted(JournalRecord.FormatVersion, id, parts.Min(part => part.Started.StartedAt), settings, first.Versions),
            new JournalRecord.Prepared(parts.Max(part => part.Tally.PreparedSeconds)),
            .. Stored(parts),
            .. Canary(parts),
            .. parts.SelectMany(part => Batches(part)),
            .. parts.SelectMany(part => Findings(part, known, casePath)),
            .. ended.Ending is RunStop.Killed ? (JournalRecord[])[] : [new JournalRecord.RunEnded(ended.Ending, ended.EndingDetail) { At = wall }],
        ];
    }

    private static void Require(List<Part> parts)
    {
        var first = parts[0];
        foreach (var part in parts.Skip(1))
        {
            var same = Common(part.Started.Settings) == Common(first.Started.Settings) && part.Shard.Count == first.Shard.Count;
            if (!same || part.Started.Versions != first.Started.Versions)
            {
                throw new InvalidDataException(
                    $"{part.Run.Id} and {first.Run.Id} are not shards of one campaign: seed, budget, programs, cells, placements, number of shards and versions must be the same");
            }
        }

        if (parts.GroupBy(part => part.Shard).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new InvalidDataException($"{string.Join(" and ", twice.Select(part => part.Run.Id))} are both shard {twice.Key}; name each shard once");
        }
    }

    private static RunSettings Common(RunSettings settings) => settings with { Shard = null, Jobs = 0, Command = "", Mutation = null, Corpus = null };

    /// <summary>Every shard replays the stored cases; of each the worst result counts.</summary>
    private static IEnumerable<JournalRecord> Stored(IEnumerable<Part> parts) =>
        parts.SelectMany(part => part.Records.OfType<JournalRecord.RegressionReplayed>())
            .GroupBy(replay => (replay.Name, replay.Cell)).OrderBy(group => group.Key)
            .Select(group => group.MinBy(replay => (replay.Holds, !replay.Conclusive))!);

    /// <summary>Every shard looks for the planted defect; the worst result counts, and none where one did not try.</summary>
    private static IEnumerable<JournalRecord> Canary(IReadOnlyList<Part> parts)
    {
        var flown = parts.Select(part => part.Tally.Canary).OfType<JournalRecord.CanaryFlown>().ToList();
        return flown.Count == parts.Count ? [flown.MinBy(canary => canary.Check.Length > 0)!] : [];
    }

    /// <summary>By the program they begin with, not by the time: two runs of one shard differ in that alone.</summary>
    private static IEnumerable<JournalRecord> Batches(Part part) => part.Records.OfType<JournalRecord.BatchChecked>()
        .OrderBy(batch => batch.Start).ThenBy(batch => batch.Cell, StringComparer.Ordinal).ThenBy(batch => batch.Scope);

    /// <summary>Every failure counts; a signature's case, confirmation and shrinking are those of the first shard that has them.</summary>
    private static IEnumerable<JournalRecord> Findings(Part part, HashSet<string> known, Func<RunDirectory, string, string> casePath)
    {
        var own = part.Records.OfType<JournalRecord.CaseStored>().Select(stored => stored.Signature).Where(signature => !known.Contains(signature)).ToHashSet();
        known.UnionWith(own);
        return part.Records.Select(record => record switch
        {
            JournalRecord.FailureSeen seen => seen with { Batch = null },
            JournalRecord.CaseStored stored => own.Contains(stored.Signature) ? stored with { CasePath = casePath(part.Run, stored.Signature) } : null,
            JournalRecord.CompanyFound company => own.Contains(company.Signature) ? record : null,
            JournalRecord.FindingConfirmed confirmed => own.Contains(confirmed.Signature) ? record : null,
            JournalRecord.ShrinkStep step => own.Contains(step.Signature) ? record : null,
            JournalRecord.FindingShrunk shrunk => own.Contains(shrunk.Signature) ? record : null,
            JournalRecord.FindingExplained explained => own.Contains(explained.Signature) ? record : null,
            JournalRecord.FindingRecognised recognised => own.Contains(recognised.Signature) ? record : null,
            _ => null,
        }).OfType<JournalRecord>();
    }

    /// <summary>One run with what its journal comes to.</summary>
    private sealed record Part(RunDirectory Run, IReadOnlyList<JournalRecord> Records, Tally Tally, JournalRecord.RunStarted Started, Shards Shard)
    {
        public static Part Of(MergedRun merged)
        {
            var tally = Tally.Of(merged.Journal.Records);
            var started = tally.Start ?? throw new InvalidDataException($"the journal of {merged.Run.Id} is empty: the run ended before it began");
            return started.Settings.Merged
                ? throw new InvalidDataException($"{merged.Run.Id} is itself merged; name the shards")
                : new Part(merged.Run, merged.Journal.Records, tally, started, started.Settings.Part());
        }
    }
}
