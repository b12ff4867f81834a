using Harness.Campaigns;
using Harness.Reports;
using Harness.Verification.Standalone;

namespace Harness.Cli.Tests;

/// <summary>What a case depends on, from the runner to the folder, the journal, the reports and <c>show</c>; and the file that shows it elsewhere.</summary>
public sealed class ExplainedCaseTests : IDisposable
{
    private readonly Cli _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task An_explanation_is_stored_with_the_case_told_by_the_run_and_shown()
    {
        _cli.Rooms.Runner.Explanation = JournalTests.Explanation;
        _cli.Rooms.Checker.FailIn(Sample.Cell);
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        const string free = "fails whatever the placement is: pool, ascending";
        Assert.Contains(free, _cli.Out);
        var run = _cli.OnlyRun();
        Assert.Contains(free, File.ReadAllText(run.Report));
        Assert.Contains("\"together\": 4", File.ReadAllText(run.Summary));
        var folder = Assert.Single(Directory.GetDirectories(run.Cases));
        Assert.Equal(JournalTests.Explanation, CaseStore.Read(folder).Explanation);
        Assert.Equal(JournalTests.Explanation, Assert.Single(JournalReader.Read(run.Journal).Records.OfType<JournalRecord.FindingExplained>()).Explanation);
        await _cli.RunAsync("show", folder);
        Assert.Contains("depends    on what follows", _cli.Out);
        Assert.Contains("  with the split = none, at every prologue; not with at call depth 1 (1 more came to nothing)\n", _cli.Out);
        await _cli.RunAsync("keep", folder, "--results", _cli.PathOf("results"));
        Assert.Equal(JournalTests.Explanation, CaseStore.Read(Assert.Single(CaseStore.Folders(_cli.PathOf("results/regressions")))).Explanation);
    }

    [Fact]
    public async Task Shrink_explains_what_it_ends_with_unless_it_is_told_not_to()
    {
        _cli.Rooms.Runner.Explanation = JournalTests.Explanation;
        CaseStore.Write(_cli.PathOf("case"), Sample.Stored());
        Assert.Equal(ExitCodes.Falsified, await _cli.RunAsync("shrink", _cli.PathOf("case"), "--explain", "0s"));
        Assert.Null(CaseStore.Read(_cli.PathOf("case")).Explanation);
        Assert.Equal(ExitCodes.Falsified, await _cli.RunAsync("shrink", _cli.PathOf("case")));
        Assert.Equal(JournalTests.Explanation, CaseStore.Read(_cli.PathOf("case")).Explanation);
        Assert.Contains("fails whatever the placement is", _cli.Out);
    }

    [Fact]
    public async Task Show_writes_a_standalone_file_and_says_how_to_run_it_or_why_it_cannot()
    {
        CaseStore.Write(_cli.PathOf("case"), Sample.Stored());
        var file = _cli.PathOf("shown.zig");
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("show", _cli.PathOf("case"), "--standalone", file));
        Assert.Equal("//! digest\n", File.ReadAllText(file));
        Assert.Contains("run it     sed -n 's,^//[$] ,,p' ", _cli.Out);
        _cli.Rooms.Standalone = (_, _) => new StandaloneOutcome.Refused("no");
        Assert.Equal(ExitCodes.Usage, await _cli.RunAsync("show", _cli.PathOf("case"), "--standalone", file));
        Assert.Contains("--standalone: no", _cli.Error);
        Assert.Equal(ExitCodes.Usage, await _cli.RunAsync("show", _cli.PathOf("case"), "--defect", "limit_restore"));
        _cli.Rooms.Standalone = (_, _) => new StandaloneOutcome.Written("x");
        Assert.Equal(ExitCodes.Usage, await _cli.RunAsync("show", _cli.PathOf("case"), "--standalone", _cli.PathOf("none/shown.zig")));
    }
}
