using System.Diagnostics;
using System.Text.Json.Serialization;
using Harness.Campaigns;
using Harness.Model;

namespace Harness.Cli;

/// <summary>Compiles the source of programs as anyone would, without checks put in: what our compile phase is compared with.</summary>
public interface IBareCompiler
{
    /// <returns>Wall time of one <c>zig build-obj</c>.</returns>
    /// <exception cref="EnvironmentUnusableException"/>
    Task<TimeSpan> CompileAsync(IReadOnlyList<FiberProgram> programs, Cell cell, string directory, CancellationToken ct);
}

/// <summary>What one cell came to.</summary>
/// <param name="CompileRatio">Our compile phase (compiling, putting checks in) over a bare <c>zig build-obj</c> of the same source.</param>
/// <param name="ProgramsPerSecond">Checked programs, all lanes together.</param>
/// <param name="ExecutionsPerSecondPerCore">In one worker, while it runs, without taking traces.</param>
public sealed record BenchmarkRow(
    [property: JsonPropertyName("cell")] string Cell,
    [property: JsonPropertyName("programs")] long Programs,
    [property: JsonPropertyName("executions")] long Executions,
    [property: JsonPropertyName("bareCompileSeconds")] double BareCompileSeconds,
    [property: JsonPropertyName("compileSeconds")] double CompileSeconds,
    [property: JsonPropertyName("compileRatio")] double CompileRatio,
    [property: JsonPropertyName("linkSeconds")] double LinkSeconds,
    [property: JsonPropertyName("programsPerSecond")] double ProgramsPerSecond,
    [property: JsonPropertyName("executionsPerSecondPerCore")] double ExecutionsPerSecondPerCore);

/// <summary>Measures a segment of a campaign: the same programs every time, from a fixed seed.</summary>
internal sealed class Benchmark(Rooms rooms, int programs, int jobs)
{
    public const ulong Seed = 1;

    /// <summary>Gives programs of about 60 lines of functions, and 20 of types and tables.</summary>
    private const int Size = 6;

    public static IReadOnlyList<Cell> Cells { get; } =
    [
        new(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted),
        new(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm),
        new(Route.Thunk, OptimizeMode.ReleaseFast, Backend.Llvm),
    ];

    public async Task<BenchmarkRow> MeasureAsync(Cell cell, string scratch, CancellationToken ct)
    {
        var stream = new ProgramStream(Seed, null, rooms.Parts.Programs);
        var batches = Enumerable.Range(0, jobs)
            .Select(lane => (IReadOnlyList<FiberProgram>)[.. Enumerable.Range(lane * programs, programs).Select(i => rooms.Parts.Programs.Generate(stream.Recipe(i) with { Size = Size }))])
            .ToList();

        // Alone on the machine, one after the other, and the bare compile first: a warm file cache may not flatter it.
        var bare = await rooms.BareCompiler.CompileAsync(batches[0], cell, Folder(scratch, "bare"), ct).ConfigureAwait(false);
        var alone = await CheckAsync(batches[0], cell, Folder(scratch, "alone"), observe: false, ct).ConfigureAwait(false);
        var started = Stopwatch.GetTimestamp();
        var together = await Task.WhenAll(batches.Select((batch, lane) => CheckAsync(batch, cell, Folder(scratch, $"lane-{lane}"), observe: true, ct))).ConfigureAwait(false);
        var wall = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return new BenchmarkRow(
            cell.ToString(), together.Sum(outcome => outcome.Counters.Programs), together.Sum(outcome => outcome.Counters.Executions),
            Round(bare.TotalSeconds), Round(alone.Seconds.Compile), Round(alone.Seconds.Compile / bare.TotalSeconds), Round(alone.Seconds.Link),
            Round(together.Sum(outcome => outcome.Counters.Programs) / wall), Math.Round(alone.Counters.Executions / alone.Seconds.Execute));
    }

    private Task<BatchOutcome> CheckAsync(IReadOnlyList<FiberProgram> batch, Cell cell, string scratch, bool observe, CancellationToken ct) =>
        rooms.Parts.Checker.CheckAsync(batch, cell, new PlanChoice(Seed, Light: false, observe), scratch, ct);

    private static string Folder(string scratch, string name) => Directory.CreateDirectory(Path.Combine(scratch, name)).FullName;

    private static double Round(double value) => Math.Round(value, 3);
}
