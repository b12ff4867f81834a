using System.Collections.Concurrent;
using System.Globalization;
using Harness.Model;

namespace Harness.Generators.Exhaustive;

/// <summary>The small scope as a stream of programs: <c>exhaust:3</c> is that of size 3, whose ordinals are its programs in order.</summary>
public static class SmallScopeProfile
{
    /// <summary>Another word as soon as the program of an ordinal changes: stored cases name their batches by it.</summary>
    private const string Prefix = "exhaust:";

    private static readonly ConcurrentDictionary<int, IReadOnlyList<FiberProgram>> _made = [];

    public static string Of(int size) => Prefix + size.ToString(CultureInfo.InvariantCulture);

    /// <summary>The size that a profile names; null when it is a profile of random programs.</summary>
    /// <exception cref="FormatException">It names no size from 0 to <see cref="SmallScope.MaxSize"/>.</exception>
    public static int? SizeOf(string? profile)
    {
        if (profile is null || !profile.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        return int.TryParse(profile.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size <= SmallScope.MaxSize
            ? size
            : throw new FormatException($"{profile} names no size from 0 to {SmallScope.MaxSize}");
    }

    /// <summary>Made once.</summary>
    public static IReadOnlyList<FiberProgram> Programs(int size) => _made.GetOrAdd(size, SmallScope.UpTo);
}
