using Harness.Cli.Mutants;
using Harness.Model;

namespace Harness.Cli.Tests;

public sealed class PlanTrialTests
{
    private static readonly Cell _cell = new(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted);

    private static readonly PlanFigures _small = Figures(40_000, 10, ("always", 100), ("never", 0), ("often", 60), ("seldom", 4));

    [Fact]
    public void Budgets_are_compared_by_what_they_find_in_the_same_time()
    {
        // Twice as dear, and finds more of one of the two defects that tell.
        var large = Figures(800_000, 20, ("always", 100), ("never", 0), ("often", 60), ("seldom", 8));
        var comparison = PlanComparison.Of(_small, large)!;
        Assert.Equal((2, "seldom"), (comparison.Defects, comparison.WorstDefect));
        Assert.Equal(2 * 4.5 / 8.5, comparison.Worst, 6);
        Assert.Equal(Math.Sqrt(2 * (2 * 4.5 / 8.5)), comparison.Mean, 6);
        var text = PlanTrialText.Render(_cell, 5, [_small, large]);
        Assert.Contains("40,000 finds 1.46 times what 800,000 finds in the same time (mean of 2 defects; least 1.06, seldom)", text);
        Assert.Contains("164 times found", text);
    }

    [Fact]
    public void Defects_that_all_programs_find_or_none_tell_nothing()
    {
        var sure = Figures(1, 10, ("always", 100), ("never", 0));
        Assert.Null(PlanComparison.Of(sure, sure));
        Assert.Contains("no defect tells 1 from 1", PlanTrialText.Render(_cell, 5, [sure, sure]));
    }

    [Fact]
    public void A_defect_that_one_of_them_could_not_be_tried_with_is_left_out()
    {
        var other = Figures(1, 10, ("often", 60));
        Assert.Equal(1, PlanComparison.Of(_small, other)!.Defects);
    }

    [Fact]
    public void A_budget_is_told_as_it_is_given_with_its_rows_where_they_are_others()
    {
        Assert.Equal("40,000", $"{PlanBudget.Parse("40000")}");
        Assert.Equal("40,000/3", $"{PlanBudget.Parse("40000/3")}");
    }

    private static PlanFigures Figures(int budget, double milliseconds, params (string Defect, int Programs)[] finders) =>
        new(PlanBudget.Default with { Entries = budget }, 100, 1000, milliseconds / 2, milliseconds / 2, finders.ToDictionary(f => f.Defect, f => f.Programs));
}
