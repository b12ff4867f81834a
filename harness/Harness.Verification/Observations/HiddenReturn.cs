using Harness.Binary;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Verification.Observations;

/// <summary>How the programs of zig-fixtures/programs/hidden_return are built (docs/HIDDEN-RETURN.md).</summary>
public static class HiddenReturn
{
    public const string Source = "programs/hidden_return/unit.zig";

    public static RuntimeRecipe Recipe { get; } = new(
    [
        new RuntimePart("hidden-stub", "programs/hidden_return/stub.S", OptimizeMode.ReleaseFast, [], []),
        new RuntimePart(
            "hidden-host", "programs/hidden_return/host.zig", OptimizeMode.ReleaseSafe, ["-lc"],
            [("abi", "runtime/abi.zig"), ("limit_slot", "runtime/limit_slot_glibc.zig")]),
    ]);

    /// <summary>Twins run on the stack that was too small for their function: they have no check.</summary>
    public static BuildOptions Options { get; } = new()
    {
        Injection = InjectionOptions.Default with { Excluded = [.. InjectionOptions.Default.Excluded, "unit.TwinOf*"], ThunksApart = true },
    };
}
