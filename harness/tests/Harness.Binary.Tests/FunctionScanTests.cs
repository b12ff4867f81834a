namespace Harness.Binary.Tests;

/// <summary>Frames are read from machine code; what cannot be told must be said so.</summary>
public sealed class FunctionScanTests
{
    [Fact]
    public void Accepts_pushes_and_a_subtraction() =>
        // push rbp; mov rbp, rsp; push rbx; push r12; sub rsp, 0x228; add rsp, 0x228; pop r12; pop rbx; pop rbp; ret
        Known(8 + 8 + 8 + 0x228, "55 4889e5 53 4154 4881ec28020000 4881c428020000 415c 5b 5d c3");

    [Fact]
    public void Accepts_an_addition_of_a_negative_number() =>
        // push rbp; add rsp, -128; leave; ret
        Known(8 + 128, "55 4883c480 c9 c3");

    [Fact]
    public void Accepts_a_realignment_and_counts_all_that_it_may_skip() =>
        // push rbp; mov rbp, rsp; and rsp, -256; sub rsp, 0x100; mov rsp, rbp; pop rbp; ret
        Known(8 + 256 + 256, "55 4889e5 4881e400ffffff 4881ec00010000 4889ec 5d c3");

    [Fact]
    public void Accepts_a_large_frame_that_a_loop_probes_and_counts_the_page_below_it() =>
        // push rbp; mov rbp, rsp; mov eax, 0x2dc6e0; sub rsp, rax;
        // test [rsp+rax-0x1000], esp; sub rax, 0x1000; jae -19; ret
        Known(8 + 0x2dc6e0 + 0x1000, "55 4889e5 b8e0c62d00 4829c4 85a40400f0ffff 482d00100000 73ed c3");

    [Fact]
    public void Accepts_a_large_frame_that_a_call_probes() =>
        // push rbp; mov eax, 0x5000; call (relocated); sub rsp, rax; leave; ret
        Known(8 + 0x5000, "55 b800500000 e800000000 4829c4 c9 c3");

    [Fact]
    public void Accepts_rsp_lowered_and_restored_by_lea() =>
        // lea rsp, [rsp-0x18]; lea rsp, [rsp+0x18]; ret
        Known(0x18, "488d6424e8 488d642418 c3");

    [Fact]
    public void Accepts_a_prologue_behind_a_branch() =>
        // test edi, edi; je +5; push rbp; sub rsp, 0x10; leave; ret
        Known(8 + 0x10, "85ff 7405 55 4883ec10 c9 c3");

    [Fact]
    public void Rejects_an_unknown_amount() =>
        // push rbp; sub rsp, rdi; leave; ret
        Assert.False(Scan("55 4829fc c9 c3").FrameKnown);

    [Fact]
    public void Rejects_another_stack() =>
        // mov rsp, rdi; ret
        Assert.False(Scan("4889fc c3").FrameKnown);

    [Fact]
    public void Rejects_an_exchange_with_rsp() =>
        // xchg rsp, rax; ret
        Assert.False(Scan("4894 c3").FrameKnown);

    [Fact]
    public void Rejects_what_is_not_code() => Assert.False(Scan("55 06 06").FrameKnown);

    [Fact]
    public void Rejects_more_instructions_than_the_limit() =>
        Assert.False(FunctionScan.Of([0x90, 0x90, 0x90, 0xc3], 0, _ => true, 3).FrameKnown);

    [Fact]
    public void Accepts_a_read_of_the_return_address_as_such() =>
        // push rbp; mov rbp, rsp; mov rax, [rbp+8]; pop rbp; ret
        Assert.True(Scan("55 4889e5 488b4508 5d c3").AsksReturnAddress);

    [Fact]
    public void Rejects_a_stack_argument_as_a_return_address() =>
        // push rbp; mov rbp, rsp; mov rax, [rbp+16]; pop rbp; ret
        Assert.False(Scan("55 4889e5 488b4510 5d c3").AsksReturnAddress);

