using Harness.Execution;
using Harness.Model;

namespace Harness.Verification;

/// <summary>
/// The rows of a plan as they are made. Each split kind takes turns through every placement with every policy; the
/// baseline of a scenario is unsplit where its list starts so.
/// </summary>
internal sealed class RowList(PlanOptions options)
{
    private readonly List<PlanRow> _rows = [];
    private readonly Dictionary<SplitKind, int[]> _used = [];
    private readonly HashSet<SplitKind> _observedKinds = [];
    private readonly HashSet<Placement> _observedPlacements = [];

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

    /// <summary>With the placement, then the policy, then the pair of them that this split kind has had least often.</summary>
    public void Add(int scenario, SplitPlan split, RowFlags flags)
    {
        var used = UsesOf(split.Kind);
        var start = Count % Combinations;
        var best = start;
        for (var i = 1; i < Combinations; i++)
        {
            var candidate = (start + i) % Combinations;
            best = Uses(used, candidate).CompareTo(Uses(used, best)) < 0 ? candidate : best;
        }

        Add(scenario, split, best, flags);
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
        var placement = options.Placements[combination / options.Policies.Count];
        Append(PlanRow.Of(scenario, split, placement, options.Policies[combination % options.Policies.Count], flags));
    }

    private void Append(PlanRow row)
    {
        _rows.Add(row);
        if ((row.Flags & RowFlags.BothObservers) != 0)
        {
            Observed++;
            _observedKinds.Add(row.Split);
            _observedPlacements.Add(row.Placement);
        }
    }

    private (int Placement, int Policy, int Both) Uses(int[] used, int combination)
    {
        var policies = options.Policies.Count;
        var (placement, policy) = (combination / policies, combination % policies);
        var uses = (Placement: 0, Policy: 0, Both: used[combination]);
        for (var i = 0; i < used.Length; i++)
        {
            uses.Placement += i / policies == placement ? used[i] : 0;
            uses.Policy += i % policies == policy ? used[i] : 0;
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
