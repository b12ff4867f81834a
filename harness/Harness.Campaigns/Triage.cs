using System.Diagnostics;
using System.Threading.Channels;
using Harness.Campaigns.Findings;
using Harness.Model;
using Harness.Verification.Cores;
using Harness.Verification.Explaining;

namespace Harness.Campaigns;

/// <summary>How much time failures may take from a campaign.</summary>
public sealed record TriageLimits
{
    public static readonly TriageLimits Default = new();

    /// <summary>Signatures beyond this many are stored and counted, but not run again.</summary>
    public int Confirmed { get; init; } = 32;

    /// <summary>Families beyond this many are not shrunk. The signatures of a family differ in the cell alone; one of them is shrunk.</summary>
    public int Shrunk { get; init; } = 8;

    /// <summary>Cores that are kept, of the first findings whose worker dies.</summary>
    public int Cores { get; init; } = 4;

    /// <summary>Of one core; usual are 15 MiB.</summary>
    public long CoreBytes { get; init; } = 128L << 20;

    /// <summary>For one family.</summary>
    public TimeSpan Shrinking { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>For all of them.</summary>
    public TimeSpan AllShrinking { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>Telling what may vary freely, of one family; counts as shrinking.</summary>
    public TimeSpan Explaining { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The limits of a run of this length: a short one must not spend itself on its first failure.</summary>
    public static TriageLimits For(TimeSpan? budget) => budget is { } time
        ? Default with { Shrinking = Clamp(time / 6, 5, 120), AllShrinking = time / 3, Explaining = Clamp(time / 12, 3, 60) }
        : Default;

    private static TimeSpan Clamp(TimeSpan time, double least, double most) =>
        TimeSpan.FromSeconds(Math.Clamp(time.TotalSeconds, least, most));
}

/// <summary>Runs the batch of a failure again.</summary>
public interface IBatchRerun
{
    BatchOrigin OriginOf(WorkItem item);

    /// <summary>Whether the program fails again with the signature when the whole batch is compiled and run anew.</summary>
    Task<bool> FailsAgainAsync(WorkItem item, Failure failure, string scratchDirectory, CancellationToken ct);

    /// <summary>The programs of the batch.</summary>
    IReadOnlyList<FiberProgram> ProgramsOf(WorkItem item);
}

/// <summary>
/// Deals with failures while the campaign goes on: stores the first case of each signature, runs it again in fresh
/// processes, shrinks it. Batches are taken in the order of their sequence numbers whatever order they finish in, so
/// which case of a signature is "the first" does not depend on timing.
/// </summary>
public sealed class Triage(
    ICaseRunner runner, JournalWriter journal, ResultsLayout results, RunDirectory run,
    ToolVersions versions, TriageLimits limits, IReadOnlyDictionary<string, string> known, IBatchRerun batches, TriageMemory memory)
{
    private readonly Channel<(WorkItem Item, IReadOnlyList<(ProgramRecipe Recipe, Failure Failure)> Failures)> _inbox =
        Channel.CreateUnbounded<(WorkItem, IReadOnlyList<(ProgramRecipe, Failure)>)>();

    private readonly HashSet<string> _signatures = [.. memory.Closed];
    private readonly HashSet<string> _families = [.. memory.Families];
    private TimeSpan _shrinking = memory.Shrinking;
    private readonly Lazy<FindingIndex> _earlier = new(() => FindingIndex.Read(results, run.Id));
    private int _cores = memory.Cores;

    /// <summary>Every dispatched item must be posted, with or without failures, or the ones after it wait.</summary>
    public void Post(WorkItem item, IReadOnlyList<(ProgramRecipe Recipe, Failure Failure)> failures) =>
        _inbox.Writer.TryWrite((item, failures));

    /// <summary>No more posts will come.</summary>
    public void Complete() => _inbox.Writer.TryComplete();

    /// <summary>Works until <see cref="Complete"/> and everything posted is dealt with. After a stop, cases are only stored.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var waiting = new SortedDictionary<long, (WorkItem Item, IReadOnlyList<(ProgramRecipe, Failure)> Failures)>();
        long? next = null;
        await foreach (var (item, failures) in _inbox.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
        {
            next ??= FirstSequence;
            waiting[item.Sequence] = (item, failures);
            while (next is { } sequence && waiting.Remove(sequence, out var ready))
            {
                await HandleAsync(ready.Item, ready.Failures, stop).ConfigureAwait(false);
                next = sequence + 1;
            }
        }

        foreach (var left in waiting.Values)
        {
            await HandleAsync(left.Item, left.Failures, stop).ConfigureAwait(false);
        }
    }

    /// <summary>Deals with a batch of an earlier process, which ended before it was done with its failures. Before <see cref="RunAsync"/>.</summary>
    public Task TakeUpAsync(WorkItem item, IReadOnlyList<(ProgramRecipe Recipe, Failure Failure)> failures, CancellationToken stop) => HandleAsync(item, failures, stop);

    /// <summary>The sequence number of the first item that will be posted.</summary>
    public long FirstSequence { get; init; }

    private async Task HandleAsync(
        WorkItem item, IReadOnlyList<(ProgramRecipe Recipe, Failure Failure)> failures, CancellationToken stop)
    {
        foreach (var (recipe, failure) in failures)
        {
            if (_signatures.Add(failure.Signature))
            {
                await HandleNewAsync(item, recipe, failure, stop).ConfigureAwait(false);
                if (!stop.IsCancellationRequested)
                {
                    journal.Append(new JournalRecord.FindingClosed(failure.Signature));
                }
            }
        }
    }

    private async Task HandleNewAsync(WorkItem item, ProgramRecipe recipe, Failure failure, CancellationToken stop)
    {
        var folder = Path.Combine(run.Cases, CaseStore.FolderName(failure.Signature));
        var origin = new Origin(recipe, batches.OriginOf(item));
        var first = new Recording(false, failure.Signature, failure.Check, failure.Expected, failure.Observed) { Picture = failure.Picture };
        var stored = Describe(origin, failure, failure.Case, first, "");
        CaseStore.Write(folder, stored);
        journal.Append(new JournalRecord.CaseStored(
            failure.Signature, failure.Case.Cell.ToString(), failure.Check, Path.GetRelativePath(results.Root, folder),
            stored.Token, failure.Expected, failure.Observed, failure.Case.Program.Functions.Count, failure.Picture));
        Recognise(failure.Signature);
        if (stop.IsCancellationRequested || _signatures.Count > limits.Confirmed)
        {
            return;
        }

        var scratch = Scratch.Create(Path.Combine(run.Scratch, Path.GetFileName(folder)));
        try
        {
            var confirmation = await runner.ConfirmAsync(failure.Case, failure.Signature, scratch, stop).ConfigureAwait(false);
            var inBatch = !confirmation.FailsAlone && await batches.FailsAgainAsync(item, failure, scratch, stop).ConfigureAwait(false);
            journal.Append(new JournalRecord.FindingConfirmed(failure.Signature, confirmation.Reproduced, confirmation.Attempts, inBatch, confirmation.Otherwise));
            var mayShrink = !known.ContainsKey(failure.Signature) && _families.Count < limits.Shrunk && _shrinking < limits.AllShrinking && !_families.Contains(failure.Family);
            if (inBatch && mayShrink && await FindCompanyAsync(item, origin, failure, first, folder, scratch, stop).ConfigureAwait(false) is { } social)
            {
                (failure, confirmation) = (failure with { Case = social.Case }, social.Confirmation);
            }

            var last = confirmation.FailsAlone && mayShrink && _families.Add(failure.Family)
                ? await ShrinkAsync(origin, failure, (first, confirmation.Others), folder, scratch, stop).ConfigureAwait(false)
                : failure.Case;
            if (confirmation.FailsAlone && EndsItsWorker(failure.Check) && _cores < limits.Cores)
            {
                await KeepCoreAsync(failure.Signature, last, folder, scratch, stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The campaign was told to stop: what is stored stands.
        }
        finally
        {
            Scratch.Remove(scratch);
        }
    }

    /// <summary>A case that fails in its batch only, with those programs of it that matter, stored; counts as shrinking.</summary>
    private async Task<(Case Case, Confirmation Confirmation)?> FindCompanyAsync(
        WorkItem item, Origin origin, Failure failure, Recording first, string folder, string scratch, CancellationToken stop)
    {
        var started = Stopwatch.GetTimestamp();
        var found = await runner.FindCompanyAsync(failure.Case.Among(batches.ProgramsOf(item)), failure.Signature, Min(limits.Shrinking, limits.AllShrinking - _shrinking), scratch, stop).ConfigureAwait(false);
        var confirmation = found is null ? null : await runner.ConfirmAsync(found, failure.Signature, scratch, stop).ConfigureAwait(false);
        _shrinking += Stopwatch.GetElapsedTime(started);
        if (found is null || confirmation is not { FailsAlone: true })
        {
            return null;
        }

        var token = Keep(folder, origin, failure, found, first);
        journal.Append(new JournalRecord.CompanyFound(
            failure.Signature, found.Company.Count, confirmation.Reproduced, confirmation.Attempts, token, confirmation.Otherwise));
        return (found, confirmation);
    }

    /// <summary>The checks that a worker fails by its own end (docs/PROTOCOL.md).</summary>
    private static bool EndsItsWorker(string check) => check is "crash" or "panic" or "exit";

    /// <summary>Beside the case, as it is stored by now.</summary>
    private async Task KeepCoreAsync(string signature, Case @case, string folder, string scratch, CancellationToken stop)
    {
        if (await runner.KeepCoreAsync(@case, folder, limits.CoreBytes, scratch, stop).ConfigureAwait(false) is { } kept)
        {
            _cores += kept.Bytes > 0 ? 1 : 0;
            journal.Append(new JournalRecord.CoreWritten(signature, Path.GetRelativePath(results.Root, Path.Combine(folder, CoreReplay.CoreName)), kept.Bytes, kept.Detail));
        }
    }

    /// <summary>What earlier runs know of it. They are read when the first failure comes: most runs have none.</summary>
    private void Recognise(string signature)
    {
        if (_earlier.Value.Of(signature) is { } known)
        {
            journal.Append(new JournalRecord.FindingRecognised(
                signature, known.First?.RunId ?? "", known.First?.At, known.Runs, known.State is FindingState.Fixed));
        }
    }

    /// <summary>What may vary freely about the case that is stored by now.</summary>
    private async Task ExplainAsync(Origin origin, Failure failure, ShrunkCase shrunk, string folder, string scratch, CancellationToken stop)
    {
        var left = Min(limits.Explaining, limits.AllShrinking - _shrinking);
        if (left > TimeSpan.Zero && await runner.ExplainAsync(shrunk.Case, failure.Signature, left, scratch, stop).ConfigureAwait(false) is { } explanation)
        {
            _shrinking += TimeSpan.FromSeconds(explanation.Seconds);
            Keep(folder, origin, failure, shrunk.Case, shrunk.Recording, explanation);
            journal.Append(new JournalRecord.FindingExplained(failure.Signature, explanation));
        }
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    /// <returns>The final case.</returns>
    private async Task<Case> ShrinkAsync(Origin origin, Failure failure, (Recording First, IReadOnlyCollection<string> Others) seen, string folder, string scratch, CancellationToken stop)
    {
        var shrinking = new CaseShrinking(runner, limits.Shrinking, (smaller, step) =>
        {
            var token = Keep(folder, origin, failure, smaller, seen.First);
            journal.Append(new JournalRecord.ShrinkStep(failure.Signature, step, token, smaller.Program.Functions.Count));
        });
        var shrunk = await shrinking.RunAsync(failure.Case, seen.First, seen.Others, scratch, stop).ConfigureAwait(false);
        _shrinking += shrunk.Elapsed;
        var token = Keep(folder, origin, failure, shrunk.Case, shrunk.Recording);
        journal.Append(new JournalRecord.FindingShrunk(
            failure.Signature, shrunk.Steps, Math.Round(shrunk.Elapsed.TotalSeconds, 3), shrunk.CapHit, token,
            shrunk.Recording.Expected, shrunk.Recording.Observed, shrunk.Case.Program.Functions.Count, shrunk.Recording.Picture));
        await ExplainAsync(origin, failure, shrunk, folder, scratch, stop).ConfigureAwait(false);
        return shrunk.Case;
    }

    /// <summary>Replaces the stored case by a smaller one; returns its token.</summary>
    private string Keep(string folder, Origin origin, Failure failure, Case smaller, Recording recording, Explanation? explanation = null)
    {
        var history = $"Shrunk from {failure.Case.Program.Functions.Count} functions to {smaller.Program.Functions.Count}."
            + (smaller.Company.Count == 0 ? "" : " It fails in the company only of what its unit has besides, which is compiled and not run.");
        var stored = Describe(origin, failure, smaller, recording, history) with { Explanation = explanation };
        CaseStore.Write(folder, stored);
        return stored.Token;
    }

    private StoredCase Describe(Origin origin, Failure failure, Case @case, Recording seen, string history)
    {
        var document = new CaseDocument(origin.Recipe, versions, failure.Signature, failure.Check, @case, origin.Batch);
        return new StoredCase(document, ReplayToken.Write(document), runner.Emit(@case), seen.Expected, seen.Observed, history) { Picture = seen.Picture };
    }

    /// <summary>Where a failure was met.</summary>
    private sealed record Origin(ProgramRecipe Recipe, BatchOrigin Batch);
}
