using Harness.Model;
using Harness.Verification.Interactions;

namespace Harness.Campaigns;

/// <summary>What a steered program is to be rich in.</summary>
/// <param name="Cleans">Functions are to clean up a lot: in every second round through the combinations, and every second one of a round.</param>
public readonly record struct CallTarget(CallKind Kind, ReturnClass Return, ArgumentClass Argument, bool Cleans = false);

/// <summary>
/// In which order a stream's steered programs go through what calls can be made of: every feasible combination of kind, return class and argument class
/// comes once before any comes again, and each next one is the one with most pairs that none before it had, so that a short run has the pairs and a longer
/// one the triples. What a fault plan, a split plan and a placement add to a call is planned for every program, so it need not be steered towards.
/// Depends on the seed alone.
/// </summary>
public sealed class CoveringSchedule
{
    private readonly CallTarget[] _order;

    public CoveringSchedule(ulong seed)
    {
        var open = Feasible().OrderBy(target => Rank(seed, target)).Select(target => (Target: target, Pairs: PairsOf(target))).ToList();
        var order = new List<CallTarget>(open.Count);
        var met = new bool[InteractionSpace.Pairs];
        while (open.Count > 0)
        {
            var best = open.MaxBy(one => one.Pairs.Count(pair => !met[pair]));
            open.Remove(best);
            order.Add(best.Target);
            Array.ForEach(best.Pairs, pair => met[pair] = true);
        }

        _order = [.. order];
    }

    public int Count => _order.Length;

    /// <param name="number">Of the steered program.</param>
    public CallTarget At(long number) => _order[(int)(number % _order.Length)] with { Cleans = (number + (number / _order.Length)) % 2 == 1 };

    /// <summary>A fiber's start is in every program, so nothing steers towards it alone.</summary>
    private static IEnumerable<CallTarget> Feasible() =>
        from kind in Enum.GetValues<CallKind>()
        from returned in Enum.GetValues<ReturnClass>()
        from argument in Enum.GetValues<ArgumentClass>()
        let target = new CallTarget(kind, returned, argument)
        where PairsOf(target).All(pair => InteractionSpace.WhyNotPair(pair) is null)
        select target;

    private static int[] PairsOf(CallTarget target) =>
    [
        InteractionSpace.PairIndex(InteractionSpace.Kind, (int)target.Kind, InteractionSpace.Return, (int)target.Return),
        InteractionSpace.PairIndex(InteractionSpace.Kind, (int)target.Kind, InteractionSpace.Argument, (int)target.Argument),
        InteractionSpace.PairIndex(InteractionSpace.Return, (int)target.Return, InteractionSpace.Argument, (int)target.Argument),
    ];

    private static ulong Rank(ulong seed, CallTarget target) =>
        ProgramStream.Mix(seed ^ ProgramStream.Mix(((ulong)target.Kind << 16) | ((ulong)target.Return << 8) | (ulong)target.Argument));
}
