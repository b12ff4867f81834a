using System.Collections.Concurrent;
using Harness.Campaigns;
using Harness.Model;
using Harness.Verification;
using Harness.Verification.Mutation;

namespace Harness.Cli.Mutants;

/// <summary>Plants each defect of worker and stubs in the same programs, planned with one budget after the other, and counts the programs that find it.</summary>
internal sealed class PlanTrial(MutantRooms rooms, IProgramSource source, Cell cell, int programs, int jobs, TextWriter progress)
{
    /// <summary>Another one than a campaign begins with, so that nothing here was fitted to its programs.</summary>
    public const ulong Seed = 5;

    private static IEnumerable<PlantedDefect> Defects => PlantedDefect.All.Where(defect => defect is { Seat: DefectSeat.Zig or DefectSeat.Assembly, MustSee: null, IsUnsteady: false });

    /// <exception cref="EnvironmentUnusableException">The programs do not hold without a defect.</exception>
    public async Task<IReadOnlyList<PlanFigures>> RunAsync(IReadOnlyList<PlanBudget> budgets, string scratch, CancellationToken ct)
    {
        var stream = new ProgramStream(Seed, null, source);
        var made = Enumerable.Range(0, programs).Select(i => source.Generate(stream.Recipe(i))).ToArray();
        var figures = new List<PlanFigures>();
        foreach (var budget in budgets)
        {
            progress.WriteLine($"{budget} entries per program");
            figures.Add(await MeasureAsync(made, budget, Path.Combine(scratch, $"{figures.Count}"), ct).ConfigureAwait(false));
        }

        // The same sources each time, and the first compilation is slower for what it has to warm.
        var least = figures.Min(of => of.CompileMilliseconds);
        return [.. figures.Select(of => of with { CompileMilliseconds = least })];
    }

    private async Task<PlanFigures> MeasureAsync(FiberProgram[] made, PlanBudget budget, string directory, CancellationToken ct)
    {
        // What disturbs executions is not repeatable.
        var options = PlanOptions.Default with { EntryBudget = budget.Entries, DeepRowFloor = budget.Rows, SignalsEvery = 0, ThreadsEvery = 0 };
        var (ground, problem) = await rooms.Lab.PrepareAsync(made, cell, options, directory, ct, judges: false).ConfigureAwait(false);
        var sound = ground is null ? null : await rooms.Lab.FindersAsync(ground, null, ct).ConfigureAwait(false);
        if (ground is null || sound is null)
        {
            throw new EnvironmentUnusableException(problem.Length > 0 ? problem : $"without a defect the programs do not hold in {cell}; see scripts/harness run");
        }

        var found = new ConcurrentDictionary<string, int>();
        var queue = new ConcurrentQueue<PlantedDefect>(Defects);
        await Task.WhenAll(Enumerable.Range(0, jobs).Select(lane => Task.Run(() => LaneAsync(lane == 0 ? ground : MutantLab.Again(ground), queue, found, ct), ct))).ConfigureAwait(false);
        double Each(TimeSpan time) => time.TotalMilliseconds / ground.Plan.Programs.Count;
        return new PlanFigures(
            budget, ground.Plan.Programs.Count, ground.Plan.Worker.Rows.Length, Each(ground.Unit.Timings.Total), Each(sound.Processor), found);
    }

    private async Task LaneAsync(MutantGround ground, ConcurrentQueue<PlantedDefect> queue, ConcurrentDictionary<string, int> found, CancellationToken ct)
    {
        while (queue.TryDequeue(out var defect))
        {
            if (await rooms.Lab.FindersAsync(ground, defect, ct).ConfigureAwait(false) is { } finders)
            {
                found[defect.Name] = finders.Programs.Count;
            }
        }
    }
}
