using Harness.Toolchain;

namespace Harness.Binary.Tests;

public sealed class SplitAssemblyTests
{
    private const string Function = """
        	.intel_syntax noprefix
        	.text
        	.type	unit.f,@function
        unit.f:
        .Lfunc_begin0:
        	.loc	5 181 0 is_stmt 1
        	.cfi_startproc
        	push	rbp
        	.cfi_def_cfa_offset 16
        	ret
        .Ltmp6:
        .Lfunc_end0:
        	.size	unit.f, .Lfunc_end0-unit.f
        	.cfi_endproc

        """;

    private static readonly InlineCheck _small = new(8, ThunkCode.Word(8, 0) | ThunkCode.ArgumentsKnown);

    [Fact]
    public void A_check_stands_before_the_first_instruction_and_its_way_out_before_the_end() =>
        Assert.Equal(
            Function
                .Replace("\t.cfi_startproc\n", """
                    	.cfi_startproc
                    	.cfi_remember_state
                    	cmp	rsp, qword ptr fs:[hs_limit@TPOFF]
                    	jbe	.Lhs_cold0
                    .Lhs_resume0:

                    """, StringComparison.Ordinal)
                .Replace(".Lfunc_end0:\n", """
                    .Lhs_cold0:
                    	.cfi_restore_state
                    	.loc 5 181 0
                    	push	-2147483647
                    	.cfi_def_cfa_offset 16
                    	call	hs_morestack_thunk@PLT
                    	.cfi_def_cfa_offset 8
                    	ret
                    	jmp	.Lhs_resume0
                    .Lfunc_end0:

                    """, StringComparison.Ordinal),
            Insert(Function));

    [Fact]
    public void A_large_frame_is_compared_with_room_for_it_and_with_rows_that_say_so() =>
        Assert.Contains(
            "\tlea\trsp, [rsp - 256]\n\t.cfi_def_cfa_offset 264\n\tcmp\trsp, qword ptr fs:[112]\n"
            + "\tlea\trsp, [rsp + 256]\n\t.cfi_def_cfa_offset 8\n\tjbe\t.Lhs_cold0\n",
            SplitAssembly.Insert(Function, Checks("unit.f", new InlineCheck(256, 16)), LimitSlot.Glibc), StringComparison.Ordinal);

    [Fact]
    public void Accepts_a_quoted_name() =>
        Assert.Contains(
            "jbe", Insert(Function.Replace("unit.f", "\"a(\\\"b\\\").f\"", StringComparison.Ordinal), "a(\"b\").f"), StringComparison.Ordinal);

    [Fact]
    public void Accepts_the_other_syntax_and_leaves_it_in_force()
    {
        var result = Insert(Function.Replace("\t.intel_syntax noprefix\n", "", StringComparison.Ordinal));
        Assert.Equal(2, result.Split("\t.intel_syntax noprefix\n").Length - 1);
        Assert.Equal(2, result.Split("\t.att_syntax\n").Length - 1);
    }

    [Fact]
    public void Accepts_an_instruction_that_is_data()
    {
        var result = Insert(Function.Replace("\tpush\trbp\n", "\t#APP\n\t.byte\t85\n", StringComparison.Ordinal));
        Assert.True(result.IndexOf("\tcmp", StringComparison.Ordinal) < result.IndexOf("\t.byte", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("unit.other")]
    [InlineData("unit.f:")]
    public void A_function_without_a_check_stays_as_it_is(string name) => Assert.Equal(Function, Insert(Function, name));

    [Fact]
    public void What_strings_say_is_no_function()
    {
        const string Text = "\t.asciz\t\"\\n\\t.type unit.f,@function\\nunit.f:\\n\"\nunit.f = unit.g\n";
        Assert.Equal(Text, Insert(Text));
    }

    [Theory]
    [InlineData("\t.cfi_startproc\n", "", "has no call frame information")]
    [InlineData("\tpush\trbp\n\t.cfi_def_cfa_offset 16\n\tret\n.Ltmp6:\n", "", "has no instructions")]
    [InlineData("\tret\n", "\t.cfi_remember_state\n\tret\n", "does not restore the call frame rows that it remembers")]
    [InlineData(".Lfunc_end0:\n\t.size\tunit.f, .Lfunc_end0-unit.f\n", "", "does not end")]
    [InlineData("\tret\n", "\t.type\tunit.g,@function\n", "does not end before the next begins")]
    [InlineData("\tret\n", "\t.section\t.rodata\n", "does not end before the next begins")]
    public void Rejects_a_function_that_LLVM_does_not_write(string old, string changed, string why)
    {
        var error = Assert.Throws<InvalidDataException>(() => Insert(Function.Replace(old, changed, StringComparison.Ordinal)));
        Assert.Equal($"function unit.f of the assembly {why}", error.Message);
    }

    [Fact]
    public void A_long_name_is_shortened_in_the_complaint()
    {
        var name = new string('x', 100_000);
        var text = Function.Replace("unit.f", name, StringComparison.Ordinal).Replace("\t.cfi_startproc\n", "", StringComparison.Ordinal);
        Assert.InRange(Assert.Throws<InvalidDataException>(() => Insert(text, name)).Message.Length, 1, 300);
    }

    /// <summary>Quadratic work would take minutes.</summary>
    [Fact(Timeout = 60_000)]
    public async Task Work_grows_with_the_text()
    {
        var hostile = string.Concat(Enumerable.Repeat("\t.type\tunit.f,@function\n", 200_000)) + new string('x', 4 << 20);
        Assert.Equal(hostile, await Task.Run(() => Insert(hostile)));
    }

    private static string Insert(string text, string name = "unit.f") =>
        SplitAssembly.Insert(text, Checks(name, _small), LimitSlot.Own);

    private static Dictionary<string, InlineCheck> Checks(string name, InlineCheck check) => new() { [name] = check };
}
