using System.Collections.Immutable;

namespace Harness.Verification.TestFiles;

/// <summary>One way in which a split test was not what it is plainly.</summary>
/// <param name="Attempt">Number of the plan (runner.zig, Attempt); <see cref="TestAttempts.Name"/> has its words.</param>
/// <param name="What">result, output, leaks, errors-logged, memory, segments, registers, limit, died or hung.</param>
public sealed record TestDifference(int Attempt, string What, string Expected, string Observed)
{
    /// <summary>On one line.</summary>
    public override string ToString() => $"{What}: expected {Line(Expected)}, observed {Line(Observed)} ({TestAttempts.Name(Attempt)})";

    private static string Line(string text) => text.Length == 0 ? "nothing" : text.ReplaceLineEndings("⏎");
}

/// <summary>What came of one test. A closed family.</summary>
public abstract record TestVerdict
{
    private TestVerdict()
    {
    }

    internal abstract int Seal { get; }

    /// <summary>It passes plainly, and in every split attempt alike.</summary>
    public sealed record Held : TestVerdict { internal override int Seal => 0; }

    /// <summary>It skips itself.</summary>
    public sealed record Skipped : TestVerdict { internal override int Seal => 0; }

    /// <summary>It fails without any split: nothing can be said of it.</summary>
    public sealed record FailedAnyway(string Reason) : TestVerdict { internal override int Seal => 0; }

    /// <summary>It passes plainly, and did something else when split, again in a process of its own.</summary>
    public sealed record Broken(ImmutableArray<TestDifference> Differences) : TestVerdict { internal override int Seal => 0; }

    /// <summary>It did something else when split, but not again in a process of its own: it depends on what ran before or on chance.</summary>
    public sealed record Unsteady(ImmutableArray<TestDifference> Differences) : TestVerdict { internal override int Seal => 0; }
}

/// <param name="Attempts">Split ones that were made, with the one that only counts prologues.</param>
public sealed record TestResult(int Index, string Name, TestVerdict Verdict, int Attempts, long Splits)
{
    /// <summary>Of parts of a file that were run by themselves: a test that several of them have is one, broken if one of them broke it. Numbered anew, in their order.</summary>
    public static IEnumerable<TestResult> Joined(IEnumerable<TestResult> parts) => parts.GroupBy(result => result.Name, StringComparer.Ordinal)
        .Select((same, index) => same.MaxBy(result => result.Verdict is TestVerdict.Broken)! with { Index = index });
}

/// <summary>The attempts of runner.zig in words.</summary>
public static class TestAttempts
{
    /// <summary>The first attempt that is made in a fiber.</summary>
    public const int FirstInFiber = 2;

    /// <summary>The first one with a single split.</summary>
    public const int FirstSingle = 7;

    public const int Count = 13;

    public static string Name(int attempt) => attempt switch
    {
        0 => "plain",
        1 => "plain again",
        2 => "in a fiber, no forced split",
        3 => "every prologue splits, descending segments, kept",
        4 => "every prologue splits, ascending segments, poisoned",
        5 => "every prologue splits, interleaved segments, some unmapped",
        6 => "every prologue splits, the product's own memory",
        _ => $"one split, in part {attempt - FirstSingle + 1} of {Count - FirstSingle} of its prologues",
    };
}
