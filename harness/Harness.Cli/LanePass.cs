using System.Diagnostics;
using Harness.Campaigns;
using Harness.Execution;
using Harness.Model;

namespace Harness.Cli;

/// <param name="Processor">Of all processors together.</param>
internal readonly record struct PassTime(TimeSpan Wall, TimeSpan Processor)
{
    public double ProcessorOver(PassTime other) => Processor / (other.Processor > TimeSpan.Zero ? other.Processor : ProcessStat.Resolution);
}

/// <summary>Batches on every lane at once, each lane's one after the other, as in a campaign: while one lane compiles, another executes.</summary>
/// <param name="Time">From the first batch's begin until the last lane is done.</param>
internal sealed record LanePass(IReadOnlyList<BatchOutcome> Outcomes, PassTime Time)
{
    public Counters Counters => Outcomes.Aggregate(Counters.Zero, (sum, outcome) => sum + outcome.Counters);

    public double ProgramsPerSecond => Counters.Programs / Time.Wall.TotalSeconds;

    public double ExecutionsPerSecond => Counters.Executions / Time.Wall.TotalSeconds;

    /// <summary>Programs in batches for lanes: [lane][batch][program].</summary>
    /// <param name="program">The program with this number, from 0.</param>
    public static IReadOnlyList<IReadOnlyList<IReadOnlyList<FiberProgram>>> Deal(int lanes, int batches, int programs, Func<int, FiberProgram> program) =>
        [.. Enumerable.Range(0, lanes).Select(lane => (IReadOnlyList<IReadOnlyList<FiberProgram>>)[.. Enumerable.Range(0, batches).Select(batch =>
            (IReadOnlyList<FiberProgram>)[.. Enumerable.Range(((lane * batches) + batch) * programs, programs).Select(program)])])];

    /// <summary>Checks all of them.</summary>
    public static async Task<LanePass> CheckAsync(
        IBatchChecker checker, IReadOnlyList<IReadOnlyList<IReadOnlyList<FiberProgram>>> lanes, Cell cell, PlanChoice choice, string scratch, CancellationToken ct)
    {
        var (started, spent) = (Stopwatch.GetTimestamp(), ProcessorTime.Spent());
        var outcomes = await RunAsync(lanes, scratch, (batch, folder) => checker.CheckAsync(batch, cell, choice, folder, ct)).ConfigureAwait(false);
        return new LanePass([.. outcomes.SelectMany(lane => lane)], new PassTime(Stopwatch.GetElapsedTime(started), ProcessorTime.Spent() - spent));
    }

    /// <summary>The compiler alone on the same sources, in as many lanes.</summary>
    public static async Task<PassTime> CompileAsync(
        IBareCompiler compiler, IReadOnlyList<IReadOnlyList<IReadOnlyList<FiberProgram>>> lanes, Cell cell, string scratch, CancellationToken ct)
    {
        // Writing the source is no work of the compiler's: a hundredth of its processor time.
        var spent = ProcessorTime.Spent();
        var took = await RunAsync(lanes, scratch, (batch, folder) => compiler.CompileAsync(batch, cell, folder, ct)).ConfigureAwait(false);
        return new PassTime(took.Max(lane => lane.Aggregate(TimeSpan.Zero, (sum, one) => sum + one)), ProcessorTime.Spent() - spent);
    }

    /// <returns>What came of each lane's batches.</returns>
    private static Task<IReadOnlyList<T>[]> RunAsync<T>(
        IReadOnlyList<IReadOnlyList<IReadOnlyList<FiberProgram>>> lanes, string scratch, Func<IReadOnlyList<FiberProgram>, string, Task<T>> work)
    {
        return Task.WhenAll(lanes.Select(LaneAsync));

        async Task<IReadOnlyList<T>> LaneAsync(IReadOnlyList<IReadOnlyList<FiberProgram>> batches, int lane)
        {
            var done = new List<T>();
            foreach (var batch in batches)
            {
                done.Add(await work(batch, Directory.CreateDirectory(Path.Combine(scratch, $"{lane}-{done.Count}")).FullName).ConfigureAwait(false));
            }

            return done;
        }
    }
}
