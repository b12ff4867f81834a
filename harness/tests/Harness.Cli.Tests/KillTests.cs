using Harness.Campaigns;
using Harness.Cli.Kills;
using Harness.Model;

namespace Harness.Cli.Tests;

/// <summary>
/// Runs that die at any byte of their journal and are gone on with. <c>bench kills</c> does the same with processes and SIGKILL; what a kill leaves is
/// a journal that ends somewhere, and the case folders of then.
/// </summary>
public sealed class KillTests : IDisposable
{
    private const int Kills = 20;

    private readonly Cli _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task A_run_that_is_cut_off_anywhere_comes_to_the_same_when_gone_on_with()
    {
        FailInPlaces();
        await _cli.CampaignAsync("--programs", "70", "--seed", "7", "--jobs", "2", "--mode", "Debug");
        var whole = File.ReadAllBytes(_cli.OnlyRun().Journal);
        var undisturbed = JournalReader.Parse(whole).Records;
        Assert.Equal(3, Tally.Of(undisturbed).Findings.Count);
        // Past the first line, without which there is no run.
        var first = Array.IndexOf(whole, (byte)'\n') + 1;
        for (var kill = 0; kill < Kills; kill++)
        {
            var length = first + (int)((long)(whole.Length - first) * kill / Kills);
            Directory.Delete(_cli.OnlyRun().Cases, recursive: true);
            File.WriteAllBytes(_cli.OnlyRun().Journal, whole[..length]);
            await _cli.CampaignAsync("--resume");
            var resumed = JournalReader.Read(_cli.OnlyRun().Journal).Records;
            Assert.True(RunComparison.Differences(undisturbed, resumed) is [], $"cut at byte {length}:\n{string.Join('\n', RunComparison.Differences(undisturbed, resumed))}");
            Assert.All(Tally.Of(resumed).Findings, finding => Assert.Equal(finding.Signature, resumed.OfType<JournalRecord.FindingClosed>().Single(closed => closed.Signature == finding.Signature).Signature));
        }
    }

    /// <summary>A comparison that finds everything the same would make the test above worth nothing.</summary>
    [Fact]
    public async Task Runs_that_differ_are_told_apart()
    {
        await _cli.CampaignAsync("--programs", "40", "--seed", "7");
        var records = JournalReader.Read(_cli.OnlyRun().Journal).Records;
        Assert.Empty(RunComparison.Differences(records, records));
        var batch = records.OfType<JournalRecord.BatchChecked>().First();
        var seen = new JournalRecord.FailureSeen("s", "f", batch.Cell, 3, "digest");
        IReadOnlyList<JournalRecord>[] others =
        [
            [.. records.Where(record => record != batch)],
            [.. records, batch],
            [.. records.Select(record => record == batch ? batch with { Counters = batch.Counters with { Executions = 1 } } : record)],
            [.. records, seen],
            [.. records.Where(record => record is not JournalRecord.RunEnded)],
        ];
        Assert.All(others, other => Assert.NotEmpty(RunComparison.Differences(records, other)));
    }

    [Fact]
    public void Failures_whose_batch_was_never_written_are_cut_off()
    {
        var path = Path.Combine(_cli.Folder, "journal.jsonl");
        JournalRecord[] records = [JournalTests.Records[0], new JournalRecord.Prepared(1), new JournalRecord.FailureSeen("s", "f", "c", 1, "digest", 4), new JournalRecord.FailureSeen("t", "f", "c", 2, "digest", 4)];
        JournalWriter.Replace(path, records[..2]);
        var length = new FileInfo(path).Length;
        JournalWriter.Replace(path, records);
        var journal = JournalReader.Read(path);
        Assert.Equal((2, length, true), (journal.Records.Count, journal.WholeBytes, journal.TornLastLine));
    }

    [Fact]
    public async Task Trials_kill_as_often_as_they_are_asked_to_and_see_what_a_killed_run_lost()
    {
        using var progress = new StringWriter();
        var sound = await new KillTrial(new Mortal(_cli, loses: false), 40, 1, progress).RunAsync(7, _cli.PathOf("sound"), CancellationToken.None);
        Assert.Equal(7, sound.Sum(campaign => campaign.Kills));
        Assert.All(sound, campaign => Assert.Empty(campaign.Differences));
        var losing = await new KillTrial(new Mortal(_cli, loses: true), 40, 1, progress).RunAsync(3, _cli.PathOf("losing"), CancellationToken.None);
        Assert.Contains(losing, campaign => campaign.Differences.Count > 0);
    }

    /// <summary>Three signatures in two cells, in some batches each.</summary>
    private void FailInPlaces() => _cli.Rooms.Checker.Answer = (programs, cell, _) =>
    {
        var failing = cell.Route switch { Route.Attribute => programs.Take(2), Route.Assembly => programs.Take(1), _ => [] };
        return Task.FromResult(Sample.Outcome(programs.Count, [.. failing.Select((program, i) =>
            new Failure($"digest.{i}.{cell.Route}", $"digest.{i}", new Case(program, cell, ExecutionPlan.Baseline), i, "digest", "a\n", "b\n"))]));
    };

    /// <summary>Runs here, and when it is to be killed cuts the journal in half; one that loses has a batch twice then.</summary>
    private sealed class Mortal(Cli cli, bool loses) : IHarnessProcess
    {
        public async Task<bool> RunAsync(IReadOnlyList<string> arguments, TimeSpan? killAfter, CancellationToken ct)
        {
            await cli.RunAsync(ct, [.. arguments]);
            var results = arguments[arguments.ToList().IndexOf("--results") + 1];
            if (killAfter is null)
            {
                return true;
            }

            var journal = new RunDirectory(Directory.GetDirectories(new ResultsLayout(results).Runs).Single()).Journal;
            var lines = File.ReadAllLines(journal).ToList();
            if (loses)
            {
                lines.Insert(3, lines.Find(line => line.Contains("batch-checked", StringComparison.Ordinal))!);
            }

            File.WriteAllText(journal, string.Join('\n', lines.Take(1 + (lines.Count / 2))) + "\n{\"kind\"");
            return false;
        }
    }
}
