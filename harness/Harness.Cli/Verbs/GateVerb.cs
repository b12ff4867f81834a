using System.CommandLine;
using Harness.Cli.Gates;
using Harness.Reports.Gates;

namespace Harness.Cli.Verbs;

/// <summary><c>gate</c>: is this compiler safe for fibers on split stacks, and what changed?</summary>
internal static class GateVerb
{
    private const ulong DefaultSeed = 1;

    public static Command Create(VerbContext context)
    {
        var zig = Options.Zig();
        var baseline = new Option<string?>("--baseline") { Description = "The gate to compare with: a version or a file (default: this version's stored one, else the nearest older one)", HelpName = "VERSION|FILE" };
        var budget = new Option<string>("--budget") { Description = "For all phases together (default: 30m)", HelpName = "TIME", DefaultValueFactory = _ => "30m" };
        var seed = new Option<ulong>("--seed") { Description = "Of the random programs", HelpName = "N", DefaultValueFactory = _ => DefaultSeed };
        var only = Options.Words("--only", $"Only these phases (nothing is stored then): {string.Join(", ", GatePhase.All.Select(phase => phase.Name))}", "PHASE");
        var resume = new Option<bool>("--resume") { Description = "Go on behind the phases that a gate which was cut off has finished" };
        var results = Options.Results();
        var command = new Command("gate", "Judge a Zig compiler: everything the harness can check, against an earlier gate") { zig, baseline, budget, seed, only, resume, results };
        command.SetAction(async (result, ct) =>
        {
            var phases = (result.GetValue(only) ?? []).SelectMany(word => word.Split(',')).ToList();
            if (phases.Find(word => GatePhase.All.All(phase => phase.Name != word)) is { } unknown)
            {
                throw new UsageException($"--only {unknown} is no phase; known: {string.Join(", ", GatePhase.All.Select(phase => phase.Name))}");
            }

            var root = Repository.Root();
            var request = new GateRequest(
                result.GetValue(zig), result.GetValue(baseline), Budget.Parse(result.GetRequiredValue(budget)), result.GetValue(seed), Options.Layout(root, result.GetValue(results)), phases, result.GetValue(resume));
            // What was named is looked at before anything is opened.
            _ = request.Baseline is { } named && new GateStore(request.Results.Gates).Baseline(named, "") is { } gate ? GateStore.ConventionsOf(gate.Path) : null;
            var tools = await context.Rooms.OpenGateAsync(root, request.Zig, ct).ConfigureAwait(false);
            return await OneCase.WithScratchAsync(scratch => new GateSession(context.Terminal, tools, request).RunAsync(scratch, ct)).ConfigureAwait(false);
        });
        return command;
    }
}
