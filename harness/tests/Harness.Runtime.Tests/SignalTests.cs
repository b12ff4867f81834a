using System.Globalization;
using System.Text.RegularExpressions;
using Harness.Binary;
using Harness.Model;
using Harness.Toolchain;
using Iced.Intel;
using Xunit.Abstractions;

namespace Harness.Runtime.Tests;

/// <summary>
/// A signal at every instruction of the stubs and gates, under a plain handler and under one that is split code, and a storm of timer
/// signals (<c>programs/signals</c>), compiled by each route.
/// </summary>
public sealed partial class SignalTests(ITestOutputHelper output) : IDisposable
{
    /// <summary>
    /// What is not run here, at the end of each function: how many instructions, but for ud2. All but the first are what only an exception
    /// of C++ comes to: nothing here has an unwinder; <see cref="ForeignCodeTests"/> sends exceptions through all of these.
    /// </summary>
    private static readonly Dictionary<string, int> _elsewhere = new()
    {
        ["hs_jump_init"] = int.MaxValue, // before main
        ["hs_resume"] = int.MaxValue, // the worker's switch; the product's is hs_fiber_resume
        ["__morestack"] = 7,
        ["hs_fiber_start"] = 3,
        ["hs_fiber_resume"] = 4, // exchanges the exceptions being handled: C++'s own list
        ["hs_system_call"] = 4,
        ["hs_attempt"] = 3,
    };

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigTheory(Timeout = 300_000)]
    [InlineData(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted)]
    [InlineData(Route.Thunk, OptimizeMode.ReleaseSmall, Backend.Llvm)]
    [InlineData(Route.Assembly, OptimizeMode.ReleaseSafe, Backend.Llvm)]
    public async Task A_signal_at_any_instruction_changes_nothing(Route route, OptimizeMode mode, Backend backend)
    {
        var program = await BuildAsync(new Cell(route, mode, backend), RuntimeRecipe.Product);
        var lines = await Tools.PassAsync(program);

        foreach (var line in lines.Where(line => !line.StartsWith("visited", StringComparison.Ordinal)))
        {
            output.WriteLine(line);
        }

        var runs = lines.Select(line => Run().Match(line)).Where(match => match.Success).ToList();
        Assert.Equal(["plain", "split", "storm"], runs.Select(run => run.Groups["name"].Value));
        Assert.All(runs.Take(2), run => Assert.True(Number(run.Groups["stubs"]) > 2000, run.Value));
        Assert.True(Number(runs[2].Groups["signals"]) >= 2000 && Number(runs[2].Groups["stubs"]) >= 20, runs[2].Value);
        var deep = Assert.Single(lines.Select(line => Deep().Match(line)), match => match.Success);
        Assert.True(Number(deep.Groups["handlers"]) > 2000 && Number(deep.Groups["least"]) > 20, deep.Value);

        var missed = Missed(ElfFile.Load(program), lines);
        Assert.True(missed.Count == 0, "instructions at which no signal arrived:\n" + string.Join('\n', missed));
    }

    /// <summary>
    /// Mistakes in a part of the product: file, the text's occurrence in it, what stands there instead, and what the program says; empty: it
    /// may also crash.
    /// </summary>
    public static TheoryData<string, string, int, string, string, string> Mistakes { get; } = new()
    {
        { "morestack", "runtime/morestack.S", 0, "mov %rcx, LIMIT_SLOT", "", "the limit is another segment's" },
        { "fiber", "runtime/fiber.S", 3, "movq $0, TLS(THREAD_SYSTEM_RSP)", "", "" },
        { "fiber", "runtime/fiber.S", 2, "mov %r12, LIMIT_SLOT", "", "" },
        { "host", "runtime/faults.zig", 0, "thread.stack = &record.stack;", "_ = &record;", "" },
        { "host", "runtime/faults.zig", 0, "thread.stack = interrupted;", "_ = interrupted;", "" },
        { "host", "runtime/faults.zig", 0, "abi.setLimit(segment.limit);", "", "a handler has no limit" },
    };

    [ZigTheory(Timeout = 300_000)]
    [MemberData(nameof(Mistakes))]
    public async Task A_mistake_in_the_product_shows(string part, string file, int occurrence, string right, string wrong, string complaint)
    {
        var copy = _scratch["copy"];
        Trial.Broken(file, copy, (text, at) => text.Remove(at, right.Length).Insert(at, wrong), right, occurrence);
        var program = await BuildAsync(new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted), RuntimeRecipe.Product.From(copy, part));
        output.WriteLine(await Trial.AssertNoticedAsync(program, complaint));
    }

    private async Task<string> BuildAsync(Cell cell, RuntimeRecipe recipe)
    {
        var options = Product.Importing(
            cell, ("workload", "programs/signals/workload.zig"), ("handler", "programs/signals/handler.zig"));
        options = options with { SlackUnproven = options.SlackUnproven.Add(Product.UnseenJump) };
        recipe = recipe.And(Product.Jump).And(new RuntimePart("steps", "programs/signals/steps.S", OptimizeMode.ReleaseFast, [], []))
            .And(new RuntimePart(
                "probe", "programs/signals/probe.zig", OptimizeMode.ReleaseSafe, ["-lc"],
                [("abi", "runtime/abi.zig"), ("vectors", "trials/vectors.zig"), ("limit_slot", "runtime/limit_slot_glibc.zig")]));
        return (await Tools.BuildAsync(Tools.Unit("programs/signals/unit.zig"), cell, recipe, _scratch.Path, options)).WorkerPath;
    }

    /// <summary>
    /// The instructions of the stubs and gates at which no signal arrived, each with its symbol, offset and text; also those that one did
    /// arrive at, although they are said to be run elsewhere only.
    /// </summary>
    private static List<string> Missed(ElfFile file, string[] lines)
    {
        var symbols = file.Symbols.Where(symbol => _stubs.Contains(symbol.Name)).ToList();
        Assert.Equal(_stubs.Order(), symbols.Select(symbol => symbol.Name).Order());
        var loaded = Hex(Assert.Single(lines, line => line.StartsWith("morestack ", StringComparison.Ordinal)).Split(' ')[1]);
        var bias = loaded - symbols.Single(symbol => symbol.Name == "__morestack").Value;
        var visited = lines.Where(line => line.StartsWith("visited ", StringComparison.Ordinal)).Select(line => line.Split(' '))
            .ToDictionary(parts => Hex(parts[1]), parts => Hex(parts[2]));
        var first = visited.Keys.First();
        var missed = new List<string>();
        foreach (var symbol in symbols)
        {
            var instructions = Instructions(file, symbol);
            var ordinary = instructions.Count - _elsewhere.GetValueOrDefault(symbol.Name);
            for (var i = 0; i < instructions.Count; i++)
            {
                var offset = instructions[i].IP - symbol.Value;
                var at = instructions[i].IP + bias;
                var block = at - ((at - first) % 64);
                var arrived = (visited.GetValueOrDefault(block) >> (int)(at - block) & 1) != 0;
                if (arrived != i < ordinary)
                {
                    missed.Add($"{symbol.Name}+{offset:x}: {instructions[i]}{(arrived ? " (reached after all)" : "")}");
                }
            }
        }

        return missed;
    }

    /// <summary>A function's instructions, but for ud2, which stands behind calls that do not return.</summary>
    private static List<Instruction> Instructions(ElfFile file, ElfSymbol symbol)
    {
        var section = file.Sections[symbol.Section];
        var code = file.Data(section).Slice((int)(symbol.Value - section.Address), (int)symbol.Size).ToArray();
        var decoder = Decoder.Create(64, code, symbol.Value);
        var instructions = new List<Instruction>();
        while (decoder.IP < symbol.Value + symbol.Size)
        {
            var instruction = decoder.Decode();
            if (instruction.Mnemonic is not Mnemonic.Ud2)
            {
                instructions.Add(instruction);
            }
        }

        return instructions;
    }

    /// <summary>Every function of the product's assembly, as its sources declare them.</summary>
    private static readonly IReadOnlyList<string> _stubs = StubSources.Functions(Tools.Fixtures, ["runtime/morestack.S", "runtime/fiber.S", "runtime/jump.S"]);

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static long Number(Group group) => long.Parse(group.ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(?<name>\w+): (?<signals>\d+) signals, (?<stubs>\d+) in the stubs, \d+ rounds$", RegexOptions.ExplicitCapture)]
    private static partial Regex Run();

    [GeneratedRegex(@"^handlers (?<handlers>\d+), levels at most \d+, at least (?<least>\d+)$", RegexOptions.ExplicitCapture)]
    private static partial Regex Deep();
}
