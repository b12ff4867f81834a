using static Harness.Model.Tests.Dsl;

namespace Harness.Model.Tests;

public class JsonTests
{
    [Fact]
    public void A_program_reads_back_equal()
    {
        var program = Program(Fallible(0, Defer(Log(1)), ErrDefer(Log(2)), Capture(3, Log(4)), Raise(6, ErrorName.Broken)));
        var json = ProgramJson.Write(program);
        Assert.Equal(program, ProgramJson.Read(json));
    }
}
