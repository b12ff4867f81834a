using System.CommandLine;
using System.Globalization;
using Harness.Cli.Kills;
using Harness.Reports;

namespace Harness.Cli.Verbs;

/// <summary><c>bench kills</c>: campaigns that are killed at random moments come to what they come to undisturbed.</summary>
internal static class BenchKillsVerb
{
    private const int MaxShown = 10;

    public static Command Create(VerbContext context)
    {
        var kills = new Option<int>("--kills") { Description = "How many times to kill (default: 200)", HelpName = "N", DefaultValueFactory = _ => 200 };
        var programs = new Option<int>("--programs") { Description = "Programs of each campaign (default: 16)", HelpName = "N", DefaultValueFactory = _ => 16 };
        var seed = new Option<ulong>("--seed") { Description = "Of the first campaign and of the moments (default: 1)", HelpName = "N", DefaultValueFactory = _ => 1 };
        var command = new Command("kills", "Kill campaigns (SIGKILL) at random moments, go on with them, and compare what they come to with the same ones undisturbed") { kills, programs, seed };
        command.SetAction(async (result, ct) =>
        {
            var trial = new KillTrial(
                new OwnProcess(Repository.Root()), Options.AtLeastOne("--programs", result.GetValue(programs)), result.GetValue(seed), context.Terminal.Error);
            var wanted = Options.AtLeastOne("--kills", result.GetValue(kills));
            var campaigns = await OneCase.WithScratchAsync(scratch => trial.RunAsync(wanted, scratch, ct)).ConfigureAwait(false);
            context.Terminal.Out.Write(Text(campaigns));
            return campaigns.All(campaign => campaign.Differences.Count == 0) ? ExitCodes.Held : ExitCodes.Falsified;
        });
        return command;
    }

    private static string Text(IReadOnlyList<KilledCampaign> campaigns)
    {
        var different = campaigns.Where(campaign => campaign.Differences.Count > 0).ToList();
        var lines = different.SelectMany(campaign => campaign.Differences.Take(MaxShown).Select(difference => $"  seed {campaign.Seed}{(campaign.Defect is null ? "" : $", {campaign.Defect}")}: {difference}\n"));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{(different.Count == 0 ? "HELD" : "FALSIFIED")}: {campaigns.Sum(campaign => campaign.Kills)} kills of {campaigns.Count} campaigns; {campaigns.Count - different.Count} came to the same as undisturbed\n")
            + string.Concat(lines);
    }
}
