using System.CommandLine;
using System.Globalization;
using Harness.Cli.RuntimeBench;
using Harness.Reports;
using Harness.Toolchain;

namespace Harness.Cli.Verbs;

/// <summary><c>bench runtime</c>: the runtime against its bars, side by side with what it is compared with.</summary>
internal static class BenchRuntimeVerb
{
    /// <summary>Each layout of the programs (<see cref="BenchmarkBuilder.Layouts"/>) twice.</summary>
    private const int RoundsDefault = 2 * BenchmarkBuilder.Layouts;

    public static Command Create(VerbContext context)
    {
        var only = new Option<string?>("--only") { Description = $"One measurement: {string.Join(", ", RuntimeMeasurements.Names)}", HelpName = "NAME" };
        var rounds = new Option<int>("--rounds") { Description = "How often all contenders run, in turns", HelpName = "N", DefaultValueFactory = _ => RoundsDefault };
        var effort = new Option<double>("--effort")
        {
            Description = "Multiplies the work of each run: 0.01 for a quick look, whose figures say little", HelpName = "F", DefaultValueFactory = _ => 1,
        };
        var require = new Option<bool>("--require") { Description = "End with 1 when a bar is missed, with 4 when one could not be measured" };
        var (zig, results, json) = (Options.Zig(), Options.Results(), Options.Json());
        var command = new Command("runtime", "Measure the split-stack runtime side by side with libgcc, Go, Boost and std.Io, against its bars")
        {
            only, rounds, effort, require, zig, results, json,
        };
        command.SetAction((result, ct) => RunAsync(
            context, Known(result.GetValue(only)), Options.AtLeastOne("--rounds", result.GetValue(rounds)), Sensible(result.GetValue(effort)),
            result.GetValue(require), (result.GetValue(zig), result.GetValue(results), result.GetValue(json)), ct));
        return command;
    }

    private static async Task<int> RunAsync(
        VerbContext context, string? only, int rounds, double effort, bool require, (string? Zig, string? Results, bool Json) common, CancellationToken ct)
    {
        var root = Repository.Root();
        var started = DateTimeOffset.UtcNow;
        var workshop = await context.Rooms.OpenWorkshopAsync(root, common.Zig, ct).ConfigureAwait(false);
        var measurements = RuntimeMeasurements.All(effort).Where(measurement => only is null || measurement.Name == only).ToList();
        var benchmark = new RuntimeBenchmark(workshop, context.Terminal.Error.WriteLine);
        var figures = await OneCase.WithScratchAsync(scratch => benchmark.RunAsync(measurements, rounds, scratch, ct)).ConfigureAwait(false);
        var result = new RuntimeBenchResult(
            started, workshop.ZigVersion, Application.Version, Processor(), rounds, only, figures, benchmark.Skipped);
        var report = RuntimeBenchWriter.Write(Options.Layout(root, common.Results), result, Repeat(only, rounds, effort));
        if (common.Json)
        {
            context.Terminal.Out.Write(result.ToJson());
        }
        else
        {
            context.Terminal.Out.Write(RuntimeBenchText.Render(result));
            context.Terminal.Out.Write($"report  {Repository.Shown(report)}\n");
        }

        return ExitCodes.Of(require, result.Bars);
    }

    /// <exception cref="UsageException"/>
    private static string? Known(string? only) => only is null || RuntimeMeasurements.Names.Contains(only)
        ? only
        : throw new UsageException($"--only {only} is unknown; known: {string.Join(", ", RuntimeMeasurements.Names)}");

    /// <exception cref="UsageException"/>
    private static double Sensible(double effort) => effort is >= 0.0001 and <= 10
        ? effort
        : throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"--effort {effort} makes no sense; give a number from 0.0001 to 10"));

    private static string Processor()
    {
        const string Name = "model name";
        var line = File.Exists("/proc/cpuinfo")
            ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal))
            : null;
        return line?.Split(':', 2)[^1].Trim() ?? "unknown processor";
    }

    private static string Repeat(string? only, int rounds, double effort) => string.Create(
        CultureInfo.InvariantCulture,
        $"scripts/harness bench runtime{(only is null ? "" : $" --only {only}")} --rounds {rounds}{(effort == 1 ? "" : $" --effort {effort}")}");
}
