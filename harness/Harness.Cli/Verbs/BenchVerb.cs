using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Harness.Campaigns;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli.Verbs;

/// <summary><c>bench</c>: how fast programs are compiled and checked here.</summary>
internal static class BenchVerb
{
    internal static readonly JsonSerializerOptions Json = new(CaseText.JsonOptions)
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase, Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public static Command Create(VerbContext context)
    {
        var programs = new Option<int>("--programs") { Description = "Programs per batch", HelpName = "N", DefaultValueFactory = _ => FairScheduler.LargestBatch };
        var only = new Option<string?>("--only") { Description = "Only the cells with this in their names", HelpName = "TEXT" };
        var rounds = new Option<int>("--rounds") { Description = "How often each thing is measured", HelpName = "N", DefaultValueFactory = _ => Benchmark.RoundsDefault };
        var require = new Option<bool>("--require") { Description = "End with 1 when a bar is missed" };
        var jobs = Options.Jobs();
        var zig = Options.Zig();
        var json = Options.Json();
        var command = new Command("bench", "Measure compiling and checking, on the same programs every time, against the bars")
        {
            programs, only, rounds, require, jobs, zig, json, BenchRuntimeVerb.Create(context), BenchTracesVerb.Create(context), BenchKillsVerb.Create(context), BenchCompareVerb.Create(context),
            BenchCampaignVerb.Create(context), BenchPlansVerb.Create(context), BenchDamageVerb.Create(context), BenchShrinkVerb.Create(context),
        };
        command.SetAction((result, ct) =>
        {
            var amount = (Options.AtLeastOne("--programs", result.GetValue(programs)), Options.AtLeastOne("--rounds", result.GetValue(rounds)), Options.AtLeastOne("--jobs", result.GetValue(jobs)));
            return RunAsync(context, Cells(result.GetValue(only)), amount, result.GetValue(require), result.GetValue(zig), result.GetValue(json), ct);
        });
        return command;
    }

    private static async Task<int> RunAsync(VerbContext context, IReadOnlyList<Cell> cells, (int Programs, int Rounds, int Jobs) amount, bool require, string? zig, bool json, CancellationToken ct)
    {
        var options = new RoomOptions(Repository.Root(), zig, Enum.GetValues<Placement>(), amount.Jobs);
        var rooms = await context.Rooms.OpenAsync(options, ct).ConfigureAwait(false);
        await rooms.Parts.Checker.PrepareAsync(cells, ct).ConfigureAwait(false);
        var benchmark = new Benchmark(rooms, amount.Programs, amount.Jobs, amount.Rounds);
        var rows = new List<BenchmarkRow>();
        foreach (var cell in cells)
        {
            context.Terminal.Error.WriteLine($"measuring {cell}");
            rows.Add(await OneCase.WithScratchAsync(scratch => benchmark.MeasureAsync(cell, scratch, ct)).ConfigureAwait(false));
        }

        context.Terminal.Out.Write(json
            ? JsonSerializer.Serialize(
                new { seed = Benchmark.Seed, amount.Jobs, amount.Rounds, zigVersion = rooms.Versions.Zig, cells = rows.Select(row => new { figures = row, bars = SpeedBars.Of(row) }) }, Json) + "\n"
            : SpeedBars.Render(rows));
        return ExitCodes.Of(require, rows.SelectMany(SpeedBars.Of));
    }

    private static IReadOnlyList<Cell> Cells(string? text)
    {
        IReadOnlyList<Cell> named = [.. Benchmark.Cells.Where(cell => cell.ToString().Contains(text ?? "", StringComparison.OrdinalIgnoreCase))];
        return named.Count > 0 ? named : throw new UsageException($"--only {text} names none of {string.Join(", ", Benchmark.Cells)}");
    }
}
