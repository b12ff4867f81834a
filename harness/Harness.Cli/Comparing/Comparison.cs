using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using Harness.Campaigns;
using Harness.Execution;
using Harness.Model;

namespace Harness.Cli.Comparing;

/// <summary>Our figures and those of two other ways of testing, from one run on one machine.</summary>
/// <param name="Csmith">Programs per minute of csmith with gcc; null: <paramref name="CsmithMissing"/> says why.</param>
/// <param name="OneByOne">Executions per second when each generated case is compiled by itself, as a property test would.</param>
public sealed record ComparisonResult(
    [property: JsonPropertyName("cell")] string Cell,
    [property: JsonPropertyName("lanes")] int Lanes,
    [property: JsonPropertyName("programsPerMinute")] double ProgramsPerMinute,
    [property: JsonPropertyName("executionsPerSecond")] double ExecutionsPerSecond,
    [property: JsonPropertyName("csmithProgramsPerMinute")] double? Csmith,
    [property: JsonPropertyName("csmithMissing")] string? CsmithMissing,
    [property: JsonPropertyName("oneByOneExecutionsPerSecond")] double OneByOne)
{
    /// <summary>The bars: how many times as many.</summary>
    public const double ProgramsBar = 100;

    public const double ExecutionsBar = 1000;

    [JsonPropertyName("programsRatio")]
    public double? ProgramsRatio => Csmith is { } theirs ? ProgramsPerMinute / theirs : null;

    [JsonPropertyName("executionsRatio")]
    public double ExecutionsRatio => ExecutionsPerSecond / OneByOne;

    public string Render() => new StringBuilder()
        .Append(CultureInfo.InvariantCulture, $"{Cell}, {Lanes} lanes\n")
        .Append(CultureInfo.InvariantCulture, $"  checked programs   {ProgramsPerMinute:N0} per minute; csmith, gcc -O0 against -O2: ")
        .Append(Csmith is { } theirs ? string.Create(CultureInfo.InvariantCulture, $"{theirs:N0}; {ProgramsRatio:N1} times as many (bar: {ProgramsBar:N0})\n") : $"not measured, {CsmithMissing}\n")
        .Append(CultureInfo.InvariantCulture, $"  executions         {ExecutionsPerSecond:N0} per second; a case per compilation: {OneByOne:N2}; {ExecutionsRatio:N0} times as many (bar: {ExecutionsBar:N0})\n")
        .ToString();
}

/// <summary>Measures ours and the others one after the other, each alone on the machine's lanes.</summary>
internal sealed class Comparison(Rooms rooms, ChildProcess processes, int lanes, int programs, int others)
{
    private static readonly Cell _cell = new(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted);

    /// <summary>Odd, for the median.</summary>
    private const int Passes = 3;

    private readonly Func<int, FiberProgram> _program = Benchmark.Programs(rooms.Parts.Programs);

    public async Task<ComparisonResult> RunAsync(string scratch, TextWriter progress, CancellationToken ct)
    {
        await rooms.Parts.Checker.PrepareAsync([_cell], ct).ConfigureAwait(false);
        progress.WriteLine("measuring ours");
        var ours = await OursAsync(Path.Combine(scratch, "ours"), ct).ConfigureAwait(false);
        progress.WriteLine("measuring a case per compilation");
        var single = await OneByOneAsync(Path.Combine(scratch, "single"), ct).ConfigureAwait(false);
        var missing = Csmith.Missing;
        if (missing is null)
        {
            progress.WriteLine("measuring csmith with gcc");
        }

        var csmith = missing is null ? await new Csmith(processes).MeasureAsync(others, lanes, Benchmark.Seed, Path.Combine(scratch, "csmith"), ct).ConfigureAwait(false) : null;
        return new ComparisonResult(_cell.ToString(), lanes, Math.Round(ours.ProgramsPerSecond * 60, 1), Math.Round(ours.ExecutionsPerSecond, 1), csmith is null ? null : Math.Round(csmith.ProgramsPerMinute, 2), missing, Math.Round(single, 3));
    }

    /// <summary>As in a campaign; the first pass, which finds everything cold, is not counted, as nothing of the others' is.</summary>
    private async Task<LanePass> OursAsync(string scratch, CancellationToken ct)
    {
        var work = LanePass.Deal(lanes, Benchmark.BatchesPerLane, programs, _program);
        var passes = new List<LanePass>();
        for (var pass = 0; pass <= Passes; pass++)
        {
            passes.Add(await LanePass.CheckAsync(rooms.Parts.Checker, work, _cell, new PlanChoice(Benchmark.Seed, Light: false), Path.Combine(scratch, $"{pass}"), ct).ConfigureAwait(false));
        }

        return passes.Skip(1).OrderBy(pass => pass.Time.Wall).ElementAt(Passes / 2);
    }

    /// <summary>What a property-based test does that compiles each case that it generates and runs it once.</summary>
    private async Task<double> OneByOneAsync(string scratch, CancellationToken ct)
    {
        var started = Stopwatch.GetTimestamp();
        await Parallel.ForEachAsync(Enumerable.Range(0, others), new ParallelOptions { MaxDegreeOfParallelism = lanes, CancellationToken = ct }, async (i, cancel) =>
        {
            var @case = new Case(_program(i), _cell, ExecutionPlan.Baseline with { Split = SplitPlan.Every });
            await rooms.Parts.Runner.RecordAsync(@case, Directory.CreateDirectory(Path.Combine(scratch, $"{i}")).FullName, cancel).ConfigureAwait(false);
        }).ConfigureAwait(false);
        return others / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
