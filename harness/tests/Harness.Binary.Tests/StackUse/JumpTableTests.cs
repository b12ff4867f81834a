using Harness.Binary.StackUse;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Harness.Binary.Tests.StackUse;

/// <summary>Jumps by a table go where its entries say: no further, no deeper.</summary>
public sealed class JumpTableTests
{
    private const ulong Table = ProgramBuilder.TextAt + ProgramBuilder.FunctionBytes;
    private const ulong G = Table + ProgramBuilder.FunctionBytes;
    private const ulong H = G + ProgramBuilder.FunctionBytes;

    /// <param name="entries">Of 4 bytes, relative to the table; as distances from the beginning of f.</param>
    private static FunctionUse Walk(Action<Assembler> f, params ReadOnlySpan<uint> entries)
    {
        var words = entries.ToArray();
        var program = new ProgramBuilder().Unit("f", f).Unit("table", c =>
        {
            foreach (var entry in words)
            {
                c.dd(unchecked((uint)(ProgramBuilder.TextAt + entry - Table)));
            }
        }).Unit("g", c => c.ret()).Unit("h", c => c.ret());
        return new StackGraph(CodeImage.Of(program.Link()), StackRules.Default).Of(ProgramBuilder.TextAt);
    }

    private static long BytesOf(FunctionUse use, string callee)
    {
        Assert.Null(use.Problem);
        return Assert.Single(use.Exits, exit => exit.Name == callee).Bytes;
    }

    private static void TakeAddress(Assembler c, ulong address) =>
        c.AddInstruction(Instruction.Create(Code.Lea_r64_m, Register.RCX, new MemoryOperand(Register.RIP, (long)address)));

    /// <summary>How LLVM jumps: 16 bytes to the place behind it.</summary>
    private static void Jump(Assembler c)
    {
        TakeAddress(c, Table);
        c.movsxd(rax, __dword_ptr[rcx + (rax * 4)]);
        c.add(rax, rcx);
        c.jmp(rax);
    }

    private const int JumpBytes = 7 + 4 + 3 + 2;
    private const int CallBytes = 5;

    /// <summary>The first case calls g and leaves; the second, with a frame of its own, calls h.</summary>
    private static void TwoCases(Assembler c)
    {
        c.sub(rsp, 0x58);
        Jump(c);
        c.call(G);
        c.add(rsp, 0x58);
        c.ret();
        c.sub(rsp, 0x80);
        c.call(H);
        c.add(rsp, 0xd8);
        c.ret();
    }

    private const uint First = 4 + JumpBytes;
    private const uint Second = First + CallBytes + 4 + 1;

    [Fact]
    public void Each_case_has_the_depth_of_the_jump()
    {
        var use = Walk(TwoCases, First, Second);
        Assert.Equal((0x58 + 8, 0x58 + 0x80 + 8), (BytesOf(use, "g"), BytesOf(use, "h")));
    }

    /// <summary>Code that no branch and no entry leads to is not run.</summary>
    [Fact]
    public void What_no_entry_leads_to_does_not_count()
    {
        var use = Walk(TwoCases, First, First);
        Assert.Equal(["g"], use.Exits.Select(exit => exit.Name));
        Assert.Equal(0x58, use.Own);
    }

    /// <summary>Two jumps at two depths: neither's cases are taken for the other's.</summary>
    [Fact]
    public void Jumps_of_two_depths_are_told_apart()
    {
        var use = Walk(
            c =>
            {
                var deep = c.CreateLabel();
                c.test(edi, edi);
                c.jne(deep);
                Jump(c);
                c.Label(ref deep);
                c.sub(rsp, 0x100);
                TakeAddress(c, Table + 4);
                c.movsxd(rax, __dword_ptr[rcx + (rax * 4)]);
                c.add(rax, rcx);
                c.jmp(rax);
                c.call(G);
                c.ret();
                c.call(H);
                c.add(rsp, 0x100);
                c.ret();
            },
            // The second table begins at the first one's second entry, so its entry is relative to that.
            4 + JumpBytes + 7 + JumpBytes, 4 + JumpBytes + 7 + JumpBytes + CallBytes + 1 - 4);
        Assert.Equal((8, 0x100 + 8), (BytesOf(use, "g"), BytesOf(use, "h")));
    }

    /// <summary>The index is compared with its bound: what follows the table is another's, even where its words would fit.</summary>
    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public void A_bound_ends_the_table(int last, bool ends)
    {
        var use = Walk(
            c =>
            {
                var beyond = c.CreateLabel();
                c.cmp(eax, last);
                c.ja(beyond);
                Jump(c);
                c.call(G);
                c.Label(ref beyond);
                c.ret();
                c.call(H);
                c.ret();
            },
            5 + 2 + JumpBytes, 5 + 2 + JumpBytes + CallBytes + 1);
        Assert.Equal(ends ? ["g"] : ["g", "h"], use.Exits.Select(exit => exit.Name).Order());
    }

    /// <summary>A comparison of something else says nothing of the index, however near it is.</summary>
    [Fact]
    public void Another_registers_bound_is_not_the_tables()
    {
        var use = Walk(
            c =>
            {
                var beyond = c.CreateLabel();
                c.cmp(eax, 1);
                c.ja(beyond);
                c.cmp(edi, 0);
                c.ja(beyond);
                Jump(c);
                c.call(G);
                c.Label(ref beyond);
                c.ret();
                c.call(H);
                c.ret();
            },
            12 + JumpBytes, 12 + JumpBytes + CallBytes + 1);
        Assert.Equal(["g", "h"], use.Exits.Select(exit => exit.Name).Order());
    }

    [Fact]
    public void A_jump_out_of_a_frame_by_what_no_table_says_is_named()
    {
        var use = Walk(c =>
        {
            c.sub(rsp, 0x58);
            c.movsxd(rax, __dword_ptr[rcx + (rax * 4)]);
            c.add(rax, rcx);
            c.jmp(rax);
            c.call(G);
            c.ret();
        });
        Assert.Equal("the jump at f+0xb goes where no table that can be read says", use.Problem);
    }

    [Fact]
    public void Without_a_frame_such_a_jump_is_a_call_by_pointer()
    {
        var use = Walk(c => c.jmp(rax));
        Assert.Null(use.Problem);
        Assert.Equal([(ExitKind.Indirect, 0L)], use.Exits.Select(exit => (exit.Kind, exit.Bytes)));
    }

    /// <summary>A function that ends in every case of its table never comes back, so nothing behind its call counts.</summary>
    [Fact]
    public void A_function_whose_cases_all_trap_does_not_return()
    {
        var program = new ProgramBuilder().Unit("f", c =>
        {
            c.call(G);
            c.sub(rsp, 0x1000);
            c.call(H);
            c.ret();
        }).Unit("table", c => c.dd(unchecked((uint)(G + JumpBytes - Table)))).Unit("g", c =>
        {
            Jump(c);
            c.ud2();
            c.ret();
        }).Unit("h", c => c.ret());
        var use = new StackGraph(CodeImage.Of(program.Link()), StackRules.Default).Of(ProgramBuilder.TextAt);
        Assert.Equal(["g"], use.Exits.Select(exit => exit.Name));
    }
}
