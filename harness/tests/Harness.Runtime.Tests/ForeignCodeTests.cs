using System.Globalization;
using System.Text.RegularExpressions;
using Harness.Model;

namespace Harness.Runtime.Tests;

/// <summary>
/// Calls of C, C++ and variadic functions and back, exceptions and longjmp through split frames, destructors at a thread's end
/// (zig-fixtures/foreign), on the product's runtime: each scenario with every one of its frames at the edge of a segment.
/// </summary>
public sealed partial class ForeignCodeTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigTheory(Timeout = 300_000)]
    [MemberData(nameof(Tools.Cells), MemberType = typeof(Tools))]
    [InlineData(Route.Assembly, OptimizeMode.Debug, Backend.Llvm)]
    [InlineData(Route.Assembly, OptimizeMode.ReleaseFast, Backend.Llvm)]
    public async Task Foreign_code_does_not_notice_segments_nor_they_it(Route route, OptimizeMode mode, Backend backend)
    {
        var lines = await Tools.PassAsync(await ForeignProgram.BuildAsync(new Cell(route, mode, backend), _scratch.Path));

        Assert.All(lines, line => Assert.StartsWith("checked  ", line, StringComparison.Ordinal));
        var sweeps = lines.Select(line => Sweep().Match(line)).Where(match => match.Success).ToList();
        Assert.Equal(14, sweeps.Count);
        Assert.Equal(9, lines.Length - sweeps.Count);
        Assert.All(sweeps, sweep => Assert.True(Number(sweep, "splits") > Number(sweep, "runs"), sweep.Value));
    }

    private static long Number(Match match, string group) => long.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@": (?<runs>\d+) runs, of them (?<single>\d+) split at one prologue each; (?<splits>\d+) splits$", RegexOptions.ExplicitCapture)]
    private static partial Regex Sweep();
}
