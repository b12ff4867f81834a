using Harness.Campaigns;
using Harness.Campaigns.Evidence;
using Harness.Model;
using Harness.Reports;
using Harness.Verification;
using Harness.Verification.Interactions;

namespace Harness.Cli.Tests;

/// <summary>What runs must have met, what may be missed, and that programs are steered towards what is missing.</summary>
public sealed class InteractionCoverageTests(InteractionCoverageTests.Streams streams) : IClassFixture<InteractionCoverageTests.Streams>
{
    private static readonly string _cell = Sample.Cell.ToString();
    private static readonly EquatableArray<string> _placements = ["descending", "ascending", "interleaved", "pool"];

    [Fact]
    public void Nothing_is_met_that_the_space_says_cannot_be()
    {
        var met = Enumerable.Range(0, InteractionSpace.Pairs).Where(pair => streams.Steered.Pairs[pair] || streams.Plain.Pairs[pair]).ToList();
        Assert.True(met.Count > 600, $"{met.Count} pairs");
        Assert.Empty(met.Where(pair => InteractionSpace.WhyNotPair(pair) is not null).Select(InteractionSpace.NameOfPair));
    }

    /// <summary>Measured over more seeds and programs: docs/COVERAGE.md.</summary>
    [Fact]
    public void Steered_programs_leave_out_fewer_triples()
    {
        var (steered, plain) = (Missing(streams.Steered), Missing(streams.Plain));
        Assert.True(steered <= 0.85 * plain, $"{steered} triples are missing with steering, {plain} without");
    }

    [Fact]
    public void A_recipe_depends_on_seed_and_ordinal_alone_and_every_combination_has_its_turn()
    {
        var (one, two) = (new ProgramStream(77, null, new RandomPrograms()), new ProgramStream(77, null, new RandomPrograms()));
        Assert.Equal(Enumerable.Range(0, 60).Reverse().Select(i => one.Recipe(i)).Reverse(), Enumerable.Range(0, 60).Select(i => two.Recipe(i)));
        var schedule = new CoveringSchedule(77);
        Assert.Equal(schedule.Count, Enumerable.Range(0, schedule.Count).Select(i => schedule.At(i) with { Cleans = false }).Distinct().Count());
        Assert.NotEqual(Enumerable.Range(0, 20).Select(i => schedule.At(i)), Enumerable.Range(0, 20).Select(i => new CoveringSchedule(78).At(i)));
        // The pairs first: so many targets cannot have fewer.
        var pairs = Enumerable.Range(0, 64).Select(i => schedule.At(i)).SelectMany(t => (string[])[$"{t.Kind} gives {t.Return}", $"{t.Kind} takes {t.Argument}", $"{t.Return} of {t.Argument}"]).Distinct().Count();
        Assert.True(pairs >= 135, $"{pairs} pairs in the first 64 targets");
    }

    [Fact]
    public void A_hole_is_blamed_on_a_run_that_is_long_enough_and_on_no_shorter_one()
    {
        var hole = All(pair => !InteractionSpace.NameOfPair(pair).Contains("call method") && !InteractionSpace.NameOfPair(pair).Contains("takes stack"));
        Assert.Empty(Reasons(Batch(40, hole)));
        var reasons = Reasons(Batch(200, hole), Batch(200, hole, 200), Batch(200, hole, 400), Batch(200, hole, 600), Batch(200, hole, 800));
        Assert.Contains(reasons, reason => reason.StartsWith("too little of interactions/pairs", StringComparison.Ordinal) && reason.Contains("call method"));
        Assert.Empty(Reasons([.. Enumerable.Range(0, 5).Select(i => Batch(200, All(_ => true), 200 * i))]));
        // Too few programs of the cell have a value at all: chance explains that for a while.
        var rare = InteractionCoverage.Of(TallyOf([.. Enumerable.Range(0, 40).Select(i => Batch(200, hole, 200 * i))]))!.Rare;
        Assert.Contains(rare, value => value.Name == "call method" && value.Programs == 0);
        Assert.DoesNotContain(rare, value => value.Name == "call direct");
    }

