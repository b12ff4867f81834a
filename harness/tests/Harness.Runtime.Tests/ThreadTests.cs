using System.Globalization;
using System.Text.RegularExpressions;
using Harness.Model;
using Harness.Toolchain;
using Xunit.Abstractions;

namespace Harness.Runtime.Tests;

/// <summary>
/// OS threads that steal split fibers from each other, and threads that come and go (<c>programs/threads</c>), compiled by each route.
/// </summary>
public sealed partial class ThreadTests(ITestOutputHelper output) : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigTheory(Timeout = 300_000)]
    [InlineData(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted)]
    [InlineData(Route.Thunk, OptimizeMode.ReleaseSafe, Backend.Llvm)]
    [InlineData(Route.Assembly, OptimizeMode.ReleaseFast, Backend.Llvm)]
    public async Task Split_fibers_migrate_between_threads_and_end_as_they_should(Route route, OptimizeMode mode, Backend backend)
    {
        var program = await BuildAsync(new Cell(route, mode, backend), RuntimeRecipe.Product);
        var lines = await Tools.PassAsync(program, "steal", "1", "1500");
        Array.ForEach(lines, output.WriteLine);
        var endings = Endings().Match(lines[0]);
        Assert.True(endings.Success, lines[0]);
        Assert.All(endings.Groups.Values.Skip(1), group => Assert.True(Number(group) > 50, lines[0]));
        Assert.Equal(1500, endings.Groups.Values.Skip(1).Sum(Number));
        var moves = Moves().Match(lines[1]);
        Assert.True(moves.Success && Number(moves.Groups["migrations"]) > 3000, lines[1]);
    }

    [ZigFact(Timeout = 300_000)]
    public async Task Threads_that_have_ended_leave_no_mapping_behind()
    {
        var program = await BuildAsync(new Cell(Route.Attribute, OptimizeMode.ReleaseSafe, Backend.Llvm), RuntimeRecipe.Product);
        var line = Assert.Single(await Tools.PassAsync(program, "churn", "10000"));
        output.WriteLine(line);
        Assert.StartsWith("churn: 10000 threads, mappings ", line, StringComparison.Ordinal);
    }

    /// <summary>Mistakes in a part of the product: file, text, what stands there instead; the run that shows it, and what it says; empty:
    /// it may also crash.</summary>
    public static TheoryData<string, string, string, string, string, string> Mistakes { get; } = new()
    {
        { "fiber", "runtime/fiber.S", "mov %rax, LIMIT_SLOT", "", "steal 1 300", "limit 0 in a segment whose limit is" },
        { "fiber", "runtime/gates.h", "mov %rax, TLS(THREAD_SYSTEM_RSP)", "", "steal 1 300", "" },
        { "host", "runtime/host.zig", "faults.leave();", "", "churn 1000", "left mappings behind" },
        { "host", "runtime/host.zig", "exit_key.remember();", "", "churn 1000", "left mappings behind" },
        { "host", "runtime/host.zig", "hs_pool_leave();\n    faults", "faults", "churn 1000", "left mappings behind" },
    };

    [ZigTheory(Timeout = 300_000)]
    [MemberData(nameof(Mistakes))]
    public async Task A_mistake_in_the_product_shows(string part, string file, string right, string wrong, string run, string complaint)
    {
        var copy = _scratch["copy"];
        Trial.Broken(file, copy, (text, at) => text.Remove(at, right.Length).Insert(at, wrong), right);
        var program = await BuildAsync(new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted), RuntimeRecipe.Product.From(copy, part));
        output.WriteLine(await Trial.AssertNoticedAsync(program, complaint, run.Split(' ')));
    }

    private async Task<string> BuildAsync(Cell cell, RuntimeRecipe recipe)
    {
        string[] modules = ["scheduler", "churn", "jobs", "pthread", "report"];
        var options = Product.Importing(cell, [.. modules.Select(name => (name, $"programs/threads/{name}.zig"))]);
        return (await Tools.BuildAsync(Tools.Unit("programs/threads/unit.zig"), cell, recipe, _scratch.Path, options)).WorkerPath;
    }

    private static long Number(Group group) => long.Parse(group.ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^steal seed \d: 1500 jobs; completed (\d+), failed (\d+), panicked (\d+), faulted (\d+), overflowed (\d+), canceled (\d+)$")]
    private static partial Regex Endings();

    [GeneratedRegex(@"^yields \d+ migrations (?<migrations>\d+) steals [1-9]\d* stale (?<stale>\d+)$", RegexOptions.ExplicitCapture)]
    private static partial Regex Moves();
}
