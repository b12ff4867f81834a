using Harness.Campaigns.Evidence;
using Harness.Model;
using Harness.Verification.Explaining;
using Harness.Verification.Pictures;

namespace Harness.Campaigns;

/// <summary>What a run has come to so far: the fold of its journal. Not thread-safe.</summary>
public sealed class Tally
{
    private readonly Dictionary<string, CellTally> _cells = [];
    private readonly Dictionary<string, FindingTally> _findings = [];
    private int _stored;
    private readonly SortedDictionary<string, long> _coverage = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _inconclusive = new(StringComparer.Ordinal);
    private readonly Dictionary<string, JournalRecord.RegressionReplayed> _regressions = [];
    private readonly OrdinalSet _checked = new();
    private readonly HashSet<long> _failed = [];

    public JournalRecord.RunStarted? Start { get; private set; }

    public double PreparedSeconds { get; private set; }

    public double WallSeconds { get; private set; }

    public RunStop Ending { get; private set; } = RunStop.Killed;

    public string EndingDetail { get; private set; } = "";

    public PhaseSeconds Seconds { get; private set; } = PhaseSeconds.Zero;

    /// <summary>Like times, not repeatable.</summary>
    public Arrivals Arrivals { get; private set; } = Arrivals.None;

    /// <summary>What of the small scope was checked before the random programs.</summary>
    public ScopeProgress Scopes { get; } = new();

    /// <summary>How fast it was, over its time.</summary>
    public Pace Pace { get; } = new();

    /// <summary>What was compared of stack traces besides the counters.</summary>
    public TraceWork Traces { get; private set; } = TraceWork.None;

    /// <summary>The selected cells in the matrix's order, those that have not run yet included.</summary>
    public IReadOnlyCollection<CellTally> Cells => _cells.Values;

    /// <summary>In the order in which triage stored their cases, which timing does not change; those that it has not come to, last.</summary>
    public IReadOnlyList<FindingTally> Findings => [.. _findings.Values.OrderBy(finding => finding.Stored)];

    public IReadOnlyDictionary<string, long> Coverage => _coverage;

    /// <summary>Reasons for outcomes that are neither pass nor fail, and how often.</summary>
    public IReadOnlyDictionary<string, long> Inconclusive => _inconclusive;

    /// <summary>Each stored case once: a run that was gone on with has replayed it again.</summary>
    public IReadOnlyCollection<JournalRecord.RegressionReplayed> Regressions => _regressions.Values;

    /// <summary>Programs that failed in any cell, flakes included.</summary>
    public long FailedPrograms => _failed.Count;

    /// <summary>What the planted defect of this run came to; null: it has not been tried.</summary>
    public JournalRecord.CanaryFlown? Canary { get; private set; }

    /// <summary>All cells together; a program counts once however many cells checked it.</summary>
    public Counters Total =>
        _cells.Values.Aggregate(Counters.Zero, (sum, cell) => sum + cell.Counters) with { Programs = _checked.Count };

    public static Tally Of(IEnumerable<JournalRecord> records)
    {
        var tally = new Tally();
        foreach (var record in records)
        {
            tally.Apply(record);
        }

        return tally;
    }

    public void Apply(JournalRecord record)
    {
        WallSeconds = Math.Max(WallSeconds, record.At);
        switch (record)
        {
            case JournalRecord.RunStarted started:
                Start = started;
                foreach (var cell in started.Settings.Cells)
                {
                    _cells.TryAdd(cell, new CellTally(cell));
                }

                break;
            case JournalRecord.RunResumed:
                (Ending, EndingDetail) = (RunStop.Killed, "");
                break;
            case JournalRecord.Prepared prepared:
                PreparedSeconds += prepared.Seconds;
                break;
            case JournalRecord.RegressionReplayed replayed:
                _regressions[replayed.Name] = replayed;
                break;
            case JournalRecord.BatchChecked batch:
                Apply(batch);
                break;
            case JournalRecord.CanaryFlown flown:
                Canary = flown;
                break;
            case JournalRecord.RunEnded ended:
                (Ending, EndingDetail) = (ended.Reason, ended.Detail);
                break;
            default:
                ApplyToFinding(record);
                break;
        }
    }

