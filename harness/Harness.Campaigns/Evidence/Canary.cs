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

    /// <summary>Few programs may not have what a defect needs, a release out of turn for example: where its code was never run, others are tried.</summary>
    private const int Flights = 8;

    public async Task<CanaryFlight> FlyAsync(string defect, Cell cell, ulong seed, string scratchDirectory, CancellationToken ct)
    {
        var planted = PlantedDefect.Named(defect) ?? throw new ArgumentException($"no defect is called {defect}", nameof(defect));
        return await Environments.TranslateAsync(async () =>
        {
            var verdict = await TryAsync(planted, cell, seed, Path.Combine(scratchDirectory, "0"), ct).ConfigureAwait(false);
            for (var flight = 1; verdict is (MutantVerdict.NotReached, _) && flight < Flights; flight++)
            {
                verdict = await TryAsync(planted, cell, unchecked(seed + (ulong)(flight * Programs)), Path.Combine(scratchDirectory, $"{flight}"), ct).ConfigureAwait(false);
            }

            return verdict switch
            {
                (MutantVerdict.Killed killed, _) => new CanaryFlight(killed.Check, ""),
                (null, var problem) => new CanaryFlight("", problem),
                (var other, _) => new CanaryFlight("", other.ToString()),
            };
        }).ConfigureAwait(false);
    }

    /// <summary>One flight, over programs of its own; without a verdict: why it could not begin.</summary>
    private async Task<(MutantVerdict? Verdict, string Problem)> TryAsync(PlantedDefect planted, Cell cell, ulong seed, string scratchDirectory, CancellationToken ct)
    {
        Directory.CreateDirectory(scratchDirectory);
        var made = Enumerable.Range(0, Programs).Select(i => programs.Generate(new ProgramRecipe(i, unchecked(seed + (ulong)i), ProgramSize, programs.Profiles[0]))).ToArray();
        var options = PlanOptions.Default with { Seed = seed, RowCap = Rows, Observe = false, SignalsEvery = 0, ThreadsEvery = 0 };
        var (ground, problem) = await lab.PrepareAsync(made, cell, options, scratchDirectory, ct, judges: false).ConfigureAwait(false);
        return ground is null ? (null, problem) : ((await lab.TryAsync(ground, planted, ct).ConfigureAwait(false)).Verdict, "");
    }
}
