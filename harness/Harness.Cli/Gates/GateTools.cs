using System.Collections.Immutable;
using Harness.Campaigns;
using Harness.Emit;
using Harness.Model;
using Harness.Toolchain;
using Harness.Toolchain.Compat;
using Harness.Verification.Abi;
using Harness.Verification.Observations;

namespace Harness.Cli.Gates;

/// <summary>What the gate does with a compiler, whatever release it is.</summary>
public interface IGateTools
{
    /// <summary>Null: what was given does not even say its version.</summary>
    string? Version { get; }

    /// <summary>Why not; empty: it does.</summary>
    string Problem { get; }

    /// <summary>The rooms of other verbs, which do not refuse a release here.</summary>
    IRoomOpener Rooms { get; }

    Task<LadderOutcome> ClimbAsync(string directory, Action<string> onRung, CancellationToken ct);

    Task<AbiFingerprint> MeasureAsync(string directory, Action<AbiCellFacts> onCell, CancellationToken ct);

    Task<ImmutableArray<ReleaseFact>> ObserveAsync(AbiFingerprint? fingerprint, string directory, CancellationToken ct);
}

/// <summary>The real ones.</summary>
internal sealed class RealGateTools(ZigLocation location, IRoomOpener rooms, FixtureLayout fixtures, string cacheRoot) : IGateTools
{
    private readonly ZigInstallation? _zig = (location as ZigLocation.Found)?.Installation;

    public string? Version => _zig?.Version;

    public string Problem => location is ZigLocation.Missing missing ? missing.Reason : "";

    public IRoomOpener Rooms => rooms;

    /// <summary>A cell of each route.</summary>
    private static readonly ImmutableArray<Cell> _routes =
        [new(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted), new(Route.Attribute, OptimizeMode.ReleaseSafe, Backend.Llvm), new(Route.Assembly, OptimizeMode.ReleaseSmall, Backend.Llvm)];

    public async Task<LadderOutcome> ClimbAsync(string directory, Action<string> onRung, CancellationToken ct)
    {
        var outcome = await new CompatLadder(Zig, fixtures, cacheRoot).ClimbAsync(directory, onRung, ct).ConfigureAwait(false);
        if (outcome is not LadderOutcome.Climbed climbed)
        {
            return outcome;
        }

        // Every fourth program of a stream has every feature.
        var stream = new ProgramStream(1, null, rooms.Programs);
        var unit = ZigEmitter.Emit([.. Enumerable.Range(0, 4).Select(i => rooms.Programs.Generate(stream.Recipe(i)))]);
        var builder = new WorkerBuilder(fixtures, new ToolCache(Zig, fixtures, cacheRoot));
        foreach (var cell in _routes)
        {
            var construct = $"generated programs in {cell} (harness/Harness.Emit)";
            onRung(construct);
            if (CompatLadder.Of(construct, await builder.BuildAsync(unit, cell, Path.Combine(directory, cell.Route.ToString()), ct).ConfigureAwait(false)) is { } failed)
            {
                return failed;
            }
        }

        return new LadderOutcome.Climbed(climbed.Rungs + _routes.Length);
    }

    public async Task<AbiFingerprint> MeasureAsync(string directory, Action<AbiCellFacts> onCell, CancellationToken ct)
    {
        var cache = new ToolCache(Zig, fixtures, cacheRoot);
        var measurement = new AbiMeasurement(new AbiBuilder(fixtures, cache), await cache.ProcessesAsync(ct).ConfigureAwait(false), Zig.Version);
        return await measurement.MeasureAsync(AbiCell.All, directory, onCell, ct).ConfigureAwait(false);
    }

    public async Task<ImmutableArray<ReleaseFact>> ObserveAsync(AbiFingerprint? fingerprint, string directory, CancellationToken ct)
    {
        var cache = new ToolCache(Zig, fixtures, cacheRoot);
        return await new ObservationLab(fixtures, cache, await cache.ProcessesAsync(ct).ConfigureAwait(false)).ObserveAsync(fingerprint, directory, ct).ConfigureAwait(false);
    }

    private ZigInstallation Zig => _zig ?? throw new ToolchainException(Problem);
}