    private void Apply(JournalRecord.BatchChecked batch)
    {
        if (!_cells.TryGetValue(batch.Cell, out var cell))
        {
            _cells[batch.Cell] = cell = new CellTally(batch.Cell);
        }

        cell.Apply(batch);
        Scopes.Apply(batch);
        Pace.Apply(batch);
        Seconds += batch.Seconds;
        Arrivals += batch.Arrivals ?? Arrivals.None;
        Traces += batch.Traces ?? TraceWork.None;
        var unfinished = batch.Unfinished.ToHashSet();
        for (var i = 0; i < batch.Count && batch.Scope is null; i++)
        {
            if (!unfinished.Contains(i))
            {
                _checked.Add(batch.Start + ((long)i * batch.Stride));
            }
        }

        foreach (var (label, count) in batch.Coverage)
        {
            _coverage[label] = _coverage.GetValueOrDefault(label) + count;
        }

        foreach (var (reason, count) in batch.Inconclusive)
        {
            _inconclusive[reason] = _inconclusive.GetValueOrDefault(reason) + count;
        }
    }

    private void ApplyToFinding(JournalRecord record)
    {
        switch (record)
        {
            case JournalRecord.FailureSeen seen:
                if (!_findings.TryGetValue(seen.Signature, out var failing))
                {
                    _findings[seen.Signature] = failing = new FindingTally(seen.Signature, seen.Family, seen.Cell, seen.Check);
                }

                failing.Occurrences++;
                _failed.Add(seen.Ordinal);
                if (_cells.TryGetValue(seen.Cell, out var cell))
                {
                    cell.Failed(seen.Ordinal);
                }

                break;
            case JournalRecord.CaseStored stored when _findings.TryGetValue(stored.Signature, out var first):
                first.Stored = Math.Min(first.Stored, _stored++);
                first.Cell = stored.Cell;
                first.CasePath = stored.CasePath;
                (first.Token, first.Expected, first.Observed, first.Picture) = (stored.Token, stored.Expected, stored.Observed, stored.Picture);
                (first.OriginalFunctions, first.Functions) = (stored.Functions, stored.Functions);
                break;
            case JournalRecord.FindingConfirmed confirmed when _findings.TryGetValue(confirmed.Signature, out var again):
                (again.Reproduced, again.Attempts, again.InBatch, again.Otherwise) = (confirmed.Reproduced, confirmed.Attempts, confirmed.InBatch, confirmed.Otherwise);
                break;
            case JournalRecord.CompanyFound company when _findings.TryGetValue(company.Signature, out var social):
                (social.Company, social.Token) = (company, company.Token);
                break;
            case JournalRecord.ShrinkStep step when _findings.TryGetValue(step.Signature, out var smaller):
                (smaller.Token, smaller.Functions, smaller.ShrinkSteps) = (step.Token, step.Functions, step.Step);
                break;
            case JournalRecord.FindingExplained explained when _findings.TryGetValue(explained.Signature, out var understood):
                understood.Explanation = explained.Explanation;
                break;
            case JournalRecord.FindingRecognised recognised when _findings.TryGetValue(recognised.Signature, out var old):
                old.Recognised = recognised;
                break;
            case JournalRecord.CoreWritten core when _findings.TryGetValue(core.Signature, out var dead):
                (dead.CorePath, dead.CoreMissing) = (core.Bytes > 0 ? core.CorePath : "", core.Detail);
                break;
            case JournalRecord.FindingShrunk shrunk when _findings.TryGetValue(shrunk.Signature, out var smallest):
                (smallest.Token, smallest.Expected, smallest.Observed, smallest.Picture) = (shrunk.Token, shrunk.Expected, shrunk.Observed, shrunk.Picture);
                (smallest.ShrinkSteps, smallest.ShrinkSeconds, smallest.ShrinkCapHit) = (shrunk.Steps, shrunk.Seconds, shrunk.TimeCapHit);
                smallest.Functions = shrunk.Functions;
                break;
        }
    }

    /// <summary>Ordinals seen, as long runs of them come: the prefix that is complete, and the rest.</summary>
    private sealed class OrdinalSet
    {
        private readonly HashSet<long> _beyond = [];
        private long _prefix;

        public long Count => _prefix + _beyond.Count;

