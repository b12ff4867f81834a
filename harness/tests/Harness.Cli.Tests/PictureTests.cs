using System.Text.RegularExpressions;
using Harness.Campaigns;
using Harness.Reports.Pictures;
using Harness.Verification.Pictures;

namespace Harness.Cli.Tests;

/// <summary>Pictures as text and as HTML, from one that has everything.</summary>
public sealed class PictureTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("pictures-");

    public void Dispose() => _folder.Delete(recursive: true);

    private static PicturedFrame Frame(string function, int line, long? bytes, string mark = "", FrameRole role = FrameRole.Program) =>
        new(role, function, line > 0 ? $"unit.zig:{line}" : "", bytes, mark);

    private static readonly PicturedFrame _stub = Frame("__morestack", 0, null, role: FrameRole.Stub);

    /// <summary>One that has everything.</summary>
    internal static StackPicture Whole => Picture();

    private static StackPicture Picture(string odd = "compute_2") => new(
        "at the probe of site 9, number 3 of fiber 1",
        new PicturedFault("error.Injected", "at entry 12: fetch_3 unit.zig:26, fiber 1, depth 4"),
        [
            new PicturedSegment(3, 2048, 400, true, [Frame("fetch_3", 26, 128, "fault"), Frame("run_4", 31, null, role: FrameRole.Inlined), Frame(odd, 18, 96)]),
            new PicturedSegment(2, 2048, null, false, [_stub, Frame("visit_1", 44, 112)]),
            new PicturedSegment(1, 4096, null, null, [_stub, Frame("start_0", 12, 208), Frame("fiber start", 0, null, role: FrameRole.Runtime)]),
        ],
        0,
        new PicturedTraces(
            true, [new PicturedObserver("frame pointers", "complete, 3 frames", true), new PicturedObserver("std.debug", "WrongFunction at frame 1", false)],
            [
                new TraceRow("fetch_3 unit.zig:26", [new TraceCell("fetch_3 unit.zig:26", false), new TraceCell("fetch_3 unit.zig:26", false)]),
                new TraceRow(null, [new TraceCell(null, false), new TraceCell("touch_9 unit.zig:90", true)]),
                new TraceRow("visit_1 unit.zig:44", [new TraceCell("visit_1 unit.zig:44", false), new TraceCell(null, false)]),
            ],
            0),
        new PicturedCleanup(
            1, "error.Injected returned by the checkpoint of fetch_3", true,
            [new CleanupStep("errdefer", "visit_1 unit.zig:40", "releases heap block 3", null), new CleanupStep("defer", "start_0 unit.zig:10", "log", "errdefer log start_0 unit.zig:9")],
            0));

    [Fact]
    public void Text_shows_boxes_side_by_side_with_edges_where_functions_split()
    {
        var lines = PictureText.Render(Picture(), TextStyle.Plain).Split('\n');
        Assert.Equal("stack      at the probe of site 9, number 3 of fiber 1", lines[0]);
        Assert.Equal("fault      error.Injected at entry 12: fetch_3 unit.zig:26, fiber 1, depth 4", lines[1]);
        Assert.Equal("", lines[2]);
        Assert.Matches("^┌─ segment 3 ─+┐  ┌─ segment 2 ─+┐$", lines[3]);
        Assert.Matches("^│ ! fetch_3 unit.zig:26 +128 B │ ┌┤ ~ __morestack to 3 +│$", lines[4]);
        Assert.Matches("^│ \\+ run_4 unit.zig:31 +inlined │ ││   visit_1 unit.zig:44 +112 B │$", lines[5]);
        Assert.Matches("^│   compute_2 unit.zig:18 +96 B ├─┘└─ 2,048 B, below 1 ─+┘$", lines[6]);
        Assert.Matches("^└─ 400 of 2,048 B used, above 2 ─+┘$", lines[7]);
        Assert.Matches("^┌─ segment 1, the first ─+┐$", lines[8]);
    }

    [Fact]
    public void Text_marks_the_first_wrong_frame_and_the_first_wrong_step()
    {
        var text = PictureText.Render(Picture(), TextStyle.Plain);
        Assert.Single(Regex.Matches(text, "> touch_9 unit.zig:90"));
        Assert.Contains("> the first wrong frame", text);
        Assert.Matches("(?m)^>   2 defer +log +start_0 unit.zig:10$", text);
        Assert.Contains("first wrong step; the model has: errdefer log start_0 unit.zig:9", text);
        Assert.Contains("! the fault struck here", text);
    }

    [Fact]
    public void Observers_that_saw_the_same_share_a_column()
    {
        var picture = Picture();
        var traces = picture.Traces!;
        var again = traces with
        {
            Observers = [.. traces.Observers, traces.Observers[0] with { Name = "libgcc" }],
            Rows = [.. traces.Rows.Select(r => r with { Seen = [.. r.Seen, r.Seen[0]] })],
        };
        var lines = PictureText.Render(picture with { Traces = again }, TextStyle.Plain).Split('\n').ToList();
        var title = lines.FindIndex(l => l.StartsWith("  must be", StringComparison.Ordinal));
        Assert.Matches("^  must be +frame pointers +std.debug$", lines[title]);
        Assert.Matches("^ +libgcc$", lines[title + 1]);
        Assert.Equal(lines[title].IndexOf("frame pointers", StringComparison.Ordinal), lines[title + 1].IndexOf("libgcc", StringComparison.Ordinal));
        // One frame less is another column.
        var other = again with { Rows = [.. again.Rows.Select((r, i) => i == 0 ? r with { Seen = [.. r.Seen.Take(2), new TraceCell(null, false)] } : r)] };
        Assert.Contains(PictureText.Render(picture with { Traces = other }, new TextStyle(120, false, false)).Split('\n'), l => Regex.IsMatch(l, "^  must be +frame pointers +std.debug +libgcc$"));
    }

    [Theory]
    [InlineData(40)]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(200)]
    public void No_line_is_longer_than_the_width(int width)
    {
        foreach (var odd in (string[])["compute_2", new string('x', 300), ""])
        {
            var text = PictureText.Render(Picture(odd), new TextStyle(width, false, false));
            Assert.All(text.Split('\n'), line => Assert.True(line.Length <= width, line));
            Assert.All(text.Split('\n'), line => Assert.Equal(line.TrimEnd(), line));
        }

        // Where there is room all boxes are on one line.
        Assert.Equal(width >= 200, Regex.IsMatch(PictureText.Render(Picture(), new TextStyle(width, false, false)), "segment 3.*segment 2.*segment 1"));
    }

    [Fact]
    public void Colours_say_nothing_that_characters_do_not()
    {
        var plain = PictureText.Render(Picture(), TextStyle.Plain);
        var painted = PictureText.Render(Picture(), TextStyle.Plain with { Color = true });
        Assert.DoesNotContain('\u001b', plain);
        Assert.Contains("\u001b[1;31m", painted);
        Assert.Equal(plain, Regex.Replace(painted, "\u001b\\[[0-9;]*m", ""));
    }

    [Fact]
    public void A_terminal_without_box_drawing_characters_gets_none() =>
        Assert.DoesNotMatch("[^\u0000-\u007e]", PictureText.Render(Picture(new string('x', 300)), TextStyle.Plain with { Ascii = true }));

    [Fact]
    public void Nothing_that_a_program_says_writes_over_the_picture()
    {
        var text = PictureText.Render(Picture("a\u001b[2J\rb\nc"), TextStyle.Plain);
        Assert.DoesNotMatch("[\u0000-\u0009\u000b-\u001f]", text);
        Assert.Equal(PictureText.Render(Picture("a?[2J?b?c"), TextStyle.Plain).Split('\n').Length, text.Split('\n').Length);
    }

    [Fact]
    public void A_deep_stack_is_folded_in_the_middle_and_counted()
    {
        var deep = Picture() with
        {
            FramesLeftOut = 700,
            Segments = [.. Enumerable.Range(0, 50).Select(i => new PicturedSegment(50 - i, 2048, null, true, [_stub, Frame($"run_{i}", i + 1, 64)]))],
        };
        var text = PictureText.Render(deep, TextStyle.Plain);
        Assert.Contains("(42 more segments that were sent, 784 frames in all)", text);
        Assert.True(text.Split('\n').Length < 70, text);
        var one = Picture() with { Segments = [new PicturedSegment(1, 9000, null, null, [.. Enumerable.Range(0, 90).Select(i => Frame($"run_{i}", i + 1, 64))])] };
        Assert.Contains("(79 more frames)", PictureText.Render(one, TextStyle.Plain));
    }

    [Fact]
    public void A_case_keeps_its_picture()
    {
        var stored = Sample.Stored() with { Picture = Picture() with { IsCutOff = true } };
        CaseStore.Write(_folder.FullName, stored);
        Assert.Equal(stored.Picture, CaseStore.Read(_folder.FullName).Picture);
        CaseStore.Copy(_folder.FullName, Path.Combine(_folder.FullName, "copy"));
        Assert.Equal(stored.Picture, CaseStore.Read(Path.Combine(_folder.FullName, "copy")).Picture);
        // A smaller case without one does not keep the larger one's.
        CaseStore.Write(_folder.FullName, Sample.Stored());
        Assert.Null(CaseStore.Read(_folder.FullName).Picture);
    }

    [Fact]
    public void A_damaged_picture_is_said_in_one_line()
    {
        CaseStore.Write(_folder.FullName, Sample.Stored());
        File.WriteAllText(Path.Combine(_folder.FullName, CaseStore.PictureFile), "{\"moment\":");
        var message = Assert.Throws<InvalidDataException>(() => CaseStore.Read(_folder.FullName)).Message;
        Assert.Contains("stack.json is damaged; remove it", message);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public async Task Html_draws_the_picture_and_escapes_what_is_in_it()
    {
        using var cli = new Cli();
        cli.Rooms.Checker.FailIn(Sample.Cell);
        cli.Rooms.Runner.Recording = new Recording(false, "digest/errdefer", "digest", "a", "b") { Picture = Picture("<script>alert(1)</script>") };
        await cli.CampaignAsync("--programs", "3", "--seed", "1");
        var html = File.ReadAllText(cli.OnlyRun().Report);
        Assert.Contains("<figure class=\"stack\">", html);
        Assert.Contains("first wrong frame: touch_9 unit.zig:90", html);
        Assert.Contains("stub of a split, leads to segment 3", html);
        Assert.Contains("first wrong step; the model has: ", html);
        Assert.Contains("the fault struck here", html);
        Assert.Contains("copy as text", html);
        Assert.DoesNotContain("alert(1)</script>", html);
        Assert.DoesNotMatch("(?i)https?:|src=|<link|@import|url\\(", html);
    }
}
