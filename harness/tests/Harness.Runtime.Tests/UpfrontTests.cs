using System.Globalization;
using System.Text.RegularExpressions;
using Harness.Binary;
using Harness.Binary.StackUse;
using Harness.Model;
using Harness.Toolchain;
using Xunit.Abstractions;

namespace Harness.Runtime.Tests;

/// <summary>
/// Bounds of stack use against what fibers really use (<c>programs/upfront</c>): each entry runs once on a painted segment of the size that was computed for it,
/// with a guard page below.
/// </summary>
public sealed partial class UpfrontTests(ITestOutputHelper output) : IDisposable
{
    /// <summary>What a frame may have below what its function writes: words that only a failed check, or nobody, would write.</summary>
    private const long StraightSlack = 64;

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    private sealed record Row(string Name, string Kind, long Bound, long Measured, long Splits);

    [ZigTheory(Timeout = 300_000)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted)]
    [InlineData(Route.Attribute, OptimizeMode.ReleaseSafe, Backend.Llvm)]
    [InlineData(Route.Assembly, OptimizeMode.ReleaseFast, Backend.Llvm)]
    public async Task A_bound_is_not_less_than_what_is_used_and_who_has_it_up_front_never_splits(Route route, OptimizeMode mode, Backend backend)
    {
        var program = await BuildAsync(new Cell(route, mode, backend));
        var before = await RunAsync(program);
        Assert.All(before, row => Assert.Equal(0, row.Bound));
        Assert.All(before.Where(row => row.Name is "large" or "recursion"), row => Assert.True(row.Splits > 0, row.ToString()));

        Assert.Equal(11, Fill(program, StackUsage.DefaultRules));
        var rows = await RunAsync(program);
        Assert.Equal("", string.Join('\n', rows.SelectMany(Wrong)));

        // What a function may not do: the same check, told that one of its callees needs nothing.
        var callee = route is Route.Thunk ? "unit.second" : Callee(program);
        Fill(program, StackUsage.DefaultRules with { Allowances = [.. StackUsage.DefaultRules.Allowances, new(callee, 0, "a planted underestimate")] });
        Assert.Contains((await RunAsync(program)).SelectMany(Wrong), wrong => wrong.StartsWith("chain", StringComparison.Ordinal));
    }

    /// <summary>Optimised, a function may be part of its caller: the deepest that is left of the chain.</summary>
    private static string Callee(string program)
    {
        var usage = StackUsage.Of(ElfFile.Load(program));
        return usage.Image.Functions.Select(function => function.Name).First(name => name is "unit.second" or "unit.first");
    }

    private static IEnumerable<string> Wrong(Row row)
    {
        if (row.Kind == "unbounded")
        {
            if (row.Bound != 0 || row.Splits == 0)
            {
                yield return $"{row.Name} has no bound, and {row.Bound} bytes up front; it split {row.Splits} times";
            }

            yield break;
        }

        if (row.Measured > row.Bound)
        {
            yield return $"{row.Name} used {row.Measured} bytes, and its bound is {row.Bound}";
        }

        if (row.Splits != 0)
        {
            yield return $"{row.Name} split {row.Splits} times, although it had {row.Bound} bytes up front";
        }

        if (row.Kind == "straight" && row.Bound - row.Measured > StraightSlack)
        {
            yield return $"{row.Name} used {row.Measured} bytes, which its bound of {row.Bound} should be but for {StraightSlack}";
        }
    }

    /// <returns>How many entries have a bound.</returns>
    private int Fill(string program, StackRules rules)
    {
        var file = ElfFile.Load(program);
        var (bytes, slots) = BoundSlots.Fill(file, StackUsage.Of(file, rules: rules));
        File.WriteAllBytes(program, bytes);
        foreach (var slot in slots.Where(slot => slot.Bytes is null))
        {
            output.WriteLine($"{string.Join(" > ", slot.Usage.Chain.Select(link => link.Name))}: {string.Join("; ", slot.Usage.Without)}");
        }

        return slots.Count(slot => slot.Bytes is not null);
    }

    private async Task<List<Row>> RunAsync(string program)
    {
        var lines = await Tools.PassAsync(program);
        Array.ForEach(lines, output.WriteLine);
        return [.. lines.Select(line => Line().Match(line)).Select(match => new Row(
            match.Groups["name"].Value, match.Groups["kind"].Value, Number(match, "bound"), Number(match, "measured"), Number(match, "splits")))];
    }

    private async Task<string> BuildAsync(Cell cell) => (await Tools.BuildAsync(
        Tools.Unit("programs/upfront/unit.zig"), cell, RuntimeRecipe.Product, _scratch.Path, Product.Importing(cell))).WorkerPath;

    private static long Number(Match match, string group) => long.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(?<name>\w+) (?<kind>\w+) bound (?<bound>\d+) measured (?<measured>\d+) splits (?<splits>\d+)$", RegexOptions.ExplicitCapture)]
    private static partial Regex Line();
}
