using System.Collections.Immutable;

namespace Harness.Verification.Checks;

/// <summary>In what a run was not what it must be: the first lines that differ.</summary>
/// <param name="Expected">Empty: nothing more.</param>
public sealed record CheckDifference(CheckAspect Aspect, string Expected, string Observed);

/// <summary>What is wrong with a run.</summary>
internal static class CheckComparison
{
    private static readonly CheckAspect[] _aspects = Enum.GetValues<CheckAspect>();

    /// <summary>Where two runs differ that must be alike, one for each aspect.</summary>
    public static ImmutableArray<CheckDifference> Between(CheckObservation expected, CheckObservation observed) =>
        [.. _aspects.Select(aspect => First(aspect, expected[aspect], observed[aspect])).OfType<CheckDifference>()];

    /// <summary>
    /// What is wrong whatever else is right: resources and memory that are kept by a program which has returned, or given back twice.
    /// </summary>
    public static ImmutableArray<CheckDifference> Cleanup(CheckObservation seen)
    {
        var result = ImmutableArray.CreateBuilder<CheckDifference>();
        if (seen.IsUnwound && seen[CheckAspect.Resources] is { Length: > 0 } left)
        {
            result.Add(new CheckDifference(CheckAspect.Resources, "", $"never released: {string.Join(", ", left)}"));
        }

        var unfreed = seen[CheckAspect.Allocations].Where(line => line.StartsWith("unfreed ", StringComparison.Ordinal)).ToList();
        if (seen.IsUnwound && unfreed.Count > 0)
        {
            result.Add(new CheckDifference(CheckAspect.Allocations, "", $"never freed: {string.Join(", ", unfreed.Select(Allocation))}"));
        }

        foreach (var aspect in (CheckAspect[])[CheckAspect.Events, CheckAspect.Allocations])
        {
            if (seen[aspect].FirstOrDefault(line => line.Contains("-wrongly ", StringComparison.Ordinal)) is { } wrong)
            {
                result.Add(new CheckDifference(aspect, "", wrong));
            }
        }

        return result.ToImmutable();
    }

    private static string Allocation(string line) => line.Split(' ') is [_, var number, var bytes] ? $"allocation {number} of {bytes} bytes" : line;

    private static CheckDifference? First(CheckAspect aspect, ImmutableArray<string> expected, ImmutableArray<string> observed)
    {
        if (expected.AsSpan().SequenceEqual(observed.AsSpan()))
        {
            return null;
        }

        var at = 0;
        while (at < Math.Min(expected.Length, observed.Length) && expected[at] == observed[at])
        {
            at++;
        }

        return new(aspect, at < expected.Length ? expected[at] : "", at < observed.Length ? observed[at] : "");
    }
}
