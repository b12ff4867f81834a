using System.Text.Json.Serialization;
using Harness.Campaigns;
using Harness.Emit;
using Harness.Model;

namespace Harness.Cli;

/// <summary>Compiles the source of programs as anyone would, without checks put in: what our compile phase is compared with.</summary>
public interface IBareCompiler
{
    /// <returns>Wall time of one <c>zig build-obj</c>.</returns>
    /// <exception cref="EnvironmentUnusableException"/>
    Task<TimeSpan> CompileAsync(IReadOnlyList<FiberProgram> programs, Cell cell, string directory, CancellationToken ct);
}

/// <summary>What one cell came to; medians of several rounds.</summary>
/// <param name="CompileRatio">Our compile phase (compiling, putting checks in) over a bare <c>zig build-obj</c> of the same source.</param>
/// <param name="LinesPerProgram">Of emitted Zig, types and tables included.</param>
/// <param name="ProgramsPerSecond">Checked programs, all lanes together.</param>
/// <param name="ExecutionsPerSecondPerCore">Of a worker's processor time, without taking traces.</param>
public sealed record BenchmarkRow(
    [property: JsonPropertyName("cell")] string Cell,
    [property: JsonPropertyName("programs")] long Programs,
    [property: JsonPropertyName("executions")] long Executions,
    [property: JsonPropertyName("bareCompileSeconds")] double BareCompileSeconds,
    [property: JsonPropertyName("compileSeconds")] double CompileSeconds,
    [property: JsonPropertyName("compileRatio")] double CompileRatio,
    [property: JsonPropertyName("linkSeconds")] double LinkSeconds,
    [property: JsonPropertyName("programsPerSecond")] double ProgramsPerSecond,
    [property: JsonPropertyName("executionsPerSecondPerCore")] double ExecutionsPerSecondPerCore,
    [property: JsonPropertyName("linesPerProgram")] double LinesPerProgram)
{
    /// <summary>Of wall time while one worker runs, with proofs and judging beside it, without taking traces.</summary>
    [JsonPropertyName("executionsPerSecondOfWallTime")]
    public required double ExecutionsPerSecondOfWallTime { get; init; }

    /// <summary>Wall time of each phase per program, all lanes under way.</summary>
    [JsonPropertyName("milliseconds")]
    public required PhaseMilliseconds Milliseconds { get; init; }

    /// <summary>Wall time of checking all programs over that of the compiler alone on the same sources, in as many lanes.</summary>
    [JsonPropertyName("wallRatio")]
    public required double WallRatio { get; init; }

    /// <summary>The same of processor time, ours and that of all processes that we start.</summary>
    [JsonPropertyName("processorRatio")]
    public required double ProcessorRatio { get; init; }

    /// <summary>Wall time of checking all programs over that of one bare <c>zig build-obj</c> after the other.</summary>
    [JsonPropertyName("sequenceRatio")]
    public required double SequenceRatio { get; init; }
}

/// <summary>Of one program, in its lane. Planning goes on beside compiling.</summary>
public sealed record PhaseMilliseconds(
    [property: JsonPropertyName("plan")] double Plan,
    [property: JsonPropertyName("compile")] double Compile,
    [property: JsonPropertyName("link")] double Link,
    [property: JsonPropertyName("execute")] double Execute);

/// <summary>Measures a segment of a campaign: the same programs every time, from a fixed seed.</summary>
/// <param name="programs">Per batch.</param>
internal sealed class Benchmark(Rooms rooms, int programs, int jobs)
{
    public const ulong Seed = 1;

    /// <summary>Gives programs of 68 lines on average, types and tables among them.</summary>
    public const int Size = 6;

    private const int WarmUpPrograms = 8;

    /// <summary>Odd, for the median.</summary>
    private const int Rounds = 3;

    /// <summary>One after the other in each lane: lanes that begin together are not in step for long, in a campaign.</summary>
    public const int BatchesPerLane = 2;

    public static IReadOnlyList<Cell> Cells { get; } =
    [
        new(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted),
        new(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm),
        new(Route.Thunk, OptimizeMode.ReleaseFast, Backend.Llvm),
    ];

    /// <summary>The program with a number, from 0: the same every time.</summary>
    public static Func<int, FiberProgram> Programs(IProgramSource source)
    {
        var stream = new ProgramStream(Seed, null, source);
        return i => source.Generate(stream.Recipe(i) with { Size = Size });
    }

