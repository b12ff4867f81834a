using System.Globalization;
using System.Text.RegularExpressions;
using Harness.Binary;
using Harness.Binary.StackUse;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Runtime.Tests;

/// <summary>
/// Every frame size from 0 to 5,000 bytes, and frames aligned to up to 4,096, at every residue of stack, in every cell: nothing is written
/// below the segment.
/// </summary>
public sealed partial class FrameTests : IDisposable
{
    private const string UnitSource = "trials/frames_unit.zig";
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigTheory(Timeout = 300_000)]
    [MemberData(nameof(Tools.Cells), MemberType = typeof(Tools))]
    public async Task No_frame_at_any_residue_writes_below_its_segment(Route route, OptimizeMode mode, Backend backend)
    {
        var built = await Tools.BuildAsync(
            Tools.Unit(UnitSource), new Cell(route, mode, backend), Trial.Recipe(Trial.Driver("frames")), _scratch.Path);
        var lines = await Tools.PassAsync(built.WorkerPath);

        var sweeps = lines.Select(line => Sweep().Match(line)).Where(match => match.Success).ToList();
        Assert.Equal(["canaries", "no_access_page"], sweeps.Select(sweep => sweep.Groups["method"].Value));
        Assert.All(sweeps, sweep => Assert.Equal(626, Number(sweep, "frames")));
        Assert.All(sweeps, sweep => Assert.True(Number(sweep, "pairs") > 250_000, sweep.Value));
        var aligned = lines.Select(line => Realigned().Match(line)).Where(match => match.Success).ToList();
        Assert.Equal(["canaries", "no_access_page"], aligned.Select(sweep => sweep.Groups["method"].Value));
        Assert.All(aligned, sweep => Assert.True(Number(sweep, "frames") == 40 && Number(sweep, "pairs") > 10_000, sweep.Value));
        AssertWithinBound(lines, ElfFile.Load(built.WorkerPath), built.Slack!);
        var passed = lines.Select(line => Passed().Match(line)).Single(match => match.Success);
        Assert.Equal((32, 768), (Number(passed, "types"), Number(passed, "calls")));
        Assert.True(Number(passed, "overwritten") == 768, passed.Value);
    }

    /// <summary>
    /// How far below the limit the slack was written in all these calls, painted before, is no more than the call graph says, and not much less:
    /// callers stand up to 256 bytes below the limit, and what a function does before its check comes below that.
    /// </summary>
    private static void AssertWithinBound(string[] lines, ElfFile program, SlackReport slack)
    {
        const int callerBytes = 256 + 8;
        var measured = lines.Select(line => Mark().Match(line)).Where(match => match.Success).Select(match => Number(match, "bytes")).Single();
        var graph = new StackGraph(CodeImage.Of(program), StackRules.Default with { Limit = ReserveAnalysis.LimitOf(program) });
        var bounds = new StackBounds(graph, BoundScope.UntilCheck);
        var unit = graph.Image.ObjectDefining(SlackAudit.UnitSymbol);
        var entries = graph.Image.Functions.Where(f => f.Object == unit).Select(f => graph.Of(f.Start)).Where(use => use.HasCheck).ToList();
        var bound = Math.Max(slack.WorstBytes, callerBytes + entries.Max(use => bounds.BytesOf(use.Function.Start).Bytes));
        Assert.InRange(measured, bound - 128, bound);
        Assert.True(bound <= RuntimeRecipe.SlackBytes);
    }

    /// <summary>Mistakes in a file of the runtime: a text and what stands there instead.</summary>
    public static TheoryData<string, string, string, string> Mistakes { get; } = new()
    {
        { "runtime/growth.zig", "cfa - word - frame_bytes > parent.limit", "cfa - word - frame_bytes + 512 > parent.limit", "bytes below the limit" },
        { "runtime/growth.zig", "- range.limit - entry_bytes + ", "- range.limit + 512 + ", "below its own segment's limit" },
        { "runtime/growth.zig", "stack, frame_bytes + arguments)", "stack, frame_bytes / 2 + arguments)", "below its own segment's limit" },
    };

    [ZigTheory(Timeout = 300_000)]
    [MemberData(nameof(Mistakes))]
    public async Task A_mistake_in_the_allocator_shows(string file, string right, string wrong, string complaint)
    {
        var copy = _scratch["copy"];
        Trial.Broken(file, copy, (text, at) => text.Remove(at, right.Length).Insert(at, wrong), right);
        var built = await Tools.BuildAsync(
            Tools.Unit(UnitSource), new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted),
            Trial.Recipe(Trial.Driver("frames")).From(copy, "growth"), _scratch["unit"]);
        await Trial.AssertFailsAsync(built.WorkerPath, complaint);
    }

    private static long Number(Match match, string group) => long.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^realigned  (?<method>\w+): (?<frames>\d+) frames, (?<pairs>\d+) pairs, of them [1-9]\d* split$", RegexOptions.ExplicitCapture)]
    private static partial Regex Realigned();

    [GeneratedRegex(@"^checked  stack arguments of (?<types>\d+) types, (?<calls>\d+) calls, (?<overwritten>\d+) of them overwritten by the callee$", RegexOptions.ExplicitCapture)]
    private static partial Regex Passed();

    [GeneratedRegex(@"^slack used (?<bytes>\d+) bytes$", RegexOptions.ExplicitCapture)]
    private static partial Regex Mark();

    [GeneratedRegex(
        @"^checked  (?<method>\w+): (?<frames>\d+) frames, (?<pairs>\d+) pairs of frame and residue, of them (?<split>\d+) split",
        RegexOptions.ExplicitCapture)]
    private static partial Regex Sweep();
}
