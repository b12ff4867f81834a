using Harness.Verification.Interactions;

namespace Harness.Campaigns.Evidence;

/// <summary>How much of the space a run met, for combinations of so many values.</summary>
/// <param name="Ways">1: values; 2: pairs; 3: triples. The cell counts as a value.</param>
/// <param name="Feasible">Those that can be met (<see cref="InteractionSpace.Infeasibles"/>), of the run's cells and placements.</param>
/// <param name="Required">That many have to be; 0: a run as short as this one may miss any.</param>
/// <param name="Missing">The first of those that were not met, by name.</param>
public sealed record InteractionWay(int Ways, long Covered, long Feasible, long Required, IReadOnlyList<string> Missing)
{
    public bool Met => Covered >= Required;

    public double Share => Feasible == 0 ? 1 : (double)Covered / Feasible;

    /// <summary>As coverage lines name it.</summary>
    public string Label => Ways switch
    {
        1 => "interactions/values",
        2 => "interactions/pairs",
        _ => "interactions/triples",
    };
}

/// <summary>A value of which too few programs met it: the Wilson interval of the share lies below what is required.</summary>
public sealed record RareValue(string Name, long Programs, long Of, ShareGoal Share);

/// <summary>
/// The interactions that a run's executions met, and what they should have. Goals are of two kinds. A share of the combinations, which grows with the
/// number of programs along a line far below what any seed comes to (docs/COVERAGE.md has the measurements), so that no run is blamed for chance. And
/// a share of the programs for each value and pair, judged as QuickCheck's <c>checkCoverage</c> does, so that a long run is blamed for a hole.
/// </summary>
/// <param name="Impossible">Met, though the space says that they cannot be.</param>
/// <param name="Rare">Judged by the share of programs that met them, and too few did.</param>
public sealed record InteractionCoverage(IReadOnlyList<InteractionWay> Ways, IReadOnlyList<string> Impossible, IReadOnlyList<RareValue> Rare)
{
    private const int Shown = 12;

    /// <summary>Standard deviations: certain but for one in a thousand million.</summary>
    private const double Certainty = 6;

    /// <summary>Shares of the programs of the cell that checked most that must meet each value, and each pair.</summary>
    private const double ValueShare = 0.01;
    private const double PairShare = 0.001;

    /// <summary>
    /// From so many programs (of the cell with most) on, these shares of values, pairs and triples, in per cent; below, none. A budget gives other cells fewer
    /// programs, which costs combinations with the cell: the line leaves room for that.
    /// </summary>
    private static readonly (long Programs, int Values, int Pairs, int Triples)[] _line =
        [(50, 90, 70, 45), (200, 95, 85, 65), (1_000, 97, 92, 80), (4_000, 98, 97, 90), (10_000, 99, 99, 95)];

    /// <summary>Null: nothing was told of what programs met, as in runs of before, of the small scope, and of a profile (which may leave anything out).</summary>
    public static InteractionCoverage? Of(Tally tally)
    {
        ArgumentNullException.ThrowIfNull(tally);
        var cells = tally.Cells.Where(cell => cell.Interactions.Programs > 0).ToList();
        if (cells.Count == 0 || tally.Start?.Settings.Profile is not null)
        {
            return null;
        }

        var counted = new Counted(tally, cells);
        var most = cells.MaxBy(cell => cell.Interactions.Programs)!.Interactions;
        return new InteractionCoverage(counted.Ways(Required(most.Programs)), counted.Impossible(), [.. Rares(most, counted)]);
    }

    private static (int Values, int Pairs, int Triples) Required(long programs)
    {
        var reached = _line.LastOrDefault(step => programs >= step.Programs);
        return (reached.Values, reached.Pairs, reached.Triples);
    }

    private static IEnumerable<RareValue> Rares(MetInteractions most, Counted counted)
    {
        for (var value = 0; value < InteractionSpace.Values; value++)
        {
            if (counted.IsAsked(value) && Judge(most.OfValue(value), most.Programs, ValueShare) is { Met: false } goal)
            {
                yield return new RareValue(InteractionSpace.NameOfValue(value), most.OfValue(value), most.Programs, goal);
            }
        }

        for (var pair = 0; pair < InteractionSpace.Pairs; pair++)
        {
            var (a, b) = InteractionSpace.ValuesOfPair(pair);
            if (counted.IsAsked(a) && counted.IsAsked(b) && InteractionSpace.WhyNotPair(pair) is null && Judge(most.OfPair(pair), most.Programs, PairShare) is { Met: false } goal)
            {
                yield return new RareValue(InteractionSpace.NameOfPair(pair), most.OfPair(pair), most.Programs, goal);
            }
        }
    }

