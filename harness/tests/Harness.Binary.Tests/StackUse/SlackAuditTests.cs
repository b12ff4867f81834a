using Harness.Binary.StackUse;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Harness.Binary.Tests.StackUse;

/// <summary>
/// A program whose checks suffice, and the mistakes that one can make in it: each is found and names the function. Bodies and stubs
/// are written as the routes write them.
/// </summary>
public sealed class SlackAuditTests
{
    private const long Slack = 1984;
    private const int StubBytes = 72;

    private static readonly string[] _names =
        ["hs_thunk.unit.entry", "unit.entry", "hs_thunk.unit.large", "unit.large", "unit.left_out", "unit.llvm", "__morestack", "hs_morestack_thunk", "extra_1", "extra_2", "extra_3"];

    private static ulong At(string name) => ProgramBuilder.TextAt + ((ulong)Array.IndexOf(_names, name) * 512);

    /// <summary>As ThunkCode draws it.</summary>
    private static Action<Assembler> Thunk(string body, int frame, int? stated = null) => c =>
    {
        if (frame >= 256)
        {
            c.lea(rsp, __[rsp - frame]);
        }

        c.cmp(rsp, __qword_ptr.fs[0x70]);
        if (frame >= 256)
        {
            c.lea(rsp, __[rsp + frame]);
        }

        c.ja(At(body));
        c.push(int.MinValue | (((stated ?? frame) + 15) / 16));
        c.call(At("hs_morestack_thunk"));
        c.ret();
        c.jmp(At(body));
    };

    private static Action<Assembler> Body(int frame, params string[] calls) => c =>
    {
        c.push(rbp);
        c.mov(rbp, rsp);
        c.sub(rsp, frame - 8);
        foreach (var call in calls)
        {
            c.call(At(call));
        }

        c.mov(__qword_ptr[rsp], rax);
        c.leave();
        c.ret();
    };

    /// <summary>As LLVM writes it.</summary>
    private static Action<Assembler> Llvm(int compared, int stated, int frame, int alignment = 0) => c =>
    {
        var body = c.CreateLabel();
        c.lea(r11, __[rsp - compared]);
        c.cmp(r11, __qword_ptr.fs[0x70]);
        c.ja(body);
        c.mov(r10d, stated);
        c.mov(r11d, 0);
        c.call(At("__morestack"));
        c.ret();
        c.Label(ref body);
        c.push(rbp);
        c.mov(rbp, rsp);
        if (alignment > 0)
        {
            c.and(rsp, -alignment);
        }

        c.sub(rsp, frame - 8);
        c.mov(__qword_ptr[rsp], rax);
        c.leave();
        c.ret();
    };

    private static void Stub(Assembler c)
    {
        for (var i = 0; i < StubBytes / 8; i++)
        {
            c.push(rax);
        }

        c.add(rsp, StubBytes);
        c.ret();
    }

    /// <param name="changes">Functions with other code, by name; those called extra_… are besides the others.</param>
    internal static ProgramBuilder Sound(params (string Name, Action<Assembler> Write)[] changes)
    {
        (string Name, Action<Assembler> Write)[] functions =
        [
            ("hs_thunk.unit.entry", Thunk("unit.entry", 64)), ("unit.entry", Body(64, "hs_thunk.unit.large", "unit.left_out", "unit.llvm")),
            ("hs_thunk.unit.large", Thunk("unit.large", 4096)), ("unit.large", Body(4096, "unit.left_out")),
            ("unit.left_out", Body(160)), ("unit.llvm", Llvm(512, 512, 512)), ("__morestack", Stub), ("hs_morestack_thunk", Stub),
        ];
        var program = new ProgramBuilder();
        foreach (var (name, write) in functions.Concat(changes.Where(change => functions.All(f => f.Name != change.Name))))
        {
            var code = changes.Where(change => change.Name == name).Select(change => change.Write).Append(write).First();
            _ = name.Contains("morestack", StringComparison.Ordinal) ? program.Runtime(name, code) : program.Unit(name, code);
        }

        return program;
    }

