using static Harness.Model.Tests.Dsl;

namespace Harness.Model.Tests;

/// <summary>Zig's rules for defer and errdefer, each on a program small enough to work by hand.</summary>
public class DeferTests
{
    [Fact]
    public void Defers_run_last_first_when_the_function_returns()
    {
        var run = Interpreter.Run(
            Program(Fallible(0, Defer(Log(1)), Log(2), Defer(Log(3)), ErrDefer(Log(4)), Return())), NoFault, Schedule.Fifo);
        Assert.Equal(
            """
            Enter 0
            Log 2 0
            Leave 0
            Log 3 0
            Log 1 0
            Result ok
            FiberEnd Completed
            """,
            run.Events());
    }

    [Fact]
    public void Defers_and_errdefers_run_last_first_together_when_an_error_is_returned()
    {
        var run = Interpreter.Run(
            Program(Fallible(
                0, Defer(Log(1)), ErrDefer(Log(2)), Capture(3, Log(4)), Defer(Log(5)), Raise(6, ErrorName.Broken))),
            NoFault,
            Schedule.Fifo);
        Assert.Equal(
            """
            Enter 0
            Raised 6 Broken
            Log 5 0
            ErrDeferred 3 Broken
            Log 4 0
            Log 2 0
            Log 1 0
            Result Broken
            FiberEnd Failed
            """,
            run.Events());
    }
}
