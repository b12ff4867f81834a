using Harness.Binary.StackUse;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Harness.Binary.Tests.StackUse;

/// <summary>What a function does with its stack, read from its code: one rule each.</summary>
public sealed class FunctionWalkTests
{
    private static readonly ProgramBuilder _addresses = new ProgramBuilder().Unit("f", _ => { }).Unit("g", _ => { });

    private static ulong G => _addresses.AddressOf("g");

    /// <summary>In the programs of three functions behind f (<see cref="HidesH"/>), whose second and third they are.</summary>
    private static ulong H => G + 512;

    private static ulong FaultOf => H + 512;

    private static FunctionUse Walk(Action<Assembler> f, string name = "f", StackRules? rules = null)
    {
        var program = new ProgramBuilder().Unit(name, f).Unit("g", c => c.ret()).Unit("__zig_probe_stack", c => c.ret());
        return new StackGraph(CodeImage.Of(program.Link()), rules ?? StackRules.Default).Of(ProgramBuilder.TextAt);
    }

    private static long CallOfG(FunctionUse use)
    {
        Assert.Null(use.Problem);
        return Assert.Single(use.Exits, exit => exit.Name == "g").Bytes;
    }

    [Fact]
    public void What_a_leaf_touches_below_rsp_counts() => Assert.Equal(0x40, Walk(c =>
    {
        c.mov(__qword_ptr[rsp - 0x40], rax);
        c.ret();
    }).Own);

    /// <summary>A buffer in the red zone, written through a pointer.</summary>
    [Fact]
    public void A_place_below_rsp_whose_address_a_leaf_takes_counts() => Assert.Equal(0x80, Walk(c =>
    {
        c.lea(rdi, __[rsp - 0x80]);
        c.stosb();
        c.ret();
    }).Own);

    /// <summary>A check does not write where it looks.</summary>
    [Fact]
    public void A_place_below_rsp_that_is_compared_with_the_limit_does_not_count() => Assert.Equal(0, Walk(c =>
    {
        var fits = c.CreateLabel();
        c.lea(r11, __[rsp - 0x80]);
        c.cmp(r11, __qword_ptr.fs[0x70]);
        c.ja(fits);
        c.nop();
        c.Label(ref fits);
        c.ret();
    }).Own);

    [Fact]
    public void What_a_leaf_touches_below_its_frame_pointer_counts() => Assert.Equal(8 + 0x30, Walk(c =>
    {
        c.push(rbp);
        c.mov(rbp, rsp);
        c.mov(__qword_ptr[rbp - 0x30], rax);
        c.pop(rbp);
        c.ret();
    }).Own);

    [Fact]
    public void Pushes_subtractions_and_lea_lower_rsp_before_a_call()
    {
        var use = Walk(c =>
        {
            c.push(rbx);
            c.sub(rsp, 0x128);
            c.lea(rsp, __[rsp - 0x20]);
            c.call(G);
            c.add(rsp, 0x148);
            c.pop(rbx);
            c.ret();
        });
        Assert.Equal(8 + 0x128 + 0x20 + 8, CallOfG(use));
        Assert.Equal(8 + 0x128 + 0x20, use.Own);
    }

    [Fact]
    public void A_realignment_may_cost_all_but_a_word_of_it()
    {
        var use = Walk(c =>
        {
            c.push(rbp);
            c.mov(rbp, rsp);
            c.and(rsp, -256);
            c.sub(rsp, 0x100);
            c.call(G);
            c.mov(rsp, rbp);
            c.pop(rbp);
            c.ret();
        });
        Assert.Equal(8 + 248 + 0x100 + 8, CallOfG(use));
        Assert.Equal(256, use.Alignment);
    }

    [Fact]
    public void A_jump_in_the_end_costs_what_is_left_of_the_frame()
    {
        var use = Walk(c =>
        {
            c.push(rbp);
            c.mov(rbp, rsp);
            c.sub(rsp, 0x40);
            c.leave();
            c.jmp(G);
        });
        Assert.Equal(0, CallOfG(use));
    }

    [Fact]
    public void Where_two_ways_meet_the_deeper_one_counts() => Assert.Equal(0x80 + 8, CallOfG(Walk(c =>
    {
        var (other, meet) = (c.CreateLabel(), c.CreateLabel());
        c.test(edi, edi);
        c.je(other);
        c.sub(rsp, 0x80);
        c.jmp(meet);
        c.Label(ref other);
        c.sub(rsp, 0x10);
        c.Label(ref meet);
        c.call(G);
        c.ret();
    })));

    /// <summary>musl's <c>__stack_chk_fail</c> is <c>hlt; ret</c>, and what stands behind its call is the check's slow path, which goes back to the beginning.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_stands_behind_a_call_that_never_returns_is_not_reached(bool halts)
    {
        var program = new ProgramBuilder().Unit("f", c =>
        {
            c.sub(rsp, 0x18);
            c.call(G);
            c.sub(rsp, 0x1000);
            c.call(_addresses.AddressOf("f") + 1024);
            c.ret();
        }).Unit("g", c =>
        {
            if (halts)
            {
                c.hlt();
                c.ret();
            }
            else
            {
                c.ud2();
            }
        }).Unit("h", c => c.ret());
        var use = new StackGraph(CodeImage.Of(program.Link()), StackRules.Default).Of(ProgramBuilder.TextAt);
        Assert.Equal(["g"], use.Exits.Select(exit => exit.Name));
    }

