using FsCheck;
using FsCheck.Fluent;

namespace Harness.Generators.Building;

/// <summary>
/// Draws from FsCheck generators, one after the other, from one seed. What a statement may refer to depends on
/// everything before it; drawing step by step lets that scope be an ordinary object instead of a state threaded through
/// binds.
/// </summary>
internal sealed class Choices(ulong seed, int size)
{
    private ulong _state = seed;

    public int Size { get; } = size;

    public T Draw<T>(Gen<T> gen)
    {
        _state = unchecked(_state + 0x9E3779B97F4A7C15);
        return gen.Sample(Math.Max(1, Size), new Rnd(_state), 1).First();
    }

    public int Between(int low, int high) => low >= high ? low : Draw(Gen.Choose(low, high));

    public bool Chance(int percent) => Between(0, 99) < percent;

    public T Of<T>(IReadOnlyList<T> items) => items[Between(0, items.Count - 1)];

    /// <summary>An index, as likely as its weight; the first when all are 0.</summary>
    public int Weighted(ReadOnlySpan<int> weights)
    {
        var total = 0;
        foreach (var weight in weights)
        {
            total += weight;
        }

        var rest = Between(0, total - 1);
        for (var i = 0; i < weights.Length; i++)
        {
            rest -= weights[i];
            if (rest < 0)
            {
                return i;
            }
        }

        return 0;
    }

    /// <summary>One of the features by the profile's weights; the first when all are off.</summary>
    public Feature Pick(Profile profile, params ReadOnlySpan<Feature> features)
    {
        Span<int> weights = stackalloc int[features.Length];
        for (var i = 0; i < features.Length; i++)
        {
            weights[i] = profile[features[i]];
        }

        return features[Weighted(weights)];
    }
}
