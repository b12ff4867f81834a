using System.Security.Cryptography;
using Harness.Campaigns;
using Harness.Generators.Exhaustive;
using Harness.Model;

namespace Harness.Cli;

/// <summary>A run as it was asked for, checked.</summary>
public sealed record RunRequest(
    ulong Seed, TimeSpan? Budget, int? Programs, string? Profile, IReadOnlyList<Cell> Cells, IReadOnlyList<Placement> Placements,
    string? Zig, int Jobs, ResultsLayout Results, bool KeepRegressions, string Command, PlantedDefect? Defect = null, Shards? Shard = null,
    ChosenRuntime? Runtime = null)
{
    public static readonly TimeSpan DefaultBudget = TimeSpan.FromSeconds(60);

    /// <summary>Of a run with a number of programs. A resumed run must have the same.</summary>
    public int ProgramsPerBatch => SmallScopeProfile.SizeOf(Profile) is null ? FixedScheduler.ProgramsPerBatch : Scope.ProgramsPerBatch;

    /// <summary>Seeds that people retype and that every JSON reader keeps exactly.</summary>
    public static ulong DrawSeed() => (ulong)RandomNumberGenerator.GetInt32(1, int.MaxValue);

    public RunSettings Settings() => new(
        Seed, Budget?.TotalSeconds, Programs, Profile,
        Cells.Select(cell => cell.ToString()).ToEquatableArray(),
        Placements.Select(placement => placement.ToString().ToLowerInvariant()).ToEquatableArray(), Jobs, Command, Defect?.Name, Shard?.ToString()) { Runtime = Runtime?.Settings() };

    /// <summary>The request that a journal's settings came from.</summary>
    /// <exception cref="InvalidDataException">They name a cell or placement that this harness does not know.</exception>
    public static RunRequest Of(RunSettings settings, string? zig, ResultsLayout results, bool keepRegressions) => new(
        settings.Seed,
        settings.BudgetSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        settings.Programs, settings.Profile,
        [.. settings.Cells.Select(name => CellMatrix.Parse(name) ?? throw new InvalidDataException($"the journal names an unknown cell {name}"))],
        [.. settings.Placements.Select(name => Enum.TryParse<Placement>(name, ignoreCase: true, out var placement)
            ? placement
            : throw new InvalidDataException($"the journal names an unknown placement {name}"))],
        zig, settings.Jobs, results with { Runtime = settings.Runtime?.Name }, keepRegressions, settings.Command,
        settings.Defect is { } defect ? PlantedDefect.Named(defect) ?? throw new InvalidDataException($"the journal names an unknown defect {defect}") : null,
        settings.Shard is null ? null : settings.Part(), ChosenRuntime.Find(settings.Runtime?.Given));
}