    [Fact]
    public void What_cannot_be_is_a_gap_when_it_is_met_and_profiles_are_not_judged()
    {
        var call = new CallProfile(CallKind.Callback, ReturnClass.Wide, ArgumentClass.Pointer, CallExit.Return, 0, InCleanup: false);
        var met = new ProgramInteractions();
        met.Add(call, 1);
        Assert.Contains(Reasons(Batch(1, BatchInteractions.Of([met])!)), reason => reason.Contains("call callback × returns wide, said to be impossible because a C callback gives nothing back"));
        Assert.Null(InteractionCoverage.Of(TallyOf("abi", Batch(200, All(_ => true)))));
        Assert.Null(InteractionCoverage.Of(TallyOf([])));
    }

    [Fact]
    public void The_journal_holds_it_and_merged_shards_come_to_the_same_in_any_order()
    {
        var (first, second) = (All(pair => pair % 2 == 0), All(pair => pair % 3 == 0));
        Run Shard(int index, BatchInteractions met) => new(index, [Started(null, $"{index}/2"), Batch(5, met, index - 1, stride: 2)]);
        Run[] shards = [Shard(1, first), Shard(2, second)];
        var merged = InteractionCoverage.Of(Tally.Of(Merged(shards)))!;
        Assert.Equivalent(merged, InteractionCoverage.Of(Tally.Of(Merged([.. shards.Reverse()]))), strict: true);
        Assert.Equivalent(merged, InteractionCoverage.Of(TallyOf(Batch(5, first), Batch(5, second, 5))), strict: true);
        Assert.Equal(Enumerable.Range(0, InteractionSpace.Pairs).Count(pair => InteractionSpace.WhyNotPair(pair) is null && (pair % 2 == 0 || pair % 3 == 0)) + InteractionSpace.Values, merged.Ways[1].Covered);
        Assert.True(merged.Ways[2].Covered > 5_000, $"{merged.Ways[2].Covered} triples");
    }

    [Fact]
    public void Every_report_tells_what_was_met_and_what_is_missing()
    {
        var summary = RunSummary.Of(TallyOf(Batch(60, All(pair => pair != 3))));
        Assert.Matches(@"covered   values 41/41 \(needs 36\), pairs \d+/\d+ \(needs \d+\), triples", ConsoleReport.Render(summary, "run"));
        Assert.Contains($"missing   {InteractionSpace.NameOfPair(3)}", ConsoleReport.Render(summary, "run"));
        var page = HtmlReport.Render(summary);
        Assert.Contains("<line class=\"line\"", page);
        Assert.Contains("2-way: pairs", page);
        Assert.Contains("interactions/pairs", Reports.Forms.JUnitReport.Render(summary));
        Assert.Contains("Covered: values", Reports.Forms.MarkdownReport.Render(summary));
        Assert.Contains("\"ways\": 3", summary.ToJson());
    }

    private static int Missing(ProgramInteractions met) =>
        Enumerable.Range(0, InteractionSpace.Triples).Count(triple => !met.Triples[triple] && InteractionSpace.WhyNotTriple(triple) is null);

    /// <summary>A batch whose every program met every feasible pair that the test keeps, and the triples of these; values all.</summary>
    private static BatchInteractions All(Func<int, bool> keep)
    {
        var counts = new byte[InteractionSpace.Values + InteractionSpace.Pairs];
        Array.Fill(counts, (byte)1, 0, InteractionSpace.Values);
        for (var pair = 0; pair < InteractionSpace.Pairs; pair++)
        {
            counts[InteractionSpace.Values + pair] = (byte)(keep(pair) && InteractionSpace.WhyNotPair(pair) is null ? 1 : 0);
        }

        for (var value = 0; value < InteractionSpace.Values; value++)
        {
            var mine = Enumerable.Range(0, InteractionSpace.Pairs).Where(pair => InteractionSpace.ValuesOfPair(pair) is var (a, b) && (a == value || b == value));
            counts[value] = (byte)(mine.Any(pair => counts[InteractionSpace.Values + pair] > 0) ? 1 : 0);
        }

        var triples = new byte[(InteractionSpace.Triples + 7) / 8];
        for (var triple = 0; triple < InteractionSpace.Triples; triple++)
        {
            triples[triple / 8] |= (byte)(InteractionSpace.WhyNotTriple(triple) is null ? 1 << (triple % 8) : 0);
        }

        return new BatchInteractions(Convert.ToBase64String(counts), Convert.ToBase64String(triples));
    }

