using Harness.Binary.StackUse;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Binary.Tests.StackUse;

/// <summary>The analysis on workers as they are linked.</summary>
public sealed class LinkedWorkerTests : IDisposable
{
    private static readonly Cell _cheap = new(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted);
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    /// <summary>
    /// Three functions without a check in a row, each small enough. They are without one because they ask for their return address, so their
    /// results must be used: LLVM drops what nobody reads, and a function that no longer asks gets a check and is no part of the row.
    /// </summary>
    private static string Chain(int bytes) =>
        $$"""
        const rt = @import("rt");
        pub const panic = rt.panic;
        extern fn hs_opaque(pointer: *const anyopaque) *const anyopaque;
        noinline fn first() usize {
            var buffer: [{{bytes}}]u8 = undefined;
            _ = hs_opaque(&buffer);
            return @returnAddress() +% second();
        }
        noinline fn second() usize {
            var buffer: [{{bytes}}]u8 = undefined;
            _ = hs_opaque(&buffer);
            return @returnAddress() +% third();
        }
        noinline fn third() usize {
            var buffer: [{{bytes}}]u8 = undefined;
            _ = hs_opaque(&buffer);
            return @returnAddress();
        }
        var seen: usize = 0;
        fn f() callconv(.c) void {
            @as(*volatile usize, &seen).* = first();
        }
        const fibers = [_]rt.Fiber{f};
        const programs = [_]rt.Program{rt.program(&fibers)};
        export const hs_unit: rt.Unit = rt.unit(&programs);
        """;

    [ZigTheory(Timeout = 300_000)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted)]
    [InlineData(Route.Attribute, OptimizeMode.Debug, Backend.Llvm)]
    [InlineData(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm)]
    public async Task Unchecked_functions_must_fit_together_not_each_alone(Route route, OptimizeMode mode, Backend backend)
    {
        var cell = new Cell(route, mode, backend);
        var built = Assert.IsType<BuildOutcome.Built>(await BuildAsync(Chain(400), cell, "small"));
        Assert.InRange(built.Slack!.WorstBytes, 3 * 400, RuntimeRecipe.SlackBytes);
        Assert.Equal(["unit.first", "unit.second", "unit.third"], built.Slack.Chain.Select(link => link.Name).Where(name => name.StartsWith("unit.", StringComparison.Ordinal) && name != "unit.f"));

        var rejected = Assert.IsType<BuildOutcome.Rejected>(await BuildAsync(Chain(800), cell, "large"));
        Assert.StartsWith($"stack: {cell}: ", rejected.Diagnostics, StringComparison.Ordinal);
        Assert.Contains("unit.second", rejected.Diagnostics, StringComparison.Ordinal);
        Assert.Contains("below what its check found, and 1984 are there", rejected.Diagnostics, StringComparison.Ordinal);
    }

    [ZigFact(Timeout = 300_000)]
    public async Task Each_gate_and_stub_leaves_the_stack_after_no_more_than_is_stated_for_it()
    {
        var built = Assert.IsType<BuildOutcome.Built>(await BuildAsync(Chain(16), _cheap, "gates"));
        var product = new RuntimeRecipe([new RuntimePart("fiber", "runtime/fiber.S", OptimizeMode.ReleaseFast, [], [])]);
        var gates = (await Tools.Cache.RuntimeAsync(product, Cell.LinuxGnu, CancellationToken.None))[0];
        var found = ((string[])[built.WorkerPath, gates]).SelectMany(Gates).ToDictionary(gate => gate.Name, gate => gate.Bound);
        Assert.All(StackRules.Default.ExternalAllowances, allowance =>
        {
            var bound = found[allowance.Name];
            Assert.True(bound.Holds && bound.Bytes <= allowance.Bytes, $"{allowance.Name}: {bound.Bytes} {string.Join(' ', bound.Without)}");
        });
        Assert.Equal(80, found["__morestack"].Bytes);
    }

    private static IEnumerable<(string Name, StackBound Bound)> Gates(string path)
    {
        var image = CodeImage.Of(ElfFile.Load(path));
        var rules = StackRules.Default with
        {
            ExternalAllowances = [new("hs_rt_misused", 0, "hs_fiber_yield looks first whether it is on the system stack, and calls it there only")],
        };
        var bounds = new StackBounds(new StackGraph(image, rules), BoundScope.UntilCheck);
        return StackRules.Default.ExternalAllowances
            .Where(allowance => image.Named(allowance.Name).Count > 0)
            .Select(allowance => (allowance.Name, bounds.Of(Assert.Single(image.Named(allowance.Name)))));
    }

    [Fact]
    public void The_slack_is_what_the_runtime_says()
    {
        var text = File.ReadAllText(Tools.Fixtures.PathOf("runtime/abi.zig"));
        Assert.Contains("pub const slack_bytes = 2048 - canary_bytes;", text, StringComparison.Ordinal);
        Assert.Contains("pub const canary_bytes = 64;", text, StringComparison.Ordinal);
        Assert.Equal(2048 - 64, RuntimeRecipe.SlackBytes);
        Assert.Contains($"const entry_bytes = {StackBounds.EntryBytes - 8} + word;", File.ReadAllText(Tools.Fixtures.PathOf("runtime/growth.zig")), StringComparison.Ordinal);
    }

    private async Task<BuildOutcome> BuildAsync(string source, Cell cell, string name) =>
        await new WorkerBuilder(Tools.Fixtures, Tools.Cache).BuildAsync(Tools.Unit(source), cell, _scratch[name], CancellationToken.None);
}
