namespace Harness.Campaigns.Findings;

/// <summary>Folds runs, oldest first, and then stored cases into findings.</summary>
internal sealed class FindingFold
{
    private readonly Dictionary<string, Draft> _drafts = [];

    /// <summary>By the name of the stored case's folder: what its replays came to, oldest run first.</summary>
    private readonly Dictionary<string, List<(Sighting At, bool Holds)>> _replays = [];

    public int Runs { get; private set; }

    public void Add(RunJournal journal)
    {
        Runs++;
        var start = journal.Start;
        foreach (var finding in Tally.Of(journal.Records).Findings)
        {
            var draft = DraftOf(finding.Signature, finding.Family, finding.Check, finding.Cell);
            draft.Runs++;
            draft.Occurrences += finding.Occurrences;
            draft.Reproduced += finding.Reproduced;
            draft.Otherwise += finding.Otherwise;
            draft.Attempts += finding.Attempts;
            draft.InBatch |= finding.InBatch;
            (draft.CasePath, draft.Token) = finding.CasePath.Length > 0 ? (finding.CasePath, finding.Token) : (draft.CasePath, draft.Token);
        }

        foreach (var record in journal.Records)
        {
            var at = new Sighting(start.RunId, start.StartedAt.AddSeconds(record.At));
            switch (record)
            {
                case JournalRecord.FailureSeen seen:
                    _drafts[seen.Signature].See(at);
                    break;
                case JournalRecord.RegressionReplayed { Conclusive: true, Signature.Length: > 0 } replay:
                    Replayed(replay, at);
                    break;
            }
        }
    }

    /// <param name="path">Of its folder, relative to the results folder.</param>
    public void Stored(StoredCase stored, string path)
    {
        var document = stored.Document;
        var draft = DraftOf(document.Signature, FamilyOf(document.Signature), document.Check, document.Case.Cell.ToString());
        draft.StoredCases.Add(Path.GetFileName(path));
        (draft.CasePath, draft.Token) = (path, stored.Token);
    }

    public IReadOnlyList<FindingHistory> Finish() =>
        [.. _drafts.Values.Select(Finish).OrderBy(finding => finding.State).ThenByDescending(finding => finding.Last?.At).ThenBy(finding => finding.Signature, StringComparer.Ordinal)];

    private FindingHistory Finish(Draft draft)
    {
        var since = FixedSince(draft);
        var state = since is not null ? FindingState.Fixed
            : draft.First is null ? FindingState.Stored
            : draft.IsFlake ? FindingState.Flake
            : FindingState.Open;
        return new FindingHistory(
            draft.Signature, draft.Family, draft.Check, draft.Cell, state, draft.First, draft.Last, since, draft.Runs, draft.Occurrences,
            draft.Reproduced, draft.Attempts, draft.InBatch, draft.CasePath, draft.Token)
        {
            Otherwise = draft.Otherwise,
        };
    }

    /// <summary>Where the unbroken row of replays that held begins, of all its stored cases, behind the last sighting; null: it is not fixed.</summary>
    private Sighting? FixedSince(Draft draft)
    {
        Sighting? latest = null;
        foreach (var name in draft.StoredCases)
        {
            var held = _replays.GetValueOrDefault(name, []).AsEnumerable().Reverse().TakeWhile(replay => replay.Holds && !(replay.At.At <= draft.Last?.At)).ToList();
            if (held.Count == 0)
            {
                return null;
            }

            latest = latest is null || held[^1].At.At > latest.At ? held[^1].At : latest;
        }

        return latest;
    }

    /// <summary>A stored case that fails is a sighting too.</summary>
    private void Replayed(JournalRecord.RegressionReplayed replay, Sighting at)
    {
        var name = Path.GetFileName(replay.CasePath);
        if (!_replays.TryGetValue(name, out var replays))
        {
            _replays[name] = replays = [];
        }

        replays.Add((at, replay.Holds));
        if (!replay.Holds)
        {
            var draft = DraftOf(replay.Signature, FamilyOf(replay.Signature), replay.Check, replay.Cell);
            draft.See(at);
            draft.FailedStored = true;
        }
    }

    private Draft DraftOf(string signature, string family, string check, string cell)
    {
        if (!_drafts.TryGetValue(signature, out var draft))
        {
            _drafts[signature] = draft = new Draft(signature, family, check, cell);
        }

        return draft;
    }

    /// <summary>A signature without its cell, which is its last part.</summary>
    private static string FamilyOf(string signature) => signature.LastIndexOf('.') is var dot and > 0 ? signature[..dot] : signature;

    private sealed class Draft(string signature, string family, string check, string cell)
    {
        public string Signature => signature;

        public string Family => family;

        public string Check => check;

        public string Cell => cell;

        public Sighting? First { get; private set; }

        public Sighting? Last { get; private set; }

        public int Runs { get; set; }

        public long Occurrences { get; set; }

        public int Reproduced { get; set; }

        public int Otherwise { get; set; }

        public int Attempts { get; set; }

        public bool InBatch { get; set; }

        public bool FailedStored { get; set; }

        public string CasePath { get; set; } = "";

        public string Token { get; set; } = "";

        public List<string> StoredCases { get; } = [];

        public bool IsFlake => Attempts > 0 && Reproduced + Otherwise == 0 && !InBatch && !FailedStored;

        public void See(Sighting at)
        {
            First ??= at;
            Last = at;
        }
    }
}