    private static JournalRecord.RunStarted Started(string? profile, string? shard = null) => new(
        1, "id", DateTimeOffset.UnixEpoch, new RunSettings(1, 60, null, profile, [_cell], _placements, 1, "", Shard: shard), Sample.Versions);

    private static JournalRecord Batch(int count, BatchInteractions met, long start = 0, int stride = 1)
    {
        // Counts of a whole batch: what one program met, all did.
        var counts = Convert.FromBase64String(met.Counts).Select(one => (byte)(one * Math.Min(count, byte.MaxValue))).ToArray();
        return new JournalRecord.BatchChecked(
            start, _cell, start, count, [], Sample.Counters, new Dictionary<string, long>(), new Dictionary<string, long>(), PhaseSeconds.Zero, 1, Stride: stride)
        {
            Interactions = new BatchInteractions(Convert.ToBase64String(counts), met.Triples),
        };
    }

    private static Tally TallyOf(params JournalRecord[] records) => TallyOf(null, records);

    private static Tally TallyOf(string? profile, params JournalRecord[] records) => Tally.Of([Started(profile), .. records]);

    private static List<string> Reasons(params JournalRecord[] records) => [.. Judgement.Of(TallyOf(records)).Reasons.Where(reason => reason.Contains(" × ") || reason.Contains("interactions/"))];

    private sealed record Run(int Index, IReadOnlyList<JournalRecord> Records);

    private static IReadOnlyList<JournalRecord> Merged(IReadOnlyList<Run> runs) =>
        Merge.Of([.. runs.Select(run => new MergedRun(new RunDirectory($"/nowhere/{run.Index}"), new Journal(run.Records, 0, false)))], "merged", (_, _) => "");

    /// <summary>What the first programs of a stream can meet, by the model: every split and placement for each call.</summary>
    public sealed class Streams
    {
        private const int Programs = 56;

        public Streams()
        {
            Steered = Met(new RandomPrograms());
            Plain = Met(new Unsteered());
        }

        public ProgramInteractions Steered { get; }

        public ProgramInteractions Plain { get; }

        private static ProgramInteractions Met(IProgramSource source)
        {
            const int anywhere = 0xfff;
            const int atStart = 0xf0f;
            var met = new ProgramInteractions();
            var stream = new ProgramStream(4, null, source);
            for (var i = 0; i < Programs; i++)
            {
                var plan = new PlanBuilder(PlanOptions.Default with { RowCap = 300, Observe = false }).Build(source.Generate(stream.Recipe(i)), 0, (ulong)i);
                foreach (var call in plan.Scenarios.SelectMany(scenario => scenario.Calls))
                {
                    met.Add(call, call.Kind is CallKind.Fiber ? atStart : anywhere);
                }
            }

            return met;
        }

        /// <summary>The same programs, but for those that are steered, which are swarms like others.</summary>
        private sealed class Unsteered : IProgramSource
        {
            private readonly RandomPrograms _random = new();

            public string Version => _random.Version;

            public IReadOnlyList<string> Profiles => _random.Profiles;

            public string DefaultProfile => _random.DefaultProfile;

            public string Swarm(ulong seed) => _random.Swarm(seed);

            public FiberProgram Generate(ProgramRecipe recipe) => _random.Generate(recipe);

            public IReadOnlyCollection<string> Labels(FiberProgram program) => _random.Labels(program);
        }
    }
}
