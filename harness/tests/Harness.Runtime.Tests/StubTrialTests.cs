using Harness.Model;
using Harness.Toolchain;

namespace Harness.Runtime.Tests;

/// <summary>
/// Registers and stack arguments through the stubs: <c>trials/registers</c> and <c>trials/arguments</c>, and that they notice when
/// a stub is wrong.
/// </summary>
public sealed class StubTrialTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigFact(Timeout = 300_000)]
    public async Task Every_register_goes_through_every_path_of_both_stubs_unchanged()
    {
        var lines = await Tools.PassAsync(await Trial.LinkAsync(Trial.Of("registers"), _scratch.Path));

        string[] classes = ["rax rcx rdx", "rsp rbp", "st0", "xmm0", "direction flag"];
        Assert.All(classes, name => Assert.Contains(lines, line => line.StartsWith("checked  " + name, StringComparison.Ordinal)));
        // Wider vectors where the CPU has them, which the kernel says; where not, a line says so.
        var flags = (await File.ReadAllLinesAsync("/proc/cpuinfo")).First(line => line.StartsWith("flags", StringComparison.Ordinal)).Split(' ');
        string[] wide = flags.Contains("avx512bw") ? ["checked  zmm0", "checked  k0"] : flags.Contains("avx") ? ["checked  ymm0", "skipped  zmm"] : ["skipped  ymm"];
        Assert.All(wide, start => Assert.Contains(lines, line => line.StartsWith(start, StringComparison.Ordinal)));
        Assert.True(lines.Count(line => line.StartsWith("path", StringComparison.Ordinal)) >= 14, string.Join('\n', lines));
    }

    [ZigFact(Timeout = 300_000)]
    public async Task Stack_arguments_of_every_size_and_alignment_are_copied_exactly_and_no_more_is_read()
    {
        var lines = await Tools.PassAsync(await Trial.LinkAsync(Trial.Of("arguments"), _scratch.Path));

        Assert.Equal(5, lines.Count(line => line.StartsWith("checked", StringComparison.Ordinal)));
    }

    [ZigTheory(Timeout = 300_000)]
    [InlineData("return_register", "registers", "register rdx after the return")]
    [InlineData("limit_restore", "registers", "the limit after the return")]
    [InlineData("argument_copy", "arguments", "the body sees other arguments")]
    public async Task A_planted_defect_shows(string defect, string trial, string complaint)
    {
        var recipe = Planted(trial, PlantedDefect.Named(defect)!);
        await Trial.AssertFailsAsync(await Trial.LinkAsync(recipe, _scratch.Path), complaint);
    }

    /// <summary>A trial has no plan that could wake a defect of Zig: it is awake.</summary>
    private RuntimeRecipe Planted(string trial, PlantedDefect defect)
    {
        var recipe = Trial.Of(trial);
        if (defect.Seat is DefectSeat.Assembly)
        {
            return recipe.With(defect);
        }

        var copy = _scratch["copy"];
        const string Asleep = "_: Defect) bool {\n    return false;";
        Trial.Broken(
            "mutants/none.zig", copy, (text, at) => text[..at] + $"which: Defect) bool {{\n    return which == .{defect.Name};" + text[(at + Asleep.Length)..], Asleep);
        return recipe.From(copy, "growth");
    }

    /// <summary>Mistakes that a person could make in morestack.S: after a line (its nth occurrence), another one.</summary>
    public static TheoryData<string, int, string, string, string> Mistakes { get; } = new()
    {
        { "call hs_grow", 0, "xorps %xmm3, %xmm3", "registers", "register xmm3 in the body" },
        { "call hs_shrink", 0, "pxor %xmm1, %xmm1", "registers", "register xmm1 after the return" },
        { "call hs_shrink", 0, "ffree %st(1)", "registers", "register x87 tags after the return" },
        { "mov -80(%rbp), %r9", 0, "xor %r9d, %r9d", "registers", "register r9 in the body" },
        { "mov -80(%rbp), %r9", 1, "xor %r9d, %r9d", "registers", "register r9 after the return" },
        { "incq TLS(THREAD_WARM_SPLITS)", 0, "std", "registers", "register direction flag in the body" },
        { "mov %rcx, STACK_SEGMENT(%rax)", 1, "std", "registers", "register direction flag after the return" },
        { "mov -24(%rbp), %r11", 0, "mov %rax, %r11", "registers", "register r11 in the body" },
        { "mov SEGMENT_LIMIT(%rcx), %rax", 0, "mov %rcx, %rbx", "registers", "register rbx in the body" },
        { "mov %rcx, %rsp                      // NEW", 0, "sub $16, %rsp", "registers", "register rsp mod 64" },
        { "sub $16, %r11                       // less CFA", 0, "add $64, %r11", "arguments", "more or less was read" },
        { "shl $6, %r11d                       // what F says, or the bound", 0, "shr $1, %r11d", "arguments", "more or less was read" },
    };

    [ZigTheory(Timeout = 300_000)]
    [MemberData(nameof(Mistakes))]
    public async Task A_mistake_in_the_stubs_shows(string after, int occurrence, string mistake, string trial, string complaint)
    {
        var copy = _scratch["copy"];
        Trial.Broken(
            "runtime/morestack.S", copy, (text, at) => text.Insert(text.IndexOf('\n', at) + 1, $"    {mistake}\n"), after, occurrence);
        var program = await Trial.LinkAsync(Trial.Of(trial).From(copy, "morestack"), _scratch.Path);
        await Trial.AssertFailsAsync(program, complaint);
    }
}
