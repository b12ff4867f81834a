using System.Collections.Immutable;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Runtime.Tests;

/// <summary>The product (<c>zig-fixtures/runtime</c>) as programs are linked with it, and how their units import it.</summary>
internal static class Product
{
    private static readonly ImmutableArray<(string Name, string Source)> _modules =
        [("abi", "runtime/abi.zig"), ("fiber", "runtime/fiber.zig"), ("limit_slot", "runtime/limit_slot_glibc.zig")];

    /// <summary>The objects of <c>build.zig</c>, for any cell.</summary>
    public static RuntimeRecipe Recipe { get; } = new(
    [
        .. RuntimeRecipe.Standard.Parts.Where(part => part.Name is "morestack"),
        new RuntimePart("fiber", "runtime/fiber.S", OptimizeMode.ReleaseFast, [], []),
        .. RuntimeRecipe.Standard.Parts.Where(part => part.Name is "growth").Select(growth => growth with
        {
            Modules = [("abi", "runtime/abi.zig"), ("memory", "runtime/pool.zig"), ("limit_slot", "runtime/limit_slot_glibc.zig")],
        }),
        new RuntimePart("host", "runtime/host.zig", OptimizeMode.ReleaseSafe, ["-lc"], _modules),
    ]);

    /// <summary>For units that import the product and modules of their own.</summary>
    public static BuildOptions Importing(Cell cell, params ReadOnlySpan<(string Name, string Source)> own)
    {
        var slot = RuntimeRecipe.LimitSlotOf(cell) == Binary.LimitSlot.Own ? "runtime/limit_slot_own.zig" : "runtime/limit_slot_glibc.zig";
        return new BuildOptions
        {
            Modules =
            [
                ("splitstack", "runtime/splitstack.zig"), ("abi", "runtime/abi.zig"), ("fiber", "runtime/fiber.zig"), ("limit_slot", slot), .. own,
            ],
        };
    }
}
