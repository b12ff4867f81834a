using System.CommandLine;
using System.Text.Json;
using Harness.Campaigns;
using Harness.Cli.Comparing;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli.Verbs;

/// <summary><c>bench campaign</c>: what a whole campaign takes over its compiler.</summary>
internal static class BenchCampaignVerb
{
    public static Command Create(VerbContext context)
    {
        var budget = new Option<string?>("--budget") { Description = "Of each campaign (default: 60s); the compiler alone takes twice as long again", HelpName = "TIME" };
        var rounds = new Option<int>("--rounds") { Description = "Campaigns, each of another seed", HelpName = "N", DefaultValueFactory = _ => Benchmark.RoundsDefault };
        var require = new Option<bool>("--require") { Description = "End with 1 when a bar is missed" };
        var (route, mode) = (Options.Routes(), Options.Modes());
        var (jobs, zig, json) = (Options.Jobs(), Options.Zig(), Options.Json());
        var command = new Command("campaign", "Campaigns over all cells, each beside the compiler alone on the sources that it compiled") { budget, rounds, require, route, mode, jobs, zig, json };
        command.SetAction((result, ct) =>
        {
            var time = result.GetValue(budget) is { } text ? Budget.Parse(text) : RunRequest.DefaultBudget;
            var cells = Options.Cells(result.GetValue(route), result.GetValue(mode), null);
            var count = Options.AtLeastOne("--rounds", result.GetValue(rounds));
            var request = new RunRequest(
                Benchmark.Seed, time, null, null, cells, Enum.GetValues<Placement>(), result.GetValue(zig), Options.AtLeastOne("--jobs", result.GetValue(jobs)),
                new ResultsLayout(""), KeepRegressions: false, "scripts/harness bench campaign");
            return RunAsync(context, request, count, result.GetValue(require), result.GetValue(json), ct);
        });
        return command;
    }

    private static async Task<int> RunAsync(VerbContext context, RunRequest request, int count, bool require, bool json, CancellationToken ct)
    {
        var rooms = await context.Rooms.OpenAsync(new RoomOptions(Repository.Root(), request.Zig, request.Placements, request.Jobs), ct).ConfigureAwait(false);
        var rounds = new List<CampaignRound>();
        for (var i = 0; i < count; i++)
        {
            var seed = request.Seed + (ulong)i;
            rounds.Add(await OneCase.WithScratchAsync(scratch => new CampaignTrial(
                context.Terminal, request with { Seed = seed, Results = new ResultsLayout(Path.Combine(scratch, "results")) }, rooms).RunAsync(scratch, ct)).ConfigureAwait(false));
        }

        var bars = CampaignCost.Of(rounds);
        context.Terminal.Out.Write(json
            ? JsonSerializer.Serialize(new { seed = request.Seed, zigVersion = rooms.Versions.Zig, jobs = request.Jobs, rounds, bars }, BenchVerb.Json) + "\n"
            : CampaignCost.Render(rounds));
        return ExitCodes.Of(require, bars);
    }
}
