using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Harness.Campaigns;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli.Verbs;

/// <summary><c>bench</c>: how fast programs are compiled and checked here.</summary>
internal static class BenchVerb
{
    public static Command Create(VerbContext context)
    {
        var programs = new Option<int>("--programs") { Description = "Programs per batch", HelpName = "N", DefaultValueFactory = _ => FairScheduler.LargestBatch };
        var only = new Option<string?>("--only") { Description = "Only the cells with this in their names", HelpName = "TEXT" };
        var jobs = Options.Jobs();
        var zig = Options.Zig();
        var json = Options.Json();
        var command = new Command("bench", "Measure compiling and checking, on the same programs every time")
        {
            programs, only, jobs, zig, json, BenchRuntimeVerb.Create(context), BenchTracesVerb.Create(context), BenchKillsVerb.Create(context), BenchCompareVerb.Create(context),
            BenchPlansVerb.Create(context), BenchDamageVerb.Create(context),
        };
        command.SetAction((result, ct) => RunAsync(
            context, Cells(result.GetValue(only)), Options.AtLeastOne("--programs", result.GetValue(programs)), Options.AtLeastOne("--jobs", result.GetValue(jobs)),
            result.GetValue(zig), result.GetValue(json), ct));
        return command;
    }

    private static async Task<int> RunAsync(VerbContext context, IReadOnlyList<Cell> cells, int programs, int jobs, string? zig, bool json, CancellationToken ct)
    {
        var options = new RoomOptions(Repository.Root(), zig, Enum.GetValues<Placement>(), jobs);
        var rooms = await context.Rooms.OpenAsync(options, ct).ConfigureAwait(false);
        await rooms.Parts.Checker.PrepareAsync(cells, ct).ConfigureAwait(false);
        var benchmark = new Benchmark(rooms, programs, jobs);
        var rows = new List<BenchmarkRow>();
        foreach (var cell in cells)
        {
            context.Terminal.Error.WriteLine($"measuring {cell}");
            rows.Add(await OneCase.WithScratchAsync(scratch => benchmark.MeasureAsync(cell, scratch, ct)).ConfigureAwait(false));
        }

        context.Terminal.Out.Write(json
            ? JsonSerializer.Serialize(new { seed = Benchmark.Seed, jobs, zigVersion = rooms.Versions.Zig, cells = rows }, CaseText.JsonOptions) + "\n"
            : Render(rows));
        return ExitCodes.Held;
    }

    private static IReadOnlyList<Cell> Cells(string? text)
    {
        IReadOnlyList<Cell> named = [.. Benchmark.Cells.Where(cell => cell.ToString().Contains(text ?? "", StringComparison.OrdinalIgnoreCase))];
        return named.Count > 0 ? named : throw new UsageException($"--only {text} names none of {string.Join(", ", Benchmark.Cells)}");
    }

    private static string Render(IReadOnlyList<BenchmarkRow> rows)
    {
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            text.Append(CultureInfo.InvariantCulture, $"{row.Cell}\n")
                .Append(CultureInfo.InvariantCulture, $"  compile phase        {row.CompileSeconds:0.00} s, {row.CompileRatio:0.00} times a bare zig build-obj of the same source ({row.BareCompileSeconds:0.00} s); link {row.LinkSeconds:0.00} s\n")
                .Append(CultureInfo.InvariantCulture, $"  checked programs     {row.ProgramsPerSecond:0.00} per second ({row.Programs} programs of {row.LinesPerProgram:0} lines, {row.Executions:N0} executions)\n")
                .Append(CultureInfo.InvariantCulture, $"  beside the compiler  {row.WallRatio:0.00} times the wall time of as many lanes of it alone, {row.ProcessorRatio:0.00} times their processor time; {row.SequenceRatio:0.00} times the wall time of one after the other\n")
                .Append(CultureInfo.InvariantCulture, $"  executions           {row.ExecutionsPerSecondPerCore:N0} per second and core (a worker's processor time), {row.ExecutionsPerSecondOfWallTime:N0} per second of wall time\n")
                .Append(CultureInfo.InvariantCulture, $"  ms per program       plan {row.Milliseconds.Plan:0.0}, compile {row.Milliseconds.Compile:0.0}, link {row.Milliseconds.Link:0.0}, execute {row.Milliseconds.Execute:0.0} (in each lane; planning beside compiling)\n");
        }

        return text.ToString();
    }
}
