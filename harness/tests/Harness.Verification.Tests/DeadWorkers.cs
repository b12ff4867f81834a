using System.Collections.Concurrent;
using Harness.Execution;
using Harness.Model;
using Harness.Tests;
using Harness.Verification.Cores;

namespace Harness.Verification.Tests;

/// <summary>The sample that all services are in, compiled once for each cell: what the tests of cores let die.</summary>
public sealed class DeadWorkers : IDisposable
{
    internal static readonly Cell Debug = new(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted);
    internal static readonly Cell Fast = new(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm);

    private readonly ConcurrentDictionary<Cell, Lazy<Task<DeadWorker>>> _built = new();

    /// <summary>The worker of that cell, with a folder of its own for what it leaves.</summary>
    internal async Task<DeadWorker> GetAsync(Cell cell) => (await _built.GetOrAdd(cell, c => new(() => DeadWorker.BuildAsync(c))).Value).Again();

    public void Dispose()
    {
        foreach (var built in _built.Values.Where(b => b is { IsValueCreated: true, Value.IsCompletedSuccessfully: true }))
        {
            built.Value.Result.Dispose();
        }
    }
}

/// <summary>Shares <see cref="DeadWorkers"/> among the test classes that use it.</summary>
[CollectionDefinition(Name)]
public sealed class DeadWorkersCollection : ICollectionFixture<DeadWorkers>
{
    public const string Name = "dead workers";
}

/// <summary>A compiled program whose worker is to die.</summary>
internal sealed class DeadWorker : IDisposable
{
    /// <summary>An entry of <see cref="Samples.EveryService"/> at which one fiber runs, three calls deep, and the other waits for a mutex.</summary>
    private const int DeepEntry = 5;

    private readonly Scratch _scratch;
    private readonly BuiltUnit _unit;
    private readonly CoreReplay _replay;

    private DeadWorker(Scratch scratch, BuiltUnit unit, CoreReplay replay) => (_scratch, _unit, _replay) = (scratch, unit, replay);

    public string Kept => _scratch["kept"];

    public BuiltUnit Unit => _unit;

    public static async Task<DeadWorker> BuildAsync(Cell cell, FiberProgram? program = null, PlantedDefect? defect = null)
    {
        var scratch = new Scratch();
        var (factory, processes) = await EndToEndTests.OpenFactoryAsync(defect);
        var (outcome, unit) = await factory.BuildAsync([program ?? Samples.EveryService()], cell, scratch["unit"], CancellationToken.None);
        return new DeadWorker(scratch, unit ?? throw new InvalidOperationException(outcome.ToString()), new CoreReplay(factory, processes));
    }

    /// <summary>The same program, with another folder; the program is this one's still.</summary>
    public DeadWorker Again() => new(new Scratch(), _unit, _replay);

    public async Task<CoreOutcome.Died> DieAsync(
        Death death, Placement placement, int entry = DeepEntry, Disturbance disturbance = Disturbance.None, SplitPlan? split = null) =>
        Assert.IsType<CoreOutcome.Died>(await RunAsync(death, placement, entry, disturbance, split));

    public Task<CoreOutcome> RunAsync(
        Death death, Placement placement, int entry = DeepEntry, Disturbance disturbance = Disturbance.None, SplitPlan? split = null) =>
        RunAsync(PlanOf(death, placement, entry, disturbance, split));

    public Task<CoreOutcome> RunAsync(UnitPlan plan, long maxBytes = long.MaxValue) =>
        _replay.RunAsync(_unit, plan, _scratch.Path, Kept, CancellationToken.None, maxBytes);

    public UnitPlan PlanOf(Death death, Placement placement, int entry = DeepEntry, Disturbance disturbance = Disturbance.None, SplitPlan? split = null) =>
        DeathPlan.Compose(CaseOf(death is Death.None ? new FaultPlan.None() : new FaultPlan.PanicAt(entry), placement, disturbance, split), death);

    public void Dispose() => _scratch.Dispose();

    private Case CaseOf(FaultPlan fault, Placement placement, Disturbance disturbance, SplitPlan? split) => new(
        _unit.Programs[0], _unit.Cell, ExecutionPlan.Baseline with { Fault = fault, Split = split ?? SplitPlan.Every, Placement = placement, Disturbance = disturbance });
}
