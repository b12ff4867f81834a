using System.Globalization;

namespace Harness.Verification.TestFiles;

/// <summary>How a test ended, as the runner saw it.</summary>
public enum TestState
{
    Ok,
    Skipped,
    Failed,
}

/// <summary>One line of what zig-fixtures/testing/runner.zig writes. A closed family.</summary>
public abstract record TestLine
{
    private const int MaxCharacters = 8192;

    private TestLine()
    {
    }

    internal abstract int Seal { get; }

    /// <summary>How many tests there are.</summary>
    public sealed record Count(int Tests) : TestLine { internal override int Seal => 0; }

    public sealed record Test(int Index, string Name) : TestLine { internal override int Seal => 0; }

    public sealed record Started(int Index, int Attempt) : TestLine { internal override int Seal => 0; }

    /// <param name="Splits">Of the attempt; <paramref name="Prologues"/> came to morestack.</param>
    /// <param name="Leaks">Allocations of std.testing.allocator that were not freed.</param>
    public sealed record Ended(int Index, int Attempt, TestState State, string Error, int Leaks, long Splits, long Prologues, TimeSpan Elapsed)
        : TestLine { internal override int Seal => 0; }

    /// <summary>An attempt did something else than the plain call.</summary>
    public sealed record Differs(int Index, int Attempt, string What, string Expected, string Observed)
        : TestLine { internal override int Seal => 0; }

    /// <summary>A test that passes, but not a second time in one process.</summary>
    public sealed record Once(int Index) : TestLine { internal override int Seal => 0; }

    /// <summary>The process ends because its memory is not to be trusted any more; this test and those behind it want another.</summary>
    public sealed record Next(int Index) : TestLine { internal override int Seal => 0; }

    /// <exception cref="InvalidDataException">No line of the runner's.</exception>
    public static TestLine Parse(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        if (line.Length > MaxCharacters)
        {
            throw new InvalidDataException($"a line of {line.Length} characters, which exceeds the maximum of {MaxCharacters}");
        }

        var words = line.Split(' ');
        try
        {
            return words switch
            {
                ["@count", var n] => new Count(Int(n)),
                ["@test", var i, .. var name] => new Test(Int(i), string.Join(' ', name)),
                ["@start", var i, var v] => new Started(Int(i), Int(v)),
                ["@end", var i, var v, var state, var error, _, _, var leaks, var splits, var prologues, var time, _] => new Ended(
                    Int(i), Int(v), StateOf(state), error, Int(leaks), Long(splits), Long(prologues), TimeSpan.FromTicks(Long(time) / 100)),
                ["@differs", var i, var v, var what, var expected, var observed] => new Differs(Int(i), Int(v), what, EscapedWord.Plain(expected), EscapedWord.Plain(observed)),
                ["@once", var i] => new Once(Int(i)),
                ["@next", var i] => new Next(Int(i)),
                _ => throw new InvalidDataException($"not a line of the test runner: {line}"),
            };
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new InvalidDataException($"not a line of the test runner: {line}", e);
        }
    }

    private static int Int(string word) => int.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture);

    private static long Long(string word) => long.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture);

    private static TestState StateOf(string word) => word switch
    {
        "ok" => TestState.Ok,
        "skipped" => TestState.Skipped,
        "failed" => TestState.Failed,
        _ => throw new FormatException(word),
    };
}
