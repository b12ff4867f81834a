using System.CommandLine;
using System.Text.Json;
using Harness.Campaigns;
using Harness.Reports;
using Harness.Verification;

namespace Harness.Cli.Verbs;

/// <summary><c>bench traces</c>: what verifying stack traces costs, against its bars.</summary>
internal static class BenchTracesVerb
{
    /// <summary>Odd, for the median.</summary>
    private const int RoundsDefault = 5;

    private const int ProgramsDefault = 16;

    public static Command Create(VerbContext context)
    {
        var programs = new Option<int>("--programs") { Description = "Programs of the worker, the same every time", HelpName = "N", DefaultValueFactory = _ => ProgramsDefault };
        var rounds = new Option<int>("--rounds") { Description = "How often each thing is measured", HelpName = "N", DefaultValueFactory = _ => RoundsDefault };
        var require = new Option<bool>("--require") { Description = "End with 1 when a bar is missed, with 4 when one could not be measured" };
        var (zig, json) = (Options.Zig(), Options.Json());
        var command = new Command("traces", "Measure the static check of rows, single steps, and traces at probes side by side with the same executions without them")
        {
            programs, rounds, require, zig, json,
        };
        command.SetAction((result, ct) => RunAsync(
            context, Options.AtLeastOne("--programs", result.GetValue(programs)), Options.AtLeastOne("--rounds", result.GetValue(rounds)),
            result.GetValue(require), result.GetValue(zig), result.GetValue(json), ct));
        return command;
    }

    private static object Fields(BenchBar bar) => new { name = bar.Name, required = bar.Required, measured = bar.Measured, verdict = RuntimeBenchText.Word(bar.Verdict) };

    private static async Task<int> RunAsync(VerbContext context, int count, int rounds, bool require, string? zig, bool json, CancellationToken ct)
    {
        var costs = await context.Rooms.OpenTraceCostsAsync(Repository.Root(), zig, ct).ConfigureAwait(false);
        var stream = new ProgramStream(Benchmark.Seed, null, context.Rooms.Programs);
        var programs = Enumerable.Range(0, count).Select(i => context.Rooms.Programs.Generate(stream.Recipe(i) with { Size = Benchmark.Size })).ToList();
        var figures = new List<TraceCost>();
        foreach (var cell in Benchmark.Cells)
        {
            context.Terminal.Error.WriteLine($"measuring {cell}");
            figures.Add(await OneCase.WithScratchAsync(scratch => costs.MeasureAsync(programs, cell, rounds, scratch, ct)).ConfigureAwait(false));
        }

        var bars = figures.Select(figure => (Cell: figure.Cell.ToString(), Bars: TraceBars.Of(figure))).ToList();
        context.Terminal.Out.Write(json
            ? JsonSerializer.Serialize(new { seed = Benchmark.Seed, rounds, cells = bars.Select(b => new { cell = b.Cell, bars = b.Bars.Select(Fields) }) }, CaseText.JsonOptions) + "\n"
            : TraceBars.Render(figures));
        return ExitCodes.Of(require, bars.SelectMany(b => b.Bars));
    }
}
