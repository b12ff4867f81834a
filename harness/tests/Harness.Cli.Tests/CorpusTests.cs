using System.Collections;
using Harness.Campaigns;
using Harness.Cli.Mutants;
using Harness.Model;
using Harness.Reports.Mutants;
using Harness.Verification.Interactions;

namespace Harness.Cli.Tests;

/// <summary>Programs that met something new are kept, bounded, and changed by later runs.</summary>
public sealed class CorpusTests : IDisposable
{
    private readonly ResultsLayout _results = new(Directory.CreateTempSubdirectory("harness corpus ").FullName);
    private readonly RandomPrograms _programs = new();
    private readonly List<string> _complaints = [];

    public void Dispose() => Directory.Delete(_results.Root, recursive: true);

    [Fact]
    public void What_is_new_is_kept_and_read_back_and_what_is_not_new_is_not()
    {
        var corpus = Open();
        corpus.Offer("1~9~default", Bits(1, 2, 3));
        corpus.Offer("2~9~default", Bits(2, 3));
        corpus.Offer("3~9~default~7f", Bits(3, 4));
        Assert.Equal(["1~9~default", "3~9~default~7f"], Open().Descents.Order());
        Assert.Empty(_complaints);
        Open().Offer("4~9~default", Bits(4));
        Assert.Equal(2, Directory.GetFiles(_results.Corpus).Length);
    }

    [Fact]
    public void It_has_no_more_than_its_number_of_entries_and_the_poorest_make_room()
    {
        var corpus = Open();
        for (var i = 0; i < ProgramCorpus.MaxEntries + 40; i++)
        {
            corpus.Offer($"{i:x}~9~default", Bits(i));
        }

        Assert.Equal(ProgramCorpus.MaxEntries, Directory.GetFiles(_results.Corpus).Length);
        corpus.Offer("ffff~9~default", Bits(5000, 5001));
        Assert.Equal(ProgramCorpus.MaxEntries, Directory.GetFiles(_results.Corpus).Length);
        Assert.Contains("ffff~9~default", Open().Descents);
        Assert.All(Directory.GetFiles(_results.Corpus), path => Assert.True(new FileInfo(path).Length < ProgramCorpus.MaxEntryBytes));
    }

    [Theory]
    [InlineData("", "JSON")]
    [InlineData("{\"generator\":\"2\",\"descent\":\"1~9~default\",\"news\":1,\"triples\":\"AA==\"}", "of generators 2")]
    [InlineData("{\"generator\":\"@\",\"descent\":\"1~9~default\",\"news\":1,\"triples\":\"AA==\"}", "other combinations")]
    [InlineData("{\"generator\":\"@\",\"descent\":\"../../x\",\"news\":1,\"triples\":\"AA==\"}", "does not say how a program came to be")]
    [InlineData("{\"generator\":\"@\",\"descent\":\"1~9~default\",\"news\":1,\"triples\":\"?\"}", "Base-64")]
    public void A_damaged_entry_is_left_out_with_one_line(string text, string why)
    {
        Open().Offer("1~9~default", Bits(1));
        File.WriteAllText(Path.Combine(_results.Corpus, "damaged.json"), text.Replace("@", _programs.Version, StringComparison.Ordinal));
        File.WriteAllText(Path.Combine(_results.Corpus, "large.json"), new string(' ', ProgramCorpus.MaxEntryBytes + 1));
        Assert.Equal(["1~9~default"], Open().Descents);
        Assert.Equal(2, _complaints.Count);
        Assert.Contains(_complaints, line => line.Contains(why) && line.EndsWith("; delete it", StringComparison.Ordinal) && !line.Contains('\n'));
    }

    [Fact]
    public void Some_of_a_streams_programs_are_changes_of_what_was_kept_and_batches_make_them_again()
    {
        string[] kept = ["1~9~small", "2~12~default~5"];
        var stream = new ProgramStream(5, null, _programs, null, kept);
        var recipes = Enumerable.Range(0, 40).Select(i => stream.Recipe(i)).ToList();
        var changed = recipes.Where(recipe => recipe.Profile.StartsWith("mutant:", StringComparison.Ordinal)).ToList();
        Assert.Equal(5, changed.Count);
        Assert.Equal(Enumerable.Range(0, 40).Select(i => new ProgramStream(5, null, _programs).Recipe(i)).Except(recipes).Count(), changed.Count);
        Assert.All(changed, recipe => Assert.Equal(_programs.Generate(recipe), new RandomPrograms().Generate(recipe)));
        Assert.Contains(changed, recipe => _programs.Kept(recipe) == $"1~9~small~{recipe.Seed:x}" || _programs.Kept(recipe) == $"2~12~default~5~{recipe.Seed:x}");

        var origin = stream.Origin(new WorkItem(0, Sample.Cell, 4, 30), ["pool"]);
        var again = ProgramStream.Of(origin, _programs);
        Assert.Equal(recipes.Skip(4).Take(30), Enumerable.Range(4, 30).Select(i => again.Recipe(i)));
        Assert.Null(new ProgramStream(5, null, _programs).Origin(new WorkItem(0, Sample.Cell, 4, 30), []).Kept);
    }

    [Fact]
    public void The_mutation_score_is_the_newest_of_all_defects_for_this_zig_and_harness()
    {
        void Write(string run, string zig, string harness, int killed, int all)
        {
            var lines = Enumerable.Range(0, all).Select(i => new MutantLine(
                $"m{i}", "Limits", "Zig", "what", "", i < killed ? MutantStatus.Killed : MutantStatus.Survived, "", "", 1, null, 1, "", "", 0, false)).ToList();
            Directory.CreateDirectory(Path.Combine(_results.Mutants, run));
            File.WriteAllText(Path.Combine(_results.Mutants, run, "mutants.json"), new MutationReport(1, zig, 2, lines) { HarnessVersion = harness }.ToJson());
        }

        var all = PlantedDefect.All.Count;
        Assert.Null(NewestScore.Of(_results, Sample.Versions));
        Write("20260101-000000-1", Sample.Versions.Zig, Sample.Versions.Harness, all, all);
        Write("20260102-000000-1", Sample.Versions.Zig, Sample.Versions.Harness, all - 2, all);
        Write("20260103-000000-1", "0.15.0", Sample.Versions.Harness, all, all);
        Write("20260104-000000-1", Sample.Versions.Zig, "0.9.0", all, all);
        Write("20260105-000000-1", Sample.Versions.Zig, Sample.Versions.Harness, 1, 1);
        Directory.CreateDirectory(Path.Combine(_results.Mutants, "20260106-000000-1"));
        File.WriteAllText(Path.Combine(_results.Mutants, "20260106-000000-1", "mutants.json"), "{\"zigVersion\": 5}");
        Assert.Equal(new MutationScore(all - 2, all, "20260102-000000-1"), NewestScore.Of(_results, Sample.Versions));
    }

    private ProgramCorpus Open() => ProgramCorpus.Open(_results, _programs, _complaints.Add);

    private static BitArray Bits(params int[] triples)
    {
        var bits = new BitArray(InteractionSpace.Triples);
        foreach (var triple in triples)
        {
            bits[triple] = true;
        }

        return bits;
    }
}
