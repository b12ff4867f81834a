using Harness.Execution;
using Harness.Model;

namespace Harness.Verification;

/// <summary>
/// The rows of a plan as they are made. Each split kind takes turns through every placement with every policy; the
/// baseline of a scenario is unsplit where its list starts so.
/// </summary>
/// <param name="scarce">
/// Rows are few because executions are long: dear policies come by their weight over all split kinds together, not first for each kind.
/// </param>
internal sealed class RowList(PlanOptions options, bool scarce)
{
    private readonly List<PlanRow> _rows = [];
    private readonly Dictionary<SplitKind, int[]> _used = [];
    private readonly int[] _policyUses = new int[options.Policies.Count];
    private readonly HashSet<SplitKind> _observedKinds = [];
    private readonly HashSet<Placement> _observedPlacements = [];

    private int _splitting;

    public int Count => _rows.Count;

    public int Observed { get; private set; }

    private int Combinations => options.Placements.Count * options.Policies.Count;

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

    /// <summary>
    /// With the placement that this split kind has had least often, and the policy that is most behind its weight;
    /// one that it has not had at all comes first.
    /// </summary>
    public void Add(int scenario, SplitPlan split, RowFlags flags)
    {
        var used = UsesOf(split.Kind);
        var placement = Best(options.Placements.Count, p => (0, UsesOfPlacement(used, p)));
        var policy = Best(options.Policies.Count, p => scarce
            ? (0, (_policyUses[p] + 1) * 1000 / Math.Max(1, WeightOf(p)))
            : Behind(UsesOfPolicy(used, p), WeightOf(p)));
        Add(scenario, split, (placement * options.Policies.Count) + policy, flags);
    }

    /// <summary>In every combination of placement and policy, or once per placement.</summary>
    public void AddAll(int scenario, SplitPlan split, bool everyPolicy, Func<SplitPlan, Placement, RowFlags> flags)
    {
        for (var placement = 0; placement < options.Placements.Count; placement++)
        {
            for (var policy = 0; policy < options.Policies.Count; policy++)
            {
                if (everyPolicy || policy == (placement + (int)split.A) % options.Policies.Count)
                {
                    var combination = (placement * options.Policies.Count) + policy;
                    Add(scenario, split, combination, flags(split, options.Placements[placement]));
                }
            }
        }
    }

    /// <summary>Whether no row with this split kind, or with this placement, takes traces yet.</summary>
    public bool IsNewToObservers(SplitKind kind, Placement placement) =>
        !_observedKinds.Contains(kind) || !_observedPlacements.Contains(placement);

    /// <summary>Whether no row with this split kind takes traces yet.</summary>
    public bool IsNewToObservers(SplitKind kind) => !_observedKinds.Contains(kind);

    private void Add(int scenario, SplitPlan split, int combination, RowFlags flags)
    {
        UsesOf(split.Kind)[combination]++;
        _policyUses[combination % options.Policies.Count]++;
        var placement = options.Placements[combination / options.Policies.Count];
        Append(PlanRow.Of(scenario, split, placement, options.Policies[combination % options.Policies.Count], flags));
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

    /// <summary>Each in its turn among the rows that split; where both are due, both.</summary>
    private Disturbance NextDisturbance()
    {
        _splitting++;
        return (IsDue(options.SignalsEvery) ? Disturbance.Signals : Disturbance.None)
            | (IsDue(options.ThreadsEvery) ? Disturbance.Threads : Disturbance.None);
    }

    private bool IsDue(int every) => every > 0 && _splitting % every == 0;

    /// <summary>The index with the least rank; of equals, another one from row to row.</summary>
    private int Best(int count, Func<int, (int, int)> rank)
    {
        var best = Count % count;
        for (var i = 1; i < count; i++)
        {
            var candidate = (Count + i) % count;
            best = rank(candidate).CompareTo(rank(best)) < 0 ? candidate : best;
        }

        return best;
    }

    private int WeightOf(int policy) => policy < options.PolicyWeights.Count ? options.PolicyWeights[policy] : 1;

    private static (int, int) Behind(int uses, int weight) => uses == 0 ? (0, 0) : (1, uses * 1000 / Math.Max(1, weight));

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
            _used[kind] = used = new int[Combinations];
        }

        return used;
    }
}
