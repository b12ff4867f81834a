using System.Collections.Immutable;

namespace Harness.Verification.Checks;

/// <summary>Checks a program in one cell: its split build against its unsplit one, plan by plan (docs/CHECK.md).</summary>
/// <param name="plain">The program without checks.</param>
/// <param name="split">The same with checks.</param>
public sealed class CheckSession(CheckWorker plain, CheckWorker split, CheckCaps caps, TimeProvider time)
{
    private const int BatchRuns = 100;
    private const int MaxFindings = 6;
    private const int MaxShrinkRuns = 600;
    private const int Confirmations = 2;
    private readonly CheckJudge _judge = new(plain, split);
    private readonly Dictionary<(bool InFiber, CheckAspect Aspect, Type Fault), List<CheckJudgement>> _failed = [];
    private readonly Dictionary<string, int> _unjudged = new(StringComparer.Ordinal);
    private int _runs;
    private int _singles;
    private long _splits;
    private CheckTraces _traces;

    /// <param name="budget">For running; what is left over then is said.</param>
    /// <exception cref="InvalidDataException">A program is none of ours, or cannot work here.</exception>
    public async Task<CheckOutcome> RunAsync(TimeSpan budget, Action<string> onProgress, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(onProgress);
        var began = time.GetTimestamp();
        var none = new CheckFault.None();
        var (first, unsuitable) = await FirstAsync(ct).ConfigureAwait(false);
        if (first is null)
        {
            return new CheckOutcome.Unsuitable(unsuitable);
        }

        var faults = CheckPlanner.Faults(first.Checkpoints, first.Allocations, caps);
        await JudgeAsync(faults.Where(IsForPlain).Prepend(none).Select(CheckPlan.Plain), ct).ConfigureAwait(false);
        // Without a split: how many prologues there are.
        var counted = await JudgeAsync(faults.Prepend(none).Select(fault => new CheckPlan(fault, new CheckSplits.Fiber())), ct).ConfigureAwait(false);
        var prologues = counted.ToDictionary(judgement => judgement.Run.Plan.Fault, judgement => judgement.Run.Prologues);
        var plans = counted.SelectMany(c => CheckPlanner.Every(c.Run.Plan.Fault, c.Run.Prologues))
            .Concat(counted.SelectMany(c => CheckPlanner.Singles(c.Run.Plan.Fault, c.Run.Prologues, c.Run.Plan.Fault == none ? caps.Singles : caps.SinglesPerFault))).ToList();
        var done = 0;
        foreach (var batch in plans.Chunk(BatchRuns))
        {
            if (time.GetElapsedTime(began) > budget)
            {
                break;
            }

            await JudgeAsync(batch, ct).ConfigureAwait(false);
            _singles += batch.Count(plan => plan is { Fault: CheckFault.None, Splits: CheckSplits.At });
            done += batch.Length;
            onProgress($"{done:N0} of {plans.Count:N0} plans, {_failed.Values.Sum(list => list.Count):N0} fail");
        }

        var counts = new CheckCounts(
            first.Checkpoints, first.Allocations, prologues[none], faults.Count, (4 * first.Checkpoints) + first.Allocations, _singles, _runs, _splits, plans.Count - done)
        {
            Traces = _traces,
            Unjudged = _unjudged.ToImmutableSortedDictionary(StringComparer.Ordinal),
        };
        return await FindingsAsync(counts, prologues, onProgress, ct).ConfigureAwait(false);
    }

    /// <summary>One plan again, as it stands.</summary>
    /// <exception cref="InvalidDataException">A program is none of ours, or cannot work here.</exception>
    public async Task<CheckJudgement> ReplayAsync(CheckPlan plan, CancellationToken ct) => (await _judge.JudgeAsync([plan], ct).ConfigureAwait(false))[0];

    /// <summary>The unsplit program twice, each time in a process that knows nothing of the other.</summary>
    private async Task<(CheckRun? First, string Why)> FirstAsync(CancellationToken ct)
    {
        var plan = CheckPlan.Plain(new CheckFault.None());
        var first = (await plain.RunAsync([plan], ct).ConfigureAwait(false))[0];
        if (first.Seen.IsHung || first.Seen.IsCut)
        {
            return (null, first.Seen.IsHung ? "it does not end, without any split or fault" : "it writes more than is looked at, without any split or fault");
        }

        var second = (await plain.RunAsync([plan], ct).ConfigureAwait(false))[0];
        return CheckComparison.Between(first.Seen, second.Seen) is [var difference, ..]
            ? (null, $"two runs of the unsplit build differ, in {difference.Aspect}: {Word(difference.Expected)} and {Word(difference.Observed)}; nothing can be blamed on splits")
            : (first, "");
    }