    [Fact]
    public void What_cannot_be_proven_for_a_stated_reason_is_counted_and_nothing_else_is_excused()
    {
        var rule = new NamedRule("no such text|which is not in the file", "it calls libc");
        Action<Assembler> outwards = c =>
        {
            c.call(0x5000000);
            c.ret();
        };
        var report = Audit(Sound(("unit.left_out", outwards), ("unit.large", Body(4096))), unproven: rule);
        Assert.True(report.Holds, string.Join('\n', report.Findings));
        Assert.Contains("hs_thunk.unit.entry", report.Unproven);

        report = Audit(Sound(("unit.left_out", outwards), ("unit.large", Body(4096)), ("hs_thunk.unit.large", Thunk("unit.large", 4096, stated: 1024))), unproven: rule);
        Finds("hs_thunk.unit.large", "may use", report);
    }

    [Fact]
    public void A_reason_that_has_nothing_left_to_excuse_is_found() =>
        Finds("program", "because of `which is not in the file` (it calls libc): strike the rule", Audit(Sound(), unproven: new NamedRule("which is not in the file", "it calls libc")));

    [Fact]
    public void A_check_in_front_of_its_function_runs_on_into_it()
    {
        var report = Audit(InFront(4096));
        Assert.True(report.Holds, string.Join('\n', report.Findings));
        Assert.Equal((4, 3), (report.Functions, report.Checked));
        Finds("hs_thunk.unit.large", "may use", Audit(InFront(1024)));
    }

    /// <summary>The sound program with the check of <c>unit.large</c> in front of it, whatever frame it compares with.</summary>
    private static ProgramBuilder InFront(int compared) => Sound(
        ("hs_thunk.unit.large", c =>
        {
            // Up to the next function's place: 31 bytes follow.
            for (var i = 31; i < ProgramBuilder.FunctionBytes; i++)
            {
                c.nop();
            }

            c.lea(rsp, __[rsp - compared]);
            c.cmp(rsp, __qword_ptr.fs[0x70]);
            c.lea(rsp, __[rsp + compared]);
            c.jbe(At("extra_1"));
        }),
        ("hs_thunk_over.unit.large", c =>
        {
            c.push(4096 / 16);
            c.call(At("hs_morestack_thunk"));
            c.ret();
            c.jmp(At("unit.large"));
        }));

    private static SlackReport Audit(ProgramBuilder program, int? functions = null, NamedRule? unproven = null)
    {
        var unsplit = new Dictionary<string, UnsplitReason> { ["unit.left_out"] = UnsplitReason.AsksReturnAddress };
        return SlackAudit.Run(program.Link(), new SlackRequest(LimitSlot.Glibc, Slack, unsplit)
        {
            Functions = functions, Unproven = unproven is null ? [] : [unproven],
        });
    }

    private static SlackReport Audit(params (string Name, Action<Assembler> Write)[] changes) => Audit(Sound(changes));

    /// <summary>One finding, about this function.</summary>
    private static void Finds(string function, string text, SlackReport report)
    {
        var finding = Assert.Single(report.Findings);
        Assert.Equal(function, finding.Function);
        Assert.Contains(text, finding.Text);
    }

    [Fact]
    public void A_sound_program_holds_and_says_what_it_uses()
    {
        var report = Audit(Sound(), functions: 4);
        Assert.True(report.Holds, string.Join('\n', report.Findings));
        Assert.Equal((4, 3), (report.Functions, report.Checked));
        // entry's frame is not in its check; what it calls unchecked comes below.
        Assert.Equal(64 + 8 + 160, report.WorstBytes);
        Assert.Equal(["hs_thunk.unit.entry", "unit.entry", "unit.left_out"], report.Chain.Select(link => link.Name));
    }

    [Fact]
    public void A_function_without_a_check_that_is_not_on_the_list_is_found() => Finds(
        "extra_1", "has no check, and is not on the list", Audit(("extra_1", Body(32))));

    [Fact]
    public void A_check_that_lost_its_comparison_is_found()
    {
        // The thunk jumps to its body whatever the limit is: all of the body is then its caller's to bear, too.
        var report = Audit(("hs_thunk.unit.large", c => c.jmp(At("unit.large"))));
        Assert.Contains(report.Findings, f => f.Function == "unit.large" && f.Text.StartsWith("has no check", StringComparison.Ordinal));
        Assert.Contains(report.Findings, f => f.Function == "hs_thunk.unit.entry" && f.Text.Contains("below what its check found", StringComparison.Ordinal));
    }

    [Fact]
    public void A_check_of_another_place_than_the_limit_is_none() => Assert.Contains(
        Audit(("unit.llvm", c =>
        {
            var body = c.CreateLabel();
            c.cmp(rsp, __qword_ptr.fs[0x28]);
            c.ja(body);
            c.call(At("__morestack"));
            c.ret();
            c.Label(ref body);
            c.ret();
        })).Findings, finding => finding.Function == "unit.llvm");

