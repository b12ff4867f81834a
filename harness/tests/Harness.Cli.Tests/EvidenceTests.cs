using Harness.Campaigns;
using Harness.Campaigns.Evidence;
using Harness.Model;
using Harness.Reports;
using Harness.Reports.Mutants;

namespace Harness.Cli.Tests;

/// <summary>What a run's figures are worth: bounds, strata, required shares, the canary.</summary>
public sealed class EvidenceTests
{
    private static readonly string _cell = Sample.Cell.ToString();

    /// <summary>From published tables (Clopper and Pearson, one-sided) and the closed form without a failure.</summary>
    [Theory]
    [InlineData(60, 0, 0.95, 0.04870)]
    [InlineData(60, 0, 0.99, 0.07388)]
    [InlineData(10, 1, 0.95, 0.39416)]
    [InlineData(20, 2, 0.95, 0.28262)]
    [InlineData(100, 5, 0.99, 0.12581)]
    [InlineData(1_000_000, 0, 0.95, 0.0000029957)]
    [InlineData(7, 7, 0.95, 1)]
    [InlineData(0, 0, 0.95, 1)]
    public void Bounds_are_exact(long programs, long failed, double level, double expected) =>
        Assert.Equal(expected, Bounds.Exact(programs, failed, level), 0.0005 * Math.Max(expected, 1e-6));

    [Theory]
    [InlineData(0, 0.95, "any number")]
    [InlineData(1, 0.95, "fewer than 95 %")]
    [InlineData(1, 0.99, "fewer than 99 %")]
    [InlineData(4, 0.95, "fewer than 52.7 %")]
    [InlineData(5, 0.95, "fewer than 1 in 2.2")]
    [InlineData(4637, 0.95, "fewer than 1 in 1,548")]
    public void A_bound_in_words_is_never_one_in_one(long programs, double level, string words) => Assert.Equal(words, EvidenceText.OneIn(Bounds.Exact(programs, 0, level)));

    /// <summary>The definition itself: at the bound, so few failures have probability 1 − level.</summary>
    [Theory]
    [InlineData(37, 3)]
    [InlineData(250, 11)]
    public void At_the_bound_so_few_failures_come_by_chance_in_one_of_twenty(int programs, int failed)
    {
        var rate = Bounds.Exact(programs, failed, 0.95);
        var terms = new double[programs + 1];
        terms[0] = 1;
        for (var i = 0; i < programs; i++)
        {
            for (var k = programs; k >= 0; k--)
            {
                terms[k] = (terms[k] * (1 - rate)) + (k > 0 ? terms[k - 1] * rate : 0);
            }
        }

        Assert.Equal(0.05, terms.Take(failed + 1).Sum(), 1e-9);
    }

    [Fact]
    public void Wilson_intervals_are_those_of_the_books()
    {
        var (low, high) = Bounds.Wilson(8, 10, 1.96);
        Assert.Equal((0.4902, 0.9433), (Math.Round(low, 4), Math.Round(high, 4)));
        Assert.Equal((0, 1), Bounds.Wilson(0, 0, 2));
        Assert.Equal(0, Bounds.Wilson(0, 50, 2).Low);
    }

    [Fact]
    public void A_stratum_counts_programs_once_and_failures_against_their_cell()
    {
        var tally = Tally.Of(
        [
            Started(), Batch(0, 40, ("call:direct", 30), ("call:callback", 2)), Batch(40, 20, ("call:direct", 20)),
            new JournalRecord.FailureSeen("s", "f", "elsewhere", 3, "digest"), new JournalRecord.FailureSeen("t", "f", "elsewhere", 3, "digest"),
        ]);

        Assert.Equal((60, 1), (Strata.Whole(tally).Programs, Strata.Whole(tally).Failed));
        Assert.Equal((60, 0), (Strata.Cells(tally)[0].Programs, Strata.Cells(tally)[0].Failed));
        Assert.Equal([("call:callback", 2L), ("call:direct", 50L)], Strata.Features(tally).Select(stratum => (stratum.Feature, stratum.Programs)));
    }

