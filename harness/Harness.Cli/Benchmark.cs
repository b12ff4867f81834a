using Harness.Campaigns;
using Harness.Emit;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli;

/// <summary>Compiles the source of programs as anyone would, with error return traces where the batch has them and without checks put in: what our compile phase is compared with.</summary>
public interface IBareCompiler
{
    /// <returns>Wall time of one <c>zig build-obj</c>.</returns>
    /// <exception cref="EnvironmentUnusableException"/>
    Task<TimeSpan> CompileAsync(IReadOnlyList<FiberProgram> programs, Cell cell, string directory, CancellationToken ct);
}

/// <summary>Measures a segment of a campaign: the same programs every time, from a fixed seed.</summary>
/// <param name="programs">Per batch.</param>
/// <param name="rounds">How often each thing is measured, in turns with the compiler alone.</param>
internal sealed class Benchmark(Rooms rooms, int programs, int jobs, int rounds)
{
    public const ulong Seed = 1;

    /// <summary>Gives programs of 60 lines on average, as the bars say, types and tables among them.</summary>
    public const int Size = 5;

    private const int WarmUpPrograms = 8;

    /// <summary>Odd, for the median.</summary>
    public const int RoundsDefault = 3;

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
        for (var round = 0; round < rounds; round++)
        {
            var bare = await rooms.BareCompiler.CompileAsync(alone, cell, Folder(scratch, $"bare-{round}"), ct).ConfigureAwait(false);
            var ours = await CheckAsync(alone, cell, Folder(scratch, $"alone-{round}"), observe: false, ct).ConfigureAwait(false);
            pairs.Add((bare.TotalSeconds, ours));
        }

        var passes = new List<(PassTime Bare, LanePass Ours)>();
        for (var round = 0; round < rounds; round++)
        {
            var bare = await LanePass.CompileAsync(rooms.BareCompiler, work, cell, Folder(scratch, $"bare-lanes-{round}"), ct).ConfigureAwait(false);
            passes.Add((bare, await LanePass.CheckAsync(rooms.Parts.Checker, work, cell, Choice(observe: true), Folder(scratch, $"lanes-{round}"), ct).ConfigureAwait(false)));
        }

        return Row(cell, alone, pairs, passes);
    }

    private BenchmarkRow Row(Cell cell, IReadOnlyList<FiberProgram> alone, List<(double Bare, BatchOutcome Ours)> pairs, List<(PassTime Bare, LanePass Ours)> passes)
    {
        var usual = passes.Select(pass => pass.Ours).OrderBy(pass => pass.Time.Wall).ElementAt(rounds / 2);
        var bare = RoundFigure.Of(pairs.Select(pair => pair.Bare), 3).Median;
        return new BenchmarkRow(cell.ToString(), cell.Backend is Backend.SelfHosted, usual.Counters.Programs, usual.Counters.Executions, Math.Round(LinesPerProgram(alone), 1))
        {
            ProgramsPerSecond = RoundFigure.Of(passes.Select(pass => pass.Ours.ProgramsPerSecond), 3),
            ExecutionsPerSecondPerCore = RoundFigure.Of(pairs.Select(pair => Rate(pair.Ours.Counters.Executions, pair.Ours.WorkerTime.TotalSeconds)), 0),
            ExecutionsPerSecondOfWallTime = RoundFigure.Of(pairs.Select(pair => Rate(pair.Ours.Counters.Executions, pair.Ours.Seconds.Execute)), 0),
            WallRatio = RoundFigure.Of(passes.Select(pass => pass.Ours.Time.Wall / pass.Bare.Wall), 3),
            ProcessorRatio = RoundFigure.Of(passes.Select(pass => pass.Ours.Time.ProcessorOver(pass.Bare)), 3),
            SequenceRatio = Math.Round(RoundFigure.Of(passes.Select(pass => pass.Ours.Time.Wall.TotalSeconds), 3).Median / (bare * jobs * BatchesPerLane), 3),
            CompileRatio = RoundFigure.Of(pairs.Select(pair => pair.Ours.Seconds.Compile / pair.Bare), 3),
            CompileSeconds = RoundFigure.Of(pairs.Select(pair => pair.Ours.Seconds.Compile), 3).Median,
            BareCompileSeconds = bare,
            LinkSeconds = RoundFigure.Of(pairs.Select(pair => pair.Ours.Seconds.Link), 3).Median,
            Milliseconds = PerProgram(usual.Outcomes),
        };
    }

    private static PhaseMilliseconds PerProgram(IReadOnlyList<BatchOutcome> outcomes)
    {
        var all = outcomes.Aggregate(PhaseSeconds.Zero, (sum, outcome) => sum + outcome.Seconds);
        double Each(double seconds) => Math.Round(seconds * 1000 / Math.Max(outcomes.Sum(outcome => outcome.Counters.Programs), 1), 3);
        return new PhaseMilliseconds(Each(all.Model), Each(all.Compile), Each(all.Link), Each(all.Execute));
    }

    private Task<BatchOutcome> CheckAsync(IReadOnlyList<FiberProgram> batch, Cell cell, string scratch, bool observe, CancellationToken ct) =>
        rooms.Parts.Checker.CheckAsync(batch, cell, Choice(observe), scratch, ct);

    private static PlanChoice Choice(bool observe) => new(Seed, Light: false, observe);

    private static string Folder(string scratch, string name) => Directory.CreateDirectory(Path.Combine(scratch, name)).FullName;

    /// <summary>0 where nothing took any time: no program was complete.</summary>
    private static double Rate(long count, double seconds) => seconds > 0 ? count / seconds : 0;

    /// <summary>Of the emitted source, blank lines left out.</summary>
    private static double LinesPerProgram(IReadOnlyList<FiberProgram> programs) =>
        ZigEmitter.Emit(programs).Source.Split('\n').Count(line => !string.IsNullOrWhiteSpace(line)) / (double)programs.Count;
}
