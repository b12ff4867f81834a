using Harness.Campaigns;
using Harness.Model;

namespace Harness.Cli.Tests;

public sealed class ReplayTokenTests
{
    [Fact]
    public void A_token_carries_the_whole_document()
    {
        var document = Sample.Document();
        Assert.Equal(document, ReplayToken.Read(ReplayToken.Write(document)));
    }

    [Fact]
    public void Equal_documents_give_the_same_token() =>
        Assert.Equal(ReplayToken.Write(Sample.Document()), ReplayToken.Write(Sample.Document()));

    [Fact]
    public void A_token_is_one_word_that_no_shell_touches() =>
        Assert.Matches("^fz1\\.[A-Za-z0-9_-]+$", ReplayToken.Write(Sample.Document()));

    [Fact]
    public void A_token_carries_every_fault_and_split_plan()
    {
        FaultPlan[] faults =
        [
            new FaultPlan.None(), new FaultPlan.ErrorAt(3, ErrorName.Canceled, true), new FaultPlan.PanicAt(2), new FaultPlan.SegfaultAt(1),
            new FaultPlan.StackBudget(4096), new FaultPlan.SegmentAllocationFails(5), new FaultPlan.Delivered([new Delivery(1, ErrorName.StackOverflow)]),
        ];
        foreach (var fault in faults)
        {
            foreach (var kind in Enum.GetValues<SplitKind>())
            {
                var plan = new ExecutionPlan(fault, new Schedule(9, 3), new SplitPlan(kind, 1, ulong.MaxValue), Placement.Ascending, ReleasePolicy.Unmap);
                var document = Sample.Document() with { Case = new Case(Sample.Program(), Sample.Cell, plan) };
                Assert.Equal(document, ReplayToken.Read(ReplayToken.Write(document)));
            }
        }
    }

    [Fact]
    public void Any_changed_character_is_noticed()
    {
        var token = ReplayToken.Write(Sample.Document());
        for (var i = 0; i < token.Length; i++)
        {
            var damaged = token[..i] + (token[i] == 'A' ? 'B' : 'A') + token[(i + 1)..];
            AssertOneLine(() => ReplayToken.Read(damaged));
        }
    }

    [Fact]
    public void A_token_cut_short_anywhere_is_noticed()
    {
        var token = ReplayToken.Write(Sample.Document());
        for (var length = 0; length < token.Length; length++)
        {
            var cut = token[..length];
            AssertOneLine(() => ReplayToken.Read(cut));
        }
    }

    [Fact]
    public void Random_words_are_refused_and_never_crash()
    {
        var state = 1UL;
        for (var i = 0; i < 2000; i++)
        {
            var characters = Enumerable.Range(0, (int)(Next() % 90)).Select(_ => (char)(Next() % 128));
            AssertOneLine(() => ReplayToken.Read("fz1." + string.Concat(characters)));
        }

        ulong Next() => state = unchecked((state * 6364136223846793005) + 1442695040888963407) >> 3;
    }

    [Fact]
    public void A_token_of_another_version_says_which() =>
        Assert.Contains("version fz2", AssertOneLine(() => ReplayToken.Read("fz2.AAAA")));

    [Fact]
    public void A_word_that_is_no_token_says_how_one_starts() =>
        Assert.Contains("fz1.", AssertOneLine(() => ReplayToken.Read("hello.world")));

    private static string AssertOneLine(Action read)
    {
        var message = Assert.Throws<InvalidDataException>(read).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }
}
