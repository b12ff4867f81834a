using Harness.Execution;
using Harness.Model;
using Harness.Tests;
using Harness.Verification.Cores;
using Xunit.Abstractions;

namespace Harness.Verification.Tests;

/// <summary>Workers that die, and what their cores show.</summary>
public sealed class CoreTests(ITestOutputHelper output)
{
    private const int Timeout = 600_000;

    [ZigTheory(Timeout = Timeout)]
    [InlineData(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted)]
    public async Task Every_death_leaves_the_whole_chain_of_every_fiber(Route route, OptimizeMode mode, Backend backend)
    {
        using var scratch = new Scratch();
        var cell = new Cell(route, mode, backend);
        var (factory, processes) = await EndToEndTests.OpenFactoryAsync(null);
        var program = Samples.EveryService();
        var (_, unit) = await factory.BuildAsync([program], cell, scratch["unit"], CancellationToken.None);
        Assert.NotNull(unit);
        var replay = new CoreReplay(factory, processes);
        foreach (var (death, placement) in new[] { Death.Panic, Death.Segfault, Death.Guard, Death.Abort, Death.Handler }.SelectMany(d => Enum.GetValues<Placement>().Select(p => (d, p))))
        {
            var execution = ExecutionPlan.Baseline with { Fault = new FaultPlan.PanicAt(5), Split = SplitPlan.Every, Placement = placement };
            var clock = System.Diagnostics.Stopwatch.StartNew();
            var outcome = await replay.RunAsync(unit, DeathPlan.Compose(new Case(program, cell, execution), death), scratch.Path, scratch["kept"], CancellationToken.None);
            output.WriteLine($"{death} {placement} {clock.ElapsedMilliseconds} ms: {outcome}");
            if (outcome is CoreOutcome.Died d)
            {
                output.WriteLine($"core {new FileInfo(d.CorePath).Length}");
                foreach (var t in d.Report.Threads)
                {
                    output.WriteLine($"thread {t.Thread.Id} fiber {t.Fiber} end {t.Chain.End}");
                    foreach (var f in t.Chain.Frames) output.WriteLine($"   {f.Segment} {(f.Stub ? "stub" : "")} {f.Pc:x} {f.Function} {f.File}:{f.Line}");
                }
                foreach (var t in d.Report.Fibers)
                {
                    output.WriteLine($"fiber {t.Fiber.Index} {t.Fiber.State} end {t.Chain?.End} {t.Comparison}");
                    if (t.Fiber.State != CoreFiberState.Running) foreach (var f in t.Chain?.Frames ?? []) output.WriteLine($"   {f.Segment} {(f.Stub ? "stub" : "")} {f.Pc:x} {f.Function} {f.File}:{f.Line}");
                }
                d.Report.Findings.ToList().ForEach(f => output.WriteLine("FINDING " + f));
            }
        }
    }
}
