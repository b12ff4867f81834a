using System.Collections.Immutable;
using Harness.Binary;
using Harness.Emit;
using Harness.Execution;
using Harness.Model;

namespace Harness.Toolchain;

/// <summary>A program that measures one contender, or why there is none.</summary>
public abstract record BenchmarkProgram
{
    private BenchmarkProgram()
    {
    }

    internal abstract Sealed Seal { get; }

    public sealed record Built(string Path) : BenchmarkProgram { internal override Sealed Seal => default; }

    /// <summary>An optional tool is not installed.</summary>
    /// <param name="Missing">What was looked for.</param>
    /// <param name="Package">The Debian package that has it.</param>
    public sealed record Skipped(string Missing, string Package) : BenchmarkProgram { internal override Sealed Seal => default; }
}

/// <summary>
/// Builds the programs of <c>zig-fixtures/bench</c>: the shipped runtime under code of each route, and what it is compared with. Those
/// that need gcc, go or Boost are left out where these are not installed.
/// </summary>
public sealed class BenchmarkBuilder(FixtureLayout fixtures, ToolCache cache, BenchmarkTools tools)
{
    private const string UnitSource = "bench/unit.zig";
    private const string UnitObject = "unit.o";
    private const string ProgramName = "program";
    private static readonly TimeSpan _timeout = TimeSpan.FromMinutes(5);

    /// <summary>The copies without checks (unit.zig) stay so, and may have any frame.</summary>
    private static readonly BuildOptions _options = new()
    {
        Injection = InjectionOptions.Default with { Excluded = [.. InjectionOptions.Default.Excluded, "unit.Code(false).*"], MaxUnsplitFrameBytes = 16 << 10 },
        SlackUnprovenBecause = "code without checks is what the checked code is measured against, and it is called on the same stacks",
        KeepIntermediates = true,
    };

    /// <summary>
    /// How many programs there are of a route, which differ in where their code lies: functions are aligned to 16 bytes, so these are
    /// all the places that one can have in a cache line.
    /// </summary>
    public const int Layouts = 64 / LayoutBytes;

    private const int LayoutBytes = 16;

    /// <summary>What unit.zig has, and what takes its place.</summary>
    private const string Padding = "const code_after_bytes = 0;";

    /// <summary>The package's fibers under the workloads, with the checks of a route.</summary>
    /// <param name="layout">Below <see cref="Layouts"/>.</param>
    /// <exception cref="ToolchainException">It does not build.</exception>
    public async Task<BenchmarkProgram> ProductAsync(Route route, int layout, string directory, CancellationToken ct)
    {
        var recipe = RuntimeRecipe.Product.And(new RuntimePart(
            "bench", "bench/product.zig", OptimizeMode.ReleaseFast, ["-lc"],
            [
                ("splitstack", "runtime/splitstack.zig"), ("fiber", "runtime/fiber.zig"), ("abi", "runtime/abi.zig"),
                ("limit_slot", "runtime/limit_slot_glibc.zig"),
            ]));
        return new BenchmarkProgram.Built(await WorkerAsync(recipe, route, layout, directory, ct).ConfigureAwait(false));
    }

    /// <summary>Zig's own fibers, with the library mended that keeps them from compiling.</summary>
    /// <exception cref="ToolchainException">They do not build.</exception>
    public async Task<BenchmarkProgram> StandardIoAsync(string directory, CancellationToken ct)
    {
        var compiler = await cache.CompilerAsync(ct).ConfigureAwait(false);
        var own = compiler.Installation.LibDirectory
            ?? throw new ToolchainException("std.Io.Evented of Zig 0.16.0 does not compile, and the compiler's library is not known, to mend it; set ZIG_LIB_DIR");
        var library = await MendedLibrary.CreateAsync(own, Path.Combine(Path.GetFullPath(directory), "lib"), ct).ConfigureAwait(false);
        var output = OutputIn(directory);
        string[] module = ["-target", Cell.LinuxGnu, "-O", nameof(OptimizeMode.ReleaseFast), "-fstrip", "-fno-omit-frame-pointer"];
        var result = await compiler.CompileAsync(
            [
                "build-exe", "-fllvm", "-lc", .. module, "--dep", "unit", "-Mroot=" + fixtures.PathOf("bench/std_io.zig"),
                .. module, "-Munit=" + fixtures.PathOf(UnitSource), "--zig-lib-dir", library, "-femit-bin=" + output,
            ],
            directory, _timeout, ct).ConfigureAwait(false);
        return result is ZigResult.Done
            ? new BenchmarkProgram.Built(output)
            : throw new ToolchainException($"std.Io.Evented does not compile with this Zig: {result}");
    }

