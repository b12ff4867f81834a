using System.Collections.Concurrent;
using System.Diagnostics;
using Harness.Campaigns.Evidence;
using Harness.Generators.Exhaustive;
using Harness.Model;
using Harness.Verification.Interactions;

namespace Harness.Campaigns;

/// <summary>The rooms that a campaign works with.</summary>
/// <param name="Canary">Null: this run has none.</param>
public sealed record CampaignParts(IProgramSource Programs, IBatchChecker Checker, ICaseRunner Runner, ICanary? Canary = null);

/// <summary>What one campaign is to do.</summary>
/// <param name="Budget">Null: the scheduler ends the run by itself.</param>
/// <param name="Placements">By name; that the checker's plans are drawn from.</param>
/// <param name="Lanes">Batches under way at once.</param>
public sealed record CampaignPlan(
    IReadOnlyList<Cell> Cells, TimeSpan? Budget, IWorkScheduler Scheduler, ProgramStream Stream,
    EquatableArray<string> Placements, int Lanes, ResultsLayout Results, RunDirectory Run, ToolVersions Versions, TriageLimits Triage, long FirstSequence = 0)
{
    /// <summary>The planted defect that has to be found, and where; null: none, or an earlier process has tried it.</summary>
    public (string Defect, Cell Cell)? Canary { get; init; }

    /// <summary>What an earlier process of the run left.</summary>
    public TriageMemory Memory { get; init; } = TriageMemory.None;

    /// <summary>The batches of it whose failures it was not done with.</summary>
    public IReadOnlyList<WorkItem> Pending { get; init; } = [];

    /// <summary>Where programs are kept that met something new; null: they are not.</summary>
    public ProgramCorpus? Corpus { get; init; }
}

/// <summary>
/// The campaign loop: stored cases first, then batches from the scheduler over several lanes, failures triaged beside
/// them. Everything that happened is in the journal when <see cref="RunAsync"/> returns.
/// </summary>
public sealed class Campaign(CampaignParts parts, CampaignPlan plan, JournalWriter journal, double preparedBefore = 0) : IBatchRerun
{
    /// <summary>How long batches under way may overrun the budget before they are wound up, or cut off when nothing has failed in them.</summary>
    private static readonly TimeSpan _overrun = TimeSpan.FromSeconds(5);

    /// <summary>How long after that its failures may be recorded: four rows that hang, whatever they are told by, are within it.</summary>
    private static readonly TimeSpan _recording = TimeSpan.FromSeconds(45);

    /// <summary>How long after that findings may be run again and shrunk, at least.</summary>
    private static readonly TimeSpan _leastPatience = TimeSpan.FromSeconds(15);

    private readonly ConcurrentDictionary<(int? Scope, long Ordinal), FiberProgram> _cache = new();
    private readonly ConcurrentDictionary<int, ProgramStream> _scopes = new();
    private double _prepared = preparedBefore;

    /// <param name="stop">Ends the run early, with what was found.</param>
    /// <exception cref="ResultsUnwritableException">Not even the journal's last line can be written.</exception>
    public async Task<RunStop> RunAsync(CancellationToken stop)
    {
        try
        {
            await PrepareAsync(stop).ConfigureAwait(false);
            var known = await ReplayRegressionsAsync(stop).ConfigureAwait(false);
            await Task.WhenAll(FlyCanaryAsync(stop), CheckAsync(known, stop)).ConfigureAwait(false);
            return End(stop.IsCancellationRequested ? RunStop.Interrupted : RunStop.Completed, "");
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return End(RunStop.Interrupted, "");
        }
        catch (EnvironmentUnusableException e)
        {
            return End(RunStop.Failed, e.Message);
        }
        catch (ResultsUnwritableException e)
        {
            // Build products may have filled the disk; without them there may be room for the last line.
            Scratch.Remove(plan.Run.Scratch);
            return End(RunStop.Unwritable, e.Message);
        }
        finally
        {
            Scratch.Remove(plan.Run.Scratch);
        }
    }

