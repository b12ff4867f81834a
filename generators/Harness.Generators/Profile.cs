using System.Globalization;
using System.Text;
using Harness.Model;

namespace Harness.Generators;

/// <summary>
/// A table of integer weights, one per <see cref="Feature"/>; 0 switches a feature off. <see cref="Name"/> is the named
/// profile that it comes from. Value-equal; <see cref="ToToken"/> and <see cref="Parse"/> round-trip it.
/// </summary>
public sealed record Profile
{
    private const int MaxWeight = 100_000;
    private static readonly int FeatureCount = Enum.GetValues<Feature>().Length;

    private Profile(string name, EquatableArray<int> weights)
    {
        Name = name;
        Weights = weights;
    }

    public string Name { get; }

    public EquatableArray<int> Weights { get; }

    public static IReadOnlyList<string> Names { get; } = [.. ProfileTable.Named.Keys];

    public static Profile Default { get; } = Named("default");

    public int this[Feature feature] => Weights[(int)feature];

    public bool Has(Feature feature) => this[feature] > 0;

    public static Profile Named(string name) =>
        TryNamed(name)
        ?? throw new ArgumentException($"unknown profile '{name}'; known: {string.Join(", ", Names)}", nameof(name));

    /// <summary>The default profile with a random subset of its features off.</summary>
    public static Profile Swarm(ulong seed) => Default.Swarmed(seed);

    /// <summary>
    /// This profile with each feature off with probability ½, but for those that others cannot do without.
    /// </summary>
    public Profile Swarmed(ulong seed)
    {
        var weights = Weights.ToArray();
        var state = seed;
        for (var i = 0; i < weights.Length; i++)
        {
            state = unchecked(state + 0x9E3779B97F4A7C15);
            if ((Scramble(state) & 1) == 0 && !ProfileTable.Always.Contains((Feature)i))
            {
                weights[i] = 0;
            }
        }

        foreach (var group in ProfileTable.Groups.Where(group => group.All(member => weights[(int)member] == 0)))
        {
            var kept = group.FirstOrDefault(Has, group[0]);
            weights[(int)kept] = Math.Max(1, this[kept]);
        }

        return new Profile(Name, weights.ToEquatableArray());
    }

    public Profile With(Feature feature, int weight)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(weight);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(weight, MaxWeight);
        var weights = Weights.ToArray();
        weights[(int)feature] = weight;
        return new Profile(Name, weights.ToEquatableArray());
    }

    /// <summary>
    /// One shell-safe word: the name, then <c>-z</c> and the features that are off but not in the named profile (hex,
    /// bit i of the number is feature i), then <c>-i.w</c> for each other weight that differs from the named profile's.
    /// </summary>
    public string ToToken()
    {
        var named = Named(Name);
        var token = new StringBuilder(Name);
        var off = UInt128.Zero;
        for (var i = 0; i < FeatureCount; i++)
        {
            off |= Weights[i] == 0 && named.Weights[i] != 0 ? UInt128.One << i : UInt128.Zero;
        }

        if (off != 0)
        {
            token.Append(CultureInfo.InvariantCulture, $"-z{off:x}");
        }

        for (var i = 0; i < FeatureCount; i++)
        {
            if (Weights[i] != 0 && Weights[i] != named.Weights[i])
            {
                token.Append(CultureInfo.InvariantCulture, $"-{i}.{Weights[i]}");
            }
        }

        return token.ToString();
    }

    /// <summary>
    /// The profile that <see cref="ToToken"/> wrote; <see cref="FormatException"/> for any other text.
    /// </summary>
    public static Profile Parse(string token)
    {
        var parts = token.Split('-');
        var named = TryNamed(parts[0]) ?? throw new FormatException($"unknown profile in '{token}'");
        var weights = named.Weights.ToArray();
        foreach (var part in parts.Skip(1))
        {
            if (!TryApply(part, weights))
            {
                throw new FormatException($"cannot read '{part}' of the profile '{token}'");
            }
        }

        return new Profile(named.Name, weights.ToEquatableArray());
    }

    public override string ToString() => ToToken();

    private static bool TryApply(string part, int[] weights)
    {
        if (part.StartsWith('z'))
        {
            if (
                !UInt128.TryParse(
                    part.AsSpan(1),
                    NumberStyles.AllowHexSpecifier,
                    CultureInfo.InvariantCulture,
                    out var off
                )
                || off >> FeatureCount != 0
            )
            {
                return false;
            }

            for (var i = 0; i < FeatureCount; i++)
            {
                weights[i] = (off >> i & 1) == 1 ? 0 : weights[i];
            }

            return true;
        }

        var dot = part.IndexOf('.', StringComparison.Ordinal);
        if (
            dot < 0
            || !int.TryParse(part.AsSpan(0, dot), NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            || !int.TryParse(part.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var weight)
            || index >= FeatureCount
            || weight > MaxWeight
        )
        {
            return false;
        }

        weights[index] = weight;
        return true;
    }

    private static Profile? TryNamed(string name)
    {
        if (!ProfileTable.Named.TryGetValue(name, out var changes))
        {
            return null;
        }

        var weights = Enum.GetValues<Feature>()
            .Select(feature =>
                changes.TryGetValue(feature, out var weight) ? weight : ProfileTable.Default.GetValueOrDefault(feature)
            );
        return new Profile(name, weights.ToEquatableArray());
    }

    private static ulong Scramble(ulong x)
    {
        unchecked
        {
            x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
            x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
            return x ^ (x >> 31);
        }
    }
}
