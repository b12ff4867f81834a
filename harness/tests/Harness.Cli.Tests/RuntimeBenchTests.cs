using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Harness.Cli.RuntimeBench;
using Harness.Execution;
using Harness.Reports;
using Harness.Toolchain;

namespace Harness.Cli.Tests;

/// <summary><c>bench runtime</c> over a workshop that only pretends, and once over the real one.</summary>
public sealed class RuntimeBenchTests : IDisposable
{
    private readonly Cli _cli = new();

    public void Dispose() => _cli.Dispose();

    private FakeWorkshop Workshop => _cli.Rooms.Workshop;

    private Task<int> BenchAsync(params string[] args) => _cli.RunAsync(["bench", "runtime", "--results", _cli.PathOf("results"), .. args]);

    [Fact]
    public async Task All_bars_are_judged_and_kept_as_json_and_as_a_page()
    {
        Assert.Equal(ExitCodes.Held, await BenchAsync("--rounds", "2", "--require"));
        Assert.Contains("20 of 20 bars met, 0 missed, 0 not measured", _cli.Out);
        Assert.Matches(@"hot split, libgcc as shipped +100 times cheaper +750 times \(1,500 against 2\) +met", _cli.Out);
        Assert.Matches(@"fiber switch +at most 6 ns, or 1\.5 times Boost's fcontext +7 ns, 1\.17 times fcontext's 6 ns +met", _cli.Out);
        Assert.Matches(@"prologue overhead of fib, thunk +at most 15 % +10 % +met", _cli.Out);

        var page = Assert.Single(Directory.GetFiles(_cli.PathOf("results/bench"), "runtime-*.html"));
        Assert.Contains("20 of 20 bars met", File.ReadAllText(page));
        using var json = JsonDocument.Parse(File.ReadAllText(Path.ChangeExtension(page, ".json")));
        Assert.Equal(20, json.RootElement.GetProperty("bars").GetArrayLength());
        Assert.Equal("met", json.RootElement.GetProperty("bars")[0].GetProperty("verdict").GetString());
    }

    [Fact]
    public async Task Contenders_run_in_turns_and_what_fills_memory_runs_once()
    {
        await BenchAsync("--rounds", "2");
        var hot = Workshop.Ran.Where(run => run.Arguments[0] == "hot").Select(run => run.Program + (run.Arguments.Count > 2 ? "+" : "")).ToList();
        string[] round = ["attribute", "thunk", "assembly", "libgcc", "libgcc+"];
        Assert.Equal([.. round, .. round], hot);
        Assert.Equal(3, Workshop.Ran.Count(run => run.Arguments[0] == "idle"));
    }

    [Fact]
    public async Task Rounds_go_over_the_layouts_of_a_contender_that_has_several()
    {
        Workshop.Layouts["thunk"] = 3;
        Assert.Equal(ExitCodes.Held, await BenchAsync("--only", "prologue", "--rounds", "5"));
        var thunk = Workshop.Ran.Where(run => run.Program.StartsWith("thunk", StringComparison.Ordinal) && run.Arguments[0] == "fib");
        Assert.Equal(["thunk", "thunk#1", "thunk#2", "thunk", "thunk#1"], thunk.Select(run => run.Program));
        Assert.Equal(["attribute", "thunk", "thunk", "thunk", "assembly"], Workshop.BuiltContenders);
    }

    [Fact]
    public async Task One_measurement_alone_builds_what_it_needs_and_shows_its_bars()
    {
        Assert.Equal(ExitCodes.Held, await BenchAsync("--only", "switch", "--rounds", "1", "--json"));
        Assert.Equal(["attribute", "fcontext"], Workshop.BuiltContenders);
        using var json = JsonDocument.Parse(_cli.Out);
        Assert.Equal("fiber switch", Assert.Single(json.RootElement.GetProperty("bars").EnumerateArray()).GetProperty("name").GetString());
    }

