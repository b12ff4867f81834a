using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Harness.Campaigns;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli.Tests;

public sealed class ReportTests : IDisposable
{
    private const string Evil = "</script><script>alert(1)</script>\"'&<b onclick=x>\u0000\u001b[2J";

    private readonly Cli _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Summary_has_the_documented_fields()
    {
        await _cli.CampaignAsync("--programs", "3", "--seed", "1", "--json");
        var summary = JsonDocument.Parse(_cli.Out).RootElement;
        string[] numbers = ["seed", "programs", "executions", "splitsForced", "faultsInjected", "probes", "framesChecked", "resourcesAcquired", "resourcesReleased"];
        Assert.All(numbers, name => Assert.Equal(JsonValueKind.Number, summary.GetProperty(name).ValueKind));
        Assert.Equal("held", summary.GetProperty("verdict").GetString());
        Assert.Equal("0.16.0", summary.GetProperty("zigVersion").GetString());
        Assert.Equal(CellMatrix.Default.Count, summary.GetProperty("cells").GetArrayLength());
        AssertHas(summary.GetProperty("cells")[0], ["cell", .. numbers[1..]]);
        AssertHas(summary.GetProperty("coverage")[0], "label", "count", "required", "met");
        AssertHas(summary.GetProperty("confidence"), "level", "upperBound");
        AssertHas(summary.GetProperty("timings"), "wallSeconds", "compileSeconds", "executeSeconds");
        AssertHas(summary.GetProperty("throughput"), "programsPerSecond", "executionsPerSecond");
        AssertHas(summary.GetProperty("throughput").GetProperty("overTime")[0], "from", "to", "programsPerSecond", "executionsPerSecond", "smallProgramsPerSecond", "smallExecutionsPerSecond");
        Assert.Equal(File.ReadAllText(_cli.OnlyRun().Summary), _cli.Out);
    }

    [Fact]
    public async Task Summary_of_a_failure_has_signature_cell_token_and_path()
    {
        _cli.Rooms.Checker.FailIn(Sample.Cell);
        await _cli.CampaignAsync("--programs", "3", "--seed", "1", "--json");
        var summary = JsonDocument.Parse(_cli.Out).RootElement;
        var finding = summary.GetProperty("findings")[0];
        AssertHas(finding, "signature", "cell", "replayToken", "casePath");
        Assert.True(Directory.Exists(_cli.PathOf("results/" + finding.GetProperty("casePath").GetString())));
        Assert.Equal(ExitCodes.Falsified, await _cli.RunAsync("replay", finding.GetProperty("replayToken").GetString()!));
        Assert.Equal(JsonValueKind.Null, summary.GetProperty("confidence").GetProperty("upperBound").ValueKind);
    }

    [Fact]
    public void The_bound_is_about_three_over_n()
    {
        var tally = Tally.Of(
        [
            new JournalRecord.RunStarted(1, "id", DateTimeOffset.UnixEpoch, new RunSettings(1, null, 1000, null, [], [], 1, ""), Sample.Versions),
            new JournalRecord.BatchChecked(0, "c", 0, 1000, [], Sample.Counters, new Dictionary<string, long>(), new Dictionary<string, long>(), PhaseSeconds.Zero, 1),
        ]);
        Assert.InRange(RunSummary.Of(tally).Confidence.UpperBound!.Value, 0.0029, 0.0030);
    }

