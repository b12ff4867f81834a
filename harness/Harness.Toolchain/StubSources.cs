using System.Text.RegularExpressions;

namespace Harness.Toolchain;

/// <summary>What the runtime's assembly defines, as its sources declare it.</summary>
public static partial class StubSources
{
    /// <summary>Every file of assembly that a worker, a product's program, or one with foreign code is linked with.</summary>
    public static IReadOnlyList<string> All { get; } = ["runtime/morestack.S", "runtime/unwind.h", "runtime/fiber.S", "runtime/jump.S", "runtime/exit.S", "worker/gates.S"];

    /// <summary>The functions of these files, in their order.</summary>
    public static IReadOnlyList<string> Functions(FixtureLayout fixtures, IEnumerable<string> files)
    {
        ArgumentNullException.ThrowIfNull(fixtures);
        return [.. files.SelectMany(file => Declaration().Matches(File.ReadAllText(fixtures.PathOf(file)))).Select(match => match.Groups["name"].Value)];
    }

    [GeneratedRegex(@"^ +(\.type (?<name>\w+), @function|(enter_|trace_|blocking_)?gate (?<name>\w+))", RegexOptions.ExplicitCapture | RegexOptions.Multiline)]
    private static partial Regex Declaration();
}