    public async Task<BenchmarkRow> MeasureAsync(Cell cell, string scratch, CancellationToken ct)
    {
        var work = LanePass.Deal(jobs, BatchesPerLane, programs, Programs(rooms.Parts.Programs));
        var alone = work[0][0];

        // A few programs first: the compiler's caches and our own just-in-time compiler are warm in a campaign. Then alone on the machine, one
        // after the other, several times: single runs on a shared machine say little.
        var few = alone.Take(WarmUpPrograms).ToList();
        await rooms.BareCompiler.CompileAsync(few, cell, Folder(scratch, "warm-bare"), ct).ConfigureAwait(false);
        await CheckAsync(few, cell, Folder(scratch, "warm"), observe: false, ct).ConfigureAwait(false);
        var pairs = new List<(double Bare, BatchOutcome Ours)>();
        for (var round = 0; round < Rounds; round++)
        {
            var bare = await rooms.BareCompiler.CompileAsync(alone, cell, Folder(scratch, $"bare-{round}"), ct).ConfigureAwait(false);
            var ours = await CheckAsync(alone, cell, Folder(scratch, $"alone-{round}"), observe: false, ct).ConfigureAwait(false);
            pairs.Add((bare.TotalSeconds, ours));
        }

        var passes = new List<(PassTime Bare, LanePass Ours)>();
        for (var round = 0; round < Rounds; round++)
        {
            var bare = await LanePass.CompileAsync(rooms.BareCompiler, work, cell, Folder(scratch, $"bare-lanes-{round}"), ct).ConfigureAwait(false);
            passes.Add((bare, await LanePass.CheckAsync(rooms.Parts.Checker, work, cell, Choice(observe: true), Folder(scratch, $"lanes-{round}"), ct).ConfigureAwait(false)));
        }

        var usual = passes.Select(pass => pass.Ours).OrderBy(pass => pass.Time.Wall).ElementAt(Rounds / 2);
        return new BenchmarkRow(
            cell.ToString(), usual.Counters.Programs, usual.Counters.Executions,
            Round(Median(pairs, p => p.Bare)), Round(Median(pairs, p => p.Ours.Seconds.Compile)), Round(Median(pairs, p => p.Ours.Seconds.Compile / p.Bare)),
            Round(Median(pairs, p => p.Ours.Seconds.Link)), Round(usual.ProgramsPerSecond),
            Math.Round(Median(pairs, p => Rate(p.Ours.Counters.Executions, p.Ours.WorkerTime.TotalSeconds))),
            Math.Round(LinesPerProgram(alone), 1))
        {
            ExecutionsPerSecondOfWallTime = Math.Round(Median(pairs, p => Rate(p.Ours.Counters.Executions, p.Ours.Seconds.Execute))),
            Milliseconds = PerProgram(usual.Outcomes),
            WallRatio = Round(Median(passes, pass => pass.Ours.Time.Wall / pass.Bare.Wall)),
            ProcessorRatio = Round(Median(passes, pass => pass.Ours.Time.ProcessorOver(pass.Bare))),
            SequenceRatio = Round(Median(passes, pass => pass.Ours.Time.Wall.TotalSeconds) / (Median(pairs, p => p.Bare) * jobs * BatchesPerLane)),
        };
    }

    private static PhaseMilliseconds PerProgram(IReadOnlyList<BatchOutcome> outcomes)
    {
        var all = outcomes.Aggregate(PhaseSeconds.Zero, (sum, outcome) => sum + outcome.Seconds);
        double Each(double seconds) => Round(seconds * 1000 / Math.Max(outcomes.Sum(outcome => outcome.Counters.Programs), 1));
        return new PhaseMilliseconds(Each(all.Model), Each(all.Compile), Each(all.Link), Each(all.Execute));
    }

    private Task<BatchOutcome> CheckAsync(IReadOnlyList<FiberProgram> batch, Cell cell, string scratch, bool observe, CancellationToken ct) =>
        rooms.Parts.Checker.CheckAsync(batch, cell, Choice(observe), scratch, ct);

    private static PlanChoice Choice(bool observe) => new(Seed, Light: false, observe);

    private static string Folder(string scratch, string name) => Directory.CreateDirectory(Path.Combine(scratch, name)).FullName;

    /// <summary>0 where nothing took any time: no program was complete.</summary>
    private static double Rate(long count, double seconds) => seconds > 0 ? count / seconds : 0;

    private static double Median<T>(IEnumerable<T> of, Func<T, double> figure)
    {
        var sorted = of.Select(figure).Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    /// <summary>Of the emitted source, blank lines left out.</summary>
    private static double LinesPerProgram(IReadOnlyList<FiberProgram> programs) =>
        ZigEmitter.Emit(programs).Source.Split('\n').Count(line => !string.IsNullOrWhiteSpace(line)) / (double)programs.Count;

    private static double Round(double value) => Math.Round(value, 3);
}
