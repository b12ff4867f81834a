using System.Collections.Concurrent;
using Harness.Campaigns;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli.Comparing;

/// <summary>Remembers what it compiled: of batches that were seen through, in the order of their ends.</summary>
internal sealed class RememberingChecker(IBatchChecker inner) : IBatchChecker
{
    private readonly ConcurrentQueue<CompiledBatch> _batches = new();

    public IReadOnlyList<CompiledBatch> Batches => [.. _batches];

    public Task PrepareAsync(IReadOnlyList<Cell> cells, CancellationToken ct) => inner.PrepareAsync(cells, ct);

    public async Task<BatchOutcome> CheckAsync(IReadOnlyList<FiberProgram> programs, Cell cell, PlanChoice plans, string scratchDirectory, CancellationToken ct, CancellationToken windUp = default)
    {
        var outcome = await inner.CheckAsync(programs, cell, plans, scratchDirectory, ct, windUp).ConfigureAwait(false);
        _batches.Enqueue(new CompiledBatch(programs, cell));
        return outcome;
    }
}

internal sealed record CompiledBatch(IReadOnlyList<FiberProgram> Programs, Cell Cell);

/// <summary>A whole campaign, as <c>run</c> makes it, and then the compiler alone on the same sources.</summary>
/// <param name="request">With results of its own; stored cases and the corpus of other runs are not among them.</param>
internal sealed class CampaignTrial(Terminal terminal, RunRequest request, Rooms rooms)
{
    /// <exception cref="EnvironmentUnusableException">The campaign did not hold, or could not be seen through.</exception>
    public async Task<CampaignRound> RunAsync(string scratch, CancellationToken ct)
    {
        await rooms.Parts.Checker.PrepareAsync(request.Cells, ct).ConfigureAwait(false);
        var checker = new RememberingChecker(rooms.Parts.Checker);
        var spent = ProcessorTime.Spent();
        var (_, summary) = await new RunSession(terminal, request, rooms with { Parts = rooms.Parts with { Checker = checker } }).StartAsync(ct).ConfigureAwait(false);
        var processor = (ProcessorTime.Spent() - spent).TotalSeconds;
        ct.ThrowIfCancellationRequested();
        if (summary.ExitCode is not (ExitCodes.Held or ExitCodes.Inconclusive) || checker.Batches.Count == 0)
        {
            throw new EnvironmentUnusableException($"the campaign did not hold, so its time says nothing: {string.Join("; ", summary.Reasons.Append(summary.EndingDetail).Where(text => text.Length > 0))}; see scripts/harness run --seed {request.Seed}");
        }

        var turn = await CompileAsync(checker.Batches, 1, Path.Combine(scratch, "turn"), ct).ConfigureAwait(false);
        spent = ProcessorTime.Spent();
        var lanes = await CompileAsync(checker.Batches, request.Jobs, Path.Combine(scratch, "lanes"), ct).ConfigureAwait(false);
        return new CampaignRound(
            checker.Batches.Count, summary.Programs, summary.Executions, summary.Timings.WallSeconds - summary.Timings.PrepareSeconds, processor,
            turn, lanes, (ProcessorTime.Spent() - spent).TotalSeconds);
    }

    /// <summary>Each lane takes the next source when it is done with one, as the campaign's lanes do.</summary>
    /// <returns>Seconds that the compiler's runs took in the lane that took longest.</returns>
    private async Task<double> CompileAsync(IReadOnlyList<CompiledBatch> batches, int lanes, string scratch, CancellationToken ct)
    {
        var next = -1;
        return (await Task.WhenAll(Enumerable.Range(0, lanes).Select(LaneAsync)).ConfigureAwait(false)).Max();

        async Task<double> LaneAsync(int lane)
        {
            var folder = Directory.CreateDirectory(Path.Combine(scratch, $"{lane}")).FullName;
            var seconds = 0.0;
            for (var i = Interlocked.Increment(ref next); i < batches.Count; i = Interlocked.Increment(ref next))
            {
                seconds += (await rooms.BareCompiler.CompileAsync(batches[i].Programs, batches[i].Cell, folder, ct).ConfigureAwait(false)).TotalSeconds;
            }

            return seconds;
        }
    }
}
