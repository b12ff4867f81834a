using Harness.Reports;

namespace Harness.Cli.Tests;

public sealed class SpeedBarsTests
{
    [Theory]
    [InlineData(true, 99.9, 300_000, 1.15, "missed met met")]
    [InlineData(true, 100, 299_999, 1.15, "met missed met")]
    [InlineData(false, 10, 300_000, 1.151, "met met missed")]
    [InlineData(false, 9.99, 0, 0, "missed missed met")]
    public void The_median_decides(bool selfHosted, double programs, double executions, double wall, string verdicts)
    {
        var row = Row(selfHosted, programs, executions, wall);
        Assert.Equal(verdicts, string.Join(' ', SpeedBars.Of(row).Select(bar => bar.Verdict.ToString().ToLowerInvariant())));
        var text = SpeedBars.Render([row]);
        Assert.All(SpeedBars.Of(row), bar => Assert.Contains(bar.Measured, text, StringComparison.Ordinal));
    }

    [Fact]
    public void A_figure_shows_the_spread_of_its_rounds()
    {
        Assert.Equal(new RoundFigure(1.2, 1.1, 1.3), RoundFigure.Of([1.3, 1.1, 1.2], 1));
        Assert.Equal(new RoundFigure(2, 1, 2), RoundFigure.Of([1, 2], 0));
        Assert.Throws<InvalidOperationException>(() => RoundFigure.Of([], 0));
        Assert.Contains("1.15 (1.05 to 1.25)", SpeedBars.Of(Row(true, 1, 1, 1.15))[^1].Measured, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(115, 100, 100, "met met")]
    [InlineData(115, 100, 99, "met missed")]
    [InlineData(116, 100, 50, "missed missed")]
    public void A_campaign_has_a_bar_in_both_readings(double wall, double turn, double lanes, string verdicts)
    {
        var rounds = new[] { new CampaignRound(7, 300, 40_000, wall, 2 * wall, turn, lanes, turn), new CampaignRound(7, 300, 40_000, wall, 2 * wall, turn, lanes, turn) };
        Assert.Equal(verdicts, string.Join(' ', CampaignCost.Of(rounds).Select(bar => bar.Verdict.ToString().ToLowerInvariant())));
        Assert.Contains($"{wall:0.0} s for 7 batches, 300 programs, 40,000 executions; the compiler alone {turn:0.0} s one after the other, {lanes:0.0} s in lanes", CampaignCost.Render(rounds), StringComparison.Ordinal);
    }

    private static BenchmarkRow Row(bool selfHosted, double programs, double executions, double wall)
    {
        static RoundFigure About(double value, double spread) => new(value, value - spread, value + spread);
        return new BenchmarkRow("cell", selfHosted, 64, 1000, 60)
        {
            ProgramsPerSecond = About(programs, 5), ExecutionsPerSecondPerCore = About(executions, 5), ExecutionsPerSecondOfWallTime = About(1, 0), WallRatio = About(wall, 0.1),
            ProcessorRatio = About(wall, 0.1), SequenceRatio = 1, CompileRatio = About(1, 0), CompileSeconds = 1, BareCompileSeconds = 1, LinkSeconds = 1, Milliseconds = new PhaseMilliseconds(1, 1, 1, 1),
        };
    }
}
