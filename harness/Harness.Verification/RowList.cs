using Harness.Execution;
using Harness.Model;

namespace Harness.Verification;

/// <summary>
/// The rows of a plan as they are made. Each split kind takes turns through every placement; policies and disturbances are drawn by their
/// weights (turns would be in step with the turns of the splits), with a better chance for a policy that the split kind has not had; the
/// baseline of a scenario is unsplit where its list starts so.
/// </summary>
/// <param name="onePlacement">All in the same one, another one in other programs: each placement of a deep recursion fills memory of its own, and memory that
/// is touched for the first time costs more than everything else there.</param>
internal sealed class RowList(PlanOptions options, PlanRandom random, bool onePlacement)
{
    /// <summary>One in so many rows of a split kind that lacks a policy gets one that it lacks.</summary>
    private const int CatchUp = 8;

    private readonly List<PlanRow> _rows = [];
    private readonly Dictionary<SplitKind, int[]> _used = [];
    private readonly HashSet<SplitKind> _observedKinds = [];
    private readonly HashSet<Placement> _observedPlacements = [];
    private readonly int _turn = random.Below(options.Placements.Count);
    private readonly int _weights = Enumerable.Range(0, options.Policies.Count).Sum(policy => WeightOf(options, policy));

    public int Count => _rows.Count;

    public int Observed { get; private set; }

    /// <summary>Whether taking traces in another row keeps within the options' share.</summary>
    public bool MayObserve => Observed * 100 < options.ObservedPercent * Count;

    public PlanRow[] ToArray() => [.. _rows];

    public void AddBaseline(int scenario, SplitPlan split, RowFlags flags)
    {
        if (split.Kind is SplitKind.None)
        {
            Append(PlanRow.Of(scenario, split, options.Placements[0], options.Policies[0], flags));
        }
        else
        {
            Add(scenario, split, flags);
        }
    }

    /// <summary>With the placement that this split kind has had least often, and a policy drawn by weight.</summary>
    public void Add(int scenario, SplitPlan split, RowFlags flags)
    {
        var used = UsesOf(split.Kind);
        Add(scenario, split, LeastUsedPlacement(used), DrawnPolicy(used), flags);
    }

    /// <summary>In every placement, with every policy or with one drawn by weight.</summary>
    public void AddAll(int scenario, SplitPlan split, bool everyPolicy, Func<SplitPlan, Placement, RowFlags> flags)
    {
        for (var placement = 0; placement < options.Placements.Count; placement++)
        {
            var policies = everyPolicy ? Enumerable.Range(0, options.Policies.Count) : [DrawnPolicy(UsesOf(split.Kind))];
            foreach (var policy in policies)
            {
                Add(scenario, split, placement, policy, flags(split, options.Placements[placement]));
            }
        }
    }

    /// <summary>Whether no row with this split kind, or with this placement, takes traces yet.</summary>
    public bool IsNewToObservers(SplitKind kind, Placement placement) =>
        !_observedKinds.Contains(kind) || !_observedPlacements.Contains(placement);

    /// <summary>Whether no row with this split kind takes traces yet.</summary>
    public bool IsNewToObservers(SplitKind kind) => !_observedKinds.Contains(kind);

    private void Add(int scenario, SplitPlan split, int placement, int policy, RowFlags flags)
    {
        UsesOf(split.Kind)[(placement * options.Policies.Count) + policy]++;
        Append(PlanRow.Of(scenario, split, options.Placements[placement], options.Policies[policy], flags));
    }

    private void Append(PlanRow row)
    {
        _rows.Add(row.Split is SplitKind.None ? row : row with { Flags = row.Flags | PlanRow.FlagsOf(NextDisturbance()) });
        if ((row.Flags & RowFlags.BothObservers) != 0)
        {
            Observed++;
            _observedKinds.Add(row.Split);
            _observedPlacements.Add(row.Placement);
        }
    }

    private Disturbance NextDisturbance() =>
        (IsDrawn(options.SignalsEvery) ? Disturbance.Signals : Disturbance.None)
        | (IsDrawn(options.ThreadsEvery) ? Disturbance.Threads : Disturbance.None);

    private bool IsDrawn(int every) => every > 0 && random.Below(every) == 0;

    private int DrawnPolicy(int[] used)
    {
        Span<int> missing = stackalloc int[options.Policies.Count];
        var count = 0;
        for (var p = 0; p < options.Policies.Count; p++)
        {
            if (UsesOfPolicy(used, p) == 0)
            {
                missing[count++] = p;
            }
        }

        if (count > 0 && random.Below(CatchUp) == 0)
        {
            return missing[random.Below(count)];
        }

        var draw = random.Below(_weights);
        var policy = 0;
        while (draw >= WeightOf(options, policy))
        {
            draw -= WeightOf(options, policy++);
        }

        return policy;
    }

    /// <summary>Of equals, another one from row to row, and from program to program.</summary>
    private int LeastUsedPlacement(int[] used)
    {
        var count = options.Placements.Count;
        if (onePlacement)
        {
            return _turn;
        }

        var best = (Count + _turn) % count;
        for (var i = 1; i < count; i++)
        {
            var candidate = (Count + _turn + i) % count;
            best = UsesOfPlacement(used, candidate) < UsesOfPlacement(used, best) ? candidate : best;
        }

        return best;
    }

    private static int WeightOf(PlanOptions options, int policy) => policy < options.PolicyWeights.Count ? options.PolicyWeights[policy] : 1;

    private int UsesOfPlacement(int[] used, int placement)
    {
        var policies = options.Policies.Count;
        var uses = 0;
        foreach (var count in used.AsSpan(placement * policies, policies))
        {
            uses += count;
        }

        return uses;
    }

    private int UsesOfPolicy(int[] used, int policy)
    {
        var uses = 0;
        for (var i = policy; i < used.Length; i += options.Policies.Count)
        {
            uses += used[i];
        }

        return uses;
    }

    private int[] UsesOf(SplitKind kind)
    {
        if (!_used.TryGetValue(kind, out var used))
        {
            _used[kind] = used = new int[options.Placements.Count * options.Policies.Count];
        }

        return used;
    }
}
