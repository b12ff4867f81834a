using System.CommandLine;
using System.Text.Json;
using Harness.Campaigns;
using Harness.Cli.Comparing;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli.Verbs;

/// <summary><c>bench compare</c>: our throughput beside two established ways of testing, in one run.</summary>
internal static class BenchCompareVerb
{
    public static Command Create(VerbContext context)
    {
        var programs = new Option<int>("--programs") { Description = "Of ours, on each lane", HelpName = "N", DefaultValueFactory = _ => FairScheduler.LargestBatch };
        var others = new Option<int>("--others") { Description = "Programs of csmith, and cases compiled by themselves (default: 24)", HelpName = "N", DefaultValueFactory = _ => 24 };
        var (jobs, zig, json) = (Options.Jobs(), Options.Zig(), Options.Json());
        var command = new Command("compare", "Checked programs per minute beside csmith with gcc, and executions beside a case per compilation") { programs, others, jobs, zig, json };
        command.SetAction(async (result, ct) =>
        {
            var lanes = Options.AtLeastOne("--jobs", result.GetValue(jobs));
            var options = new RoomOptions(Repository.Root(), result.GetValue(zig), Enum.GetValues<Placement>(), lanes);
            var rooms = await context.Rooms.OpenAsync(options, ct).ConfigureAwait(false);
            var processes = await context.Rooms.OpenProcessesAsync(options.Root, options.Zig, ct).ConfigureAwait(false);
            var comparison = new Comparison(rooms, processes, lanes, Options.AtLeastOne("--programs", result.GetValue(programs)), Options.AtLeastOne("--others", result.GetValue(others)));
            var measured = await OneCase.WithScratchAsync(scratch => comparison.RunAsync(scratch, context.Terminal.Error, ct)).ConfigureAwait(false);
            context.Terminal.Out.Write(result.GetValue(json) ? JsonSerializer.Serialize(measured, CaseText.JsonOptions) + "\n" : measured.Render());
            return ExitCodes.Held;
        });
        return command;
    }
}