    [Fact]
    public void A_frame_probed_by_a_call_is_as_large_as_the_number() => Assert.Equal(0x5000 + 8, CallOfG(Walk(c =>
    {
        c.mov(eax, 0x5000);
        c.call(G + 512);
        c.sub(rsp, rax);
        c.call(G);
        c.add(rsp, 0x5000);
        c.ret();
    })));

    [Fact]
    public void A_frame_probed_by_a_loop_ends_where_the_loop_does() => Assert.Equal(0x6000 + 8, CallOfG(Walk(c =>
    {
        var loop = c.CreateLabel();
        c.lea(r11, __[rsp - 0x6000]);
        c.Label(ref loop);
        c.sub(rsp, 0x1000);
        c.mov(__qword_ptr[rsp], 0);
        c.cmp(rsp, r11);
        c.jne(loop);
        c.call(G);
        c.ret();
    })));

    [Fact]
    public void A_loop_that_pushes_has_no_bound() => Assert.Contains("every turn of a loop", Walk(c =>
    {
        var loop = c.CreateLabel();
        c.Label(ref loop);
        c.push(rax);
        c.dec(edi);
        c.jne(loop);
        c.ret();
    }).Problem);

    [Fact]
    public void An_unknown_amount_has_no_bound() => Assert.Contains("a number that is not known", Walk(c =>
    {
        c.sub(rsp, rax);
        c.ret();
    }).Problem);

    [Fact]
    public void Bytes_that_are_not_code_are_a_problem() => Assert.Contains("cannot be followed", Walk(c => c.db(0x06)).Problem);

    [Fact]
    public void Only_listed_functions_may_change_stacks()
    {
        static void Gate(Assembler c)
        {
            c.push(rbp);
            c.mov(rbp, rsp);
            c.mov(rsp, __qword_ptr.fs[0x10]);
            c.sub(rsp, 0x4000);
            c.call(G);
            c.mov(rsp, rbp);
            c.pop(rbp);
            c.ret();
        }

        var listed = Walk(Gate, "hs_gate");
        Assert.Null(listed.Problem);
        Assert.Equal(8, listed.Own);
        Assert.Empty(listed.Exits);
        Assert.Contains("not on the list of those that change stacks", Walk(Gate).Problem);
    }

    [Fact]
    public void A_call_by_pointer_and_one_out_of_the_file_are_named()
    {
        var use = Walk(c =>
        {
            c.call(rdx);
            c.call(0x5000000);
            c.ret();
        });
        Assert.Equal([ExitKind.Indirect, ExitKind.External], use.Exits.Select(exit => exit.Kind));
    }

    /// <summary>Of a function that calls hs_checkpoint, then h, whether h lies behind an answer of nothing.</summary>
    private static bool HidesH(Action<Assembler> afterCheckpoint, int argument = 2)
    {
        var program = new ProgramBuilder().Unit("f", c =>
        {
            c.mov(edi, argument);
            c.call(G);
            afterCheckpoint(c);
            c.ret();
        }).Unit("hs_checkpoint", c => c.ret()).Unit("h", c => c.ret()).Unit("support.faultOf", c => c.ret());
        var exits = new StackGraph(CodeImage.Of(program.Link()), StackRules.Default).Of(ProgramBuilder.TextAt).Exits;
        return Assert.Single(exits, exit => exit.Name == "h").IsReported;
    }

    private static void CallHWhereZero(Assembler c)
    {
        var told = c.CreateLabel();
        c.test(eax, eax);
        c.jne(told);
        c.call(H);
        c.Label(ref told);
    }

    [Fact]
    public void What_a_checkpoint_lets_pass_is_not_on_the_reserve_unless_its_function_cannot_fail()
    {
        Assert.True(HidesH(CallHWhereZero));
        Assert.False(HidesH(CallHWhereZero, unchecked((int)0x80000002)));
    }

    [Fact]
    public void What_runs_although_a_checkpoint_told_of_an_error_counts()
    {
        Assert.False(HidesH(c => c.call(H)));
        Assert.False(HidesH(c =>
        {
            var passed = c.CreateLabel();
            c.test(eax, eax);
            c.je(passed);
            c.call(H);
            c.Label(ref passed);
        }));
        Assert.False(HidesH(c =>
        {
            c.mov(eax, ebx);
            CallHWhereZero(c);
        }));
    }

    /// <summary>Zig's code that is not optimised: the error goes through a variable in which nothing means that it passed.</summary>
    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public void A_variable_tells_which_way_a_checkpoint_went_if_it_is_empty_only_where_it_passed(int whenPassed, bool hides) =>
        Assert.Equal(hides, HidesH(c =>
        {
            var (told, both, end) = (c.CreateLabel(), c.CreateLabel(), c.CreateLabel());
            c.cmp(eax, 0);
            c.jne(told);
            c.mov(__word_ptr[rsp + 6], (short)whenPassed);
            c.jmp(both);
            c.Label(ref told);
            c.call(FaultOf);
            c.mov(__word_ptr[rsp + 6], ax);
            c.Label(ref both);
            c.cmp(__word_ptr[rsp + 6], 0);
            c.ja(end);
            c.call(H);
            c.Label(ref end);
        }));
}
