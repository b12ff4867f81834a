using System.Globalization;
using System.Text.RegularExpressions;
using Harness.Execution;
using Harness.Model;

namespace Harness.Runtime.Tests;

/// <summary>
/// Calls of C, C++ and variadic functions and back, exceptions and longjmp through split frames, destructors at a thread's end
/// (zig-fixtures/foreign), on the product's runtime: each scenario with every one of its frames at the edge of a segment.
/// </summary>
public sealed partial class ForeignCodeTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigTheory(Timeout = 300_000)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted)]
    [InlineData(Route.Thunk, OptimizeMode.ReleaseFast, Backend.Llvm)]
    [InlineData(Route.Attribute, OptimizeMode.Debug, Backend.Llvm)]
    [InlineData(Route.Attribute, OptimizeMode.ReleaseSafe, Backend.Llvm)]
    [InlineData(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm)]
    [InlineData(Route.Attribute, OptimizeMode.ReleaseSmall, Backend.Llvm)]
    [InlineData(Route.Assembly, OptimizeMode.Debug, Backend.Llvm)]
    [InlineData(Route.Assembly, OptimizeMode.ReleaseFast, Backend.Llvm)]
    public async Task Foreign_code_does_not_notice_segments_nor_they_it(Route route, OptimizeMode mode, Backend backend)
    {
        var lines = await Tools.PassAsync(await ForeignProgram.BuildAsync(new Cell(route, mode, backend), _scratch.Path));

        Assert.All(lines, line => Assert.StartsWith("checked  ", line, StringComparison.Ordinal));
        var sweeps = lines.Select(line => Sweep().Match(line)).Where(match => match.Success).ToList();
        Assert.Equal(14, sweeps.Count);
        Assert.Equal(10, lines.Length - sweeps.Count);
        // 1,281 residues, 21 of them with guard pages as well, every entry, and each entry alone.
        Assert.All(sweeps, sweep => Assert.Equal(1281 + 21 + 1 + Number(sweep, "single") + 1, Number(sweep, "runs")));
        Assert.All(sweeps, sweep => Assert.True(Number(sweep, "splits") > 100, sweep.Value));
    }

    /// <summary>Mistakes in the runtime: file, text, what stands there instead, the part it is in, and who notices what.</summary>
    public static TheoryData<string, string, string, string, string, string> Mistakes { get; } = new()
    {
        {
            "runtime/morestack.S", "    unwound_at .Lunwound\n", "", "morestack",
            "exceptions from segment to segment", "wrong limits"
        },
        {
            "runtime/morestack.S", "    call hs_shrink\n    mov -32(%rbp), %rdi\n", "    mov -32(%rbp), %rdi\n", "morestack",
            "exceptions through C++ in between", "wrong limits"
        },
        {
            "runtime/morestack.S", "    unwound_at .Lfiber_unwound, hs_personality_last\n", "    unwound_at .Lfiber_unwound\n", "morestack",
            "an exception that nobody catches", ""
        },
        {
            "runtime/fiber.S", "    mov %r12, LIMIT_SLOT\n    mov %rax, %rdi\n", "    mov %rax, %rdi\n", "fiber",
            "exceptions from the system stack", "wrong limits"
        },
        {
            "runtime/fiber.S", "    sub %r10, %r11\n", "", "fiber",
            "headroom that foreign code uses up", "written beyond"
        },
        {
            "runtime/jump.S", "    call hs_rt_jump ", "    nop ", "jump",
            "longjmp from segment to segment", "wrong limits"
        },
        {
            "runtime/growth.zig", "    while (stack.segment.? != segment) leave(thread, stack);\n    abi", "    abi", "growth",
            "10,000 siglongjmps in one fiber", ""
        },
        {
            "runtime/foreign.zig", "    thread.system_rsp = thread.scheduler_rsp & ~@as(u64, 63);\n", "    _ = thread;\n", "host",
            "longjmp from the system stack to a segment", "the fiber's end"
        },
        {
            "runtime/foreign.zig", "std.mem.swap(records.ExceptionState, state(), &fiber.exceptions)", "_ = .{ state, fiber }", "host",
            "fibers that yield inside handlers", "they throw"
        },
        {
            "runtime/host.zig", "    abi.setLimit(0);\n    hs_thread.system_rsp = 0;\n    while", "    hs_thread.system_rsp = 0;\n    while", "host",
            "destructors at a thread's end", ""
        },
    };

    [ZigTheory(Timeout = 300_000)]
    [MemberData(nameof(Mistakes))]
    public async Task A_mistake_in_the_runtime_shows(string file, string right, string wrong, string part, string check, string complaint)
    {
        var copy = _scratch["copy"];
        Trial.Broken(file, copy, (text, at) => text.Remove(at, right.Length).Insert(at, wrong), right);
        var program = await ForeignProgram.LinkAsync(ForeignProgram.Recipe.From(copy, part), _scratch["unit"]);
        if (complaint.Length > 0)
        {
            await Trial.AssertFailsAsync(program, complaint, check);
            return;
        }

        // Ends by a signal, or with a complaint, as it comes; not as if nothing were.
        var outcome = await Tools.RunAsync(program, check);
        Assert.True(outcome is ProcessOutcome.Signaled or ProcessOutcome.Exited { Code: 1 }, outcome.ToString());
    }

    private static long Number(Match match, string group) => long.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@": (?<runs>\d+) runs, of them (?<single>\d+) split at one prologue each; (?<splits>\d+) splits$", RegexOptions.ExplicitCapture)]
    private static partial Regex Sweep();
}