    [Fact]
    public async Task A_missed_bar_is_a_result_unless_it_is_required_to_be_met()
    {
        Workshop.Change("hot", "attribute", "hot.split 9");
        Assert.Equal(ExitCodes.Held, await BenchAsync("--only", "hot", "--rounds", "1"));
        Assert.Matches(@"hot split above the unsplit call, attribute +at most 5 ns +7 ns +missed", _cli.Out);
        Assert.Contains("2 missed", _cli.Out); // nor is it three times cheaper than libgcc's 12 ns
        Assert.Equal(ExitCodes.Falsified, await BenchAsync("--only", "hot", "--rounds", "1", "--require"));
    }

    [Fact]
    public async Task An_absent_tool_is_named_with_its_package()
    {
        Workshop.Absent["libgcc"] = new BenchmarkProgram.Skipped("gcc", "gcc");
        Workshop.Absent["go"] = new BenchmarkProgram.Skipped("go", "golang-go");
        Workshop.Absent["fcontext"] = new BenchmarkProgram.Skipped("libboost_context.a", "libboost-context-dev");
        Assert.Equal(ExitCodes.Inconclusive, await BenchAsync("--rounds", "1", "--require"));
        Assert.Contains("left out: Go: go is not installed; the Debian package golang-go has it", _cli.Out);
        Assert.Contains("left out: Boost fcontext: libboost_context.a is not installed; the Debian package libboost-context-dev has it", _cli.Out);
        Assert.Matches("signal blocking off +3 times cheaper +gcc is not installed; the Debian package gcc has it +not measured", _cli.Out);
        Assert.Matches("fiber switch .*fcontext: libboost_context.a is not installed.* not measured", _cli.Out);
        Assert.Contains("14 of 20 bars met, 0 missed, 6 not measured", _cli.Out);
    }

    [Fact]
    public async Task A_contender_that_fails_is_left_out_but_the_runtime_may_not()
    {
        Workshop.Outcomes["go"] = new ProcessOutcome.Signaled(9, FakeWorkshop.Output(""));
        Assert.Equal(ExitCodes.Held, await BenchAsync("--only", "deep", "--rounds", "1"));
        Assert.Contains("left out: Go: `deep 10000` ends by signal 9", _cli.Out);

        Workshop.Outcomes["thunk"] = new ProcessOutcome.Exited(1, FakeWorkshop.Output("", "the fiber ended as panicked\n"));
        Assert.Equal(ExitCodes.Environment, await BenchAsync("--only", "deep", "--rounds", "1"));
        Assert.Contains("harness: this runtime, thunk route: `deep 10000` ends with exit code 1: the fiber ended as panicked", _cli.Error);
    }

    [Theory]
    [InlineData("")]
    [InlineData("hot.split\n")]
    [InlineData("hot.split fast\n")]
    [InlineData("hot.split nan\n")]
    [InlineData("a b c\n")]
    public async Task Output_that_is_no_figure_is_refused(string output)
    {
        Workshop.Outcomes["attribute"] = new ProcessOutcome.Exited(0, FakeWorkshop.Output(output));
        Assert.Equal(ExitCodes.Environment, await BenchAsync("--only", "hot", "--rounds", "1"));
        Assert.Matches("harness: this runtime, attribute route reports ", _cli.Error);
    }

    [Fact]
    public async Task What_needs_more_memory_than_there_is_to_spare_is_left_out()
    {
        Workshop.Memory = 6L << 30;
        Assert.Equal(ExitCodes.Held, await BenchAsync("--only", "idle", "--rounds", "1"));
        Assert.Contains("left out: this runtime, attribute route idle: it takes 5.7 GiB", _cli.Error);
        Assert.Equal(["go", "std-io"], Workshop.Ran.Select(run => run.Program));
        Assert.Contains("0 of 3 bars met, 0 missed, 3 not measured", _cli.Out);
    }

