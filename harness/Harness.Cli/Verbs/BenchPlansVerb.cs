using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Harness.Cli.Mutants;
using Harness.Reports;
using Harness.Verification;

namespace Harness.Cli.Verbs;

/// <summary><c>bench plans</c>: what a program's budget of entries buys, in planted defects.</summary>
internal static class BenchPlansVerb
{
    private const int ProgramsDefault = 96;

    /// <summary>The default first: what others are compared with.</summary>
    private static readonly int[] _budgets = [PlanOptions.Default.EntryBudget, PlanOptions.Default.EntryBudget / 4, PlanOptions.Default.EntryBudget * 20];

    public static Command Create(VerbContext context)
    {
        var budgets = Options.Words("--entries", $"Budgets to compare the first one with (default: {string.Join(',', _budgets)})", "N,N");
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

    private static IReadOnlyList<int> Budgets(string[] words)
    {
        var wanted = words.SelectMany(word => word.Split(',')).ToList();
        if (wanted.Find(word => !int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var budget) || budget < 1) is { } wrong)
        {
            throw new UsageException($"--entries {wrong} is no budget; give whole numbers from 1 on, as 40000,10000");
        }

        return wanted.Count == 0 ? _budgets : [.. wanted.Select(word => int.Parse(word, CultureInfo.InvariantCulture))];
    }
}
