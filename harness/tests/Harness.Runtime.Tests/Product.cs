using Harness.Model;
using Harness.Toolchain;

namespace Harness.Runtime.Tests;

/// <summary>How units import the product (<c>zig-fixtures/runtime</c>), whose objects are <see cref="RuntimeRecipe.Product"/>.</summary>
internal static class Product
{
    /// <summary>For units that import the product and modules of their own.</summary>
    public static BuildOptions Importing(Cell cell, params ReadOnlySpan<(string Name, string Source)> own)
    {
        var slot = RuntimeRecipe.LimitSlotOf(cell) == Binary.LimitSlot.Own ? "runtime/limit_slot_own.zig" : "runtime/limit_slot_glibc.zig";
        return new BuildOptions
        {
            SlackUnprovenBecause = "their scheduler and main are split too, run outside fibers, without a limit, and call libc there",
            Modules =
            [
                ("splitstack", "runtime/splitstack.zig"), ("abi", "runtime/abi.zig"), ("fiber", "runtime/fiber.zig"), ("limit_slot", slot), .. own,
            ],
        };
    }
}