    [Fact]
    public void A_share_is_missed_only_when_chance_cannot_explain_it()
    {
        Assert.DoesNotContain(FeatureGoals.Of(Tally.Of([Started(), Batch(0, 200, ("call:direct", 200))])), line => !line.Met);
        var unmet = FeatureGoals.Of(Tally.Of([Started(), Batch(0, 5000, ("call:direct", 5000), ("call:pointer", 60))])).Where(line => !line.Met).Select(line => line.Label).ToList();
        Assert.Contains("program/call:callback", unmet);
        Assert.DoesNotContain("program/call:pointer", unmet);
        Assert.DoesNotContain("program/call:direct", unmet);
    }

    [Fact]
    public void A_silent_canary_is_not_held()
    {
        var found = Judge(new JournalRecord.CanaryFlown("limit_restore", _cell, "limit", "", 1.5));
        Assert.DoesNotContain(found, reason => reason.Contains("canary"));
        Assert.Contains(Judge(new JournalRecord.CanaryFlown("limit_restore", _cell, "", "it survived", 1.5)), reason => reason.Contains("nothing found limit_restore"));
        Assert.Contains(Judge(), reason => reason.Contains("was not tried"));
    }

    [Fact]
    public void The_paragraph_says_what_is_known_and_what_is_not()
    {
        var summary = RunSummary.Of(Tally.Of([Started("limit_restore"), Batch(0, 60, ("call:callback", 3)), new JournalRecord.CanaryFlown("limit_restore", _cell, "limit", "", 1.5)]));
        var text = EvidenceText.Paragraph(summary);
        Assert.Contains("with 95 % confidence fewer than 1 in 20 would fail, with 99 % confidence fewer than 1 in 13", text);
        Assert.Contains($"Least is known of {_cell} with call:callback: 3 programs, fewer than 63.2 % fail (95 %)", text);
        Assert.Contains("was found by limit in 1.5 s", text);
        Assert.Contains("executions of one are not", text);
        Assert.Contains("60 programs were drawn", text);
        Assert.Contains("Mutation score: not measured for this Zig and this harness", text);
        Assert.Contains("none of any size was gone through whole", text);
    }

    [Fact]
    public void The_paragraph_tells_the_mutation_score_and_how_far_small_programs_were_gone_through()
    {
        var small = Enumerable.Range(1, 2).Select(size => (JournalRecord)new JournalRecord.BatchChecked(
            size, _cell, 0, (int)Scope.ProgramsOf(size), size == 2 ? [7] : [], Sample.Counters, new Dictionary<string, long>(), new Dictionary<string, long>(), PhaseSeconds.Zero, 1)
        { Scope = size }).ToList();
        var started = (JournalRecord.RunStarted)Started();
        var summary = RunSummary.Of(Tally.Of(
            [started with { Settings = started.Settings with { Mutation = new MutationScore(130, 133, "20261127-1") } }, .. small, Batch(0, 60)]));

        Assert.Equal(60, summary.Programs);
        Assert.Equal(60, summary.Confidence.Strata[1].Programs);
        Assert.Equal(new ScopeReached(1, 1, 1, 1, 12, 12 + 290), summary.Enumerated);
        Assert.Contains("exhaustive up to size 1 in every cell", EvidenceText.Paragraph(summary));
        Assert.Contains("130 of 133 planted mistakes are found (results/mutants/20261127-1)", EvidenceText.Paragraph(summary));
        Assert.Contains("exhaustive up to size 1 in every cell", ConsoleReport.Render(summary, "results/runs/1"));
    }

    [Fact]
    public void Canaries_take_turns_through_cells_and_defects_that_exist()
    {
        var flights = Enumerable.Range(0, 13 * 6).Select(seed => Canaries.Of((ulong)seed, CellMatrix.Default)).ToList();
        Assert.Equal(CellMatrix.Default.Count * 6, flights.Distinct().Count());
        Assert.All(flights, flight => Assert.Equal(DefectSeat.Zig, PlantedDefect.Named(flight.Defect)!.Seat));
    }

