using Harness.Model;

namespace Harness.Verification.Interactions;

/// <summary>Where the stack split under a call; of the worker's places, and one that the model tells apart.</summary>
public enum SplitPlace : byte
{
    /// <summary>On the fiber's first segment.</summary>
    Unsplit,

    /// <summary>On a segment that a call further out has split to.</summary>
    Outer,

    /// <summary>The stack split on the way into the call.</summary>
    Here,

    /// <summary>The same, and the call was made by a clean-up.</summary>
    Cleanup,
}

/// <summary>One thing that calls differ in, and the values it has.</summary>
public sealed record Dimension(string Name, IReadOnlyList<string> Values);

/// <summary>Combinations that cannot be: every value of the one with every value of the other.</summary>
/// <param name="First">Index of a dimension.</param>
public sealed record Infeasible(int First, IReadOnlyList<int> FirstValues, int Second, IReadOnlyList<int> SecondValues, string Reason);

/// <summary>
/// The space whose combinations a campaign counts: one call of one execution is one point of it. Closed: dimensions, values and what cannot be are here and
/// nowhere else. The cell is an eighth dimension that each batch has only one value of, and is added where batches are put together.
/// </summary>
public static class InteractionSpace
{
    public const int Kind = 0;
    public const int Return = 1;
    public const int Argument = 2;
    public const int Split = 3;
    public const int Exit = 4;
    public const int Cleanups = 5;
    public const int Placed = 6;

    /// <summary>Of the dimension that is added for each batch.</summary>
    public const string CellName = "cell";

    public static readonly IReadOnlyList<Dimension> Dimensions =
    [
        Of<CallKind>("call"), Of<ReturnClass>("returns"), Of<ArgumentClass>("takes"), Of<SplitPlace>("split"), Of<CallExit>("ends by"),
        new("clean-ups", ["0", "1", "2", "3+"]), Of<Placement>("placement"),
    ];

    /// <summary>Values per dimension: every call of every execution asks, and what stands below.</summary>
    private static readonly int[] _counts = [.. Dimensions.Select(dimension => dimension.Values.Count)];

    /// <summary>What is never met, and why; a run that meets one of these is not "held", for then this list is wrong.</summary>
    public static readonly IReadOnlyList<Infeasible> Infeasibles =
    [
        new(Kind, [(int)CallKind.Callback], Return, AllBut(Return, (int)ReturnClass.Void), "a C callback gives nothing back"),
        new(Kind, [(int)CallKind.Callback], Argument, AllBut(Argument, (int)ArgumentClass.Pointer), "a C callback takes one pointer"),
        new(Kind, [(int)CallKind.Callback], Exit, [(int)CallExit.Error, (int)CallExit.Cancel, (int)CallExit.Overflow], "a C callback cannot fail"),
        new(Kind, [(int)CallKind.Fiber], Split, [(int)SplitPlace.Outer, (int)SplitPlace.Cleanup], "a fiber's first call has no call of its fiber around it"),
        new(Kind, [(int)CallKind.Generic], Argument, [(int)ArgumentClass.None], "a generic function takes a value of its type"),
    ];

    private static readonly int[] _firstValue = Starts(Dimensions.Select(dimension => dimension.Values.Count));
    private static readonly (int A, int B)[] _pairs = [.. from a in Enumerable.Range(0, Dimensions.Count) from b in Enumerable.Range(a + 1, Dimensions.Count - a - 1) select (a, b)];
    private static readonly (int A, int B, int C)[] _triples = [.. from p in _pairs from c in Enumerable.Range(p.B + 1, Dimensions.Count - p.B - 1) select (p.A, p.B, c)];
    private static readonly int[] _firstPair = Starts(_pairs.Select(p => Count(p.A) * Count(p.B)));
    private static readonly int[] _firstTriple = Starts(_triples.Select(t => Count(t.A) * Count(t.B) * Count(t.C)));
    private static readonly string?[] _pairReasons = Reasons();

    /// <summary>All values, pairs and triples of values, feasible or not.</summary>
    public static int Values => _firstValue[^1];

    public static int Pairs => _firstPair[^1];

    public static int Triples => _firstTriple[^1];

    /// <summary>Points, feasible or not.</summary>
    public static int Points { get; } = Dimensions.Aggregate(1, (product, dimension) => product * dimension.Values.Count);

    /// <summary>From a point to the one with the next value of <see cref="Split"/>; <see cref="Placed"/>, the last dimension, has points in a row.</summary>
    public static int SplitStride { get; } = Dimensions.Skip(Split + 1).Aggregate(1, (product, dimension) => product * dimension.Values.Count);

    /// <param name="point">A value per dimension.</param>
    public static int PointIndex(ReadOnlySpan<byte> point)
    {
        var index = 0;
        for (var dimension = 0; dimension < point.Length; dimension++)
        {
            index = (index * Count(dimension)) + point[dimension];
        }

        return index;
    }

