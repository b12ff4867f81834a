using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
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
/// What workers are linked with, besides the unit. The same for every cell: the C convention is the boundary.
/// </summary>
public sealed record RuntimeRecipe(ImmutableArray<RuntimePart> Parts)
{
    private const string DefectModule = "defects";

    /// <summary>The table of docs/RUNTIME-ABI.md.</summary>
    public static RuntimeRecipe Standard { get; } = new(
    [
        new RuntimePart("morestack", "runtime/morestack.S", OptimizeMode.ReleaseFast, [], []),
        new RuntimePart("gates", "worker/gates.S", OptimizeMode.ReleaseFast, [], []),
        new RuntimePart(
            "growth", "runtime/growth.zig", OptimizeMode.ReleaseFast,
            ["-mcpu", "x86_64-mmx-sse-sse2-x87+soft_float", "-fno-builtin"],
            [("abi", "runtime/abi.zig"), ("memory", "worker/forcing.zig"), (DefectModule, "mutants/none.zig")]),
        new RuntimePart(
            "worker", "worker/main.zig", OptimizeMode.ReleaseSafe,
            ["-lc"], [("abi", "runtime/abi.zig"), (DefectModule, "mutants/none.zig")]),
        new RuntimePart(
            "dwarf", "observers/dwarf.zig", OptimizeMode.ReleaseSmall, ["-lc"], [("abi", "runtime/abi.zig")]),
    ]);

    /// <summary>The same with a planted defect. One that lives in emitted programs changes nothing here.</summary>
    public RuntimeRecipe With(PlantedDefect? defect) => defect?.Seat switch
    {
        DefectSeat.Zig => new([.. Parts.Select(part => part with { Modules = Plant(part.Modules, defect.Name) })]),
        DefectSeat.Assembly => new([.. Parts.Select(part => part.IsAssembly ? Define(part, defect.Symbol) : part)]),
        _ => this,
    };

    private static ImmutableArray<(string Name, string Source)> Plant(
        ImmutableArray<(string Name, string Source)> modules, string defect) =>
        [.. modules.Select(module => module.Name == DefectModule ? (module.Name, $"mutants/{defect}.zig") : module)];

    private static RuntimePart Define(RuntimePart part, string symbol) =>
        part with { Flags = part.Flags.Add("-D" + symbol) };
}
