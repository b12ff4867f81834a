namespace Harness.Binary.StackUse;

/// <summary>A shortest way round in a strongly connected part of a graph.</summary>
internal static class ShortestCycle
{
    /// <summary>Of a large part not every beginning is tried.</summary>
    private const int MaxBeginnings = 256;

    /// <param name="part">Its nodes.</param>
    /// <param name="next">Where a node leads; what is not in the part is passed over.</param>
    /// <returns>Each leads to the next, the last to the first; empty: there is no way round.</returns>
    public static IReadOnlyList<ulong> Of(IReadOnlyCollection<ulong> part, Func<ulong, IEnumerable<ulong>> next)
    {
        var inside = part.ToHashSet();
        IReadOnlyList<ulong> best = [];
        foreach (var from in part.Order().Take(MaxBeginnings))
        {
            if (Through(from, inside, next, best.Count > 0 ? best.Count : int.MaxValue) is { } found)
            {
                best = found;
            }

            if (best.Count == 1)
            {
                break;
            }
        }

        return best;
    }

    /// <summary>The shortest one from a node back to it, if it is shorter than a number.</summary>
    private static List<ulong>? Through(ulong from, HashSet<ulong> inside, Func<ulong, IEnumerable<ulong>> next, int than)
    {
        var before = new Dictionary<ulong, ulong>();
        var queue = new Queue<(ulong Node, int Length)>([(from, 1)]);
        while (queue.TryDequeue(out var at))
        {
            if (at.Length >= than)
            {
                return null;
            }

            foreach (var target in next(at.Node).Where(inside.Contains))
            {
                if (target == from)
                {
                    var way = new List<ulong> { at.Node };
                    while (way[^1] != from)
                    {
                        way.Add(before[way[^1]]);
                    }

                    way.Reverse();
                    return way;
                }

                if (before.TryAdd(target, at.Node))
                {
                    queue.Enqueue((target, at.Length + 1));
                }
            }
        }

        return null;
    }
}