    BatchOrigin IBatchRerun.OriginOf(WorkItem item) => StreamOf(item).Origin(item, plan.Placements);

    public IReadOnlyList<FiberProgram> ProgramsOf(WorkItem item) => [.. Enumerable.Range(0, item.Count).Select(i => ProgramAt(item, i))];

    async Task<bool> IBatchRerun.FailsAgainAsync(WorkItem item, Failure failure, string scratchDirectory, CancellationToken ct)
    {
        var outcome = await CheckAsync(item, Path.Combine(scratchDirectory, "batch"), ct).ConfigureAwait(false);
        return outcome.Failures.Any(again => again.Signature == failure.Signature && again.Program == failure.Program);
    }

    private Task<BatchOutcome> CheckAsync(WorkItem item, string scratchDirectory, CancellationToken ct, CancellationToken windUp = default) =>
        parts.Checker.CheckAsync(ProgramsOf(item), item.Cell, StreamOf(item).Plans(item.Start, item.Light), scratchDirectory, ct, windUp);

    /// <summary>The random stream, or the small scope of a size.</summary>
    private ProgramStream StreamOf(WorkItem item) => item.Scope is { } size
        ? _scopes.GetOrAdd(size, _ => new ProgramStream(plan.Stream.Seed, SmallScopeProfile.Of(size), parts.Programs, plan.Stream.Shard))
        : plan.Stream;

    private RunStop End(RunStop reason, string detail)
    {
        journal.Append(new JournalRecord.RunEnded(reason, detail));
        return reason;
    }

    private async Task PrepareAsync(CancellationToken stop)
    {
        var before = journal.Elapsed;
        await parts.Checker.PrepareAsync(plan.Cells, stop).ConfigureAwait(false);
        var seconds = Math.Round(journal.Elapsed - before, 3);
        _prepared += seconds;
        journal.Append(new JournalRecord.Prepared(seconds));
    }

