using System.CommandLine;
using System.Globalization;
using Harness.Campaigns;
using Harness.Cli.Mutants;
using Harness.Model;
using Harness.Reports;
using Harness.Reports.Mutants;

namespace Harness.Cli.Verbs;

/// <summary><c>mutants</c>: how many planted defects the harness finds.</summary>
internal static class MutantsVerb
{
    private const ulong DefaultSeed = 1;

    public static Command Create(VerbContext context)
    {
        var family = Options.Words("--family", "Defects of these families only", "NAME");
        var only = Options.Words("--only", "These defects only (see zig-fixtures/mutants)", "NAME");
        var cell = new Option<string?>("--cell") { Description = "Look for all of them here, as thunk/Debug/selfhosted/x86_64-linux-gnu (default: where each shows soonest)", HelpName = "CELL" };
        var budget = new Option<string>("--budget") { Description = "When to begin no further trial (default: 10m)", HelpName = "TIME", DefaultValueFactory = _ => "10m" };
        var shrink = new Option<string?>("--shrink") { Description = "Shrink each counterexample, for so long at most", HelpName = "TIME" };
        var seed = new Option<ulong>("--seed") { Description = $"What the programs are made from (default: {DefaultSeed})", HelpName = "N", DefaultValueFactory = _ => DefaultSeed };
        var (jobs, zig, json, results) = (Options.Jobs(), Options.Zig(), Options.Json(), Options.Results());
        var command = new Command("mutants", "Plant each known defect in turn and look whether the harness finds it: the mutation score")
        {
            family, only, cell, budget, shrink, seed, jobs, zig, json, results,
        };
        command.SetAction((result, ct) =>
        {
            var request = new MutationRequest(
                Chosen(Options.Parse<DefectFamily>("--family", result.GetValue(family)), result.GetValue(only) ?? []), result.GetValue(seed),
                Budget.Parse(result.GetRequiredValue(budget)), Options.CellNamed(result.GetValue(cell)), result.GetValue(shrink) is { } cap ? Budget.Parse(cap) : null,
                Options.AtLeastOne("--jobs", result.GetValue(jobs)));
            return RunAsync(context, request, result.GetValue(zig), result.GetValue(results), result.GetValue(json), ct);
        });
        return command;
    }

    private static async Task<int> RunAsync(VerbContext context, MutationRequest request, string? zig, string? results, bool json, CancellationToken ct)
    {
        var root = Repository.Root();
        var rooms = await context.Rooms.OpenMutantsAsync(root, zig, ct).ConfigureAwait(false);
        var report = await OneCase.WithScratchAsync(scratch => new MutationRun(rooms, context.Rooms.Programs, request, context.Terminal.Error).RunAsync(scratch, ct)).ConfigureAwait(false);
        var folder = Write(Options.Layout(root, results), report);
        context.Terminal.Out.Write(json ? report.ToJson() : MutationText.Render(report) + $"\n  report    {Repository.Shown(Path.Combine(folder, "mutants.html"))}\n");
        return report.Holds ? ExitCodes.Held : ExitCodes.Inconclusive;
    }

    internal static IReadOnlyList<PlantedDefect> Chosen(IReadOnlyList<DefectFamily> families, string[] names)
    {
        var wanted = names.SelectMany(word => word.Split(',')).ToList();
        if (wanted.Find(name => PlantedDefect.Named(name) is null) is { } unknown)
        {
            throw new UsageException($"--only {unknown} is unknown; known: {string.Join(", ", PlantedDefect.All.Select(d => d.Name))}");
        }

        PlantedDefect[] chosen = [.. PlantedDefect.All.Where(d => (families.Count == 0 || families.Contains(d.Family)) && (wanted.Count == 0 || wanted.Contains(d.Name)))];
        return chosen.Length > 0 ? chosen : throw new UsageException($"no defect of --only {string.Join(' ', wanted)} is of --family {string.Join(' ', families)}; leave one of them out");
    }

    private static string Write(ResultsLayout layout, MutationReport report)
    {
        var folder = Path.Combine(layout.Mutants, string.Create(CultureInfo.InvariantCulture, $"{DateTimeOffset.UtcNow:yyyyMMdd-HHmmss}-{report.Seed}"));
        try
        {
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, "mutants.json"), report.ToJson());
            File.WriteAllText(Path.Combine(folder, "mutants.txt"), MutationText.Render(report));
            File.WriteAllText(Path.Combine(folder, "mutants.html"), MutationText.Html(report));
            return folder;
        }
        catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
        {
            throw new ResultsUnwritableException(folder, e);
        }
    }
}