    [Fact]
    public async Task What_was_checked_of_traces_is_in_summary_report_and_verdict()
    {
        var work = new TraceWork(
            Observed: 3,
            new RowCounts(1, 1200, 110_000, new Dictionary<string, long> { ["_start"] = 4, ["__zig_probe_stack"] = 3 }, 0.25),
            new StepCounts(1, 8000, 7900, 188, 138, 1280, new Dictionary<string, long> { ["dwarf/whole"] = 188 }, new Dictionary<string, long> { ["no ptrace"] = 1 }, 0.5));
        _cli.Rooms.Checker.Answer = (programs, _, _) => Task.FromResult(Sample.Outcome(programs.Count) with { Traces = work });
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        var cells = CellMatrix.Default.Count;
        var (run, verdict) = (_cli.OnlyRun(), _cli.Out);
        var summary = JsonDocument.Parse(File.ReadAllText(run.Summary)).RootElement;
        var traces = summary.GetProperty("traces");
        Assert.Equal(3 * cells, traces.GetProperty("observed").GetInt64());
        Assert.Equal(1200 * cells, traces.GetProperty("rows").GetProperty("entries").GetInt64());
        Assert.Equal(110_000 * cells, traces.GetProperty("rows").GetProperty("instructions").GetInt64());
        Assert.Equal(4 * cells, traces.GetProperty("rows").GetProperty("excused").GetProperty("_start").GetInt64());
        Assert.Equal(0.25 * cells, traces.GetProperty("rows").GetProperty("seconds").GetDouble());
        Assert.Equal(188 * cells, traces.GetProperty("steps").GetProperty("traces").GetProperty("dwarf/whole").GetInt64());
        var executions = summary.GetProperty("executions").GetInt64();
        var rate = (100.0 * 3 * cells / executions).ToString("0.0", CultureInfo.InvariantCulture);
        var html = File.ReadAllText(run.Report);
        foreach (var text in (string[])[verdict, html])
        {
            Assert.Contains($"by {3 * cells} of {executions:N0} executions ({rate} %)", text);
            Assert.Contains($"{1200 * cells:N0} FDEs and {110_000 * cells:N0} instructions of {cells} workers agree or are excused (2 known shortcomings in use), 0.25 s each", text);
            Assert.Contains($"{188 * cells:N0} signals sent, {138 * cells:N0} of them inside stubs", text);
            Assert.Contains($"; {cells} others could not be: no ptrace", text);
        }

        Assert.Contains("excused: __zig_probe_stack", html);
    }

    [Fact]
    public void Throughput_over_time_spreads_each_batch_over_the_time_it_had_a_lane()
    {
        var tally = Tally.Of(
        [
            new JournalRecord.RunStarted(1, "id", DateTimeOffset.UnixEpoch, new RunSettings(1, null, 1000, null, [], [], 1, ""), Sample.Versions),
            Batch(at: 3, wall: 2, programs: 20, executions: 400), // From 1 s to 3 s.
            Batch(at: 3.5, wall: 1, programs: 4, executions: 40), // From 2.5 s to 3.5 s.
            Batch(at: 0.5, wall: 0.5, programs: 7, executions: 70, scope: 2),
            new JournalRecord.RunEnded(RunStop.Completed, "") { At = 4 },
        ]);
        var spans = RunSummary.Of(tally).Throughput.OverTime;
        Assert.Equal(
            [new PaceSpan(0, 1, 0, 0, 7, 70), new PaceSpan(1, 2, 10, 200, 0, 0), new PaceSpan(2, 3, 12, 220, 0, 0), new PaceSpan(3, 4, 2, 20, 0, 0)], spans);
    }

    [Theory]
    [InlineData(0.4, 1)]
    [InlineData(7.9, 7)]
    [InlineData(1e6, 60)]
    public void However_long_a_run_was_nothing_of_it_is_lost_to_the_spans(double wall, int spans)
    {
        var each = (long)Math.Max(1, wall); // Rates have three decimals.
        JournalRecord[] records =
            [Batch(at: wall / 3, wall: 2 * wall, 3, 30 * each), Batch(at: wall, wall: wall / 2, 5, 50 * each), Batch(at: wall, wall: 0, 1, 10 * each, scope: 1)];
        var over = Tally.Of(records).Pace.Over(wall);
        Assert.Equal(spans, over.Count);
        Assert.Equal((0, Math.Round(wall, 3)), (over[0].From, over[^1].To));
        Assert.Equal(80.0, over.Sum(span => span.ExecutionsPerSecond * wall / spans) / each, 0.1);
        Assert.Equal(10.0, over.Sum(span => span.SmallExecutionsPerSecond * wall / spans) / each, 0.1);
        Assert.Empty(new Pace().Over(wall));
    }

