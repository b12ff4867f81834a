using Harness.Campaigns;
using Harness.Campaigns.Evidence;
using Harness.Cli.Mutants;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli;

/// <summary>One run from its folder to its reports; <c>run</c> and <c>bench</c> share it.</summary>
internal sealed class RunSession(Terminal terminal, RunRequest request, Rooms rooms)
{
    private ProgramCorpus? _corpus;
    private EquatableArray<string>? _kept;

    /// <summary>Starts a new run and sees it through.</summary>
    /// <exception cref="ResultsUnwritableException">With what was found so far in the journal.</exception>
    public async Task<(RunDirectory Run, RunSummary Summary)> StartAsync(CancellationToken stop)
    {
        var now = TimeProvider.System.GetUtcNow();
        var run = request.Results.CreateRun(now, request.Seed);
        using var held = run.TryLock();
        _corpus = OpenCorpus();
        _kept = _corpus?.Descents.ToEquatableArray() is { Count: > 0 } kept ? kept : null;
        var started = new JournalRecord.RunStarted(JournalRecord.FormatVersion, run.Id, now, Settings(), rooms.Versions);
        return (run, await WorkAsync(run, started, new Journal([], 0, false), stop).ConfigureAwait(false));
    }

    /// <summary>Goes on with a run that was interrupted.</summary>
    /// <exception cref="UsageException">There is nothing to go on with.</exception>
    public async Task<RunSummary> ResumeAsync(RunDirectory run, Journal journal, CancellationToken stop)
    {
        using var held = run.TryLock() ?? throw new UsageException($"run {run.Id} is still going in another process");
        _corpus = OpenCorpus();
        _kept = Tally.Of(journal.Records).Start?.Settings.Corpus;
        return await WorkAsync(run, new JournalRecord.RunResumed(TimeProvider.System.GetUtcNow()), journal, stop).ConfigureAwait(false);
    }

    private async Task<RunSummary> WorkAsync(RunDirectory run, JournalRecord first, Journal before, CancellationToken stop)
    {
        var tally = Tally.Of(before.Records);
        Progress? progress = null;
        var writer = JournalWriter.Open(
            run.Journal, TimeProvider.System, before.WholeBytes, tally.WallSeconds, record => progress?.Observe(record));
        using (writer)
        using (progress = new Progress(terminal, request.Settings(), tally, () => writer.Elapsed))
        {
            terminal.Error.WriteLine($"run {run.Id}, seed {request.Seed}: {Repository.Shown(run.Path)}");
            writer.Append(first);
            await new Campaign(rooms.Parts, Plan(run, before.Records), writer, tally.PreparedSeconds).RunAsync(stop).ConfigureAwait(false);
        }

        // From the file, not from memory: what the journal does not say did not happen.
        var summary = RunSummary.Of(Tally.Of(JournalReader.Read(run.Journal).Records));
        try
        {
            ReportWriter.Write(run, summary);
        }
        catch (ResultsUnwritableException e)
        {
            // The verdict still goes to standard output; the files can be drawn again with report.
            terminal.Complain(e.Message);
            return summary with { ExitCode = ExitCodes.Environment };
        }

        if (request.KeepRegressions)
        {
            KeepFindings(run, summary);
        }

        return summary;
    }

    private RunSettings Settings()
    {
        var settings = request.Settings() with { Mutation = NewestScore.Of(request.Results, rooms.Versions), Corpus = _kept };
        if (rooms.Parts.Canary is null || request.Defect is not null)
        {
            return settings;
        }

        var (defect, cell) = Canaries.Of(request.Seed, request.Cells);
        return settings with { Canary = defect, CanaryCell = cell.ToString() };
    }

    /// <summary>Runs with a number of programs neither read it nor add to it: they depend on their arguments alone.</summary>
    private ProgramCorpus? OpenCorpus() => request is { Budget: not null, Profile: null, Defect: null, Runtime: null }
        ? ProgramCorpus.Open(request.Results, rooms.Parts.Programs, terminal.Complain)
        : null;

    private CampaignPlan Plan(RunDirectory run, IReadOnlyList<JournalRecord> before)
    {
        var done = before.OfType<JournalRecord.BatchChecked>().Where(batch => batch.Scope is null).ToLookup(batch => batch.Cell);
        var firstSequence = before.OfType<JournalRecord.BatchChecked>().Select(batch => batch.Sequence + 1).DefaultIfEmpty(0).Max();
        var part = request.Shard ?? Shards.Whole;
        IWorkScheduler scheduler = request.Programs is { } programs
            ? new FixedScheduler(
                request.Cells, checked((int)part.Of(programs)), firstSequence,
                (cell, start) => done[cell.ToString()].Any(batch => batch.Start == part.Ordinal(start)), request.ProgramsPerBatch)
            : AfterSmallScope(before, part, firstSequence, new FairScheduler(
                request.Cells, cell => done[cell.ToString()].Select(batch => part.Local(batch.Start) + batch.Count).DefaultIfEmpty(0).Max(), firstSequence));
        var memory = TriageMemory.Of(before);
        var stream = new ProgramStream(request.Seed, request.Profile, rooms.Parts.Programs, request.Shard, _kept);
        return new CampaignPlan(
            request.Cells, request.Budget, scheduler, stream, request.Settings().Placements, request.Jobs, request.Results, run, rooms.Versions,
            TriageLimits.For(request.Budget), firstSequence)
        {
            Corpus = _corpus,
            Canary = Settings().Canary is null || before.Any(record => record is JournalRecord.CanaryFlown) ? null : Canaries.Of(request.Seed, request.Cells),
            Memory = memory,
            Pending = [.. memory.Pending.Select(batch => new WorkItem(batch.Sequence, CellMatrix.Parse(batch.Cell) ?? throw new InvalidDataException($"the journal names a cell {batch.Cell}"), part.Local(batch.Start), batch.Count, batch.Light) { Scope = batch.Scope })],
        };
    }

    /// <summary>The small scope first, but for a profile: who asks for one wants its programs.</summary>
    private IWorkScheduler AfterSmallScope(IReadOnlyList<JournalRecord> before, Shards part, long firstSequence, IWorkScheduler random)
    {
        if (request.Budget is not { } budget || request.Profile is not null || request.Runtime is not null)
        {
            return random;
        }

        var small = before.OfType<JournalRecord.BatchChecked>().Where(batch => batch.Scope is not null).ToList();
        var done = small.Select(batch => (batch.Cell, batch.Scope, batch.Start)).ToHashSet();
        return new SmallScopeFirst(
            random, request.Cells, part, budget * SmallScopeFirst.Share * request.Jobs,
            TimeSpan.FromSeconds(small.Sum(batch => batch.Wall)), (cell, size, start) => done.Contains((cell.ToString(), size, part.Ordinal(start))), firstSequence);
    }

    private void KeepFindings(RunDirectory run, RunSummary summary)
    {
        foreach (var finding in summary.Findings.Where(finding => finding is { Flake: false, CasePath.Length: > 0 }))
        {
            var name = CaseStore.FolderName(finding.Signature);
            CaseStore.Copy(Path.Combine(run.Cases, name), Path.Combine(request.Results.Regressions, name));
            terminal.Error.WriteLine($"kept: {Repository.Shown(Path.Combine(request.Results.Regressions, name))}");
        }
    }
}