    [Fact]
    public void A_call_of_itself_is_an_exit_and_a_jump_back_to_the_start_is_none()
    {
        // push rbp; call start; jmp start
        var scan = FunctionScan.Of(Bytes("55 e8faffffff ebf8"), 0x100, _ => false, 100);
        Assert.Equal([new FunctionScan.Exit(0x100, 0x102, 4)], scan.Exits);
    }

    [Fact]
    public void A_function_that_takes_its_own_address_exits_to_itself()
    {
        // lea -8(%rip) at 0x101: 0x108 - 8 = 0x100, the function's own first byte; then one into its middle.
        var scan = FunctionScan.Of(Bytes("55 488d3df8ffffff 488d3df8ffffff c3"), 0x100, _ => false, 100);
        Assert.Equal([new FunctionScan.Exit(0x100, 0x104, 4)], scan.Exits);
    }

    [Fact]
    public void A_relocated_call_is_no_exit() => Assert.Empty(Scan("55 e8faffffff c3").Exits);

    [Fact]
    public void A_branch_out_of_the_function_is_an_exit()
    {
        // je +0x10; jmp +0x100
        var scan = FunctionScan.Of(Bytes("7410 e900010000"), 0, _ => false, 100);
        Assert.Equal([new FunctionScan.Exit(0x12, 1, 1), new FunctionScan.Exit(0x107, 3, 4)], scan.Exits);
    }

    [Theory]
    [InlineData(0, "55 4889e5 488b45f8 5d c3")] // push rbp; mov rbp, rsp; mov rax, [rbp-8]; pop rbp; ret
    [InlineData(8, "55 4889e5 488b4510 5d c3")] // mov rax, [rbp+16]
    [InlineData(24, "55 4889e5 0f284518 c9 c3")] // movaps xmm0, [rbp+24]
    [InlineData(16, "55 4889e5 488b4510 4803 4518 c9 c3")] // mov rax, [rbp+16]; add rax, [rbp+24]
    [InlineData(-1, "55 4889e5 488d4510 c9 c3")] // lea rax, [rbp+16]: an address
    [InlineData(-1, "55 4889e5 488b44c510 c9 c3")] // mov rax, [rbp+8*rax+16]: an index
    [InlineData(-1, "55 4889e5 4889e8 c9 c3")] // mov rax, rbp
    [InlineData(-1, "55 4889e5 488b442440 c9 c3")] // mov rax, [rsp+64]: beyond the frame
    [InlineData(-1, "488b442408 c3")] // mov rax, [rsp+8]; no frame pointer
    [InlineData(-1, "55 4889e5 84c0 7404 0f2945f0 c9 c3")] // test al, al; je; movaps [rbp-16], xmm0: variadic
    [InlineData(-1, "55 4889e5 488b4510 5d e900000000 cc")] // mov rax, [rbp+16]; pop rbp; jmp (relocated): a tail call
    [InlineData(-1, "55 4889e5 5d ffe0")] // pop rbp; jmp rax
    [InlineData(-1, "85ff 0f8400000000 55 4889e5 5d c3")] // test edi, edi; je (relocated), before there is a frame
    [InlineData(8, "55 4889e5 7404 488b4510 5d c3")] // je inside
    public void Stack_arguments_are_counted_or_unknown(long bytes, string code) => Assert.Equal(bytes, Scan(code).ArgumentBytes);

    private static void Known(long bytes, string code)
    {
        var scan = Scan(code);
        Assert.True(scan.FrameKnown);
        Assert.Equal(bytes, scan.FrameBytes);
    }

    private static FunctionScan Scan(string code) => FunctionScan.Of(Bytes(code), 0, _ => true, 1000);

    private static byte[] Bytes(string code) => Convert.FromHexString(code.Replace(" ", "", StringComparison.Ordinal));
}
