using System.Globalization;
using Harness.Binary;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Runtime.Tests;

/// <summary>
/// <c>@returnAddress()</c> in split code (<c>programs/addresses</c>): error return traces and panics must name the
/// program's lines, although the prologues on the way were made to split.
/// </summary>
public sealed class ReturnAddressTests : IDisposable
{
    private const string Source = "programs/addresses/unit.zig";

    private const string LeakSource = "programs/addresses/leak.zig";

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigTheory(Timeout = 300_000)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted)]
    [InlineData(Route.Attribute, OptimizeMode.Debug, Backend.Llvm)]
    [InlineData(Route.Assembly, OptimizeMode.ReleaseSafe, Backend.Llvm)]
    public async Task What_a_function_asks_for_is_its_callers_address(Route route, OptimizeMode mode, Backend backend)
    {
        var (observed, expected) = await RunAsync(new Cell(route, mode, backend) { ErrorTracing = mode is not OptimizeMode.Debug }, null);
        Assert.Equal(expected, observed);
    }

    [ZigFact(Timeout = 300_000)]
    public async Task Where_such_functions_split_too_the_stub_answers()
    {
        var cell = new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted);
        var (observed, expected) = await RunAsync(cell, PlantedDefect.Named("return_address"));
        foreach (var name in (string[])["direct", "returned", "passed"])
        {
            Assert.True(expected[name] != observed.GetValueOrDefault(name), string.Join(", ", observed));
        }
    }

    /// <summary>
    /// <c>std.debug</c>'s own functions are too large to be left out: they split, and where they do the stub's address is what they are told. The traces
    /// that begin there are complete all the same, with the stub's frame in front at most.
    /// </summary>
    [ZigTheory(Timeout = 300_000)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted)]
    [InlineData(Route.Attribute, OptimizeMode.Debug, Backend.Llvm)]
    public async Task An_allocator_that_notes_its_callers_notes_all_of_them(Route route, OptimizeMode mode, Backend backend)
    {
        var cell = new Cell(route, mode, backend);
        var built = await Tools.BuildAsync(Tools.Unit(LeakSource), cell, RuntimeRecipe.Product, _scratch.Path, Product.Importing(cell));
        Assert.Contains(built.Injection.Misled, name => name.StartsWith("heap.ArenaAllocator.", StringComparison.Ordinal));
        var symbols = Symbolizer.Load(built.WorkerPath);
        var places = (await Tools.PassAsync(built.WorkerPath)).Select(line => line.Split(' '))
            .ToLookup(words => words[0], words => symbols.Resolve(ulong.Parse(words[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture) - 1));
        var lines = File.ReadAllLines(Tools.Fixtures.PathOf(LeakSource)).Select((text, i) => (Text: text, Line: i + 1)).ToList();
        foreach (var name in (string[])["leaked", "captured"])
        {
            var own = lines.Where(line => line.Text.EndsWith("// " + name, StringComparison.Ordinal)).Select(line => $"unit.zig:{line.Line}").ToList();
            var stubs = places[name].Where(place => place?.Symbol is "__morestack" or "hs_morestack_thunk").ToList();
            var frames = places[name].Except(stubs).Select(place => place?.File is { } file ? $"{Path.GetFileName(file)}:{place.Line}" : place?.Symbol ?? "nothing").ToList();
            Assert.True(frames.Take(own.Count).SequenceEqual(own), $"{name}: {string.Join(", ", places[name])}");
            Assert.Equal("hs_fiber_start", places[name].Last()?.Symbol);
            Assert.True(name != "leaked" || stubs.Count > 0, string.Join(", ", places[name]));
        }
    }

    private async Task<(SortedDictionary<string, string> Observed, SortedDictionary<string, string> Expected)> RunAsync(Cell cell, PlantedDefect? defect)
    {
        var options = Product.Importing(cell) with { Injection = InjectionOptions.With(defect) };
        var built = await Tools.BuildAsync(Tools.Unit(Source), cell, RuntimeRecipe.Product, _scratch.Path, options);
        var symbols = Symbolizer.Load(built.WorkerPath);
        var observed = new SortedDictionary<string, string>();
        foreach (var line in await Tools.PassAsync(built.WorkerPath))
        {
            var parts = line.Split(' ');
            var address = ulong.Parse(parts[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            var place = symbols.Resolve(address - 1);
            observed[parts[0]] = place?.File is { } file ? $"{Path.GetFileName(file)}:{place.Line}" : place?.Symbol ?? parts[1];
        }

        return (observed, Expected(cell));
    }

    /// <summary>The marked lines of the program.</summary>
    private static SortedDictionary<string, string> Expected(Cell cell)
    {
        var safe = cell.Mode is OptimizeMode.Debug or OptimizeMode.ReleaseSafe ? "safe" : "unsafe";
        var lines = File.ReadAllLines(Tools.Fixtures.PathOf(Source));
        var marks = lines.Select((text, i) => (Words: text.Split("// at ").Skip(1).LastOrDefault()?.Split(' '), Line: i + 1))
            .Where(mark => mark.Words is [_] || (mark.Words is [_, var when] && when == safe));
        return new(marks.ToDictionary(mark => mark.Words![0], mark => $"unit.zig:{mark.Line}"));
    }
}
