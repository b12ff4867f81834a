using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Harness.Binary;
using Harness.Model;
using Harness.Toolchain.Runtimes;

namespace Harness.Toolchain;

/// <summary>One object that every worker is linked with.</summary>
/// <param name="Source">
/// Relative to the fixtures; assembly when it ends in <c>.S</c>, C or C++ when it ends in <c>.c</c> or <c>.cpp</c>, else Zig.
/// </param>
/// <param name="Flags">For the assembler, Zig's, or clang's.</param>
/// <param name="Modules">Modules that the root may import, each with its source relative to the fixtures.</param>
public sealed record RuntimePart(
    string Name, string Source, OptimizeMode Mode, ImmutableArray<string> Flags,
    ImmutableArray<(string Name, string Source)> Modules)
{
    /// <summary>A planted defect in this assembly or what it includes; null: as it is.</summary>
    public StubPatch? Patch { get; init; }

    /// <summary>Of what the source includes besides, where that lies outside the fixtures.</summary>
    public string Includes { get; init; } = "";

    public bool IsAssembly => Source.EndsWith(".S", StringComparison.Ordinal);

    /// <summary>C or C++.</summary>
    public bool IsForeign => Path.GetExtension(Source) is ".c" or ".cpp";

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
        var text = string.Join('\0', [Source, Mode.ToString(), .. Flags, .. modules, Patch?.ToString() ?? "", Includes]);
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
    private const string Stubs = "morestack";
    private const string Growth = "growth";
    private const string Worker = "worker";
    private const string DefectModule = "defects";
    private const string AllDefects = "mutants/selected.zig";
    private const string SlotModule = "limit_slot";
    private const string GlibcSlot = "runtime/limit_slot_glibc.zig";
    private const string OwnSlot = "runtime/limit_slot_own.zig";
    private const string GrowingModule = "growing";

    /// <summary>For morestack.S: the limit lives in a variable of its own.</summary>
    private const string OwnSlotFlag = "-DHS_LIMIT_OWN";

    /// <summary>For parts that may touch no register but general ones.</summary>
    public static ImmutableArray<string> GeneralRegistersOnly { get; } = ["-mcpu", "x86_64-mmx-sse-sse2-x87+soft_float", "-fno-builtin"];

    /// <summary>The table of docs/RUNTIME-ABI.md.</summary>
    public static RuntimeRecipe Standard { get; } = new(
    [
        new RuntimePart(Stubs, "runtime/morestack.S", OptimizeMode.ReleaseFast, [], []),
        new RuntimePart("gates", "worker/gates.S", OptimizeMode.ReleaseFast, [], []),
        new RuntimePart(
            Growth, "runtime/growth.zig", OptimizeMode.ReleaseFast,
            GeneralRegistersOnly,
            [("abi", "runtime/abi.zig"), ("memory", "worker/forcing.zig"), ("pool", "runtime/pool.zig"), (SlotModule, GlibcSlot), (DefectModule, "mutants/none.zig")]),
        new RuntimePart(
            Worker, "worker/main.zig", OptimizeMode.ReleaseSafe,
            ["-lc"],
            [("abi", "runtime/abi.zig"), (SlotModule, GlibcSlot), (DefectModule, "mutants/none.zig"), (GrowingModule, "worker/own.zig")]),
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

    /// <summary>What files of tests are linked with: the harness's own segments, and a host that runs one test at a time in a fiber.</summary>
    public static RuntimeRecipe Tests { get; } = OfHost("testing", "testing/host.zig");

    /// <summary>What a user's own program is linked with: the same segments, and a host that runs its entry under plan after plan.</summary>
    public static RuntimeRecipe Checks { get; } = OfHost("checking", "testing/check_host.zig")
        .And(new RuntimePart("check-gates", "testing/check_gates.S", OptimizeMode.ReleaseFast, [], []))
        .And(Standard.Parts.Single(part => part.Name == "dwarf"));

    /// <summary>What the runtime keeps below the limit for those who do not ask: slack_bytes in runtime/abi.zig.</summary>
    public const long SlackBytes = 1984;

    /// <summary>What there is below every limit; null: nobody promises anything.</summary>
    public long? Slack => Foreign is { } other ? other.Can.SlackBytes > 0 ? other.Can.SlackBytes : null : Parts.Any(part => part.Name == Growth) ? SlackBytes : null;

    /// <summary>The runtime that takes the place of ours; null: ours.</summary>
    public ForeignRuntime? Foreign { get; private init; }

    /// <summary>Our worker over another runtime (zig-fixtures/foreign).</summary>
    public static RuntimeRecipe Over(ForeignRuntime runtime, FixtureLayout fixtures)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(fixtures);
        var includes = runtime.ContentHash();
        RuntimePart Own(string name) => Standard.Parts.Single(part => part.Name == name);
        return new(
        [
            Own(Stubs) with { Flags = ["-DHS_FOREIGN"] },
            Own("gates"),
            Own(Worker) with { Modules = Replace(Own(Worker).Modules, GrowingModule, "foreign/growing.zig") },
            Own("dwarf"),
            new RuntimePart(
                "foreign", "foreign/adapter.zig", OptimizeMode.ReleaseSafe, [],
                [("abi", "runtime/abi.zig"), ("plans", "worker/abi.zig"), (SlotModule, GlibcSlot)]),
            new RuntimePart("stub-range", "foreign/stub_range.S", OptimizeMode.ReleaseFast, [$"-DHSF_STUB_BEGIN={runtime.Stub.Begin}", $"-DHSF_STUB_END={runtime.Stub.End}"], []),
            .. runtime.Sources.Select(source => new RuntimePart(
                $"{runtime.Name}-{Path.GetFileName(source)}", source, OptimizeMode.ReleaseFast,
                source.EndsWith(".zig", StringComparison.Ordinal) ? [] : [.. runtime.Flags, "-I", fixtures.PathOf("foreign")], []) { Includes = includes }),
        ]) { Foreign = runtime };
    }

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
        : this with { Parts = [.. Parts.Select(part => part.IsAssembly ? Define(part, OwnSlotFlag) : part with { Modules = For(part.Modules, slot) })] };

    /// <summary>Modules, those among them that say where the limit is exchanged for a place.</summary>
    public static ImmutableArray<(string Name, string Source)> For(ImmutableArray<(string Name, string Source)> modules, LimitSlot slot) =>
        Replace(modules, SlotModule, slot == LimitSlot.Glibc ? GlibcSlot : OwnSlot);

    /// <summary>The same without parts of these names: for programs that bring their own in their place.</summary>
    public RuntimeRecipe Without(params string[] names) => new([.. Parts.Where(part => !names.Contains(part.Name))]);

    public RuntimeRecipe And(RuntimePart part) => new(Parts.Add(part));

    /// <summary>
    /// The same with a planted defect. All of those in Zig are in one, and the plan names the one to wake. One that lives in emitted programs, in the
    /// model or in the checker changes nothing here.
    /// </summary>
    public RuntimeRecipe With(PlantedDefect? defect) => defect?.Seat switch
    {
        DefectSeat.Zig => WithAllDefects(),
        DefectSeat.Assembly => new([.. WithAllDefects().Parts.Select(part => StubPatches.Of(defect) is var patch && patch.Concerns(part) ? part with { Patch = patch } : part)]),
        _ => this,
    };

    /// <summary>
    /// The same with every planted defect of Zig, asleep, and the count of how often the changed code runs. Where there is no worker that could wake one,
    /// there are none.
    /// </summary>
    public RuntimeRecipe WithAllDefects() => Parts.Any(part => part.Name == Worker)
        ? new([.. Parts.Select(part => part with { Modules = Replace(part.Modules, DefectModule, AllDefects) })])
        : this;

    private static ImmutableArray<(string Name, string Source)> Replace(
        ImmutableArray<(string Name, string Source)> modules, string name, string source) =>
        [.. modules.Select(module => module.Name == name ? (name, source) : module)];

    private static RuntimeRecipe OfHost(string name, string source) => new(
    [
        .. Standard.Parts.Where(part => part.Name is Stubs or Growth),
        new RuntimePart(name, source, OptimizeMode.ReleaseSafe, ["-lc"], [("abi", "runtime/abi.zig"), ("plans", "worker/abi.zig"), (SlotModule, GlibcSlot)]),
    ]);

    private static RuntimePart WithPool(RuntimePart growth) => growth with
    {
        Modules = [.. Replace(growth.Modules, "memory", "runtime/pool.zig").Where(module => module.Name != DefectModule)],
    };

    private static RuntimePart Define(RuntimePart part, string flag) => part with { Flags = part.Flags.Add(flag) };
}
