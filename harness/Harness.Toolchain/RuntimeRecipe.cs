using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Harness.Binary;
using Harness.Model;

namespace Harness.Toolchain;

/// <summary>One object that every worker is linked with.</summary>
/// <param name="Source">Relative to the fixtures; assembly when it ends in <c>.S</c>.</param>
/// <param name="Modules">Modules that the root may import, each with its source relative to the fixtures.</param>
public sealed record RuntimePart(
    string Name, string Source, OptimizeMode Mode, ImmutableArray<string> Flags,
    ImmutableArray<(string Name, string Source)> Modules)
{
    public bool IsAssembly => Source.EndsWith(".S", StringComparison.Ordinal);

    /// <summary>Distinguishes objects of the same part: with and without a planted defect.</summary>
    /// <exception cref="ToolchainException">The source is not there.</exception>
    public string Hash(FixtureLayout fixtures)
    {
        ArgumentNullException.ThrowIfNull(fixtures);
        var path = fixtures.PathOf(Source);
        if (!File.Exists(path))
        {
            throw new ToolchainException(
                $"{path} is missing, of which {Name} is built; restore the fixtures from the repository");
        }

        var modules = Modules.Select(module => $"{module.Name}={module.Source}");
        var text = string.Join('\0', [Source, Mode.ToString(), .. Flags, .. modules]);
        var content = SHA256.HashData(File.ReadAllBytes(path));
        return Convert.ToHexStringLower(SHA256.HashData([.. content, .. Encoding.UTF8.GetBytes(text)]))[..12];
    }
}

/// <summary>
/// What workers are linked with, besides the unit. The same for every cell but for the limit's place: the C convention is the
/// boundary.
/// </summary>
public sealed record RuntimeRecipe(ImmutableArray<RuntimePart> Parts)
{
    /// <summary>The part that planted defects of assembly are in.</summary>
    private const string Stubs = "morestack";
    private const string Growth = "growth";
    private const string DefectModule = "defects";
    private const string SlotModule = "limit_slot";
    private const string GlibcSlot = "runtime/limit_slot_glibc.zig";
    private const string OwnSlot = "runtime/limit_slot_own.zig";

    /// <summary>For morestack.S: the limit lives in a variable of its own.</summary>
    private const string OwnSlotFlag = "-DHS_LIMIT_OWN";

    /// <summary>The table of docs/RUNTIME-ABI.md.</summary>
    public static RuntimeRecipe Standard { get; } = new(
    [
        new RuntimePart(Stubs, "runtime/morestack.S", OptimizeMode.ReleaseFast, [], []),
        new RuntimePart("gates", "worker/gates.S", OptimizeMode.ReleaseFast, [], []),
        new RuntimePart(
            Growth, "runtime/growth.zig", OptimizeMode.ReleaseFast,
            ["-mcpu", "x86_64-mmx-sse-sse2-x87+soft_float", "-fno-builtin"],
            [("abi", "runtime/abi.zig"), ("memory", "worker/forcing.zig"), (SlotModule, GlibcSlot), (DefectModule, "mutants/none.zig")]),
        new RuntimePart(
            "worker", "worker/main.zig", OptimizeMode.ReleaseSafe,
            ["-lc"],
            [("abi", "runtime/abi.zig"), (SlotModule, GlibcSlot), (DefectModule, "mutants/none.zig")]),
        new RuntimePart(
            "dwarf", "observers/dwarf.zig", OptimizeMode.ReleaseSmall, ["-lc"],
            [("abi", "runtime/abi.zig"), (SlotModule, GlibcSlot)]),
    ]);

    /// <summary>The runtime as its package ships it (zig-fixtures/runtime/build.zig): its own memory, fibers, no harness.</summary>
    public static RuntimeRecipe Product { get; } = new(
    [
        Standard.Parts.Single(part => part.Name == Stubs),
        new RuntimePart("fiber", "runtime/fiber.S", OptimizeMode.ReleaseFast, [], []),
        WithPool(Standard.Parts.Single(part => part.Name == Growth)),
        new RuntimePart(
            "host", "runtime/host.zig", OptimizeMode.ReleaseSafe, ["-fno-stack-check", "-fno-stack-protector"],
            [("abi", "runtime/abi.zig"), ("fiber", "runtime/fiber.zig"), (SlotModule, GlibcSlot)]),
    ]);

    /// <summary>
    /// Where the checks of a cell find the limit. LLVM's read a fixed place; a variable of the runtime's own needs no libc's
    /// leave, so it is used wherever glibc has not given it or our own code is what reads it.
    /// </summary>
    public static LimitSlot LimitSlotOf(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return cell is { Route: Route.Assembly } or { Route: Route.Thunk, Target: not Cell.LinuxGnu } ? LimitSlot.Own : LimitSlot.Glibc;
    }

    /// <summary>The same with the limit in another place.</summary>
    public RuntimeRecipe For(LimitSlot slot) => slot == LimitSlot.Glibc
        ? this
        : new([.. Parts.Select(part => part.IsAssembly ? Define(part, OwnSlotFlag) : part with { Modules = Replace(part.Modules, SlotModule, OwnSlot) })]);

    /// <summary>The same without parts of these names: for programs that bring their own in their place.</summary>
    public RuntimeRecipe Without(params string[] names) => new([.. Parts.Where(part => !names.Contains(part.Name))]);

    public RuntimeRecipe And(RuntimePart part) => new(Parts.Add(part));

    /// <summary>The same with a planted defect. One that lives in emitted programs changes nothing here.</summary>
    public RuntimeRecipe With(PlantedDefect? defect) => defect?.Seat switch
    {
        DefectSeat.Zig => new([.. Parts.Select(part => part with { Modules = Replace(part.Modules, DefectModule, $"mutants/{defect.Name}.zig") })]),
        DefectSeat.Assembly => new([.. Parts.Select(part => part.Name == Stubs ? Define(part, "-D" + defect.Symbol) : part)]),
        _ => this,
    };

    private static ImmutableArray<(string Name, string Source)> Replace(
        ImmutableArray<(string Name, string Source)> modules, string name, string source) =>
        [.. modules.Select(module => module.Name == name ? (name, source) : module)];

    private static RuntimePart WithPool(RuntimePart growth) => growth with
    {
        Modules = [.. Replace(growth.Modules, "memory", "runtime/pool.zig").Where(module => module.Name != DefectModule)],
    };

    private static RuntimePart Define(RuntimePart part, string flag) => part with { Flags = part.Flags.Add(flag) };
}
