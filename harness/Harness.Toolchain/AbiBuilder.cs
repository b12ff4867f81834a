using System.Collections.Immutable;
using Harness.Model;

namespace Harness.Toolchain;

/// <summary>A backend in a mode, whose conventions are measured.</summary>
/// <param name="ErrorTracing">Asked for or refused; null: as the mode has it.</param>
public sealed record AbiCell(Backend Backend, OptimizeMode Mode, bool? ErrorTracing = null)
{
    /// <summary>Every backend and mode, and where it is not the default, the other choice of error return traces.</summary>
    public static ImmutableArray<AbiCell> All { get; } =
    [
        new(Backend.SelfHosted, OptimizeMode.Debug), new(Backend.SelfHosted, OptimizeMode.Debug, false), new(Backend.Llvm, OptimizeMode.Debug),
        new(Backend.Llvm, OptimizeMode.ReleaseSafe), new(Backend.Llvm, OptimizeMode.ReleaseSafe, true), new(Backend.Llvm, OptimizeMode.ReleaseFast),
        new(Backend.Llvm, OptimizeMode.ReleaseSmall),
    ];

    public override string ToString() => (Backend, ErrorTracing) switch
    {
        (Backend.SelfHosted, null) => $"selfhosted/{Mode}",
        (Backend.SelfHosted, { } traced) => $"selfhosted/{Mode}/{(traced ? "" : "no-")}error-tracing",
        (_, null) => $"llvm/{Mode}",
        (_, { } traced) => $"llvm/{Mode}/{(traced ? "" : "no-")}error-tracing",
    };

    internal IEnumerable<string> Options =>
    [
        "-O", Mode.ToString(), Backend is Backend.Llvm ? "-fllvm" : "-fno-llvm", .. ErrorTracing switch
        {
            true => (string[])["-ferror-tracing"],
            false => ["-fno-error-tracing"],
            null => [],
        },
    ];
}

/// <summary>What became of a unit of probes: <see cref="Built"/> or <see cref="Failed"/>.</summary>
public abstract record AbiBuild
{
    private AbiBuild()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <param name="Program">Runs the probes (zig-fixtures/abi/driver.zig).</param>
    /// <param name="Object">The unit's.</param>
    public sealed record Built(string Program, string Object) : AbiBuild { internal override Sealed Seal => default; }

    /// <param name="Problem">What the compiler said, or how it failed.</param>
    public sealed record Failed(string Problem) : AbiBuild { internal override Sealed Seal => default; }
}

/// <summary>Builds programs of probes, and looks at what LLVM makes of split-stack functions. Options are the compiler's own but for those of the cell.</summary>
public sealed class AbiBuilder(FixtureLayout fixtures, ToolCache cache)
{
    private const string Table = "abi/table.zig";
    private static readonly TimeSpan _timeout = TimeSpan.FromMinutes(3);

    /// <summary>What every unit of probes is linked with.</summary>
    public static RuntimeRecipe Recipe { get; } = new(
    [
        new RuntimePart("abi-driver", "abi/driver.zig", OptimizeMode.ReleaseSafe, [], [("table", Table)]),
        new RuntimePart("abi-probe", "abi/probe.S", OptimizeMode.ReleaseFast, [], []),
    ]);

    /// <param name="directory">The unit's own.</param>
    /// <exception cref="ToolchainException">The driver does not build.</exception>
    public async Task<AbiBuild> BuildAsync(string source, AbiCell cell, string directory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(cell);
        directory = Directory.CreateDirectory(directory).FullName;
        var (unit, code, program) = (Path.Combine(directory, "unit.zig"), Path.Combine(directory, "unit.o"), Path.Combine(directory, "probes"));
        await File.WriteAllTextAsync(unit, source, ct).ConfigureAwait(false);
        var driver = await cache.RuntimeAsync(Recipe, Cell.LinuxBare, ct).ConfigureAwait(false);
        var compiler = await cache.CompilerAsync(ct).ConfigureAwait(false);
        string[] compile =
        [
            "build-obj", "-target", Cell.LinuxGnu, .. cell.Options, "-fno-strip", "--dep", "table", $"-Mroot={unit}", $"-Mtable={fixtures.PathOf(Table)}", "-femit-bin=" + code,
        ];
        return Problem(await compiler.CompileAsync(compile, directory, _timeout, ct).ConfigureAwait(false)) is { } refused ? new AbiBuild.Failed(refused)
            : Problem(await compiler.CompileAsync(RuntimeCommand.Link(Cell.LinuxBare, code, driver, [], program), directory, _timeout, ct).ConfigureAwait(false)) is { } unlinked
                ? new AbiBuild.Failed("link: " + unlinked)
                : new AbiBuild.Built(program, code);
    }

    /// <summary>What clang makes of LLVM IR for a target, as assembly.</summary>
    /// <returns>The assembly, or what was wrong.</returns>
    public async Task<(string? Assembly, string? Problem)> AssembleAsync(string ir, string target, string directory, CancellationToken ct)
    {
        directory = Directory.CreateDirectory(directory).FullName;
        var (source, output) = (Path.Combine(directory, "function.ll"), Path.Combine(directory, "function.s"));
        await File.WriteAllTextAsync(source, ir, ct).ConfigureAwait(false);
        var compiler = await cache.CompilerAsync(ct).ConfigureAwait(false);
        var result = await compiler.RunAsync(
            ["clang", "-S", "-O2", "-target", target, "-Wno-override-module", "-fno-crash-diagnostics", source, "-o", output], directory, _timeout, ct).ConfigureAwait(false);
        return Problem(result) is { } problem ? (null, problem) : (await File.ReadAllTextAsync(output, ct).ConfigureAwait(false), null);
    }

    private static string? Problem(ZigResult result) => result switch
    {
        ZigResult.Done => null,
        ZigResult.Diagnosed diagnosed => diagnosed.Diagnostics,
        ZigResult.Crashed crashed => crashed.Detail,
        ZigResult.TimedOut timedOut => $"`{timedOut.Command}` does not end within {timedOut.Elapsed.TotalSeconds:0} s",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
