using System.Text.Json;
using Harness.Campaigns;
using Harness.Campaigns.Findings;
using Harness.Reports;

namespace Harness.Cli.Tests;

/// <summary>Findings across runs: seen first, last, gone, back.</summary>
public sealed class FindingTests : IDisposable
{
    private const string Signature = "digest/errdefer";

    private readonly Cli _cli = new();

    private ResultsLayout Results => new(_cli.PathOf("results"));

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task A_finding_of_two_runs_is_one_with_the_first_and_the_last_that_saw_it()
    {
        await RunAsync(fails: true);
        await RunAsync(fails: false);
        await RunAsync(fails: true, "--programs", "40");
        var index = FindingIndex.Read(Results);
        var finding = Assert.Single(index.Findings);
        var runs = Directory.GetDirectories(Results.Runs).Select(path => new RunDirectory(path)).Select(run => (run.Id, Start(run).StartedAt)).OrderBy(run => run.StartedAt).Select(run => run.Id).ToList();
        Assert.Equal((3, Signature, FindingState.Open, 2), (index.Runs, finding.Signature, finding.State, finding.Runs));
        Assert.Equal((runs[0], runs[2]), (finding.First!.RunId, finding.Last!.RunId));
        Assert.Equal(3, finding.Occurrences);
        Assert.Equal((20, 20), (finding.Reproduced, finding.Attempts));

        Assert.Equal(ExitCodes.Falsified, await _cli.RunAsync("findings", "--results", Results.Root));
        Assert.StartsWith("1 finding in 3 runs: 1 open, 0 fixed, 0 flake, 0 stored\n", _cli.Out);
        Assert.Contains($"open    {Signature}\n        first seen ", _cli.Out);
        Assert.Contains($"({runs[0]}), last seen ", _cli.Out);
        await _cli.RunAsync("findings", "--results", Results.Root, "--json");
        Assert.Equal("open", JsonDocument.Parse(_cli.Out).RootElement.GetProperty("findings")[0].GetProperty("state").GetString());
    }

    [Fact]
    public async Task It_is_fixed_when_its_stored_case_holds_and_open_again_when_it_fails()
    {
        await RunAsync(fails: true, "--keep-regressions");
        // Stored, and no run has replayed it since.
        Assert.Equal(FindingState.Open, Only().State);
        _cli.Rooms.Runner.Recording = new Recording(true, "", "", "", "");
        await RunAsync(fails: false);
        await RunAsync(fails: false);
        var finding = Only();
        Assert.Equal(FindingState.Fixed, finding.State);
        Assert.Equal(Directory.GetDirectories(Results.Runs).Select(path => Start(new RunDirectory(path))).OrderBy(start => start.StartedAt).ElementAt(1).RunId, finding.FixedSince!.RunId);
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("findings", "--results", Results.Root, "--state", "fixed"));
        Assert.Contains("its stored case holds since", _cli.Out);

