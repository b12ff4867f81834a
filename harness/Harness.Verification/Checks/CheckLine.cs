using System.Globalization;

namespace Harness.Verification.Checks;

/// <summary>One line of what zig-fixtures/testing/check_host.zig writes. A closed family.</summary>
public abstract record CheckLine
{
    private CheckLine()
    {
    }

    internal abstract int Seal { get; }

    public sealed record Started(long Number) : CheckLine { internal override int Seal => 0; }

    /// <summary>Something that the run did, as its log has it.</summary>
    public sealed record Detail(string Text) : CheckLine { internal override int Seal => 0; }

    /// <param name="Hash">Of all details: they are left out where an earlier run of the process had the same.</param>
    /// <param name="Dropped">Details for which the log had no room.</param>
    /// <param name="Exhausted">The harness's memory for stacks was used up: nothing can be said.</param>
    public sealed record Ended(long Number, string Hash, long Prologues, long Splits, long Checkpoints, long Allocations, long Dropped, bool Exhausted)
        : CheckLine { internal override int Seal => 0; }

    /// <exception cref="InvalidDataException">No line of the host's.</exception>
    public static CheckLine Parse(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        if (line.StartsWith("| ", StringComparison.Ordinal))
        {
            return new Detail(line[2..]);
        }

        try
        {
            return line.Split(' ') switch
            {
                ["@start", var n] => new Started(Long(n)),
                ["@end", var n, var hash, var prologues, var splits, var checkpoints, var allocations, var dropped, var exhausted] => new Ended(
                    Long(n), hash, Long(prologues), Long(splits), Long(checkpoints), Long(allocations), Long(dropped), Long(exhausted) != 0),
                _ => throw new InvalidDataException($"not a line of the host: {Cut(line)}"),
            };
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new InvalidDataException($"not a line of the host: {Cut(line)}", e);
        }
    }

    private static long Long(string word) => long.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture);

    private static string Cut(string line) => line.Length <= 120 ? line : line[..120] + "…";
}
