using Harness.Binary.StackUse;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Runtime.Tests;

/// <summary>How units import the product (<c>zig-fixtures/runtime</c>), whose objects are <see cref="RuntimeRecipe.Product"/>.</summary>
internal static class Product
{
    /// <summary>What the audit of the linked program cannot tell of programs that are their own host.</summary>
    public static NamedRule OutsideFibers { get; } = new(
        "which is not in the file|call one another",
        "main, its schedulers and what reports a failure call libc on a thread's own stack; calls by pointer may lead to them for all that the code says");

    /// <summary>For programs that jump: longjmp's place is taken.</summary>
    public static RuntimePart Jump { get; } = new("jump", "runtime/jump.S", OptimizeMode.ReleaseFast, [], []);

    /// <summary>The same of programs/signals.</summary>
    public static NamedRule UnseenJump { get; } = new(
        "rsp is set to what is not known", "signals_jumps_out leaves its frame as longjmp would, without the runtime's knowledge");

    /// <summary>For units that import the product and modules of their own.</summary>
    public static BuildOptions Importing(Cell cell, params ReadOnlySpan<(string Name, string Source)> own)
    {
        var slot = RuntimeRecipe.LimitSlotOf(cell) == Binary.LimitSlot.Own ? "runtime/limit_slot_own.zig" : "runtime/limit_slot_glibc.zig";
        return new BuildOptions
        {
            SlackUnproven = [OutsideFibers],
            Modules =
            [
                ("splitstack", "runtime/splitstack.zig"), ("abi", "runtime/abi.zig"), ("fiber", "runtime/fiber.zig"), ("limit_slot", slot), .. own,
            ],
        };
    }
}
