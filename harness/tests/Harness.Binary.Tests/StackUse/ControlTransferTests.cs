using static Iced.Intel.AssemblerRegisters;

namespace Harness.Binary.Tests.StackUse;

/// <summary>Jumps out of functions, in executables written here.</summary>
public class ControlTransferTests
{
    [Fact]
    public void jumps_to_other_functions_are_found_and_nothing_else()
    {
        var program = new ProgramBuilder();
        ulong AddressOf(string name) => program.AddressOf(name);
        program.Unit("unit.callee", c => c.ret());
        program.Unit("unit.jumps", c =>
        {
            c.nop();
            c.jmp(AddressOf("unit.callee"));
        });
        program.Unit("unit.may", c =>
        {
            c.test(eax, eax);
            c.je(AddressOf("unit.callee"));
            c.ret();
        });
        program.Unit("unit.stays", c =>
        {
            var back = c.CreateLabel();
            c.Label(ref back);
            c.dec(eax);
            c.jne(back);
            c.call(AddressOf("unit.callee"));
            c.jmp(AddressOf("unit.stays"));
        });
        program.Runtime("other.jumps", c => c.jmp(AddressOf("unit.callee")));
        var found = new Symbolizer(program.Link()).DepartingJumps("unit.").ToArray();
        Assert.Equal([AddressOf("unit.jumps") + 1, AddressOf("unit.may") + 2], found);
        Assert.Equal([0x10UL + AddressOf("other.jumps")], new Symbolizer(program.Link(), bias: 0x10).DepartingJumps("other."));
    }

    [Fact]
    public void bytes_that_are_no_code_end_a_functions_list()
    {
        var program = new ProgramBuilder();
        program.Unit("unit.a", c => c.ret());
        program.Unit("unit.b", c =>
        {
            c.jmp(program.AddressOf("unit.a"));
            c.db(0x06, 0x06);
            c.jmp(program.AddressOf("unit.a"));
        });
        Assert.Equal([program.AddressOf("unit.b")], new Symbolizer(program.Link()).DepartingJumps("unit."));
    }

    [Fact]
    public void Calls_are_found_wherever_they_go_but_those_of_prologues_are_left_out()
    {
        var program = new ProgramBuilder();
        program.Runtime("__morestack", c => c.ret());
        program.Unit("unit.a", c => c.ret());
        program.Unit("unit.b", c =>
        {
            c.call(program.AddressOf("__morestack"));
            c.call(program.AddressOf("unit.a"));
            c.call(rax);
            c.jmp(program.AddressOf("unit.a"));
        });
        program.Runtime("other.calls", c => c.call(program.AddressOf("unit.a")));
        Assert.Equal([program.AddressOf("unit.b") + 5, program.AddressOf("unit.b") + 10], new Symbolizer(program.Link()).Calls("unit."));
    }
}
