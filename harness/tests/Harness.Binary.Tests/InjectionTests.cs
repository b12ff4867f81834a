using System.Globalization;
using System.Text.RegularExpressions;
using Harness.Model;

namespace Harness.Binary.Tests;

/// <summary>
/// Both routes, end to end, on a hand-written unit and a stub runtime that counts the checks that fire.
/// </summary>
[Collection(UnitBuildsCollection.Name)]
public sealed partial class InjectionTests(UnitBuilds builds)
{
    [ZigTheory(Timeout = 300_000)]
    [MemberData(nameof(UnitBuilds.Cells), MemberType = typeof(UnitBuilds))]
    public async Task Every_call_passes_a_check_and_none_changes_what_the_unit_computes(
        Route route, OptimizeMode mode, Backend backend)
    {
        var built = await builds.GetAsync(route, mode, backend);
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
    [MemberData(nameof(UnitBuilds.Cells), MemberType = typeof(UnitBuilds))]
    public async Task Functions_that_must_not_be_split_are_not(Route route, OptimizeMode mode, Backend backend)
    {
        var built = await builds.GetAsync(route, mode, backend);

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

    [GeneratedRegex(@"^unsplit splits=(?<splits>\d+) enters=(?<enters>\d+)$", RegexOptions.Multiline)]
    private static partial Regex UnsplitRun();

    [GeneratedRegex(
        @"^split splits=(?<splits>\d+) enters=(?<enters>\d+) unsplit=(?<unsplit>\d+)$", RegexOptions.Multiline)]
    private static partial Regex SplitRun();
}
