using Harness.Emit;
using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Binary.Tests;

public sealed class WorkerBuilderTests : IDisposable
{
    private static readonly Cell _cheap = new(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted);
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigTheory(Timeout = 300_000)]
    [InlineData(Route.Thunk, Backend.SelfHosted)]
    [InlineData(Route.Attribute, Backend.Llvm)]
    public async Task Accepts_an_emitted_unit_and_links_it_with_the_runtime(Route route, Backend backend)
    {
        var builder = new WorkerBuilder(Tools.Fixtures, Tools.Cache);
        var outcome = await builder.BuildAsync(
            Emitted(), new Cell(route, OptimizeMode.Debug, backend), _scratch["unit"], CancellationToken.None);

        Assert.True(outcome is BuildOutcome.Built, outcome.ToString());
        var built = (BuildOutcome.Built)outcome;
        Assert.All(
            [built.Timings.Compile, built.Timings.Link, built.Timings.Rewrite], t => Assert.True(t > TimeSpan.Zero));
        Assert.Equal(route is Route.Attribute, built.Timings.Codegen > TimeSpan.Zero);
        var left = Directory.EnumerateFileSystemEntries(_scratch["unit"]).Select(Path.GetFileName).Order();
        Assert.Equal(["unit.zig", "worker"], left);
        Assert.NotNull(Symbolizer.Load(built.WorkerPath).AddressOf("__morestack"));

        var usage = await ChildProcess.Bare.RunAsync(
            new ProcessRequest { File = built.WorkerPath, Timeout = TimeSpan.FromMinutes(1) }, CancellationToken.None);
        var exited = Assert.IsType<ProcessOutcome.Exited>(usage);
        Assert.Equal(2, exited.Code);
        Assert.Contains("worker", exited.Output.Stderr, StringComparison.Ordinal);
    }

    [ZigFact(Timeout = 300_000)]
    public async Task Rejects_a_unit_that_does_not_compile_and_says_where()
    {
        var unit = Tools.Unit(
            "const rt = @import(\"rt\");\npub const panic = rt.panic;\nexport const hs_unit: u32 = nothing;\n");
        var rejected = Assert.IsType<BuildOutcome.Rejected>(await BuildAsync(unit, _cheap));
        Assert.Contains(
            "unit.zig:3:29: error: use of undeclared identifier 'nothing'",
            rejected.Diagnostics, StringComparison.Ordinal);
    }

    [ZigFact(Timeout = 300_000)]
    public async Task Rejects_a_unit_that_does_not_link_and_says_so()
    {
        var unit = Tools.Unit(
            """
            const rt = @import("rt");
            pub const panic = rt.panic;
            extern fn nowhere() void;
            fn f() callconv(.c) void {
                nowhere();
            }
            const fibers = [_]rt.Fiber{f};
            const programs = [_]rt.Program{rt.program(&fibers)};
            export const hs_unit: rt.Unit = rt.unit(&programs);
            """);
        var rejected = Assert.IsType<BuildOutcome.Rejected>(await BuildAsync(unit, _cheap));
        Assert.StartsWith("link: ", rejected.Diagnostics, StringComparison.Ordinal);
        Assert.Contains("nowhere", rejected.Diagnostics, StringComparison.Ordinal);
    }

    [ZigFact(Timeout = 300_000)]
    public async Task Rejects_a_unit_in_which_nothing_would_be_split()
    {
        var rejected = Assert.IsType<BuildOutcome.Rejected>(await BuildAsync(Tools.Unit("export const nothing: u64 = 1;"), _cheap));
        Assert.Contains("none of 0 functions has a split check", rejected.Diagnostics, StringComparison.Ordinal);
    }

    [ZigFact(Timeout = 300_000)]
    public async Task Splits_a_large_frame_although_it_asks_who_called_and_rejects_one_that_may_not_be_split()
    {
        EmittedUnit Asking(int bytes) => Tools.Unit(
            $$"""
            const rt = @import("rt");
            pub const panic = rt.panic;
            extern fn hs_opaque(pointer: *const anyopaque) *const anyopaque;
            fn asks() usize {
                var buffer: [{{bytes}}]u8 = undefined;
                _ = hs_opaque(&buffer);
                return @returnAddress();
            }
            fn f() callconv(.c) void {
                _ = asks();
            }
            const fibers = [_]rt.Fiber{f};
            const programs = [_]rt.Program{rt.program(&fibers)};
            export const hs_unit: rt.Unit = rt.unit(&programs);
            """);
        Assert.Empty(Assert.IsType<BuildOutcome.Built>(await BuildAsync(Asking(500), _cheap)).Injection.Misled);
        var large = Assert.IsType<BuildOutcome.Built>(await BuildAsync(Asking(5000), _cheap));
        Assert.Equal("unit.asks", Assert.Single(large.Injection.Misled));
        var options = BuildOptions.Default with { Injection = InjectionOptions.Default with { Excluded = ["unit.asks"] } };
        var rejected = Assert.IsType<BuildOutcome.Rejected>(await BuildAsync(Asking(5000), _cheap, Tools.Cache, options));
        Assert.Contains(
            "unit.asks is unsplit (Excluded) and has a frame of 9", // a little over 5,000, and the page below that its probe touches
            rejected.Diagnostics, StringComparison.Ordinal);
    }

    public static TheoryData<Route, OptimizeMode, Backend, string> Unsupported { get; } = new()
    {
        { Route.Attribute, OptimizeMode.Debug, Backend.SelfHosted, Cell.LinuxGnu },
        { Route.Thunk, OptimizeMode.ReleaseFast, Backend.SelfHosted, Cell.LinuxGnu },
        { Route.Thunk, OptimizeMode.Debug, Backend.Llvm, "aarch64-linux-gnu" },
        { Route.Attribute, OptimizeMode.Debug, Backend.Llvm, Cell.LinuxMusl },
        { Route.Assembly, OptimizeMode.Debug, Backend.SelfHosted, Cell.LinuxGnu },
    };

    [ZigTheory(Timeout = 300_000)]
    [MemberData(nameof(Unsupported))]
    public async Task Rejects_a_cell_that_cannot_be(Route route, OptimizeMode mode, Backend backend, string target)
    {
        var cell = new Cell(route, mode, backend, target);
        Assert.Equal(
            WorkerBuilder.Unsupported(cell), Assert.IsType<BuildOutcome.Rejected>(
                await BuildAsync(Emitted(), cell)).Diagnostics);
    }

    [Theory]
    [MemberData(nameof(UnitBuilds.Cells), MemberType = typeof(UnitBuilds))]
    public void Accepts_every_other_cell(Route route, OptimizeMode mode, Backend backend) =>
        Assert.Null(WorkerBuilder.Unsupported(new Cell(route, mode, backend)));

    [ZigFact(Timeout = 300_000)]
    public async Task A_compiler_that_crashes_on_the_unit_is_a_finding()
    {
        var cache = new ToolCache(
            Wrapped("*unit.zig*) echo 'LLVM ERROR: out of registers' >&2; exit 1;;"), Tools.Fixtures, CacheRoot());
        var crashed = Assert.IsType<BuildOutcome.CompilerCrashed>(await BuildAsync(Emitted(), _cheap, cache));
        Assert.Contains("out of registers", crashed.Detail, StringComparison.Ordinal);
    }

    [ZigFact(Timeout = 300_000)]
    public async Task A_compiler_that_dies_on_the_unit_is_a_finding()
    {
        var cache = new ToolCache(Wrapped("*unit.zig*) kill -SEGV $$;;"), Tools.Fixtures, CacheRoot());
        var crashed = Assert.IsType<BuildOutcome.CompilerCrashed>(await BuildAsync(Emitted(), _cheap, cache));
        Assert.Contains("signal 11", crashed.Detail, StringComparison.Ordinal);
    }

    [ZigFact(Timeout = 300_000)]
    public async Task A_compiler_that_does_not_end_is_stopped()
    {
        var cache = new ToolCache(Wrapped("*unit.zig*) sleep 300;;"), Tools.Fixtures, CacheRoot());
        var options = new BuildOptions { Timeout = TimeSpan.FromSeconds(2) };
        var timedOut = Assert.IsType<BuildOutcome.TimedOut>(await BuildAsync(Emitted(), _cheap, cache, options));
        Assert.Contains("build-obj", timedOut.Command, StringComparison.Ordinal);
    }

    [ZigFact(Timeout = 300_000)]
    public async Task A_runtime_that_does_not_build_is_a_broken_setup()
    {
        var recipe = new RuntimeRecipe([new RuntimePart("absent", "runtime/absent.S", OptimizeMode.Debug, [], [])]);
        File.WriteAllText(_scratch["broken.zig"], "export fn f() void { nonsense(); }\n");
        var broken = new RuntimeRecipe([new RuntimePart("broken", _scratch["broken.zig"], OptimizeMode.Debug, [], [])]);
        var builder = new WorkerBuilder(Tools.Fixtures, Tools.Cache, broken);
        var error = await Assert.ThrowsAsync<ToolchainException>(
            () => builder.BuildAsync(Emitted(), _cheap, _scratch["unit"], CancellationToken.None));
        Assert.Contains("does not build with Zig", error.Message, StringComparison.Ordinal);
        Assert.Contains("use of undeclared identifier 'nonsense'", error.Message, StringComparison.Ordinal);

        var missing = new WorkerBuilder(Tools.Fixtures, Tools.Cache, recipe);
        error = await Assert.ThrowsAsync<ToolchainException>(
            () => missing.BuildAsync(Emitted(), _cheap, _scratch["unit"], CancellationToken.None));
        Assert.Contains("absent.S", error.Message, StringComparison.Ordinal);
    }

    [ZigFact(Timeout = 300_000)]
    public async Task Cancellation_stops_a_build()
    {
        var cache = new ToolCache(Wrapped("*unit.zig*) sleep 300;;"), Tools.Fixtures, CacheRoot());
        await cache.RuntimeAsync(RuntimeRecipe.Standard, Cell.LinuxGnu, CancellationToken.None);
        using var cancel = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        var builder = new WorkerBuilder(Tools.Fixtures, cache);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => builder.BuildAsync(Emitted(), _cheap, _scratch["unit"], cancel.Token));
    }

    [Fact]
    public void A_planted_defect_changes_the_parts_that_have_it_and_their_hash()
    {
        foreach (var defect in PlantedDefect.All)
        {
            var recipe = RuntimeRecipe.Standard.With(defect);
            var changed = RuntimeRecipe.Standard.Parts.Zip(recipe.Parts)
                .Where(pair => pair.First.Hash(Tools.Fixtures) != pair.Second.Hash(Tools.Fixtures))
                .Select(pair => pair.First.Name);
            string[] expected = defect.Seat switch
            {
                DefectSeat.Assembly when StubPatches.Of(defect).File == "runtime/gates.h" => ["morestack", "gates", "growth", "worker"],
                DefectSeat.Assembly => ["morestack", "growth", "worker"],
                DefectSeat.Zig => ["growth", "worker"],
                _ => [],
            };
            Assert.Equal(expected, changed);
        }
    }

    [Fact]
    public void Each_defect_of_assembly_has_its_place_in_the_sources()
    {
        Assert.Equal(PlantedDefect.All.Where(d => d.Seat is DefectSeat.Assembly).Select(d => d.Name).Order(), StubPatches.Names.Order());
        foreach (var defect in PlantedDefect.All.Where(d => d.Seat is DefectSeat.Assembly))
        {
            var patch = StubPatches.Of(defect);
            var text = File.ReadAllText(Tools.Fixtures.PathOf(patch.File));
            var changed = patch.Changed(text);
            Assert.NotEqual(text, changed);
            Assert.Contains("incq hs_planted_reached(%rip)", changed, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Each_defect_of_the_product_and_of_the_routes_has_its_place()
    {
        var products = PlantedDefect.All.Where(d => d.Seat is DefectSeat.Product).ToList();
        Assert.Equal(products.Select(d => d.Name).Order(), ProductPatches.Names.Order());
        Assert.All(products.Select(ProductPatches.Of), patch => patch.Changed(File.ReadAllText(Tools.Fixtures.PathOf("runtime/" + patch.File))));
        var injected = PlantedDefect.All.Where(d => d.Seat is DefectSeat.Injection).Select(d => InjectionOptions.With(d).Defect).ToList();
        Assert.Equal(Enum.GetValues<InjectionDefect>().Skip(1), injected.Order());
        Assert.Equal(InjectionDefect.None, InjectionOptions.With(PlantedDefect.Named("limit_restore")).Defect);
    }

    [Fact]
    public void A_defect_of_assembly_that_has_lost_its_place_says_so()
    {
        Assert.Contains("not once", Assert.Throws<ToolchainException>(() => new ProductPatch("x.zig", "a", "b").Changed("a a")).Message, StringComparison.Ordinal);
        var error = Assert.Throws<ToolchainException>(() => new StubPatch("runtime/morestack.S", "nop\nnop", "", 1).Changed("nop\nnop // once\n"));
        Assert.Contains("no occurrence 1 of `nop`", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Defects_of_Zig_have_the_same_numbers_here_and_there()
    {
        var there = File.ReadLines(Tools.Fixtures.PathOf("mutants/defect.zig")).Select(line => line.Trim()).Where(line => !line.StartsWith("//", StringComparison.Ordinal) && line.EndsWith(','))
            .Select(line => line[..^1]).Skip(1);
        var here = PlantedDefect.All.Where(d => d.Seat is DefectSeat.Zig).OrderBy(d => d.Number);
        Assert.Equal(there, here.Select(d => d.Name));
        Assert.Equal(1u, here.First().Number);
    }

    [Fact]
    public void Every_source_that_a_recipe_names_is_there()
    {
        foreach (var recipe in PlantedDefect.All.Select(RuntimeRecipe.Standard.With).Append(RuntimeRecipe.Standard))
        {
            foreach (
                var source in recipe.Parts.SelectMany(part => part.Modules.Select(m => m.Source).Append(part.Source)))
            {
                Assert.True(File.Exists(Tools.Fixtures.PathOf(source)), source);
            }
        }
    }

    private async Task<BuildOutcome> BuildAsync(
        EmittedUnit unit, Cell cell, ToolCache? cache = null, BuildOptions? options = null) =>
        await new WorkerBuilder(Tools.Fixtures, cache ?? Tools.Cache, options: options)
            .BuildAsync(unit, cell, _scratch["unit"], CancellationToken.None);

    private static string CacheRoot() => Path.Combine(Tools.Repository, ".cache");

    /// <summary>One fiber that calls two functions.</summary>
    private static EmittedUnit Emitted()
    {
        Statement finish = new Statement.Return(new ReturnValue.Made(new Scalar.Const(1)));
        var word = new ZigType.Int(64, false);
        Function Make(int id, params Statement[] body) => new(
            id, FunctionKind.Plain, new ErrorSet.AnyError(), word, [], NoInline: true, body.ToEquatableArray());
        var call = new Statement.Call(1, 1, CallForm.Direct, [], new Handling.Try(), -1);
        var program = new FiberProgram(
            [Make(0, call, finish), Make(1, new Statement.Probe(2), finish)], [new Fiber(0, [], 0, true)], 0);
        return ZigEmitter.Emit([program]);
    }

    /// <summary>The real compiler behind a script that steps in when an argument matches a pattern.</summary>
    private ZigInstallation Wrapped(string pattern)
    {
        var real = Tools.Zig.Require();
        var script = $"""
            #!/bin/sh
            for argument; do
                case "$argument" in {pattern} esac
            done
            exec {real.Executable} "$@"
            """;
        File.WriteAllText(_scratch["zig"], script);
        File.SetUnixFileMode(_scratch["zig"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return real with { Executable = _scratch["zig"] };
    }
}
