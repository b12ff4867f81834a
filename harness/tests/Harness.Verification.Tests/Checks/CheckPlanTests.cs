using Harness.Verification.Checks;

namespace Harness.Verification.Tests.Checks;

/// <summary>Plans, the lines of the host, and shrinking, without any program.</summary>
public sealed class CheckPlanTests
{
    [Theory]
    [InlineData("none plain descending")]
    [InlineData("deliver@7:100,9:1 nth@3 interleaved")]
    [InlineData("cancel@1 at@1,2,900 pool")]
    [InlineData("overflow@12 fiber kept")]
    [InlineData("alloc@4 at@5 ascending")]
    public void A_plan_is_read_as_it_was_written(string text) => Assert.Equal(text, CheckPlan.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("none plain")]
    [InlineData("none plain nowhere")]
    [InlineData("none plain 2")]
    [InlineData("none plain descending twice")]
    [InlineData("none at@ descending")]
    [InlineData("none at@3,2 descending")]
    [InlineData("none at@0 descending")]
    [InlineData("none nth@-1 descending")]
    [InlineData("none nth@01 descending")]
    [InlineData("none nth@99999999999999999999 descending")]
    [InlineData("deliver@ fiber descending")]
    [InlineData("deliver@7 fiber descending")]
    [InlineData("deliver@7:x fiber descending")]
    [InlineData("cancel@ fiber descending")]
    [InlineData("burn@3 fiber descending")]
    public void What_is_no_plan_is_refused(string text) => Assert.Throws<FormatException>(() => CheckPlan.Parse(text));

    [Theory]
    [InlineData("@end 1 ab 2 3")]
    [InlineData("@end 1 ab x 3 4 5 6 7")]
    [InlineData("@start -1")]
    [InlineData("hello")]
    [InlineData("")]
    public void What_is_no_line_of_the_host_is_refused(string line) => Assert.Throws<InvalidDataException>(() => CheckLine.Parse(line));

    [Fact]
    public void Places_are_all_or_spread_from_the_first_to_the_last()
    {
        Assert.Equal([1, 2, 3], CheckPlanner.Spread(3, 8));
        Assert.Equal([1, 34, 67, 100], CheckPlanner.Spread(100, 4));
        Assert.Empty(CheckPlanner.Spread(0, 4));
        Assert.Equal((64 * 4) + 9, CheckPlanner.Faults(1000, 9, CheckCaps.Default).Count);
    }

    /// <summary>What fails: a predicate on plans in place of a program.</summary>
    [Theory]
    [InlineData("deliver@9:100 nth@1 pool", "none", "none fiber descending")]
    [InlineData("deliver@9:100 nth@1 pool", "at:40", "none at@40 descending")]
    [InlineData("deliver@9:100 nth@1 pool", "at:90", "none at@90 descending")]
    [InlineData("cancel@9 nth@1 kept", "fault at:40", "deliver@1:100 at@40 descending")]
    [InlineData("overflow@9 nth@1 interleaved", "from:5 at:40", "overflow@5 at@40 descending")]
    [InlineData("none nth@1 ascending", "at:3 at:77", "none at@3,77 descending")]
    [InlineData("none nth@1 ascending", "at:3 at:40 at:41 at:99", "none at@3,40,41,99 descending")]
    [InlineData("none nth@1 ascending", "ascending at:3 at:77", "none at@3,77 ascending")]
    [InlineData("none at@90 pool", "pool", "none at@1 pool")]
    public async Task A_failing_plan_becomes_the_smallest_that_fails_and_does_so_again(string from, string needs, string expected)
    {
        var asked = 0;
        for (var i = 0; i < 2; i++)
        {
            asked = 0;
            var shrinker = new CheckShrinker(plans => Task.FromResult<IReadOnlyList<bool>>([.. plans.Select(Fails)]), 2000);
            Assert.Equal(expected, (await shrinker.ShrinkAsync(CheckPlan.Parse(from), fault => fault is CheckFault.None or CheckFault.Deliver { Deliveries: [{ Checkpoint: < 9 }] } ? 100 : 60)).ToString());
            Assert.InRange(asked, 1, 2000);
        }

        bool Fails(CheckPlan plan)
        {
            asked++;
            return needs.Split(' ').All(need => need.Split(':') switch
            {
                ["none"] => true,
                ["fault"] => plan.Fault is not CheckFault.None,
                ["from", var k] => plan.Fault is CheckFault.Overflow overflow && overflow.Checkpoint >= int.Parse(k, System.Globalization.CultureInfo.InvariantCulture),
                ["at", var p] => Splits(plan, int.Parse(p, System.Globalization.CultureInfo.InvariantCulture)),
                [var memory] => plan.Memory.ToString().Equals(memory, StringComparison.OrdinalIgnoreCase),
                _ => throw new InvalidOperationException(need),
            });
        }
    }

    [Fact]
    public async Task Shrinking_ends_where_it_may_run_no_more()
    {
        var asked = 0;
        var shrinker = new CheckShrinker(plans => Task.FromResult<IReadOnlyList<bool>>([.. plans.Select(plan => asked++ < 0 || (Splits(plan, 3) && Splits(plan, 77)))]), 150);
        var small = await shrinker.ShrinkAsync(CheckPlan.Parse("deliver@9:100 nth@1 pool"), _ => 100);
        Assert.True(asked <= 150, $"{asked}");
        Assert.True(Splits(small, 3) && Splits(small, 77));
    }

    private static bool Splits(CheckPlan plan, long prologue) => plan.Splits switch
    {
        CheckSplits.Nth nth => prologue % nth.N == 0,
        CheckSplits.At at => at.Prologues.Contains(prologue),
        _ => false,
    };
}