    [Fact]
    public async Task Html_has_a_matrix_of_the_cells_that_shows_where_something_failed()
    {
        _cli.Rooms.Checker.FailIn(Sample.Cell);
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        var html = File.ReadAllText(_cli.OnlyRun().Report);
        var matrix = html[html.IndexOf("<table class=\"matrix\">", StringComparison.Ordinal)..];
        matrix = matrix[..matrix.IndexOf("</table>", StringComparison.Ordinal)];
        Assert.Equal(CellMatrix.Default.Count - 1, Regex.Count(matrix, "<td class=\"held\"><b>held</b>"));
        Assert.Single(Regex.Matches(matrix, "<td class=\"failed\"><b>1 finding</b>"));
        Assert.Contains("<h2>Throughput over time</h2>", html);
    }

    private static JournalRecord.BatchChecked Batch(double at, double wall, int programs, long executions, int? scope = null) =>
        new(0, "c", 0, programs, [], Counters.Zero with { Executions = executions }, new Dictionary<string, long>(), new Dictionary<string, long>(), PhaseSeconds.Zero, wall)
        {
            At = at, Scope = scope,
        };

    [Fact]
    public async Task Html_is_one_file_that_asks_nothing_of_the_network()
    {
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        var html = File.ReadAllText(_cli.OnlyRun().Report);
        Assert.DoesNotMatch("(?i)https?:|src=|<link|@import|url\\(", html);
        Assert.Contains("prefers-color-scheme: dark", html);
        Assert.Contains("name=\"viewport\"", html);
    }

    [Fact]
    public async Task Html_escapes_everything_that_programs_and_tools_say()
    {
        _cli.Rooms.Checker.FailIn(Sample.Cell);
        _cli.Rooms.Runner.Recording = new Recording(false, "digest/errdefer", Evil, Evil + "\nx", Evil + "\ny");
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        var html = File.ReadAllText(_cli.OnlyRun().Report);
        Assert.DoesNotContain("alert(1)</script>", html);
        Assert.DoesNotContain("<b onclick", html);
        Assert.Contains("&lt;/script&gt;&lt;script&gt;alert(1)", html);
        Assert.DoesNotMatch("[\u0000-\u0008\u000b-\u001f]", html);
    }

    [Fact]
    public void Escaping_leaves_no_character_with_a_meaning()
    {
        Assert.Equal("&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;", Html.Escape("<a href=\"x\">'&amp;"));
        Assert.Equal("é\n\t😀", Html.Escape("é\n\t😀"));
        Assert.Equal("\uFFFD\uFFFD\uFFFD", Html.Escape("\u0000\u001b\ud800"));
    }

    [Fact]
    public void The_first_difference_is_marked_and_equal_lines_before_it_are_left_out()
    {
        var common = string.Concat(Enumerable.Range(0, 50).Select(i => $"line {i}\n"));
        var text = SideBySide.Render(common + "a\nc\n", common + "b\nd\n", 80);
        Assert.Single(Regex.Matches(text, "(?m)^>"));
        Assert.Matches("(?m)^> a +\\| b$", text);
        Assert.Matches("(?m)^! c +\\| d$", text);
        Assert.Contains("(38 equal lines)", text);
        Assert.DoesNotContain("line 5\n", text);
    }

    [Fact]
    public void A_long_rest_after_the_first_difference_is_counted()
    {
        var rest = string.Concat(Enumerable.Range(0, 500).Select(i => $"line {i}\n"));
        var text = SideBySide.Render("a\n" + rest, "b\n" + rest, 80);
        Assert.Contains("(461 more lines)", text);
        Assert.True(text.Split('\n').Length < 60);
    }

    [Fact]
    public void A_side_that_ends_early_differs_there()
    {
        var lines = SideBySide.Compare("a\nb\n", "a\n");
        Assert.True(lines[1].IsFirstDifference);
        Assert.Null(lines[1].Observed);
    }

    [Fact]
    public void Side_by_side_lets_no_control_character_through() =>
        Assert.DoesNotMatch("[\u0000-\u0009\u000b-\u001f]", SideBySide.Render(Evil, Evil + "\r", 60));

    private static void AssertHas(JsonElement element, params string[] names) =>
        Assert.All(names, name => Assert.True(element.TryGetProperty(name, out _), name));
}