        _cli.Rooms.Runner.Recording = new Recording(false, Signature, "digest", "a", "b");
        await RunAsync(fails: false);
        Assert.Equal(FindingState.Open, Only().State);
    }

    [Fact]
    public async Task What_comes_back_after_it_was_fixed_is_told_so_in_the_runs_report()
    {
        await RunAsync(fails: true, "--keep-regressions");
        Assert.Contains("\n    new\n", _cli.Out);
        await RunAsync(fails: true);
        Assert.Contains("\n    known, first seen ", _cli.Out);
        _cli.Rooms.Runner.Recording = new Recording(true, "", "", "", "");
        await RunAsync(fails: false);
        await RunAsync(fails: true);
        Assert.Contains("it has come back: its stored case held meanwhile, first seen ", _cli.Out);
        Assert.Contains(", in 2 earlier runs", _cli.Out);
    }

    [Fact]
    public async Task A_case_that_fails_otherwise_each_time_is_no_flake_and_is_shrunk_in_all_its_forms()
    {
        _cli.Rooms.Runner.Confirmation = new Confirmation(0, 10, Otherwise: 10) { Others = ["crash.sigsegv.nowhere.cell"] };
        await RunAsync(fails: true);
        Assert.Contains("reproduced 0/10, failed otherwise 10/10", _cli.Out);
        Assert.Equal((FindingState.Open, "0 of 10, otherwise 10 of 10"), (Only().State, Only().Again));
        Assert.False(Only().IsUnsteady);
        Assert.Contains("crash.sigsegv.nowhere.cell", _cli.Rooms.Runner.ShrunkWith);
        Assert.Equal(2, _cli.Rooms.Runner.ShrunkWith.Count);
    }

    [Fact]
    public async Task Flakes_and_unsteady_findings_are_told_from_those_that_come_back()
    {
        _cli.Rooms.Runner.Confirmation = new Confirmation(7, 10);
        await RunAsync(fails: true);
        Assert.Contains("unsteady: reproduced 7/10", _cli.Out);
        Assert.True(Only().IsUnsteady);
        Assert.Equal("unsteady: 7 of 10", Only().Again);
        Directory.Delete(Results.Root, recursive: true);

        _cli.Rooms.Runner.Confirmation = new Confirmation(0, 10);
        var calls = 0;
        _cli.Rooms.Checker.FailIn(Sample.Cell);
        var failing = _cli.Rooms.Checker.Answer;
        _cli.Rooms.Checker.Answer = (programs, cell, ct) => cell == Sample.Cell && Interlocked.Increment(ref calls) > 1
            ? Task.FromResult(Sample.Outcome(programs.Count)) : failing(programs, cell, ct);
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        Assert.Equal((FindingState.Flake, "a flake: 0 of 10"), (Only().State, Only().Again));
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("findings", "--results", Results.Root));
    }

    [Fact]
    public async Task Runs_with_a_planted_defect_and_damaged_ones_are_left_out_and_the_latter_named()
    {
        await RunAsync(fails: true, "--defect", "limit_restore");
        Assert.Empty(FindingIndex.Read(Results).Findings);
        await RunAsync(fails: true);
        var journal = Results.Run("20200101-000000-1").Journal;
        Directory.CreateDirectory(Path.GetDirectoryName(journal)!);
        File.WriteAllText(journal, "no journal\n");
        await _cli.RunAsync("findings", "--results", Results.Root);
        Assert.Contains("20200101-000000-1 is left out: line 1 of the journal is damaged", _cli.Error);
        Assert.StartsWith("1 finding in 1 run:", _cli.Out);
    }

    [Fact]
    public async Task Shards_and_the_run_that_they_were_merged_into_count_once()
    {
        foreach (var shard in (string[])["1/2", "2/2"])
        {
            await RunAsync(fails: true, "--shard", shard);
        }

        await _cli.RunAsync(["merge", "--results", Results.Root, .. Directory.GetDirectories(Results.Runs)]);
        var index = FindingIndex.Read(Results);
        Assert.Equal((1, 1, 2L), (index.Runs, Assert.Single(index.Findings).Runs, index.Findings[0].Occurrences));
    }

    private FindingHistory Only() => Assert.Single(FindingIndex.Read(Results).Findings);

    private static JournalRecord.RunStarted Start(RunDirectory run) => (JournalRecord.RunStarted)JournalReader.Read(run.Journal).Records[0];

    /// <summary>A run of few programs, the first of which fails in one cell, or none.</summary>
    private async Task RunAsync(bool fails, params string[] args)
    {
        if (fails)
        {
            _cli.Rooms.Checker.FailIn(Sample.Cell);
        }
        else
        {
            _cli.Rooms.Checker.Answer = (programs, _, _) => Task.FromResult(Sample.Outcome(programs.Count));
        }

        await _cli.CampaignAsync([.. args.Contains("--programs") ? (string[])[] : ["--programs", "3"], "--seed", "1", .. args]);
    }
}
