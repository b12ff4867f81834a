using System.Globalization;
using System.Text.RegularExpressions;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Binary.Tests;

/// <summary>Both routes, end to end, on a hand-written unit and a stub runtime that counts the checks that fire.</summary>
public sealed partial class InjectionTests
{
    private static readonly RuntimeRecipe _stub = new(
    [
        new RuntimePart("stub-morestack", Tools.Fixture("stub.S"), OptimizeMode.ReleaseFast, [], []),
        new RuntimePart("stub", Tools.Fixture("stub.zig"), OptimizeMode.ReleaseSmall, ["-lc"], []),
    ]);

    private static readonly BuildOptions _options = new()
    {
        Injection = InjectionOptions.Default with { Excluded = [.. InjectionOptions.Default.Excluded, "unit.naked"] },
    };

    public static TheoryData<Route, OptimizeMode, Backend> Cells { get; } = new()
    {
        { Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted },
        { Route.Thunk, OptimizeMode.Debug, Backend.Llvm },
        { Route.Thunk, OptimizeMode.ReleaseSafe, Backend.Llvm },
        { Route.Thunk, OptimizeMode.ReleaseFast, Backend.Llvm },
        { Route.Thunk, OptimizeMode.ReleaseSmall, Backend.Llvm },
        { Route.Attribute, OptimizeMode.Debug, Backend.Llvm },
        { Route.Attribute, OptimizeMode.ReleaseSafe, Backend.Llvm },
        { Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm },
        { Route.Attribute, OptimizeMode.ReleaseSmall, Backend.Llvm },
    };

    [ZigTheory(Timeout = 300_000)]
    [MemberData(nameof(Cells))]
    public async Task Every_call_passes_a_check_and_none_changes_what_the_unit_computes(Route route, OptimizeMode mode, Backend backend)
    {
        using var scratch = new Scratch();
        var built = await BuildAsync(new Cell(route, mode, backend), scratch.Path);
        var output = await Tools.RunAsync(built.WorkerPath);

        var unsplit = UnsplitRun().Match(output);
        var split = SplitRun().Match(output);
        Assert.True(unsplit.Success && split.Success, output);
        Assert.Equal("0", unsplit.Groups["splits"].Value);
        Assert.Equal(unsplit.Groups["enters"].Value, split.Groups["enters"].Value);
        Assert.Equal(split.Groups["enters"].Value, split.Groups["splits"].Value);
        Assert.True(int.Parse(split.Groups["enters"].Value, CultureInfo.InvariantCulture) > 140, output);
        Assert.Equal("1", split.Groups["unsplit"].Value);
        Assert.Contains("same=1", output, StringComparison.Ordinal);
    }

    [ZigTheory(Timeout = 300_000)]
    [MemberData(nameof(Cells))]
    public async Task Functions_that_must_not_be_split_are_not(Route route, OptimizeMode mode, Backend backend)
    {
        using var scratch = new Scratch();
        var built = await BuildAsync(new Cell(route, mode, backend), scratch.Path);

        var reasons = built.Injection.Unsplit.ToDictionary(function => function.Name, function => function.Reason);
        Assert.Equal(UnsplitReason.AsksReturnAddress, reasons["unit.whoCalls"]);
        Assert.Equal(UnsplitReason.Excluded, reasons["unit.naked"]);
        if (mode is OptimizeMode.Debug)
        {
            Assert.Equal(UnsplitReason.Excluded, reasons["builtin.returnError"]);
        }

        Assert.DoesNotContain(reasons.Keys, name => name is "unit.fibonacci" or "unit.fiber" or "unit.manyArguments");
        Assert.Equal(built.Injection.Functions, built.Injection.Split + built.Injection.Unsplit.Length);
        Assert.Equal(0, built.Injection.UnknownFrames);
    }

    private static async Task<BuildOutcome.Built> BuildAsync(Cell cell, string directory)
    {
        var builder = new WorkerBuilder(Tools.Fixtures, Tools.Cache, _stub, _options);
        var unit = Tools.Unit(await File.ReadAllTextAsync(Tools.Fixture("unit.zig")));
        var outcome = await builder.BuildAsync(unit, cell, directory, CancellationToken.None);
        Assert.True(outcome is BuildOutcome.Built, outcome.ToString());
        return (BuildOutcome.Built)outcome;
    }

    [GeneratedRegex(@"^unsplit splits=(?<splits>\d+) enters=(?<enters>\d+)$", RegexOptions.Multiline)]
    private static partial Regex UnsplitRun();

    [GeneratedRegex(@"^split splits=(?<splits>\d+) enters=(?<enters>\d+) unsplit=(?<unsplit>\d+)$", RegexOptions.Multiline)]
    private static partial Regex SplitRun();
}