        public void Add(long ordinal)
        {
            if (ordinal < _prefix || !_beyond.Add(ordinal))
            {
                return;
            }

            while (_beyond.Remove(_prefix))
            {
                _prefix++;
            }
        }
    }
}

/// <summary>One cell of a run.</summary>
public sealed class CellTally(string cell)
{
    private readonly Dictionary<string, long> _features = [];
    private readonly HashSet<long> _failed = [];

    public string Cell { get; } = cell;

    public Counters Counters { get; private set; } = Counters.Zero;

    public PhaseSeconds Seconds { get; private set; } = PhaseSeconds.Zero;

    /// <summary>Time on a lane, waiting included.</summary>
    public double WallSeconds { get; private set; }

    public int Batches { get; private set; }

    /// <summary>Programs that failed here.</summary>
    public long FailedPrograms => _failed.Count;

    /// <summary>How many of its checked programs have each feature.</summary>
    public IReadOnlyDictionary<string, long> Features => _features;

    /// <summary>What its programs met.</summary>
    public MetInteractions Interactions { get; } = new();

    internal void Failed(long ordinal) => _failed.Add(ordinal);

    internal void Apply(JournalRecord.BatchChecked batch)
    {
        foreach (var (feature, count) in batch.Features ?? [])
        {
            _features[feature] = _features.GetValueOrDefault(feature) + count;
        }

        // Enumerated programs are told of apart: nothing can be estimated from them.
        Counters += batch.Counters with { Programs = batch.Scope is null ? batch.Count - batch.Unfinished.Count : 0 };
        Interactions.Add(batch.Interactions, batch.Count - batch.Unfinished.Count);
        Seconds += batch.Seconds;
        WallSeconds += batch.Wall;
        Batches++;
    }
}

/// <summary>One signature of a run.</summary>
public sealed class FindingTally(string signature, string family, string cell, string check)
{
    public string Signature { get; } = signature;

    /// <summary>The signature without the cell.</summary>
    public string Family { get; } = family;

    public string Cell { get; internal set; } = cell;

    public string Check { get; } = check;

    public long Occurrences { get; internal set; }

    /// <summary>How many cases of this run were stored before its first.</summary>
    public int Stored { get; internal set; } = int.MaxValue;

    /// <summary>Relative to the results folder; empty until the case is stored.</summary>
    public string CasePath { get; internal set; } = "";

    public string Token { get; internal set; } = "";

    public StackPicture? Picture { get; internal set; }

    public string Expected { get; internal set; } = "";

    public string Observed { get; internal set; } = "";

    public int Reproduced { get; internal set; }

    /// <summary>How often its case failed with another signature in fresh processes.</summary>
    public int Otherwise { get; internal set; }

    /// <summary>0: not run again (yet).</summary>
    public int Attempts { get; internal set; }

    public int OriginalFunctions { get; internal set; }

    public int Functions { get; internal set; }

    public int ShrinkSteps { get; internal set; }

    public double ShrinkSeconds { get; internal set; }

    public bool ShrinkCapHit { get; internal set; }

    /// <summary>What may vary freely about its case; null: it was not asked.</summary>
    public Explanation? Explanation { get; internal set; }

    /// <summary>What earlier runs know of it; null: it is new.</summary>
    public JournalRecord.FindingRecognised? Recognised { get; internal set; }

    /// <summary>It failed again, but only in the company of its batch.</summary>
    public bool InBatch { get; internal set; }

    /// <summary>The few programs of its batch whose company it needs; null: none does, or they were not found.</summary>
    public JournalRecord.CompanyFound? Company { get; internal set; }

    /// <summary>Relative to the results folder; empty: none was kept.</summary>
    public string CorePath { get; internal set; } = "";

    /// <summary>Why there is no core of a worker that died; empty: there is one, or none was wanted.</summary>
    public string CoreMissing { get; internal set; } = "";

    /// <summary>It failed in some fresh processes and not in others.</summary>
    public bool IsUnsteady => Reproduced + Otherwise is var failed && failed > 0 && failed < Attempts;

    /// <summary>It was run again and never failed again.</summary>
    public bool IsFlake => Attempts > 0 && Reproduced + Otherwise == 0 && !InBatch;
}
