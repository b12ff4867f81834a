using System.Collections;
using Harness.Model;

namespace Harness.Verification.Interactions;

/// <summary>The combinations that one program's executions met. Grows as the worker tells.</summary>
public sealed class ProgramInteractions
{
    private const int PlacementCount = 4;

    private readonly BitArray _points = new(InteractionSpace.Points);

    public BitArray Values { get; } = new(InteractionSpace.Values);

    public BitArray Pairs { get; } = new(InteractionSpace.Pairs);

    public BitArray Triples { get; } = new(InteractionSpace.Triples);

    /// <summary>A call was made, with the stack split in these ways: bit place × 4 + placement, as the worker tells.</summary>
    public void Add(CallProfile call, int mask)
    {
        Span<byte> point = [(byte)call.Kind, (byte)call.Return, (byte)call.Argument, 0, (byte)call.Exit, call.Cleanups, 0];
        var first = InteractionSpace.PointIndex(point);
        for (; mask != 0; mask &= mask - 1)
        {
            var (place, placement) = Math.DivRem(System.Numerics.BitOperations.TrailingZeroCount(mask), PlacementCount);
            var split = (SplitPlace)place is SplitPlace.Here && call.InCleanup ? (int)SplitPlace.Cleanup : place;
            var index = first + (split * InteractionSpace.SplitStride) + placement;
            if (!_points[index])
            {
                _points[index] = true;
                (point[InteractionSpace.Split], point[InteractionSpace.Placed]) = ((byte)split, (byte)placement);
                Mark(point);
            }
        }
    }

    private void Mark(ReadOnlySpan<byte> point)
    {
        Span<int> parts = stackalloc int[InteractionSpace.TriplesOfPoint];
        InteractionSpace.EachValue(point, parts);
        Mark(Values, parts[..point.Length]);
        InteractionSpace.EachPair(point, parts);
        Mark(Pairs, parts[..InteractionSpace.PairsOfPoint]);
        InteractionSpace.EachTriple(point, parts);
        Mark(Triples, parts);
    }

    private static void Mark(BitArray bits, ReadOnlySpan<int> indices)
    {
        foreach (var index in indices)
        {
            bits[index] = true;
        }
    }
}
