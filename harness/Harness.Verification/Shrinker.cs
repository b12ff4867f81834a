using System.Runtime.CompilerServices;
using Harness.Model;

namespace Harness.Verification;

/// <summary>A smaller program with the plans under which the known failure might show.</summary>
public sealed record Candidate(FiberProgram Program, IReadOnlyList<ExecutionPlan> Plans);

/// <summary>Runs candidates.</summary>
public interface ICandidateRunner
{
    /// <summary>For each candidate the first of its plans that fails with one of the signatures, as a case; null when none does.</summary>
    /// <param name="of">The case that they are smaller than: they are compiled in its cell and with its company.</param>
    Task<IReadOnlyList<Case?>> TryAsync(
        IReadOnlyList<Candidate> candidates, Case of, FailureForms forms, string directory, CancellationToken ct);

    /// <summary>Whether the case fails with one of the signatures, compiled with nothing but its company.</summary>
    /// <param name="directory">Gone afterwards.</param>
    Task<bool> FailsAsync(Case @case, FailureForms forms, string directory, CancellationToken ct);
}

/// <summary>How hard to shrink.</summary>
public sealed record ShrinkOptions
{
    public static readonly ShrinkOptions Default = new();

    /// <summary>Candidates compiled together at first; doubles while nothing is found.</summary>
    public int FirstBatch { get; init; } = 16;

    public int LargestBatch { get; init; } = 48;

    public int PlansPerCandidate { get; init; } = 120;

    /// <summary>After this the smallest case so far stands.</summary>
    public TimeSpan TimeCap { get; init; } = TimeSpan.FromMinutes(2);
}

/// <summary>A case that fails like the one before and is smaller.</summary>
public sealed record ShrinkStep(int Number, Case Case);

/// <summary>The end of shrinking.</summary>
/// <param name="CapHit">Time was over; smaller ones may exist.</param>
public sealed record ShrinkResult(Case Smallest, int Steps, int CandidatesTried, int Batches, bool CapHit, TimeSpan Elapsed);