    private async Task FlyCanaryAsync(CancellationToken stop)
    {
        if (plan.Canary is not { } canary || parts.Canary is null)
        {
            return;
        }

        var started = Stopwatch.GetTimestamp();
        var scratch = Scratch.Create(Path.Combine(plan.Run.Scratch, "canary"));
        try
        {
            var flight = await parts.Canary.FlyAsync(canary.Defect, canary.Cell, plan.Stream.Seed, scratch, stop).ConfigureAwait(false);
            journal.Append(new JournalRecord.CanaryFlown(
                canary.Defect, canary.Cell.ToString(), flight.Check, flight.Detail, Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 3)));
        }
        finally
        {
            Scratch.Remove(scratch);
        }
    }

    private SortedDictionary<string, long> FeaturesOf(WorkItem item, EquatableArray<int> unfinished)
    {
        var features = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var label in Enumerable.Range(0, item.Count).Except(unfinished).SelectMany(i => parts.Programs.Labels(ProgramAt(item, i))).Where(Strata.IsFeature))
        {
            features[label] = features.GetValueOrDefault(label) + 1;
        }

        return features;
    }

    private TimeSpan Remaining => plan.Budget is { } budget
        ? budget - TimeSpan.FromSeconds(journal.Elapsed - _prepared)
        : TimeSpan.MaxValue;

    /// <summary>Runs the stored cases of the selected cells.</summary>
    /// <returns>The signatures of all stored cases, and their folders.</returns>
    private async Task<IReadOnlyDictionary<string, string>> ReplayRegressionsAsync(CancellationToken stop)
    {
        var known = new Dictionary<string, string>();
        var replays = new List<(string Folder, StoredCase Stored)>();
        foreach (var folder in CaseStore.Folders(plan.Results.Regressions))
        {
            StoredCase stored;
            try
            {
                stored = CaseStore.Read(folder);
            }
            catch (InvalidDataException e)
            {
                journal.Append(new JournalRecord.RegressionReplayed(
                    Path.GetFileName(folder), "", "", "", Holds: false, Conclusive: false, Relative(folder), "", e.Message));
                continue;
            }

            known[stored.Document.Signature] = folder;
            if (plan.Cells.Contains(stored.Document.Case.Cell.Column))
            {
                replays.Add((folder, stored));
            }
        }

        var options = new ParallelOptions { MaxDegreeOfParallelism = plan.Lanes, CancellationToken = stop };
        await Parallel.ForEachAsync(replays, options, async (replay, ct) => await ReplayAsync(replay.Folder, replay.Stored, ct).ConfigureAwait(false))
            .ConfigureAwait(false);
        return known;
    }

    private async Task ReplayAsync(string folder, StoredCase stored, CancellationToken ct)
    {
        var name = Path.GetFileName(folder);
        var scratch = Scratch.Create(Path.Combine(plan.Run.Scratch, "regression-" + name));
        try
        {
            var document = stored.Document;
            var recording = await parts.Runner.RecordAsync(document.Case, scratch, ct).ConfigureAwait(false);
            var detail = recording.Conclusive ? recording.Signature : recording.Observed;
            journal.Append(new JournalRecord.RegressionReplayed(
                name, document.Signature, document.Case.Cell.ToString(), document.Check, recording.Holds, recording.Conclusive,
                Relative(folder), stored.Token, detail));
        }
        finally
        {
            Scratch.Remove(scratch);
        }
    }

    private string Relative(string folder) => Path.GetRelativePath(plan.Results.Root, folder);

    private async Task CheckAsync(IReadOnlyDictionary<string, string> known, CancellationToken stop)
    {
        var triage = new Triage(
            parts.Runner, journal, plan.Results, plan.Run, plan.Versions, plan.Triage, known, this, plan.Memory)
        {
            FirstSequence = plan.FirstSequence,
        };
        using var halt = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(halt.Token);
        using var recorded = CancellationTokenSource.CreateLinkedTokenSource(halt.Token);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(halt.Token);
        if (plan.Budget is { } budget)
        {
            var due = Max(Remaining, TimeSpan.Zero) + _overrun;
            deadline.CancelAfter(due);
            recorded.CancelAfter(due + _recording);
            patience.CancelAfter(due + Max(budget / 6, _leastPatience));
        }

        await TakeUpAsync(triage, patience.Token).ConfigureAwait(false);
        var triaging = TriageAsync(triage, halt, patience.Token);
        var lanes = Enumerable.Range(0, plan.Lanes).Select(_ => Task.Run(() => LaneAsync(triage, halt, (deadline.Token, recorded.Token)), CancellationToken.None));
        try
        {
            await Task.WhenAll(lanes).ConfigureAwait(false);
        }
        finally
        {
            triage.Complete();
            await triaging.ConfigureAwait(false);
        }
    }

    /// <summary>Runs batches of an earlier process again, which died before it was done with their failures; they are not counted again.</summary>
    private async Task TakeUpAsync(Triage triage, CancellationToken stop)
    {
        foreach (var item in plan.Pending)
        {
            var scratch = Scratch.Create(Path.Combine(plan.Run.Scratch, $"again-{item.Sequence}"));
            try
            {
                var outcome = await CheckAsync(item, scratch, stop).ConfigureAwait(false);
                await triage.TakeUpAsync(item, FailuresOf(item, outcome), stop).ConfigureAwait(false);
            }
            finally
            {
                Scratch.Remove(scratch);
            }
        }
    }

    private List<(ProgramRecipe Recipe, Failure Failure)> FailuresOf(WorkItem item, BatchOutcome outcome) =>
        [.. outcome.Failures.DistinctBy(failure => (failure.Signature, failure.Program)).Select(failure => (StreamOf(item).Recipe(item.Start + failure.Program), failure))];

    private static async Task TriageAsync(Triage triage, CancellationTokenSource halt, CancellationToken patience)
    {
        try
        {
            await triage.RunAsync(patience).ConfigureAwait(false);
        }
        catch
        {
            // Failures that cannot be stored must not be looked for.
            await halt.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task LaneAsync(Triage triage, CancellationTokenSource halt, (CancellationToken WindUp, CancellationToken Last) deadlines)
    {
        try
        {
            while (!halt.IsCancellationRequested && plan.Scheduler.TryTake(Remaining) is { } item)
            {
                var failures = await CheckItemAsync(item, deadlines).ConfigureAwait(false);
                triage.Post(item, failures);
            }
        }
        catch
        {
            // One lane cannot go on, so none should: the campaign ends with this lane's exception.
            await halt.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Checks one item; when it is cut off it leaves no trace, as if it had never been taken.</summary>
    private async Task<IReadOnlyList<(ProgramRecipe Recipe, Failure Failure)>> CheckItemAsync(WorkItem item, (CancellationToken WindUp, CancellationToken Last) deadlines)
    {
        var started = Stopwatch.GetTimestamp();
        var scratch = Scratch.Create(Path.Combine(plan.Run.Scratch, $"batch-{item.Sequence}"));
        try
        {
            var outcome = await CheckAsync(item, scratch, deadlines.Last, deadlines.WindUp).ConfigureAwait(false);
            if (outcome.Failures.Count > 0)
            {
                // A compiler or worker that runs out of disk fails in any way; that says nothing about programs.
                Scratch.RequireSpace(scratch);
            }

            var stream = StreamOf(item);
            var elapsed = Stopwatch.GetElapsedTime(started);
            // In one write: a process that dies must not leave a batch that was checked without what failed in it.
            var failures = FailuresOf(item, outcome);
            journal.Append([.. failures.Select(failed => Seen(item, failed.Recipe, failed.Failure)), new JournalRecord.BatchChecked(
                item.Sequence, item.Cell.ToString(), stream.Ordinal(item.Start), item.Count, outcome.Unfinished, outcome.Counters,
                outcome.Coverage, outcome.Inconclusive, outcome.Seconds, Math.Round(elapsed.TotalSeconds, 3), outcome.Arrivals,
                item.Scope is null ? FeaturesOf(item, outcome.Unfinished) : null, stream.Stride, outcome.Traces)
            {
                Light = item.Light,
                Interactions = item.Scope is null ? BatchInteractions.Of([.. outcome.Covered.OfType<ProgramInteractions>()]) : null,
                Scope = item.Scope,
            }]);
            Keep(item, stream, outcome.Covered);
            plan.Scheduler.Complete(item, elapsed);
            return failures;
        }
        catch (OperationCanceledException) when (deadlines.WindUp.IsCancellationRequested || deadlines.Last.IsCancellationRequested)
        {
            return [];
        }
        catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
        {
            throw new ResultsUnwritableException(scratch, e);
        }
        finally
        {
            Scratch.Remove(scratch);
        }
    }

    private static JournalRecord.FailureSeen Seen(WorkItem item, ProgramRecipe recipe, Failure failure) =>
        new(failure.Signature, failure.Family, failure.Case.Cell.ToString(), recipe.Ordinal, failure.Check, item.Sequence);

    /// <summary>Offers the batch's programs to the corpus.</summary>
    private void Keep(WorkItem item, ProgramStream stream, IReadOnlyList<ProgramInteractions?> covered)
    {
        for (var i = 0; i < covered.Count && plan.Corpus is not null && item.Scope is null; i++)
        {
            if (covered[i] is { } met && parts.Programs.Kept(stream.Recipe(item.Start + i)) is { } descent)
            {
                plan.Corpus.Offer(descent, met.Triples);
            }
        }
    }

    /// <summary>Programs are generated once for the cells that run close together.</summary>
    private FiberProgram ProgramAt(WorkItem item, int index)
    {
        const int remembered = 4096;
        if (_cache.Count > remembered)
        {
            _cache.Clear();
        }

        return _cache.GetOrAdd((item.Scope, item.Start + index), key => parts.Programs.Generate(StreamOf(item).Recipe(key.Ordinal)));
    }

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
