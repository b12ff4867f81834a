using System.Collections.Immutable;
using Harness.Model;

namespace Harness.Verification.Checks;

/// <param name="Differences">Empty: it is what it must be.</param>
/// <param name="Against">The same fault in the unsplit program; null where nothing can be said of the run: see <paramref name="Unjudged"/>.</param>
public sealed record CheckJudgement(CheckRun Run, CheckRun? Against, ImmutableArray<CheckDifference> Differences, string? Unjudged = null);

/// <summary>Runs plans in the split program, and each one's fault in the unsplit one, and compares. Unsplit runs are made once.</summary>
public sealed class CheckJudge(CheckWorker plain, CheckWorker split)
{
    /// <summary>A program that goes on from overflow to overflow is not followed further.</summary>
    private const int MaxDeliveries = 64;
    private readonly Dictionary<CheckFault, CheckRun> _plain = [];

    /// <summary>In the order of the plans; those without fiber are run in the unsplit program, and judged by what any program must do.</summary>
    /// <exception cref="InvalidDataException">A program is none of ours, or cannot work here.</exception>
    public async Task<ImmutableArray<CheckJudgement>> JudgeAsync(IReadOnlyList<CheckPlan> plans, CancellationToken ct)
    {
        var inFiber = plans.Where(plan => plan.Splits is not CheckSplits.Plain).ToList();
        var runs = inFiber.Count == 0 ? [] : await split.RunAsync(inFiber, ct).ConfigureAwait(false);
        var wanted = plans.Where(plan => plan.Splits is CheckSplits.Plain).Select(plan => plan.Fault).Concat(runs.Select(PlainFault).OfType<CheckFault>());
        await PlainAsync(wanted, ct).ConfigureAwait(false);
        var judged = runs.Select(Judge).GetEnumerator();
        return [.. plans.Select(plan => plan.Splits is CheckSplits.Plain ? Alone(_plain[plan.Fault]) : judged.MoveNext() ? judged.Current : throw new System.Diagnostics.UnreachableException())];
    }

    private async Task PlainAsync(IEnumerable<CheckFault> faults, CancellationToken ct)
    {
        var missing = faults.Distinct().Where(fault => !_plain.ContainsKey(fault)).Select(CheckPlan.Plain).ToList();
        foreach (var run in missing.Count == 0 ? [] : await plain.RunAsync(missing, ct).ConfigureAwait(false))
        {
            _plain.Add(run.Plan.Fault, run);
        }
    }

    private static CheckJudgement Alone(CheckRun run) => new(run, run, CheckComparison.Cleanup(run.Seen));

    private CheckJudgement Judge(CheckRun run)
    {
        if (run.Exhausted)
        {
            return new(run, null, [], "it needs more stack than the harness has when so many prologues split");
        }

        if (PlainFault(run) is not { } fault)
        {
            return new(run, null, [], $"more than {MaxDeliveries} checkpoints failed");
        }

        var against = _plain[fault];
        return against.Seen.IsHung || against.Seen.IsCut
            ? new(run, against, [], $"with this fault the unsplit build has no end to compare with: {against.Seen.Outcome}")
            : new(run, against, CheckComparison.Between(against.Seen, run.Seen));
    }

    /// <summary>What the unsplit program must be told to be in the same trouble; null: too much.</summary>
    private static CheckFault? PlainFault(CheckRun run) => run.Plan.Fault switch
    {
        CheckFault.Cancel cancel => CheckFault.Deliver.At(cancel.Checkpoint, (int)ErrorName.Canceled),
        CheckFault.Overflow => run.Seen.Delivered switch
        {
            { Length: 0 } => new CheckFault.None(),
            { Length: > MaxDeliveries } => null,
            var delivered => new CheckFault.Deliver(delivered.ToEquatableArray()),
        },
        var same => same,
    };
}
