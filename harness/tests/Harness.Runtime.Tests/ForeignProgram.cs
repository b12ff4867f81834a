using Harness.Model;
using Harness.Toolchain;

namespace Harness.Runtime.Tests;

/// <summary>The program of <c>zig-fixtures/foreign</c>: split code on the product's runtime, with C and C++ around it.</summary>
internal static class ForeignProgram
{
    private const string Abi = "runtime/abi.zig";
    private const string Slot = "runtime/limit_slot_glibc.zig";

    private static readonly (string Name, string Source)[] _records = [("abi", Abi), ("limit_slot", Slot)];

    /// <summary>The product's objects, its memory behind one that can force splits; what the program brings in C and C++.</summary>
    public static RuntimeRecipe Recipe { get; } = new(
    [
        Assembly("morestack"), Assembly("fiber"), Assembly("jump"),
        new RuntimePart(
            "growth", "runtime/growth.zig", OptimizeMode.ReleaseFast, RuntimeRecipe.GeneralRegistersOnly,
            [.. _records, ("memory", "foreign/memory.zig"), ("pool", "runtime/pool.zig")]),
        new RuntimePart(
            "host", "runtime/host.zig", OptimizeMode.ReleaseSafe, [], [.. _records, ("fiber", "runtime/fiber.zig")]),
        new RuntimePart("foreign-probe", "foreign/probe.zig", OptimizeMode.ReleaseFast, [], [.. _records]),
        new RuntimePart("foreign-calls", "foreign/calls.c", OptimizeMode.ReleaseFast, [], []),
        new RuntimePart("foreign-exceptions", "foreign/exceptions.cpp", OptimizeMode.ReleaseFast, [], []),
        new RuntimePart("foreign-cxxabi", "foreign/cxxabi.cpp", OptimizeMode.ReleaseSmall, [.. CxxAbiFlags()], []),
    ]);

    public static BuildOptions Options { get; } = new()
    {
        Modules =
        [
            .. _records, ("fiber", "runtime/fiber.zig"), ("splitstack", "runtime/splitstack.zig"), ("program", "foreign/program.zig"),
        ],
        Libraries = ["-lunwind"],
        SlackUnproven =
        [
            Product.OutsideFibers,
            new("rsp is set to what is not known|rsp goes lower with every turn", "longjmp and C++'s unwinder put rsp where they are told to"),
        ],
    };

    /// <summary>Builds it for a cell.</summary>
    public static async Task<string> BuildAsync(Cell cell, string directory) =>
        (await Tools.BuildAsync(Tools.Unit("foreign/unit.zig"), cell, Recipe, directory, Options)).WorkerPath;

    /// <summary>
    /// Links its unit, built once, with the objects of another recipe: the runtime with a mistake in it.
    /// </summary>
    public static async Task<string> LinkAsync(RuntimeRecipe recipe, string directory) =>
        await Trial.LinkAsync(recipe, directory, [await _unit.Value, .. Options.Libraries]);

    private static readonly Lazy<Task<string>> _unit = new(async () =>
    {
        using var scratch = new Scratch();
        var built = await Tools.BuildAsync(
            Tools.Unit("foreign/unit.zig"), new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted), Recipe, scratch.Path,
            Options with { KeepIntermediates = true });
        var kept = Path.Combine(Tools.Cache.CacheDirectory, $"foreign-unit-{Environment.ProcessId}.o");
        File.Copy(Path.Combine(Path.GetDirectoryName(built.WorkerPath)!, "unit.o"), kept, overwrite: true);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => File.Delete(kept);
        return kept;
    });

    private static RuntimePart Assembly(string name) => new(name, $"runtime/{name}.S", OptimizeMode.ReleaseFast, [], []);

    /// <summary>As Zig compiles the files of its libc++abi.</summary>
    private static string[] CxxAbiFlags()
    {
        var zig = (Tools.Zig as ZigLocation.Found)?.Installation;
        var library = zig?.LibDirectory ?? Path.Combine(Path.GetDirectoryName(zig?.Executable) ?? "", "lib");
        return
        [
            "-std=c++23", "-fvisibility=hidden", "-D_LIBCXXABI_BUILDING_LIBRARY", "-D_LIBCPP_BUILDING_LIBRARY", "-DHAVE___CXA_THREAD_ATEXIT_IMPL",
            .. new[] { "libcxxabi/src", "libcxxabi/include", "libcxx/src", "libcxx" }.Select(folder => "-I" + Path.Combine(library, folder)),
        ];
    }
}
