using System.Globalization;
using System.Text;

namespace Harness.Reports;

/// <summary>One campaign, and the compiler alone on the sources that it compiled.</summary>
/// <param name="Batches">Compilations.</param>
/// <param name="Wall">Seconds, without building what all batches share.</param>
/// <param name="Processor">Seconds of all processes of the campaign.</param>
/// <param name="CompilerInTurn">Seconds of one bare <c>zig build-obj</c> after the other.</param>
/// <param name="CompilerInLanes">Seconds of them in as many lanes as the campaign has.</param>
/// <param name="CompilerProcessor">Seconds of all processes, meanwhile.</param>
public sealed record CampaignRound(
    long Batches, long Programs, long Executions, double Wall, double Processor, double CompilerInTurn, double CompilerInLanes, double CompilerProcessor);

/// <summary>
/// What a whole campaign takes over its compiler (docs/THROUGHPUT.md). "The bare <c>zig build-obj</c> time of its sources" can be read in two ways, and both are
/// measured: one compilation after the other, which two cores can hide all else behind; or in as many lanes as we have, which leaves no core idle.
/// </summary>
public static class CampaignCost
{
    public static IReadOnlyList<BenchBar> Of(IReadOnlyList<CampaignRound> rounds)
    {
        ArgumentNullException.ThrowIfNull(rounds);
        return
        [
            SpeedBars.OverCompiler("wall time over that of the compiler alone, one source after the other", Ratio(rounds, round => round.CompilerInTurn)),
            SpeedBars.InLanes(Ratio(rounds, round => round.CompilerInLanes)),
        ];
    }

    public static string Render(IReadOnlyList<CampaignRound> rounds)
    {
        var text = new StringBuilder();
        BenchTable.AppendBars(text, "campaign", Of(rounds));
        foreach (var round in rounds)
        {
            text.Append(CultureInfo.InvariantCulture, $"{round.Wall,8:0.0} s for {round.Batches:N0} batches, {round.Programs:N0} programs, {round.Executions:N0} executions; ")
                .Append(CultureInfo.InvariantCulture, $"the compiler alone {round.CompilerInTurn:0.0} s one after the other, {round.CompilerInLanes:0.0} s in lanes; ")
                .Append(CultureInfo.InvariantCulture, $"processor time {round.Processor:0.0} s over {round.CompilerProcessor:0.0} s\n");
        }

        return text.ToString();
    }

    private static RoundFigure Ratio(IReadOnlyList<CampaignRound> rounds, Func<CampaignRound, double> compiler) => RoundFigure.Of(rounds.Select(round => round.Wall / compiler(round)), 3);
}