    [Fact]
    public void Names_of_planted_defects_are_distinct_and_what_they_stand_on_exists()
    {
        Assert.Equal(PlantedDefect.All.Count, PlantedDefect.All.Select(defect => defect.Name).Distinct().Count());
        Assert.True(PlantedDefect.All.Count >= 80);
        Assert.Equal(Enum.GetValues<DefectFamily>(), PlantedDefect.All.Select(defect => defect.Family).Distinct().Order());
        Assert.All(PlantedDefect.All.Where(defect => defect.MustSee is not null), defect => Assert.NotNull(PlantedDefect.Named(defect.MustSee!.Value.Defect)));
    }

    [Theory]
    [InlineData(MutantStatus.Killed, true)]
    [InlineData(MutantStatus.Survived, false)]
    [InlineData(MutantStatus.Timeout, false)]
    [InlineData(MutantStatus.NotReached, false)]
    [InlineData(MutantStatus.NotBuilt, false)]
    [InlineData(MutantStatus.EquivalentKilled, false)]
    public void A_score_holds_when_every_valid_defect_was_killed(MutantStatus status, bool holds)
    {
        var report = new MutationReport(1, "0.16.0", 2, [Line("a", MutantStatus.Killed), Line("b", status), Line("c", MutantStatus.Equivalent)]);
        Assert.Equal(holds, report.Holds);
        Assert.Equal(2, report.Valid);
        Assert.StartsWith(holds ? "HELD: 2 of 2" : "INCONCLUSIVE: 1 of 2", MutationText.Render(report));
        Assert.DoesNotMatch("(?i)https?:|src=|<link|@import|url\\(", MutationText.Html(report));
    }

    /// <summary>The median of three counterexamples: those that were not shrunk are none, one that never became small is the slowest.</summary>
    [Theory]
    [InlineData("1 10 99", BarVerdict.Met)]
    [InlineData("1 10.1 99", BarVerdict.Missed)]
    [InlineData("1 - 9", BarVerdict.Met)]
    [InlineData("1 - -", BarVerdict.Missed)]
    [InlineData("", BarVerdict.NotMeasured)]
    public void The_bar_of_shrinking_is_the_median_over_what_was_shrunk(string seconds, BarVerdict verdict)
    {
        var shrunk = seconds.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select((word, i) => Line($"shrunk_{i}", MutantStatus.Killed) with
        {
            Shrunk = true, Statements = 40 + i, SmallAfterSeconds = word == "-" ? null : double.Parse(word, System.Globalization.CultureInfo.InvariantCulture),
        });
        var report = new MutationReport(1, "0.16.0", 2, [Line("not_shrunk", MutantStatus.Killed), .. shrunk]);
        Assert.Equal(verdict, ShrinkBar.Of(report).Verdict);
        var text = ShrinkBar.Render(report);
        Assert.Contains(ShrinkBar.Of(report).Measured, text, StringComparison.Ordinal);
        Assert.Equal(seconds.Split(' ').Count(word => word == "-"), text.Split(" has ").Length - 1);
    }

    private static MutantLine Line(string name, MutantStatus status) => new(name, "Limits", "Zig", "what", _cell, status, "", "", 1, 3, 14, "", "", 0, false);

    private static JournalRecord Started(string? canary = null) => new JournalRecord.RunStarted(
        1, "id", DateTimeOffset.UnixEpoch, new RunSettings(1, null, 1000, null, [_cell], [], 1, "") { Canary = canary, CanaryCell = canary is null ? null : _cell }, Sample.Versions);

    private static JournalRecord Batch(long start, int count, params (string Feature, long Count)[] features) => new JournalRecord.BatchChecked(
        start, _cell, start, count, [], Sample.Counters, new Dictionary<string, long>(), new Dictionary<string, long>(), PhaseSeconds.Zero, 1,
        Features: new SortedDictionary<string, long>(features.ToDictionary(pair => pair.Feature, pair => pair.Count)));

    private static IReadOnlyList<string> Judge(params JournalRecord[] records) =>
        Judgement.Of(Tally.Of([Started("limit_restore"), .. records])).Reasons;
}
