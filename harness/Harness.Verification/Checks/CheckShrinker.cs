using Harness.Model;

namespace Harness.Verification.Checks;

/// <summary>
/// Makes a failing plan smaller: a simpler or earlier fault, fewer splits, a simpler memory. Which candidates there are depends on the plan and the number of prologues alone,
/// and the first that fails is taken, so the same program and plan give the same result.
/// </summary>
/// <param name="fails">Which of the plans fail in the same way.</param>
/// <param name="maxRuns">After so many candidates the smallest so far stands.</param>
public sealed class CheckShrinker(Func<IReadOnlyList<CheckPlan>, Task<IReadOnlyList<bool>>> fails, int maxRuns)
{
    private const int EarlierFaults = 32;
    private const int SinglePlaces = 256;
    private int _left = maxRuns;

    /// <param name="prologuesOf">How many prologues a run with this fault executes: a simpler fault than the plan's may come to more.</param>
    public async Task<CheckPlan> ShrinkAsync(CheckPlan plan, Func<CheckFault, long> prologuesOf)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(prologuesOf);
        for (var before = (CheckPlan?)null; before != plan;)
        {
            before = plan;
            plan = await FirstAsync(plan, Simpler(plan.Fault).Select(fault => before with { Fault = fault })).ConfigureAwait(false);
        }

        var prologues = prologuesOf(plan.Fault);
        if (plan.Splits is CheckSplits.Nth nth)
        {
            plan = await FirstAsync(plan, [plan with { Splits = new CheckSplits.Fiber() }, .. OneSplit(plan, prologues)]).ConfigureAwait(false);
            if (plan.Splits is CheckSplits.Nth && prologues / nth.N is > 1 and <= CheckPlan.MaxListed)
            {
                var all = Enumerable.Range(1, (int)(prologues / nth.N)).Select(i => i * nth.N).ToEquatableArray();
                plan = await FirstAsync(plan, [plan with { Splits = new CheckSplits.At(all) }]).ConfigureAwait(false);
            }
        }

        plan = plan.Splits is CheckSplits.At { Prologues.Count: > 1 } ? await FewerAsync(plan).ConfigureAwait(false) : plan;
        if (plan.Splits is not CheckSplits.Plain)
        {
            plan = await FirstAsync(plan, Enum.GetValues<CheckMemory>().Where(memory => memory < plan.Memory).Select(memory => plan with { Memory = memory })).ConfigureAwait(false);
        }

        return plan.Splits is CheckSplits.At { Prologues.Count: 1 } ? await FirstAsync(plan, OneSplit(plan, prologues)).ConfigureAwait(false) : plan;
    }

    /// <summary>Single splits before the plan's own, if it has one; with a memory in which the numbers of prologues mean the same.</summary>
    private static IEnumerable<CheckPlan> OneSplit(CheckPlan plan, long prologues) => CheckPlanner
        .Spread(plan.Splits is CheckSplits.At { Prologues: [var own] } ? own - 1 : prologues, SinglePlaces)
        .Select(prologue => plan with { Splits = new CheckSplits.At([prologue]), Memory = plan.Memory is CheckMemory.Kept ? CheckMemory.Descending : plan.Memory });

    /// <summary>None; an error in place of what the runtime does; the same earlier.</summary>
    private static IEnumerable<CheckFault> Simpler(CheckFault fault) => fault switch
    {
        CheckFault.None => [],
        CheckFault.Deliver { Deliveries: [var one] } => [new CheckFault.None(), .. Earlier(one.Checkpoint, k => CheckFault.Deliver.At(k, one.Code))],
        CheckFault.Deliver => [new CheckFault.None()],
        CheckFault.Cancel cancel => [new CheckFault.None(), CheckFault.Deliver.At(cancel.Checkpoint, (int)ErrorName.Injected), .. Earlier(cancel.Checkpoint, k => new CheckFault.Cancel(k))],
        CheckFault.Overflow overflow => [new CheckFault.None(), .. Earlier(overflow.Checkpoint, k => new CheckFault.Overflow(k))],
        CheckFault.Allocation allocation => [new CheckFault.None(), .. Earlier(allocation.Number, k => new CheckFault.Allocation(k))],
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static IEnumerable<CheckFault> Earlier(long number, Func<long, CheckFault> at) => CheckPlanner.Spread(number - 1, EarlierFaults).Select(at);

    /// <summary>Delta debugging: parts of the set, then the set without a part, ever smaller ones.</summary>
    private async Task<CheckPlan> FewerAsync(CheckPlan plan)
    {
        var parts = 2;
        while (plan.Splits is CheckSplits.At { Prologues: { Count: > 1 } all } && parts <= all.Count && _left > 0)
        {
            var chunks = all.Chunk((all.Count + parts - 1) / parts).ToList();
            var candidates = chunks.Select(chunk => chunk.AsEnumerable()).Concat(parts == 2 ? [] : chunks.Select(chunk => all.Except(chunk)));
            var next = await FirstAsync(plan, candidates.Select(numbers => plan with { Splits = new CheckSplits.At(numbers.ToEquatableArray()) })).ConfigureAwait(false);
            if (next == plan)
            {
                if (parts == all.Count)
                {
                    break;
                }

                parts = Math.Min(2 * parts, all.Count);
                continue;
            }

            // A part failed: begin again within it. Without one it failed: the others are as small already.
            parts = ((CheckSplits.At)next.Splits).Prologues.Count <= (all.Count + parts - 1) / parts ? 2 : Math.Max(parts - 1, 2);
            plan = next;
        }

        return plan;
    }

    /// <summary>The first candidate that fails, or the plan itself.</summary>
    private async Task<CheckPlan> FirstAsync(CheckPlan plan, IEnumerable<CheckPlan> candidates)
    {
        var tried = candidates.Take(_left).ToList();
        _left -= tried.Count;
        var failed = tried.Count == 0 ? [] : await fails(tried).ConfigureAwait(false);
        for (var i = 0; i < failed.Count; i++)
        {
            if (failed[i])
            {
                return tried[i];
            }
        }

        return plan;
    }
}
