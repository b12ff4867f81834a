using System.Collections.Immutable;
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

    Task<ImmutableArray<Observation>> ObserveAsync(AbiFingerprint? fingerprint, string directory, CancellationToken ct);
}

/// <summary>The real ones.</summary>
internal sealed class RealGateTools(ZigLocation location, IRoomOpener rooms, FixtureLayout fixtures, string cacheRoot) : IGateTools
{
    private readonly ZigInstallation? _zig = (location as ZigLocation.Found)?.Installation;

    public string? Version => _zig?.Version;

    public string Problem => location is ZigLocation.Missing missing ? missing.Reason : "";

    public IRoomOpener Rooms => rooms;

    public Task<LadderOutcome> ClimbAsync(string directory, Action<string> onRung, CancellationToken ct) => new CompatLadder(Zig, fixtures, cacheRoot).ClimbAsync(directory, onRung, ct);

    public async Task<AbiFingerprint> MeasureAsync(string directory, Action<AbiCellFacts> onCell, CancellationToken ct)
    {
        var cache = new ToolCache(Zig, fixtures, cacheRoot);
        var measurement = new AbiMeasurement(new AbiBuilder(fixtures, cache), await cache.ProcessesAsync(ct).ConfigureAwait(false), Zig.Version);
        return await measurement.MeasureAsync(AbiCell.All, directory, onCell, ct).ConfigureAwait(false);
    }

    public async Task<ImmutableArray<Observation>> ObserveAsync(AbiFingerprint? fingerprint, string directory, CancellationToken ct)
    {
        var cache = new ToolCache(Zig, fixtures, cacheRoot);
        return await new ObservationLab(fixtures, cache, await cache.ProcessesAsync(ct).ConfigureAwait(false)).ObserveAsync(fingerprint, directory, ct).ConfigureAwait(false);
    }

    private ZigInstallation Zig => _zig ?? throw new ToolchainException(Problem);
}
