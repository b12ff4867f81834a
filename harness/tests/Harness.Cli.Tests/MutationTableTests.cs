using Harness.Campaigns;
using Harness.Model;
using Harness.Reports.Mutants;

namespace Harness.Cli.Tests;

/// <summary>The mutation score in a run's report, and how fast counterexamples became small.</summary>
public sealed class MutationTableTests : IDisposable
{
    private readonly Cli _cli = new();

    public void Dispose() => _cli.Dispose();

    internal static MutationReport Whole => new(1, "0.16.0", 2, [.. PlantedDefect.All.Select((defect, i) => Line(defect.Name, i % 2 == 0 ? 4 + i : null))]);

    [Fact]
    public void Half_of_the_counterexamples_have_to_become_small_for_a_median()
    {
        Assert.Equal(new ShrinkScore(3, 2, 9, 7), Of(2, 9, null).Shrinking);
        Assert.Equal(new ShrinkScore(3, 1, null, 7), Of(2, null, null).Shrinking);
        Assert.Contains("2 of 3 counterexamples came to at most 12 statements, median 9.0 s", MutationText.Render(Of(2, 9, null)));
        Assert.Contains("fewer than half", MutationText.ShrinkSentence(Of(2, null, null)));
        Assert.Null(MutationText.ShrinkSentence(Whole with { Mutants = [Line("a", 1) with { Shrunk = false }] }));
    }

    [Fact]
    public void A_report_reads_back() => Assert.Equal(Whole.ToJson(), MutationReport.Read(Whole.ToJson()).ToJson());

    [Fact]
    public async Task A_runs_report_has_the_newest_whole_score_of_the_same_zig()
    {
        Assert.DoesNotContain("<h2>Mutation score", await HtmlAsync());
        Store("20260101-000000-1", Whole);
        Store("20260102-000000-1", Whole with { ZigVersion = "0.17.0" });
        Store("20260103-000000-1", Whole with { Mutants = [Line("a", 1)] });
        Store("20260104-000000-1", null);
        var html = await HtmlAsync();
        Assert.Contains("From 20260101-000000-1", html);
        Assert.Contains("<h2>Mutation score: 133 of 133 planted defects killed".Replace("133", $"{PlantedDefect.All.Count}", StringComparison.Ordinal), html);
        Assert.Contains("replay --defect limit_restore fz1.x", html);
    }

    private async Task<string> HtmlAsync()
    {
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        return File.ReadAllText(new RunDirectory(Directory.GetDirectories(_cli.PathOf("results/runs")).MaxBy(Directory.GetCreationTimeUtc)!).Report);
    }

    private void Store(string id, MutationReport? report)
    {
        var folder = Directory.CreateDirectory(Path.Combine(new ResultsLayout(_cli.PathOf("results")).Mutants, id)).FullName;
        File.WriteAllText(Path.Combine(folder, "mutants.json"), report?.ToJson() ?? "{\"seed\": 1");
    }

    private static MutationReport Of(params double?[] seconds) => Whole with { Mutants = [.. seconds.Select((after, i) => Line($"{i}", after))] };

    private static MutantLine Line(string name, double? small) =>
        new(name, "Limits", "Zig", "what", "thunk/Debug/selfhosted/x86_64-linux-gnu", MutantStatus.Killed, "digest", "", 1, 3, 14, "", "fz1.x", 7, true) { ShrinkSeconds = 20, SmallAfterSeconds = small };
}