    /// <summary>libgcc's <c>__morestack</c> under the machine code of the attribute route.</summary>
    /// <param name="product">Directory of the product's program by that route: its object is used.</param>
    /// <exception cref="ToolchainException">It does not build although gcc is there.</exception>
    public async Task<BenchmarkProgram> LibgccAsync(string product, string directory, CancellationToken ct)
    {
        if (tools.Gcc is not { } gcc)
        {
            return new BenchmarkProgram.Skipped("gcc", "gcc");
        }

        var output = OutputIn(directory);
        await RunAsync(gcc, ["-O2", "-o", output, fixtures.PathOf("bench/libgcc.c"), Path.Combine(product, UnitObject)], directory, ct)
            .ConfigureAwait(false);
        return new BenchmarkProgram.Built(output);
    }

    /// <exception cref="ToolchainException">It does not build although the library is there.</exception>
    public async Task<BenchmarkProgram> FcontextAsync(string directory, CancellationToken ct)
    {
        if (tools.BoostContext is not { } archive)
        {
            return new BenchmarkProgram.Skipped("libboost_context.a", "libboost-context-dev");
        }

        var part = new RuntimePart("bench-fcontext", "bench/fcontext.zig", OptimizeMode.ReleaseFast, ["-lc"], []);
        return new BenchmarkProgram.Built(await LinkAsync(part, archive, directory, ct).ConfigureAwait(false));
    }

    /// <exception cref="ToolchainException">It does not build although go is there.</exception>
    public async Task<BenchmarkProgram> GoAsync(string directory, CancellationToken ct)
    {
        if (tools.Go is not { } go)
        {
            return new BenchmarkProgram.Skipped("go", "golang-go");
        }

        var output = OutputIn(directory);
        await RunAsync(go, ["build", "-o", output, fixtures.PathOf("bench/go/main.go")], directory, ct).ConfigureAwait(false);
        return new BenchmarkProgram.Built(output);
    }

    private async Task<string> WorkerAsync(RuntimeRecipe recipe, Route route, int layout, string directory, CancellationToken ct)
    {
        var source = await File.ReadAllTextAsync(fixtures.PathOf(UnitSource), ct).ConfigureAwait(false);
        var moved = source.Replace(Padding, $"const code_after_bytes = {layout * LayoutBytes};", StringComparison.Ordinal);
        if (layout > 0 && moved == source)
        {
            throw new ToolchainException($"{UnitSource} has no line `{Padding}`: its source and this harness do not fit together");
        }

        var unit = ZigEmitter.Emit([]) with { Source = moved };
        var cell = new Cell(route, OptimizeMode.ReleaseFast, Backend.Llvm);
        return await new WorkerBuilder(fixtures, cache, recipe, _options).BuildAsync(unit, cell, directory, ct).ConfigureAwait(false) switch
        {
            BuildOutcome.Built built => built.WorkerPath,
            var outcome => throw new ToolchainException($"the benchmark does not build in {cell}: {outcome}"),
        };
    }

    private async Task<string> LinkAsync(RuntimePart part, string? archive, string directory, CancellationToken ct)
    {
        var objects = await cache.RuntimeAsync(new RuntimeRecipe([part]), Cell.LinuxGnu, ct).ConfigureAwait(false);
        var output = OutputIn(directory);
        ImmutableArray<string> inputs = archive is null ? objects : objects.Add(archive);
        var compiler = await cache.CompilerAsync(ct).ConfigureAwait(false);
        var result = await compiler.CompileAsync(
            ["build-exe", "-target", Cell.LinuxGnu, .. inputs, "-lc", "-fno-ubsan-rt", "-fcompiler-rt", "-femit-bin=" + output],
            directory, _timeout, ct).ConfigureAwait(false);
        return result is ZigResult.Done ? output : throw new ToolchainException($"{part.Name} does not link: {result}");
    }

    private async Task RunAsync(string tool, IReadOnlyList<string> arguments, string directory, CancellationToken ct)
    {
        var request = new ProcessRequest
        {
            File = tool, Arguments = arguments, WorkingDirectory = directory, Timeout = _timeout, OutputCapBytes = 1 << 20,
            // go build wants a cache of its own; the user's may not be writable.
            Environment = new Dictionary<string, string?> { ["GOCACHE"] = Path.Combine(directory, "go-cache"), ["GO111MODULE"] = "off" },
        };
        var outcome = await (await cache.ProcessesAsync(ct).ConfigureAwait(false)).RunAsync(request, ct).ConfigureAwait(false);
        if (outcome is not ProcessOutcome.Exited { Code: 0 })
        {
            throw new ToolchainException($"`{request}` fails: {outcome}");
        }
    }

    private static string OutputIn(string directory)
    {
        Directory.CreateDirectory(directory);
        return Path.Combine(Path.GetFullPath(directory), ProgramName);
    }
}
