using Harness.Model;
using Harness.Toolchain;

namespace Harness.Binary.Tests;

/// <summary>The runtime without any libc, its limit in a variable of its own (zig-fixtures/programs/bare).</summary>
public sealed class BareProgramTests : IDisposable
{
    internal static RuntimeRecipe Recipe { get; } = RuntimeRecipe.Standard.Without("worker", "dwarf").And(new RuntimePart(
        "bare", "programs/bare/host.zig", OptimizeMode.ReleaseSafe, [],
        [("abi", "runtime/abi.zig"), ("worker_abi", "worker/abi.zig"), ("limit_slot", "runtime/limit_slot_glibc.zig")]));

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigTheory(Timeout = 300_000)]
    [InlineData(Route.Assembly, OptimizeMode.ReleaseFast, Backend.Llvm)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted)]
    public async Task Fibers_split_yield_and_fail_without_a_libc(Route route, OptimizeMode mode, Backend backend)
    {
        var source = await File.ReadAllTextAsync(Tools.Fixtures.PathOf("programs/bare/unit.zig"));
        var outcome = await new WorkerBuilder(Tools.Fixtures, Tools.Cache, Recipe).BuildAsync(
            Tools.Unit(source), new Cell(route, mode, backend, Cell.LinuxBare), _scratch["bare"], CancellationToken.None);
        Assert.True(outcome is BuildOutcome.Built, outcome.ToString());
        var program = ((BuildOutcome.Built)outcome).WorkerPath;

        var file = ElfFile.Load(program);
        Assert.DoesNotContain(file.Symbols, symbol => symbol.Name is "__libc_start_main" or "malloc");
        Assert.Null(file.Section(".dynamic"));
        var lines = (await Tools.RunAsync(program)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Order().ToList();
        Assert.Equal([$"fiber 0 event 1 {Sum(0)}", $"fiber 1 event 1 {Sum(1)}", "fiber 2 event 2 801"], lines[..3]);
        Assert.Matches(@"^splits [1-9]\d* segments left 0 wrong limits 0 wrong registers 0 failures 0$", lines[3]);
    }

    /// <summary>What unit.zig's levels keep, and 1 ^ 2 ^ … ^ 32 at the bottom.</summary>
    private static ulong Sum(ulong fiber)
    {
        var sum = 63UL;
        for (var n = 1UL; n <= 600 + (100 * fiber); n++)
        {
            sum += (n * 2654435761) + fiber;
        }

        return sum;
    }
}
