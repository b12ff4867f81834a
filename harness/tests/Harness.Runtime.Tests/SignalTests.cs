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
    /// <summary>What programs end in, or never run: behind calls that do not return, and before a fiber's first instruction.</summary>
    private static readonly Mnemonic[] _unreachable = [Mnemonic.Ud2];

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigTheory(Timeout = 300_000)]
    [InlineData(Route.Attribute, OptimizeMode.Debug, Backend.Llvm)]
    [InlineData(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted)]
    [InlineData(Route.Thunk, OptimizeMode.ReleaseSmall, Backend.Llvm)]
    [InlineData(Route.Assembly, OptimizeMode.ReleaseSafe, Backend.Llvm)]
    public async Task A_signal_at_any_instruction_changes_nothing(Route route, OptimizeMode mode, Backend backend)
    {
        var program = await BuildAsync(new Cell(route, mode, backend), Product.Recipe);
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

    /// <summary>Mistakes in the product: file, text, what stands there instead, and what the program says.</summary>
    public static TheoryData<string, string, string, string, string> Mistakes { get; } = new()
    {
        { "fiber", "runtime/fiber.S", "mov %r12, LIMIT_SLOT\n    mov -16(%rbp), %r12\n    mov -8(%rbp), %rbx\n    leave_gate hs_signal_entry", "leave_gate hs_signal_entry", "" },
    };

    private async Task<string> BuildAsync(Cell cell, RuntimeRecipe recipe)
    {
        var options = Product.Importing(
            cell, ("workload", "programs/signals/workload.zig"), ("handler", "programs/signals/handler.zig"));
        recipe = recipe.And(new RuntimePart("steps", "programs/signals/steps.S", OptimizeMode.ReleaseFast, [], []))
            .And(new RuntimePart(
                "probe", "programs/signals/probe.zig", OptimizeMode.ReleaseSafe, ["-lc"],
                [("abi", "runtime/abi.zig"), ("vectors", "trials/vectors.zig"), ("limit_slot", "runtime/limit_slot_glibc.zig")]));
        return (await Tools.BuildAsync(Tools.Unit("programs/signals/unit.zig"), cell, recipe, _scratch.Path, options)).WorkerPath;
    }

    /// <summary>The instructions of the stubs and gates at which no signal arrived, each with its symbol, offset and text.</summary>
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
            var decoder = Decoder.Create(64, CodeFunctions.Code(file, symbol).ToArray(), symbol.Value + bias);
            while (decoder.IP < symbol.Value + bias + symbol.Size)
            {
                var instruction = decoder.Decode();
                var block = instruction.IP - ((instruction.IP - first) % 64);
                if ((visited.GetValueOrDefault(block) >> (int)(instruction.IP - block) & 1) == 0 && !_unreachable.Contains(instruction.Mnemonic))
                {
                    missed.Add($"{symbol.Name}+{instruction.IP - bias - symbol.Value:x}: {instruction}");
                }
            }
        }

        return missed;
    }

    /// <summary>Every function of the product's assembly.</summary>
    private static readonly string[] _stubs =
    [
        "hs_morestack_thunk", "__morestack", "hs_resume", "hs_to_scheduler", "hs_fiber_start", "hs_fault_landing", "hs_fiber_yield",
        "hs_pending", "hs_current", "hs_system_call", "hs_attempt", "hs_attempt_failed", "hs_signal_entry", "hs_fiber_create",
        "hs_fiber_destroy", "hs_fiber_deliver", "hs_fiber_trim", "hs_fiber_panic", "hs_fiber_trace",
    ];

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static long Number(Group group) => long.Parse(group.ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(?<name>\w+): (?<signals>\d+) signals, (?<stubs>\d+) in the stubs, \d+ rounds$", RegexOptions.ExplicitCapture)]
    private static partial Regex Run();

    [GeneratedRegex(@"^handlers (?<handlers>\d+), levels at most \d+, at least (?<least>\d+)$", RegexOptions.ExplicitCapture)]
    private static partial Regex Deep();
}
