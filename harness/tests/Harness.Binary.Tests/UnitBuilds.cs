using System.Collections.Concurrent;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Binary.Tests;

/// <summary>The hand-written unit, built once for each cell, with the stub runtime of <c>fixtures</c>.</summary>
public sealed class UnitBuilds : IDisposable
{
    private static readonly RuntimeRecipe _stub = new(
    [
        new RuntimePart("stub-morestack", Tools.Fixture("stub.S"), OptimizeMode.ReleaseFast, [], []),
        new RuntimePart("stub", Tools.Fixture("stub.zig"), OptimizeMode.ReleaseSmall, ["-lc"],
            [("abi", "runtime/abi.zig"), ("worker_abi", "worker/abi.zig"), ("limit_slot", "runtime/limit_slot_glibc.zig")]),
    ]);

    private static readonly BuildOptions _options = new()
    {
        Injection = InjectionOptions.Default with { Excluded = [.. InjectionOptions.Default.Excluded, "unit.naked"] },
        KeepIntermediates = true,
    };

    private readonly Scratch _scratch = new();
    private readonly ConcurrentDictionary<Cell, Lazy<Task<BuildOutcome.Built>>> _built = new();

    public static TheoryData<Route, OptimizeMode, Backend> Cells { get; } = new()
    {
        { Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted },
        { Route.Thunk, OptimizeMode.Debug, Backend.Llvm },
        { Route.Thunk, OptimizeMode.ReleaseSafe, Backend.Llvm },
        { Route.Thunk, OptimizeMode.ReleaseFast, Backend.Llvm },
        { Route.Thunk, OptimizeMode.ReleaseSmall, Backend.Llvm },
        { Route.Attribute, OptimizeMode.Debug, Backend.Llvm },
        { Route.Attribute, OptimizeMode.ReleaseSafe, Backend.Llvm },
        { Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm },
        { Route.Attribute, OptimizeMode.ReleaseSmall, Backend.Llvm },
        { Route.Assembly, OptimizeMode.Debug, Backend.Llvm },
        { Route.Assembly, OptimizeMode.ReleaseSafe, Backend.Llvm },
        { Route.Assembly, OptimizeMode.ReleaseFast, Backend.Llvm },
        { Route.Assembly, OptimizeMode.ReleaseSmall, Backend.Llvm },
    };

    public Task<BuildOutcome.Built> GetAsync(Route route, OptimizeMode mode, Backend backend) =>
        _built.GetOrAdd(new Cell(route, mode, backend), cell => new(() => BuildAsync(cell))).Value;

    /// <summary>The object as the compiler wrote it, before injection.</summary>
    public async Task<byte[]> RawObjectAsync(Route route, OptimizeMode mode, Backend backend) =>
        await File.ReadAllBytesAsync(Beside((await GetAsync(route, mode, backend)).WorkerPath, "unit.raw.o"));

    /// <summary>The object after injection.</summary>
    public static string InjectedObject(BuildOutcome.Built built) => Beside(built.WorkerPath, "unit.o");

    public void Dispose() => _scratch.Dispose();

    private async Task<BuildOutcome.Built> BuildAsync(Cell cell)
    {
        var builder = new WorkerBuilder(Tools.Fixtures, Tools.Cache, _stub, _options);
        var unit = Tools.Unit(await File.ReadAllTextAsync(Tools.Fixture("unit.zig")));
        var outcome = await builder.BuildAsync(
            unit, cell, _scratch[cell.ToString().Replace('/', '-')], CancellationToken.None);
        Assert.True(outcome is BuildOutcome.Built, outcome.ToString());
        return (BuildOutcome.Built)outcome;
    }

    private static string Beside(string worker, string name) => Path.Combine(Path.GetDirectoryName(worker)!, name);
}

/// <summary>Shares <see cref="UnitBuilds"/> among the test classes that use it.</summary>
[CollectionDefinition(Name)]
public sealed class UnitBuildsCollection : ICollectionFixture<UnitBuilds>
{
    public const string Name = "unit builds";
}
