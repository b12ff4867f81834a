using Harness.Execution;
using Harness.Model;
using Harness.Verification.Interactions;

namespace Harness.Verification.Tests;

/// <summary>Which combinations executions met: the model's calls, crossed with what the worker tells.</summary>
public sealed class InteractionTests
{
    [Fact]
    public void Every_index_of_the_space_has_a_name_of_its_own_and_points_find_theirs()
    {
        Assert.Equal(InteractionSpace.Pairs, Enumerable.Range(0, InteractionSpace.Pairs).Select(InteractionSpace.NameOfPair).Distinct().Count());
        Assert.Equal(InteractionSpace.Triples, Enumerable.Range(0, InteractionSpace.Triples).Select(InteractionSpace.NameOfTriple).Distinct().Count());
        byte[] point = [(byte)CallKind.Tail, (byte)ReturnClass.Vector, (byte)ArgumentClass.Stack, (byte)SplitPlace.Here, (byte)CallExit.Segfault, 3, (byte)Placement.Pool];
        var triples = new int[InteractionSpace.TriplesOfPoint];
        InteractionSpace.EachTriple(point, triples);
        Assert.Contains("call tail × returns vector × takes stack", triples.Select(InteractionSpace.NameOfTriple));
        Assert.Contains("ends by segfault × clean-ups 3+ × placement pool", triples.Select(InteractionSpace.NameOfTriple));
        Assert.Equal(35, triples.Distinct().Count());
    }

    [Fact]
    public void A_triple_is_infeasible_with_any_of_its_pairs()
    {
        var wrong = Enumerable.Range(0, InteractionSpace.Triples).Where(triple => InteractionSpace.WhyNotTriple(triple) is not null).Select(InteractionSpace.NameOfTriple).ToList();
        Assert.Contains("call callback × returns word × takes pointer", wrong);
        Assert.DoesNotContain("call callback × returns void × takes pointer", wrong);
        Assert.All(InteractionSpace.Infeasibles, rule => Assert.NotEmpty(rule.Reason));
    }

    [Fact]
    public void A_call_counts_where_the_stack_split_and_a_clean_ups_call_apart()
    {
        var met = new ProgramInteractions();
        var call = new CallProfile(CallKind.Direct, ReturnClass.Word, ArgumentClass.None, CallExit.Error, 2, InCleanup: false);
        met.Add(call, 0b0010_0000_0001); // Unsplit and descending, and just split and ascending.
        met.Add(call with { InCleanup = true }, 0b0001_0000_0000);

        Assert.Equal(
            ["call direct", "returns word", "takes none", "split unsplit", "split here", "split cleanup", "ends by error", "clean-ups 2", "placement descending", "placement ascending"],
            Enumerable.Range(0, InteractionSpace.Values).Where(value => met.Values[value]).Select(InteractionSpace.NameOfValue));
        var pairs = Enumerable.Range(0, InteractionSpace.Pairs).Where(pair => met.Pairs[pair]).Select(InteractionSpace.NameOfPair).ToList();
        Assert.Contains("split here × placement ascending", pairs);
        Assert.DoesNotContain("split here × placement descending", pairs);
    }

    [Fact]
    public async Task A_batch_counts_what_its_executions_made_of_the_programs_calls()
    {
        var factory = new FakeFactory();
        var result = await new BatchChecker(factory, new ModelWorker()).CheckAsync([Samples.Nested()], Samples.Cell, PlanOptions.Default with { RowCap = 300 }, "nowhere", CancellationToken.None);

        var met = Assert.Single(result.Covered)!;
        var values = Enumerable.Range(0, InteractionSpace.Values).Where(value => met.Values[value]).Select(InteractionSpace.NameOfValue).ToList();
        foreach (var value in (string[])["call fiber", "call direct", "split unsplit", "split here", "ends by return", "ends by error", "ends by cancel", "ends by overflow", "ends by panic", "ends by segfault", "clean-ups 1", "placement pool"])
        {
            Assert.Contains(value, values);
        }

        Assert.DoesNotContain("split outer", values);
        Assert.DoesNotContain("call callback", values);
    }

    [Fact]
    public void The_journals_text_holds_counts_and_triples_and_refuses_another_space()
    {
        var (one, two) = (new ProgramInteractions(), new ProgramInteractions());
        one.Add(new CallProfile(CallKind.Fiber, ReturnClass.Void, ArgumentClass.None, CallExit.Return, 0, InCleanup: false), 1);
        two.Add(new CallProfile(CallKind.Fiber, ReturnClass.Void, ArgumentClass.None, CallExit.Panic, 0, InCleanup: false), 1);
        var text = BatchInteractions.Of([one, two])!;
        Assert.Equal(2, text.CountBytes()[0]);
        Assert.Equal(35 + 15, text.TripleBits().Cast<bool>().Count(bit => bit));
        Assert.Throws<System.Text.Json.JsonException>(() => new BatchInteractions(text.Counts, text.Triples[4..]));
        Assert.Throws<System.Text.Json.JsonException>(() => new BatchInteractions("?", text.Triples));
    }

    [Theory]
    [InlineData("#hs places row=3 masks=001f0f", true)]
    [InlineData("#hs places row=3 masks=", false)]
    [InlineData("#hs places row=3 masks=00", false)]
    [InlineData("#hs places row=3 masks=0g1", false)]
    [InlineData("#hs places row=-1 masks=001", false)]
    public void A_line_of_places_has_three_digits_for_each_call(string line, bool good)
    {
        var message = WorkerLine.Parse(line);
        if (good)
        {
            Assert.Equal(new WorkerMessage.Places(3, [1, 0xf0f]), message);
        }
        else
        {
            Assert.IsType<WorkerMessage.Malformed>(message);
        }

        Assert.IsType<WorkerMessage.Malformed>(WorkerLine.Parse($"#hs places row=1 masks={new string('0', 3 * (CallProfile.MaxCalls + 1))}"));
    }
}
