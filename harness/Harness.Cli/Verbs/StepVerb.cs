using System.CommandLine;
using System.Text.Json;
using Harness.Binary.Unwind.Stepping;
using Harness.Campaigns;
using Harness.Model;
using Harness.Reports;
using Harness.Verification.Stepping;

namespace Harness.Cli.Verbs;

/// <summary><c>step [CASE|TOKEN]</c>: steps through programs and compares unwind rows with what the instructions do.</summary>
internal static class StepVerb
{
    private const int DefaultPrograms = 1;

    public static Command Create(VerbContext context)
    {
        var @case = new Argument<string?>("CASE") { Description = "A case folder, its case.json, or a replay token; without it, random programs", Arity = ArgumentArity.ZeroOrOne };
        var programs = new Option<int>("--programs") { Description = "Random programs, small ones", HelpName = "N", DefaultValueFactory = _ => DefaultPrograms };
        var seed = new Option<ulong>("--seed") { Description = "Of the random programs", HelpName = "N", DefaultValueFactory = _ => 1 };
        var size = new Option<int>("--size") { Description = "Of the random programs", HelpName = "N", DefaultValueFactory = _ => 6 };
        var steps = new Option<long>("--steps") { Description = "Instructions of one worker, at most", HelpName = "N", DefaultValueFactory = _ => new StepOptions().MaxSteps };
        var whole = new Option<int>("--whole") { Description = "Compare the whole chain at every N-th instruction", HelpName = "N", DefaultValueFactory = _ => StepChecker.WholeEvery };
        var routes = Options.Words("--route", "Routes of the cells", "ROUTE");
        var modes = Options.Words("--mode", "Modes of the cells", "MODE");
        var targets = Options.Targets();
        var placements = Options.Words("--placement", "Where segments lie (default: every one)", "PLACEMENT");
        var zig = Options.Zig();
        var defect = Options.Defect();
        var json = Options.Json();
        var command = new Command("step", "Step through programs: at every instruction the unwind rows against the calls that were made; exit 1 when one is wrong")
        {
            @case, programs, seed, size, steps, whole, routes, modes, targets, placements, zig, defect, json,
        };
        command.SetAction((result, ct) =>
        {
            var options = new StepOptions(
                MaxSteps: result.GetValue(steps) is >= 1 and var n ? n : throw new UsageException($"--steps {result.GetValue(steps)} is too small; give at least 1"),
                WholeEvery: Options.AtLeastOne("--whole", result.GetValue(whole)));
            var planted = Options.Defect(result.GetValue(defect));
            var chosen = Options.Parse<Placement>("--placement", result.GetValue(placements));
            var work = result.GetValue(@case) is { } word
                ? Work.Of(CaseArgument.ReadOurs(word, "step").Stored.Document)
                : Work.Random(
                    context.Rooms.Programs, result.GetValue(seed), Options.AtLeastOne("--programs", result.GetValue(programs)),
                    Options.AtLeastOne("--size", result.GetValue(size)), Options.Cells(result.GetValue(routes), result.GetValue(modes), result.GetValue(targets)),
                    chosen.Count > 0 ? chosen : Enum.GetValues<Placement>());
            return RunAsync(context, work, options, result.GetValue(zig), planted, result.GetValue(json), ct);
        });
        return command;
    }

    /// <summary>What to step through, in which cells.</summary>
    private sealed record Work(
        IReadOnlyList<FiberProgram> Programs, Func<FiberProgram, IReadOnlyList<ExecutionPlan>> Executions, IReadOnlyList<Cell> Cells, IReadOnlyList<Placement> Placements)
    {
        public static Work Of(CaseDocument document) => new(
            document.Case.Unit, program => program == document.Case.Program ? [document.Case.Plan with { Disturbance = Disturbance.None }] : [], [document.Case.Cell], [document.Case.Plan.Placement]);

        public static Work Random(IProgramSource source, ulong seed, int count, int size, IReadOnlyList<Cell> cells, IReadOnlyList<Placement> placements)
        {
            var stream = new ProgramStream(seed, null, source);
            return new Work(
                [.. Enumerable.Range(0, count).Select(i => source.Generate(stream.Recipe(i) with { Size = size }))],
                program => UnitStepper.Executions(program, placements), cells, placements);
        }
    }

    private static async Task<int> RunAsync(VerbContext context, Work work, StepOptions options, string? zig, PlantedDefect? defect, bool json, CancellationToken ct)
    {
        var stepper = await context.Rooms.OpenStepperAsync(
            new RoomOptions(Repository.Root(), zig, work.Placements, Environment.ProcessorCount, defect), ct).ConfigureAwait(false);
        var results = new List<(Cell Cell, StepOutcome Outcome)>();
        foreach (var cell in work.Cells)
        {
            context.Terminal.Error.WriteLine($"stepping in {cell}");
            var outcome = await OneCase.WithScratchAsync(scratch => stepper.StepAsync(work.Programs, work.Executions, cell, scratch, options, ct)).ConfigureAwait(false);
            results.Add((cell, outcome));
            if (!json)
            {
                context.Terminal.Out.Write(StepText.Of(cell, outcome));
            }
        }

        context.Terminal.Out.Write(json ? JsonSerializer.Serialize(results.Select(StepText.Fields), CaseText.JsonOptions) + "\n" : StepText.Coverage(results.Select(r => r.Outcome)));
        var runs = results.Select(r => r.Outcome).OfType<StepOutcome.Stepped>().ToList();
        return runs.Exists(r => r.Run.Report.Findings.Count > 0 || r.Complaints.Count > 0) ? ExitCodes.Falsified
            : runs.Count < results.Count || runs.Exists(r => !r.Run.IsComplete) ? ExitCodes.Inconclusive
            : ExitCodes.Held;
    }
}