    [Fact]
    public async Task The_page_draws_every_group_on_a_logarithmic_scale_with_its_required_values()
    {
        await BenchAsync("--rounds", "1");
        var page = File.ReadAllText(Assert.Single(Directory.GetFiles(_cli.PathOf("results/bench"), "*.html")));
        Assert.Equal(BenchGroup.All.Count, Regex.Count(page, "<svg class=\"plot\""));
        Assert.Contains("required: 4.5 KiB", page);
        Assert.Contains("required: first touch: a tenth of libgcc", page);
        Assert.Contains("prefers-color-scheme: dark", page);
        Assert.DoesNotContain("NaN", page);
        Assert.DoesNotMatch("(src|href)=", page);
        // Decades are equally far apart.
        var svg = page[page.IndexOf("aria-label=\"Deep recursion", StringComparison.Ordinal)..];
        var grid = Regex.Matches(svg[..svg.IndexOf("</svg>", StringComparison.Ordinal)], "class=\"grid\" x1=\"([0-9.]+)\"")
            .Select(match => double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)).ToList();
        Assert.True(grid.Count > 3);
        Assert.All(grid.Zip(grid.Skip(1), (a, b) => b - a), distance => Assert.Equal(grid[1] - grid[0], distance, 0.2));
    }

    [Fact]
    public void What_a_program_or_tool_says_is_text_on_the_page()
    {
        var result = new RuntimeBenchResult(
            DateTimeOffset.UnixEpoch, "0.16.0", "1", "<b>CPU</b>", 1, null, [], [new BenchSkip("go", "<script>alert(1)</script>")]);
        var page = RuntimeBenchHtml.Render(result, "scripts/harness bench runtime");
        Assert.Contains("&lt;script&gt;alert(1)", page);
        Assert.DoesNotContain("<b>CPU", page);
    }

    [Fact]
    public void Medians_are_of_the_middle()
    {
        Assert.Equal(2, Statistics.Median([9, 1, 2]));
        Assert.Equal(1.5, Statistics.Median([2, 1]));
        Assert.Throws<ArgumentException>(() => Statistics.Median([]));
    }

    [Fact]
    public void Overhead_is_judged_within_rounds()
    {
        // The machine was twice as slow in the second round: medians of each alone would be further apart than any round was.
        var result = new RuntimeBenchResult(
            DateTimeOffset.UnixEpoch, "", "", "", 3, "prologue",
            [new BenchFigure("fib.split", "attribute", [10.2, 20.4, 10.2]), new BenchFigure("fib.plain", "attribute", [10, 20, 10])], []);
        Assert.Equal(2, RuntimeBars.CheckPercent(result, "fib", "attribute")!.Value, 6);
        Assert.Null(RuntimeBars.CheckPercent(result, "fib", "thunk"));
    }

    [Fact]
    public async Task The_real_programs_build_and_report_a_split()
    {
        var zig = await ZigLocator.LocateAsync(null, Repository.Root(), CancellationToken.None) as ZigLocation.Found;
        Assert.True(zig is not null, "needs Zig: run npm ci");
        var fixtures = FixtureLayout.Find(Repository.Root());
        var cache = new ToolCache(zig.Installation, fixtures, Path.Combine(Repository.Root(), ".cache"));
        var processes = await cache.ProcessesAsync(CancellationToken.None);
        var workshop = new RealWorkshop(new BenchmarkBuilder(fixtures, cache, BenchmarkTools.None), processes, zig.Installation.Version);
        var said = new List<string>();
        var benchmark = new RuntimeBenchmark(workshop, said.Add);
        BenchMeasurement[] hot = [new("hot", [new("attribute", "attribute", ["hot", "1000"]), new("libgcc", "libgcc", ["hot", "1000"])])];

        var figures = await benchmark.RunAsync(hot, rounds: 1, _cli.Folder, CancellationToken.None);

        Assert.Equal(["hot.in_place", "hot.jumps", "hot.plain", "hot.split"], figures.Select(figure => figure.Name).Order());
        Assert.All(figures, figure => Assert.True(Assert.Single(figure.Samples) > 0));
        Assert.Equal(new BenchSkip("libgcc", "gcc is not installed; the Debian package gcc has it"), Assert.Single(benchmark.Skipped));
        Assert.Equal(new BenchmarkProgram.Skipped("go", "golang-go"), await workshop.BuildAsync("go", 0, _cli.Folder, CancellationToken.None));
        Assert.Equal(
            new BenchmarkProgram.Skipped("libboost_context.a", "libboost-context-dev"),
            await workshop.BuildAsync("fcontext", 0, _cli.Folder, CancellationToken.None));
    }
}

