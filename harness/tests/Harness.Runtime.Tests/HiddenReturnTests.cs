using Harness.Model;
using Harness.Toolchain;

namespace Harness.Runtime.Tests;

/// <summary>
/// May morestack return the error itself, by going to a twin of the function that overflowed (zig-fixtures/programs/hidden_return)? The answer as
/// it was observed, for each way of receiving an error and each mode; the explanation is in docs/HIDDEN-RETURN.md.
/// </summary>
public sealed class HiddenReturnTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigTheory(Timeout = 300_000)]
    [InlineData(OptimizeMode.Debug, Backend.SelfHosted)]
    [InlineData(OptimizeMode.Debug, Backend.Llvm)]
    [InlineData(OptimizeMode.ReleaseSafe, Backend.Llvm)]
    [InlineData(OptimizeMode.ReleaseFast, Backend.Llvm)]
    [InlineData(OptimizeMode.ReleaseSmall, Backend.Llvm)]
    public async Task Probe(OptimizeMode mode, Backend backend)
    {
        var recipe = new RuntimeRecipe(
        [
            new RuntimePart("hidden-stub", "programs/hidden_return/stub.S", OptimizeMode.ReleaseFast, [], []),
            new RuntimePart(
                "hidden-host", "programs/hidden_return/host.zig", OptimizeMode.ReleaseSafe, ["-lc"],
                [("abi", "runtime/abi.zig"), ("limit_slot", "runtime/limit_slot_glibc.zig")]),
        ]);
        var options = new BuildOptions { KeepIntermediates = true, Injection = Harness.Binary.InjectionOptions.Default with { Excluded = [.. Harness.Binary.InjectionOptions.Default.Excluded, "unit.TwinOf*"] } };
        var dir = $"/tmp/hidden-{mode}-{backend}";
        var built = await Tools.BuildAsync(
            Tools.Unit("programs/hidden_return/unit.zig"), new Cell(Route.Thunk, mode, backend), recipe, dir, options);
        var o = await Tools.RunAsync(built.WorkerPath);
        File.WriteAllText(dir + "/out.txt", o.ToString());
    }
}
