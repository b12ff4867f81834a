using System.CommandLine;
using Harness.Cli.Mutants;
using Harness.Reports;
using Harness.Reports.Mutants;

namespace Harness.Cli.Verbs;

/// <summary><c>bench shrink</c>: how soon a finding is small, over the planted defects.</summary>
internal static class BenchShrinkVerb
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(30);

    public static Command Create(VerbContext context)
    {
        var cap = new Option<string>("--cap") { Description = "For each counterexample (default: 30s)", HelpName = "TIME", DefaultValueFactory = _ => "30s" };
        var only = Options.Words("--only", "These defects only (see zig-fixtures/mutants)", "NAME");
        var require = new Option<bool>("--require") { Description = "End with 1 when the bar is missed, with 4 when it could not be measured" };
        var (jobs, zig, json) = (Options.Jobs(), Options.Zig(), Options.Json());
        var command = new Command("shrink", "Plant each known defect and shrink what it breaks, against the bar of median ten seconds to twelve statements; six minutes") { cap, only, require, jobs, zig, json };
        command.SetAction(async (result, ct) =>
        {
            var request = new MutationRequest(
                MutantsVerb.Chosen([], result.GetValue(only) ?? []), Benchmark.Seed, _patience, null, Budget.Parse(result.GetRequiredValue(cap)),
                Options.AtLeastOne("--jobs", result.GetValue(jobs)));
            var rooms = await context.Rooms.OpenMutantsAsync(Repository.Root(), result.GetValue(zig), ct).ConfigureAwait(false);
            var report = await OneCase.WithScratchAsync(scratch => new MutationRun(rooms, context.Rooms.Programs, request, context.Terminal.Error).RunAsync(scratch, ct)).ConfigureAwait(false);
            context.Terminal.Out.Write(result.GetValue(json) ? report.ToJson() : ShrinkBar.Render(report));
            return ExitCodes.Of(result.GetValue(require), [ShrinkBar.Of(report)]);
        });
        return command;
    }
}
