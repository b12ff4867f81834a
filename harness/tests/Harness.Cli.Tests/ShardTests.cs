using System.Text.Json.Nodes;
using Harness.Campaigns;
using Harness.Reports;

namespace Harness.Cli.Tests;

/// <summary>Parts of a campaign, and what they come to together.</summary>
public sealed class ShardTests : IDisposable
{
    private readonly Cli _cli = new();

    public void Dispose() => _cli.Dispose();

    [Theory]
    [InlineData("1/1")]
    [InlineData("2/4")]
    [InlineData("1,2,4/4")]
    public void A_shard_reads_back_as_it_is_written(string text) => Assert.Equal(text, Shards.Parse(text)!.ToString());

    [Theory]
    [InlineData("")]
    [InlineData("0/4")]
    [InlineData("5/4")]
    [InlineData("2,1/4")]
    [InlineData("2,2/4")]
    [InlineData("-1/4")]
    [InlineData("1/99999999")]
    [InlineData("1/2/3")]
    [InlineData("one/two")]
    public void Anything_else_is_none(string text) => Assert.Null(Shards.Parse(text));

    [Fact]
    public void Shards_share_no_program_and_together_are_the_stream()
    {
        const int programs = 23;
        var shards = Enumerable.Range(1, 5).Select(i => Shards.Parse($"{i}/5")!).ToList();
        var ordinals = shards.SelectMany(shard => Enumerable.Range(0, (int)shard.Of(programs)).Select(local => shard.Ordinal(local))).ToList();
        Assert.Equal(Enumerable.Range(0, programs).Select(i => (long)i), ordinals.Order());
        Assert.All(shards, shard => Assert.Equal(7, shard.Local(shard.Ordinal(7))));
        var whole = new ProgramStream(9, null, new FakePrograms());
        var third = new ProgramStream(9, null, new FakePrograms(), shards[2]);
        Assert.Equal(whole.Recipe(12), third.Recipe(2));
    }

    [Fact]
    public async Task Merged_shards_count_what_the_whole_run_counts_in_whatever_order()
    {
        var whole = await RunAsync();
        var shards = new List<string>();
        for (var i = 1; i <= 3; i++)
        {
            shards.Add((await RunAsync("--shard", $"{i}/3")).Folder);
        }

        var forth = await MergeAsync(ExitCodes.Held, [.. shards]);
        var back = await MergeAsync(ExitCodes.Held, shards[2], shards[0], shards[1]);
        foreach (var name in (string[])["verdict", "seed", "programs", "executions", "splitsForced", "probes", "coverage", "repeat"])
        {
            Assert.Equal(whole.Summary[name]!.ToJsonString(), forth[name]!.ToJsonString());
        }

        back["runId"] = forth["runId"]!.DeepClone();
        Assert.Equal(forth.ToJsonString(), back.ToJsonString());
    }

    [Fact]
    public async Task A_missing_shard_is_said_and_does_not_hold()
    {
        var (first, third) = ((await RunAsync("--shard", "1/3")).Folder, (await RunAsync("--shard", "3/3")).Folder);
        var merged = await MergeAsync(ExitCodes.Inconclusive, first, third);
        Assert.Equal("missing of 3 shards: 2", merged["reasons"]![0]!.GetValue<string>());
    }

    [Fact]
    public async Task A_failure_of_several_shards_is_one_finding_with_its_case()
    {
        _cli.Rooms.Checker.FailIn(Sample.Cell);
        var shards = new[] { (await RunAsync("--shard", "1/2")).Folder, (await RunAsync("--shard", "2/2")).Folder };
        var merged = await MergeAsync(ExitCodes.Falsified, shards);
        var finding = Assert.Single(merged["findings"]!.AsArray())!;
        Assert.Equal(4, finding["occurrences"]!.GetValue<int>());
        var folder = _cli.PathOf("merged/" + finding["casePath"]!.GetValue<string>());
        Assert.True(File.Exists(Path.Combine(folder, CaseStore.CaseFile)));
    }

    [Fact]
    public async Task What_is_no_shard_of_the_same_campaign_is_refused_by_name()
    {
        var (one, other, unsharded) = ((await RunAsync("--shard", "1/2")).Folder, (await RunAsync("--shard", "2/2", "--profile", "deep")).Folder, (await RunAsync()).Folder);
        await RefusedAsync("are not shards of one campaign", one, other);
        await RefusedAsync("are not shards of one campaign", one, unsharded);
        await RefusedAsync("name each shard once", one, one);
        await RefusedAsync("holds no journal.jsonl", one, _cli.PathOf("nowhere"));
    }

    [Fact]
    public async Task An_interrupted_shard_goes_on_where_it_was()
    {
        var (folder, before) = await RunAsync("--shard", "2/3");
        var journal = Path.Combine(folder, "journal.jsonl");
        var lines = File.ReadAllLines(journal);
        var batches = lines.Count(line => line.Contains("batch-checked"));
        // As a kill leaves it: two batches and the end are missing.
        var kept = lines.Where(line => !line.Contains("run-ended")).ToList();
        kept.RemoveRange(kept.FindLastIndex(line => line.Contains("batch-checked")) - 1, 2);
        File.WriteAllText(journal, string.Join('\n', kept) + "\n");
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("run", "--results", _cli.PathOf("results"), "--resume", Path.GetFileName(folder), "--json"));
        var after = JsonNode.Parse(_cli.Out)!;
        Assert.Equal(batches, File.ReadAllLines(journal).Count(line => line.Contains("batch-checked")));
        foreach (var name in (string[])["programs", "executions", "probes"])
        {
            Assert.Equal(before[name]!.ToJsonString(), after[name]!.ToJsonString());
        }
    }

    private async Task RefusedAsync(string part, params string[] folders)
    {
        Assert.Equal(ExitCodes.Usage, await _cli.RunAsync(["merge", "--results", _cli.PathOf("refused"), .. folders]));
        Assert.Contains(part, _cli.Error);
        Assert.Single(_cli.Error.TrimEnd('\n').Split('\n'));
        Assert.False(Directory.Exists(_cli.PathOf("refused")));
    }

    private async Task<(string Folder, JsonNode Summary)> RunAsync(params string[] options)
    {
        await _cli.RunAsync(["run", "--results", _cli.PathOf("results"), "--programs", "100", "--seed", "5", "--json", .. options]);
        var summary = JsonNode.Parse(_cli.Out)!;
        return (_cli.PathOf("results/runs/" + summary["runId"]!.GetValue<string>()), summary);
    }

    private async Task<JsonNode> MergeAsync(int exitCode, params string[] folders)
    {
        Assert.Equal(exitCode, await _cli.RunAsync(["merge", "--json", "--results", _cli.PathOf("merged"), .. folders]));
        return JsonNode.Parse(_cli.Out)!;
    }
}
