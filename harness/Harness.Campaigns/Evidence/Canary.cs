using Harness.Model;
using Harness.Verification;
using Harness.Verification.Mutation;

namespace Harness.Campaigns.Evidence;

/// <summary>A defect that is planted in a run of its own, beside the campaign's batches: a harness that does not find it may not say that anything held.</summary>
public interface ICanary
{
    /// <summary>Plants it in a few programs in a cell, and looks whether a check complains.</summary>
    /// <exception cref="EnvironmentUnusableException"/>
    Task<CanaryFlight> FlyAsync(string defect, Cell cell, ulong seed, string scratchDirectory, CancellationToken ct);
}

/// <param name="Check">What found it; empty: nothing did.</param>
/// <param name="Detail">Why it was not found.</param>
public sealed record CanaryFlight(string Check, string Detail);

/// <summary>Which canary flies where.</summary>
public static class Canaries
{
    /// <summary>Each shows in nearly every program, in every cell, and each by another check.</summary>
    private static readonly string[] _defects = ["limit_restore", "segment_release", "fault_late", "serial_reused", "release_uncounted", "ledger_link"];

    /// <summary>By the seed: another run tries another defect in another cell.</summary>
    public static (string Defect, Cell Cell) Of(ulong seed, IReadOnlyList<Cell> cells)
    {
        ArgumentNullException.ThrowIfNull(cells);
        return (_defects[seed / (ulong)cells.Count % (ulong)_defects.Length], cells[(int)(seed % (ulong)cells.Count)]);
    }
}

/// <summary>The real one: the same trial as <c>mutants</c> makes, on few programs. One of Zig or it would need more than is prepared.</summary>
public sealed class MutantCanary(MutantLab lab, IProgramSource programs) : ICanary
{
    private const int Programs = 2;
    private const int ProgramSize = 18;
    private const int Rows = 120;

    public async Task<CanaryFlight> FlyAsync(string defect, Cell cell, ulong seed, string scratchDirectory, CancellationToken ct)
    {
        var planted = PlantedDefect.Named(defect) ?? throw new ArgumentException($"no defect is called {defect}", nameof(defect));
        var made = Enumerable.Range(0, Programs).Select(i => programs.Generate(new ProgramRecipe(i, unchecked(seed + (ulong)i), ProgramSize, programs.Profiles[0]))).ToArray();
        var options = PlanOptions.Default with { Seed = seed, RowCap = Rows, Observe = false, SignalsEvery = 0, ThreadsEvery = 0 };
        return await Environments.TranslateAsync(async () =>
        {
            var (ground, problem) = await lab.PrepareAsync(made, cell, options, scratchDirectory, ct, judges: false).ConfigureAwait(false);
            if (ground is null)
            {
                return new CanaryFlight("", problem);
            }

            var trial = await lab.TryAsync(ground, planted, ct).ConfigureAwait(false);
            return trial.Verdict is MutantVerdict.Killed killed ? new CanaryFlight(killed.Check, "") : new CanaryFlight("", trial.Verdict.ToString());
        }).ConfigureAwait(false);
    }
}