    [Fact]
    public void A_leaf_with_too_large_a_frame_is_found() => Finds(
        "hs_thunk.unit.entry", $"may use {64 + 8 + 2000} bytes", Audit(("unit.left_out", Body(2000)), ("hs_thunk.unit.large", Thunk("unit.large", 8000))));

    [Fact]
    public void A_chain_of_unchecked_functions_that_is_too_deep_is_found_though_each_is_small()
    {
        var report = Audit(Sound(
            ("unit.left_out", Body(700, "extra_1")), ("extra_1", Body(700, "extra_2")), ("extra_2", Body(700)),
            ("hs_thunk.unit.large", Thunk("unit.large", 8000))));
        var finding = Assert.Single(report.Findings, f => f.Text.StartsWith("may use", StringComparison.Ordinal));
        Assert.EndsWith("hs_thunk.unit.entry 0 > unit.entry 72 > unit.left_out 708 > extra_1 708 > extra_2 700", finding.Text);
    }

    [Fact]
    public void A_frame_that_is_aligned_beyond_its_check_is_found() => Finds(
        "unit.llvm", "(its frame is aligned to 4096)", Audit(("unit.llvm", Llvm(512, 512, 512, alignment: 4096))));

    [Fact]
    public void A_check_that_asks_morestack_for_too_little_is_found() => Finds(
        "unit.llvm", "may use", Audit(("unit.llvm", Llvm(4096, 512, 4096))));

    [Fact]
    public void A_thunk_that_states_too_little_is_found() => Finds(
        "hs_thunk.unit.large", "may use", Audit(("hs_thunk.unit.large", Thunk("unit.large", 4096, stated: 1024))));

    [Fact]
    public void A_call_past_a_check_is_found() => Finds(
        "unit.left_out", "goes to unit.entry past its check",
        Audit(("unit.left_out", c =>
        {
            c.test(edi, edi);
            c.jmp(At("unit.entry"));
        }), ("unit.entry", Body(64))));

    [Fact]
    public void A_pointer_past_a_check_is_found() => Finds(
        "unit.large", "is reached by a pointer past its check", Audit(Sound().Pointer("unit.large")));

    [Fact]
    public void Unchecked_functions_that_call_one_another_are_found() => Assert.Contains(
        Audit(("unit.left_out", Body(32, "unit.left_out"))).Findings, f => f.Text.EndsWith("unit.left_out calls itself", StringComparison.Ordinal));

    [Fact]
    public void A_function_that_changes_stacks_is_found() => Assert.Contains(
        Audit(("unit.left_out", c =>
        {
            c.mov(rsp, rdi);
            c.ret();
        })).Findings, f => f.Function == "unit.left_out" && f.Text.StartsWith("cannot be followed", StringComparison.Ordinal));

    [Fact]
    public void A_call_out_of_the_program_is_found() => Finds(
        "hs_thunk.unit.entry", "which is not in the file",
        Audit(("unit.left_out", c =>
        {
            c.call(0x5000000);
            c.ret();
        }), ("unit.large", Body(4096))));

    [Fact]
    public void A_function_that_the_link_lost_is_found() => Finds("program", "has 4 functions of the unit, whose object has 5", Audit(Sound(), functions: 5));

    [Fact]
    public void A_call_by_pointer_reaches_the_functions_whose_address_is_taken()
    {
        var report = Audit(Sound(("unit.large", c =>
        {
            c.sub(rsp, 4000);
            c.call(rdx);
            c.add(rsp, 4000);
            c.ret();
        })).Pointer("unit.left_out"));
        Assert.True(report.Holds, string.Join('\n', report.Findings));
    }

    [Fact]
    public void A_program_without_a_unit_or_without_the_limits_variable_is_refused()
    {
        var request = new SlackRequest(LimitSlot.Own, Slack, new Dictionary<string, UnsplitReason>());
        Assert.Contains("no variable hs_limit", Assert.Throws<InvalidDataException>(() => SlackAudit.Run(Sound().Link(), request)).Message);
        var bare = ElfFile.Parse(new ObjectBuilder().ToArray(), "object");
        Assert.Contains("hs_unit", Assert.Throws<InvalidDataException>(() => SlackAudit.Run(bare, request)).Message);
    }
}