/// <summary>
/// Looks for the smallest case that fails in the same way, or in one of the ways in which the case itself fails from run to run: a crash in wild memory is
/// seldom the same twice. Candidates are compiled many at a time; of a batch the first
/// that fails alike is taken. When no smaller program does, the plan is simplified, and programs tried again; of a case that needs company, that is made smaller last.
/// </summary>
/// <param name="candidates">Smaller programs, the boldest first.</param>
public sealed class Shrinker(
    Func<FiberProgram, IEnumerable<FiberProgram>> candidates,
    ICandidateRunner runner,
    ShrinkOptions? options = null,
    TimeProvider? time = null)
{
    /// <summary>A case of so many statements is read at a glance.</summary>
    public const int SmallStatements = 12;

    private readonly ShrinkOptions _options = options ?? ShrinkOptions.Default;
    private readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <param name="forms">The signatures that the case has when it is run several times (<see cref="ConfirmationResult.Forms"/>).</param>
    /// <param name="onStep">Is given the case itself first, with number 0, and then each smaller one: to store them.</param>
    /// <exception cref="OperationCanceledException">Cancelled from outside; the time cap ends quietly.</exception>
    public async Task<ShrinkResult> ShrinkAsync(
        Case start, FailureForms forms, string directory, Func<ShrinkStep, ValueTask> onStep, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(onStep);
        var started = _time.GetTimestamp();
        var statistics = new ShrinkStatistics();
        var smallest = new ShrinkStep(0, start);
        await onStep(smallest).ConfigureAwait(false);
        using var cap = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var timer = _time.CreateTimer(_ => cap.Cancel(), null, _options.TimeCap, Timeout.InfiniteTimeSpan);
        try
        {
            await foreach (var step in RunAsync(start, forms, directory, statistics, cap.Token).ConfigureAwait(false))
            {
                smallest = step;
                await onStep(step).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return Result(capHit: true);
        }

        return Result(capHit: false);

        ShrinkResult Result(bool capHit) =>
            new(smallest.Case, smallest.Number, statistics.Tried, statistics.Batches, capHit, _time.GetElapsedTime(started));
    }

    /// <summary>Of a case whose company is all of the unit that it failed in: the same with the few programs without which it does not fail.</summary>
    /// <param name="directory">Becomes its own.</param>
    /// <returns>Null: it does not fail with all of them either, more than <see cref="Case.MaxCompany"/> matter, or the time cap came first.</returns>
    public async Task<Case?> FindCompanyAsync(Case whole, FailureForms forms, string directory, CancellationToken ct)
    {
        Case? smallest = null;
        using var cap = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var timer = _time.CreateTimer(_ => cap.Cancel(), null, _options.TimeCap, Timeout.InfiniteTimeSpan);
        try
        {
            await new CompanyShrinker(candidates, runner, directory).ReduceAsync(whole, forms, step => smallest = step, cap.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // The smallest so far may be small enough.
        }

        return smallest is { Company.Count: <= Case.MaxCompany } ? smallest : null;
    }

    /// <summary>Each smaller case as it is found. No time cap; cancellation throws, what was yielded stands.</summary>
    public IAsyncEnumerable<ShrinkStep> StepsAsync(Case start, FailureForms forms, string directory, CancellationToken ct) =>
        RunAsync(start, forms, directory, new ShrinkStatistics(), ct);

    private async IAsyncEnumerable<ShrinkStep> RunAsync(
        Case start, FailureForms forms, string directory, ShrinkStatistics statistics, [EnumeratorCancellation] CancellationToken ct)
    {
        var current = start;
        var number = 0;
        var seen = new HashSet<FiberProgram> { start.Program };
        var company = new CompanyShrinker(candidates, runner, Path.Combine(directory, "company"));
        while (true)
        {
            var smaller = await SmallerProgramAsync(current, forms, seen, directory, statistics, ct).ConfigureAwait(false)
                ?? await SimplerPlanAsync(current, forms, directory, statistics, ct).ConfigureAwait(false)
                ?? await company.SmallerAsync(current, forms, statistics, ct).ConfigureAwait(false);
            if (smaller is null)
            {
                // A large case is worth little: rather a small one that ends its worker elsewhere.
                if (StatementTree.Count(current) <= SmallStatements || forms.WithAnyDeath() is not { } wider)
                {
                    yield break;
                }

                (forms, seen) = (wider, [current.Program]);
                continue;
            }

            current = smaller;
            yield return new ShrinkStep(++number, current);
        }
    }

    private async Task<Case?> SmallerProgramAsync(
        Case current, FailureForms forms, HashSet<FiberProgram> seen, string directory, ShrinkStatistics statistics, CancellationToken ct)
    {
        var entries = Entries(current.Program);
        var size = _options.FirstBatch;
        var batch = new List<Candidate>();
        foreach (var program in candidates(current.Program))
        {
            ct.ThrowIfCancellationRequested();
            if (!seen.Add(program))
            {
                continue;
            }

            var plans = CandidatePlans.Of(program, current.Plan, entries, _options.PlansPerCandidate);
            if (plans.Count > 0)
            {
                batch.Add(new Candidate(program, plans));
            }

            if (batch.Count == size)
            {
                if (await TryAsync(batch, current, forms, directory, statistics, ct).ConfigureAwait(false) is { } found)
                {
                    return found;
                }

                batch.Clear();
                size = Math.Min(size * 2, _options.LargestBatch);
            }
        }

        return await TryAsync(batch, current, forms, directory, statistics, ct).ConfigureAwait(false);
    }

    private async Task<Case?> SimplerPlanAsync(
        Case current, FailureForms forms, string directory, ShrinkStatistics statistics, CancellationToken ct)
    {
        var plans = PlanSimplifier.Simpler(current.Plan, Entries(current.Program), _options.PlansPerCandidate, current.Cell.Runtime is null);
        return plans.Count == 0
            ? null
            : await TryAsync([new Candidate(current.Program, plans)], current, forms, directory, statistics, ct).ConfigureAwait(false);
    }

    private async Task<Case?> TryAsync(
        List<Candidate> batch, Case current, FailureForms forms, string directory, ShrinkStatistics statistics, CancellationToken ct)
    {
        if (batch.Count == 0)
        {
            return null;
        }

        ct.ThrowIfCancellationRequested();
        statistics.Tried += batch.Count;
        var scratch = Path.Combine(directory, $"shrink-{statistics.Batches++}");
        var results = await runner.TryAsync(batch, current, forms, scratch, ct).ConfigureAwait(false);
        return results.FirstOrDefault(r => r is not null);
    }

    private static int Entries(FiberProgram program) =>
        Interpreter.Run(program, new FaultPlan.None(), Schedule.Fifo, Kept.Counts).Entries;
}

/// <summary>What shrinking has tried so far.</summary>
internal sealed class ShrinkStatistics
{
    public int Tried { get; set; }

    public int Batches { get; set; }
}
