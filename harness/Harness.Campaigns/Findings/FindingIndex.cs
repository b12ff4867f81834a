namespace Harness.Campaigns.Findings;

/// <summary>A run whose journal could not be read, and why; its findings are not in the index.</summary>
public sealed record UnreadRun(string RunId, string Reason);

/// <summary>
/// Every finding of a results folder, each signature once: a fold of the journals under <c>runs</c> and of the stored cases under
/// <c>regressions</c>. Nothing is kept besides, so it cannot disagree with them. Runs with a planted defect are left out, and so are shards
/// whose merged run is there.
/// </summary>
public sealed record FindingIndex(IReadOnlyList<FindingHistory> Findings, int Runs, IReadOnlyList<UnreadRun> Unread)
{
    /// <param name="except">A run that is not looked at: the one that asks.</param>
    public static FindingIndex Read(ResultsLayout results, string? except = null)
    {
        ArgumentNullException.ThrowIfNull(results);
        var (journals, unread) = Journals(results, except);
        var fold = new FindingFold();
        foreach (var journal in Whole(journals).OrderBy(journal => journal.Start.StartedAt).ThenBy(journal => journal.Start.RunId, StringComparer.Ordinal))
        {
            fold.Add(journal);
        }

        foreach (var folder in CaseStore.Folders(results.Regressions))
        {
            try
            {
                fold.Stored(CaseStore.Read(folder), Path.GetRelativePath(results.Root, folder));
            }
            catch (InvalidDataException e)
            {
                unread.Add(new UnreadRun(Path.GetRelativePath(results.Root, folder), e.Message));
            }
        }

        return new FindingIndex(fold.Finish(), fold.Runs, unread);
    }

    /// <summary>Null: no run before knew it.</summary>
    public FindingHistory? Of(string signature) => Findings.FirstOrDefault(finding => finding.Signature == signature);

    private static (List<RunJournal> Journals, List<UnreadRun> Unread) Journals(ResultsLayout results, string? except)
    {
        var (journals, unread) = (new List<RunJournal>(), new List<UnreadRun>());
        foreach (var path in Directory.Exists(results.Runs) ? Directory.GetDirectories(results.Runs) : [])
        {
            var run = new RunDirectory(path);
            if (run.Id == except || !File.Exists(run.Journal))
            {
                continue;
            }

            try
            {
                var records = JournalReader.Read(run.Journal).Records;
                if (records is [JournalRecord.RunStarted { Settings.Defect: null } started, ..])
                {
                    journals.Add(new RunJournal(started, records));
                }
            }
            catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                unread.Add(new UnreadRun(run.Id, e.Message));
            }
        }

        return (journals, unread);
    }

    /// <summary>Shards are left out where the run that they were merged into is there: it has all that they found.</summary>
    private static IEnumerable<RunJournal> Whole(IReadOnlyList<RunJournal> journals)
    {
        var merged = journals.Where(journal => journal.Start.Settings.Merged).Select(Campaign).ToHashSet();
        return journals.Where(journal => journal.Start.Settings.Merged || journal.Start.Settings.Shard is null || !merged.Contains(Campaign(journal)));

        static (ulong, double?, int?, string?, int) Campaign(RunJournal journal)
        {
            var settings = journal.Start.Settings;
            return (settings.Seed, settings.BudgetSeconds, settings.Programs, settings.Profile, settings.Part().Count);
        }
    }
}

/// <summary>A run's journal that begins as it should.</summary>
internal sealed record RunJournal(JournalRecord.RunStarted Start, IReadOnlyList<JournalRecord> Records);