    private static ShareGoal Judge(long count, long programs, double share)
    {
        var (low, high) = Bounds.Wilson(Math.Min(count, programs), programs, Certainty);
        return new ShareGoal(share, low, high);
    }

    /// <summary>The union over cells, and each cell's own.</summary>
    private sealed class Counted
    {
        private readonly MetInteractions _all = new();
        private readonly IReadOnlyCollection<CellTally> _cells;
        private readonly bool[] _asked = new bool[InteractionSpace.Values];

        public Counted(Tally tally, IReadOnlyList<CellTally> told)
        {
            _cells = tally.Cells;
            foreach (var cell in told)
            {
                _all.Add(cell.Interactions);
            }

            Array.Fill(_asked, true);
            var placements = InteractionSpace.Dimensions[InteractionSpace.Placed].Values;
            for (var i = 0; i < placements.Count; i++)
            {
                _asked[InteractionSpace.ValueIndex(InteractionSpace.Placed, i)] = tally.Start!.Settings.Placements.Contains(placements[i]);
            }
        }

        /// <summary>Whether the run was to meet the value: all but placements that were not selected.</summary>
        public bool IsAsked(int value) => _asked[value];

        public IReadOnlyList<InteractionWay> Ways((int Values, int Pairs, int Triples) required) =>
            [Way(1, Values(), required.Values), Way(2, Pairs(), required.Pairs), Way(3, Triples(), required.Triples)];

        public IReadOnlyList<string> Impossible() =>
        [
            .. Enumerable.Range(0, InteractionSpace.Pairs).Where(pair => _all.OfPair(pair) > 0 && InteractionSpace.WhyNotPair(pair) is not null)
                .Select(pair => $"{InteractionSpace.NameOfPair(pair)}, said to be impossible because {InteractionSpace.WhyNotPair(pair)}"),
        ];

        private static InteractionWay Way(int ways, IEnumerable<(bool Met, Func<string> Name)> combinations, int percent)
        {
            var (covered, feasible) = (0L, 0L);
            var missing = new List<string>();
            foreach (var (met, name) in combinations)
            {
                feasible++;
                covered += met ? 1 : 0;
                if (!met && missing.Count < Shown)
                {
                    missing.Add(name());
                }
            }

            return new InteractionWay(ways, covered, feasible, feasible * percent / 100, missing);
        }

        private IEnumerable<(bool Met, Func<string> Name)> Values()
        {
            for (var value = 0; value < InteractionSpace.Values; value++)
            {
                var index = value;
                if (_asked[value])
                {
                    yield return (_all.OfValue(value) > 0, () => InteractionSpace.NameOfValue(index));
                }
            }

            foreach (var cell in _cells)
            {
                yield return (cell.Interactions.Programs > 0, () => NameOf(cell));
            }
        }

        private IEnumerable<(bool Met, Func<string> Name)> Pairs()
        {
            foreach (var pair in AskedPairs())
            {
                yield return (_all.OfPair(pair) > 0, () => InteractionSpace.NameOfPair(pair));
            }

            foreach (var cell in _cells)
            {
                for (var value = 0; value < InteractionSpace.Values; value++)
                {
                    var index = value;
                    if (_asked[value])
                    {
                        yield return (cell.Interactions.OfValue(value) > 0, () => $"{InteractionSpace.NameOfValue(index)} × {NameOf(cell)}");
                    }
                }
            }
        }

        private IEnumerable<(bool Met, Func<string> Name)> Triples()
        {
            for (var triple = 0; triple < InteractionSpace.Triples; triple++)
            {
                var index = triple;
                if (InteractionSpace.WhyNotTriple(triple) is null && InteractionSpace.ValuesOfTriple(triple).All(IsAsked))
                {
                    yield return (_all.HasTriple(triple), () => InteractionSpace.NameOfTriple(index));
                }
            }

            foreach (var cell in _cells)
            {
                foreach (var pair in AskedPairs())
                {
                    yield return (cell.Interactions.OfPair(pair) > 0, () => $"{InteractionSpace.NameOfPair(pair)} × {NameOf(cell)}");
                }
            }
        }

        private IEnumerable<int> AskedPairs()
        {
            for (var pair = 0; pair < InteractionSpace.Pairs; pair++)
            {
                var (a, b) = InteractionSpace.ValuesOfPair(pair);
                if (_asked[a] && _asked[b] && InteractionSpace.WhyNotPair(pair) is null)
                {
                    yield return pair;
                }
            }
        }

        private static string NameOf(CellTally cell) => $"{InteractionSpace.CellName} {cell.Cell}";
    }
}