    private static string Word(string text) => text.Length == 0 ? "nothing more" : $"\"{text}\"";

    /// <summary>What the unsplit program can be told as well.</summary>
    private static bool IsForPlain(CheckFault fault) => fault is CheckFault.Deliver or CheckFault.Allocation;

    private async Task<ImmutableArray<CheckJudgement>> JudgeAsync(IEnumerable<CheckPlan> plans, CancellationToken ct)
    {
        var all = ImmutableArray.CreateBuilder<CheckJudgement>();
        foreach (var batch in plans.Chunk(BatchRuns))
        {
            foreach (var judgement in await _judge.JudgeAsync(batch, ct).ConfigureAwait(false))
            {
                all.Add(judgement);
                Count(judgement);
            }
        }

        return all.ToImmutable();
    }

    private void Count(CheckJudgement judgement)
    {
        _runs++;
        if (judgement.Unjudged is { } why)
        {
            _unjudged[why] = _unjudged.GetValueOrDefault(why) + 1;
            return;
        }

        _splits += judgement.Run.Splits;
        _traces += judgement.Run.Plan.Splits is CheckSplits.Plain ? default : judgement.Run.Seen.Taken;
        if (judgement.Differences is not [var first, ..])
        {
            return;
        }

        var plan = judgement.Run.Plan;
        var key = (plan.Splits is not CheckSplits.Plain, first.Aspect, plan.Fault.GetType());
        if (!_failed.TryGetValue(key, out var list))
        {
            _failed.Add(key, list = []);
        }

        list.Add(judgement);
    }

    private async Task<CheckOutcome> FindingsAsync(CheckCounts counts, Dictionary<CheckFault, long> prologues, Action<string> onProgress, CancellationToken ct)
    {
        var findings = ImmutableArray.CreateBuilder<CheckFinding>();
        var unsteady = ImmutableArray.CreateBuilder<CheckPlan>();
        foreach (var ((_, aspect, _), judgements) in _failed.OrderBy(pair => pair.Key.InFiber).Take(MaxFindings))
        {
            var began = judgements[0].Run.Plan;
            if (!await ConfirmAsync(began, aspect, ct).ConfigureAwait(false))
            {
                unsteady.Add(began);
                continue;
            }

            onProgress($"making a failing plan smaller: {began}");
            var shrinker = new CheckShrinker(async plans => [.. (await _judge.JudgeAsync(plans, ct).ConfigureAwait(false)).Select(j => Shows(j, aspect))], MaxShrinkRuns);
            var small = await shrinker.ShrinkAsync(began, fault => prologues.TryGetValue(fault, out var count) ? count : counts.Prologues).ConfigureAwait(false);
            // The same cause shows under many faults: once is enough.
            if (findings.FirstOrDefault(f => f.Plan == small) is { } known)
            {
                findings.Remove(known);
                findings.Add(known with { Alike = known.Alike + judgements.Count });
                continue;
            }

            if (await ConfirmAsync(small, aspect, ct).ConfigureAwait(false))
            {
                var shown = await ReplayAsync(small, ct).ConfigureAwait(false);
                findings.Add(new CheckFinding(small, began, shown.Differences, judgements.Count, shown.Against!.Seen.Outcome, shown.Run.Seen.Outcome));
            }
            else
            {
                unsteady.Add(small);
            }
        }

        return new CheckOutcome.Compared(counts, findings.ToImmutable(), unsteady.ToImmutable());
    }

    private static bool Shows(CheckJudgement judgement, CheckAspect aspect) => judgement.Differences.Any(difference => difference.Aspect == aspect);

    /// <summary>Each time in fresh processes, the unsplit build's too.</summary>
    private async Task<bool> ConfirmAsync(CheckPlan plan, CheckAspect aspect, CancellationToken ct)
    {
        for (var i = 0; i < Confirmations; i++)
        {
            if (!Shows((await new CheckJudge(plain, split).JudgeAsync([plan], ct).ConfigureAwait(false))[0], aspect))
            {
                return false;
            }
        }

        return true;
    }
}
