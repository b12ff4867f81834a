using System.CommandLine;
using System.Text.Json;
using Harness.Cli.Mutants;
using Harness.Reports;

namespace Harness.Cli.Verbs;

/// <summary><c>bench plans</c>: what a program's budget of entries buys, in planted defects.</summary>
internal static class BenchPlansVerb
{
    private const int ProgramsDefault = 96;

    /// <summary>The default first: what others are compared with.</summary>
    private static readonly PlanBudget[] _budgets =
    [
        PlanBudget.Default,
        PlanBudget.Default with { Rows = PlanBudget.Default.Rows * 2 },
        PlanBudget.Default with { Entries = PlanBudget.Default.Entries / 4 },
        PlanBudget.Default with { Entries = PlanBudget.Default.Entries * 20 },
    ];

    public static Command Create(VerbContext context)
    {
        var budgets = Options.Words("--entries", $"Budgets of entries, each with the fewest rows if they are others (40000/30), compared with the first one (default: {string.Join("; ", _budgets)})", "N/M,N/M");
        var cell = new Option<string?>("--cell") { Description = $"Default: {Benchmark.Cells[0]}", HelpName = "CELL" };
        var programs = new Option<int>("--programs") { Description = "The same programs every time", HelpName = "N", DefaultValueFactory = _ => ProgramsDefault };
        var (jobs, zig, json) = (Options.Jobs(), Options.Zig(), Options.Json());
        var command = new Command("plans", "Plant each defect of the worker in the same programs, planned with small and large budgets, and count those that find it")
        {
            budgets, cell, programs, jobs, zig, json,
        };
        command.SetAction(async (result, ct) =>
        {
            var wanted = Budgets(result.GetValue(budgets) ?? []);
            var chosen = Options.CellNamed(result.GetValue(cell)) ?? Benchmark.Cells[0];
            var rooms = await context.Rooms.OpenMutantsAsync(Repository.Root(), result.GetValue(zig), ct).ConfigureAwait(false);
            var trial = new PlanTrial(
                rooms, context.Rooms.Programs, chosen, Options.AtLeastOne("--programs", result.GetValue(programs)), Options.AtLeastOne("--jobs", result.GetValue(jobs)), context.Terminal.Error);
            var figures = await OneCase.WithScratchAsync(scratch => trial.RunAsync(wanted, scratch, ct)).ConfigureAwait(false);
            context.Terminal.Out.Write(result.GetValue(json)
                ? JsonSerializer.Serialize(new { seed = PlanTrial.Seed, cell = chosen.ToString(), zigVersion = rooms.ZigVersion, budgets = figures.Select(f => PlanTrialText.Fields(f, figures[0])) }, CaseText.JsonOptions) + "\n"
                : PlanTrialText.Render(chosen, PlanTrial.Seed, figures));
            return ExitCodes.Held;
        });
        return command;
    }

    private static IReadOnlyList<PlanBudget> Budgets(string[] words)
    {
        var wanted = words.SelectMany(word => word.Split(','))
            .Select(word => PlanBudget.Parse(word) ?? throw new UsageException($"--entries {word} is no budget; give whole numbers from 1 on, as 40000,10000 or 40000/12")).ToList();
        return wanted.Count == 0 ? _budgets : wanted;
    }
}