    public static void EachValue(ReadOnlySpan<byte> point, Span<int> into)
    {
        for (var dimension = 0; dimension < point.Length; dimension++)
        {
            into[dimension] = _firstValue[dimension] + point[dimension];
        }
    }

    /// <summary>How many pairs one point has.</summary>
    public static int PairsOfPoint => _pairs.Length;

    public static int TriplesOfPoint => _triples.Length;

    public static void EachPair(ReadOnlySpan<byte> point, Span<int> into)
    {
        for (var i = 0; i < _pairs.Length; i++)
        {
            var (a, b) = _pairs[i];
            into[i] = _firstPair[i] + (point[a] * Count(b)) + point[b];
        }
    }

    public static void EachTriple(ReadOnlySpan<byte> point, Span<int> into)
    {
        for (var i = 0; i < _triples.Length; i++)
        {
            var (a, b, c) = _triples[i];
            into[i] = _firstTriple[i] + (((point[a] * Count(b)) + point[b]) * Count(c)) + point[c];
        }
    }

    /// <summary>Why a pair cannot be; null: it can.</summary>
    public static string? WhyNotPair(int pair) => _pairReasons[pair];

    /// <summary>Why a triple cannot be: one of its pairs cannot.</summary>
    public static string? WhyNotTriple(int triple)
    {
        var (_, a, b, c) = TripleParts(triple);
        return WhyNotPair(a) ?? WhyNotPair(b) ?? WhyNotPair(c);
    }

    public static string NameOfValue(int value)
    {
        var (dimension, at) = Place(_firstValue, value);
        return $"{Dimensions[dimension].Name} {Dimensions[dimension].Values[at]}";
    }

    public static string NameOfPair(int pair)
    {
        var (a, b) = ValuesOfPair(pair);
        return $"{NameOfValue(a)} × {NameOfValue(b)}";
    }

    public static string NameOfTriple(int triple)
    {
        var (values, _, _, _) = TripleParts(triple);
        return string.Join(" × ", values.Select(NameOfValue));
    }

    /// <summary>The index of a value by its dimension.</summary>
    public static int ValueIndex(int dimension, int value) => _firstValue[dimension] + value;

    public static (int A, int B) ValuesOfPair(int pair)
    {
        var (which, at) = Place(_firstPair, pair);
        var (a, b) = _pairs[which];
        return (_firstValue[a] + (at / Count(b)), _firstValue[b] + (at % Count(b)));
    }

    public static IReadOnlyList<int> ValuesOfTriple(int triple) => TripleParts(triple).Values;

    /// <summary>The pair of two values of different dimensions, the earlier dimension first.</summary>
    public static int PairIndex(int first, int firstValue, int second, int secondValue) =>
        _firstPair[Array.IndexOf(_pairs, (first, second))] + (firstValue * Count(second)) + secondValue;

    private static (int[] Values, int Ab, int Ac, int Bc) TripleParts(int triple)
    {
        var (which, at) = Place(_firstTriple, triple);
        var (a, b, c) = _triples[which];
        var (va, vb, vc) = (at / Count(c) / Count(b), at / Count(c) % Count(b), at % Count(c));
        return ([_firstValue[a] + va, _firstValue[b] + vb, _firstValue[c] + vc], PairIndex(a, va, b, vb), PairIndex(a, va, c, vc), PairIndex(b, vb, c, vc));
    }

    private static string?[] Reasons()
    {
        var reasons = new string?[_firstPair[^1]];
        foreach (var rule in Infeasibles)
        {
            foreach (var a in rule.FirstValues)
            {
                foreach (var b in rule.SecondValues)
                {
                    reasons[PairIndex(rule.First, a, rule.Second, b)] = rule.Reason;
                }
            }
        }

        return reasons;
    }

    private static (int Which, int At) Place(int[] starts, int index)
    {
        var which = 0;
        while (starts[which + 1] <= index)
        {
            which++;
        }

        return (which, index - starts[which]);
    }

    /// <summary>Where each part starts, and behind the last one the sum.</summary>
    private static int[] Starts(IEnumerable<int> sizes)
    {
        var starts = new List<int> { 0 };
        foreach (var size in sizes)
        {
            starts.Add(starts[^1] + size);
        }

        return [.. starts];
    }

    private static int Count(int dimension) => _counts[dimension];

    private static IReadOnlyList<int> AllBut(int dimension, int value) => [.. Enumerable.Range(0, Count(dimension)).Where(other => other != value)];

    private static Dimension Of<T>(string name) where T : struct, Enum => new(name, [.. Enum.GetNames<T>().Select(value => value.ToLowerInvariant())]);
}