/// <summary>Programs that report what a good machine would.</summary>
internal sealed class FakeWorkshop : IWorkshop
{
    private readonly Dictionary<(string Measure, string Contender), string[]> _lines = [];

    public FakeWorkshop()
    {
        foreach (var route in BenchContender.Routes)
        {
            _lines[("hot", route)] = ["hot.split 4", "hot.in_place 2.1", "hot.plain 2"];
            _lines[("deep", route)] = ["deep.first 500", "deep.warm 8", "deep.again 300"];
            _lines[("fib", route)] = route == "thunk" ? ["fib.split 11", "fib.plain 10"] : ["fib.split 10.1", "fib.plain 10"];
            _lines[("calls", route)] = ["calls.split 10.1", "calls.plain 10"];
        }

        foreach (var route in BenchContender.Routes)
        {
            _lines[("upfront", route)] =
            [
                "upfront.split.spawn_ns 160", "upfront.given.spawn_ns 136", "upfront.split.call_ns 2.2", "upfront.given.call_ns 2",
                "upfront.split.bytes 4104", "upfront.given.bytes 12282",
            ];
        }

        _lines[("hot", "libgcc")] = ["hot.split 1502", "hot.in_place 2"];
        _lines[("hot", "libgcc+")] = ["hot.split 14", "hot.in_place 2"];
        _lines[("deep", "libgcc")] = _lines[("deep", "libgcc+")] = ["deep.first 6000", "deep.warm 900"];
        _lines[("deep", "go")] = ["deep.first 4000", "deep.warm 150", "deep.again 500"];
        _lines[("switch", "attribute")] = ["switch 7", "switch.shared 9"];
        _lines[("switch", "fcontext")] = ["switch 6"];
        _lines[("idle", "attribute")] = ["idle.bytes 4097", "idle.table_bytes 16", "idle.ns 900"];
        _lines[("idle", "go")] = ["idle.bytes 17000", "idle.collected_bytes 4900"];
        _lines[("idle", "std-io")] = ["idle.bytes 16400", "idle.table_bytes 4300"];
    }

    public string ZigVersion => "0.16.0";

    public long Memory { get; set; } = 64L << 30;

    public Dictionary<string, int> Layouts { get; } = [];

    public Dictionary<string, BenchmarkProgram> Absent { get; } = [];

    public Dictionary<string, ProcessOutcome> Outcomes { get; } = [];

    public List<string> BuiltContenders { get; } = [];

    public List<(string Program, IReadOnlyList<string> Arguments)> Ran { get; } = [];

    public static ProcessOutput Output(string stdout, string stderr = "") => new(stdout, stderr, false, false, TimeSpan.FromSeconds(1), null);

    /// <summary>The first line of a report is another.</summary>
    public void Change(string measure, string contender, string line) => _lines[(measure, contender)][0] = line;

    public int LayoutsOf(string contender) => Layouts.GetValueOrDefault(contender, 1);

    public Task<BenchmarkProgram> BuildAsync(string contender, int layout, string scratch, CancellationToken ct)
    {
        BuiltContenders.Add(contender);
        return Task.FromResult(Absent.GetValueOrDefault(contender) ?? new BenchmarkProgram.Built(layout == 0 ? contender : $"{contender}#{layout}"));
    }

    public Task<ProcessOutcome> RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken ct)
    {
        Ran.Add((program, arguments));
        program = program.Split('#')[0];
        var lines = _lines[(arguments[0], program + (arguments.Count > 2 ? "+" : ""))];
        return Task.FromResult(Outcomes.GetValueOrDefault(program) ?? new ProcessOutcome.Exited(0, Output(string.Join('\n', lines) + "\n")));
    }

    public long AvailableMemory() => Memory;
}
