using static Harness.Model.Tests.Dsl;

namespace Harness.Model.Tests;

/// <summary>Where fibers are when their logs have come to a given point.</summary>
public class MomentTests
{
    private static readonly FiberProgram _program = Program(
        [Fiber(0), Fiber(2)], 1,
        Fallible(0, Call(1, 1, Try)),
        Fallible(1, Lock(2, 0, 0), Yield(3), Log(4)),
        Fallible(2, Lock(5, 0, 0)));

    [Fact]
    public void A_fiber_that_gave_way_stands_where_it_waits()
    {
        // Enter 0, Enter 1, Acquired 2, Yielded 3; Enter 2.
        var moments = At(4, 1);
        Assert.Equal(new FiberMoment(true, true, [Site(1, 3), Site(0, 1), new Frame.FiberEntry(0)]), moments[0]);
        Assert.Equal(new FiberMoment(true, true, [Site(2, 5), new Frame.FiberEntry(1)]), moments[1]);
    }

    [Fact]
    public void A_fiber_that_goes_on_stands_at_its_last_event()
    {
        Assert.Equal(new FiberMoment(false, true, [Site(1, -1), Site(0, 1), new Frame.FiberEntry(0)]), At(2, 0)[0]);
        Assert.Equal(new FiberMoment(false, true, [Site(1, 2), Site(0, 1), new Frame.FiberEntry(0)]), At(3, 0)[0]);
        Assert.Equal(new FiberMoment(false, true, [Site(1, 4), Site(0, 1), new Frame.FiberEntry(0)]), At(5, 0)[0]);
    }

    /// <summary>A function that has logged its end is somewhere behind its last statement, or has returned.</summary>
    [Fact]
    public void A_function_that_is_being_left_has_no_line()
    {
        var moment = At(6, 0)[0]!;
        Assert.False(moment.KnowsLine);
        Assert.Equal(2, moment.Chain.Count - 1);
    }

    [Fact]
    public void A_log_that_the_model_never_has_has_no_moment()
    {
        Assert.Equal([null, null], CompiledProgram.Of(_program).MomentsAt(NoFault, Schedule.Fifo, [42, Digests.Start]));
        // Afterwards the machine is as it was.
        Assert.Equal(Interpreter.Run(_program, NoFault, Schedule.Fifo).Digest, CompiledProgram.Of(_program).Run(NoFault, Schedule.Fifo).Digest);
    }

    /// <summary>When the fibers' logs have so many events.</summary>
    private static IReadOnlyList<FiberMoment?> At(params int[] events)
    {
        var run = Interpreter.Run(_program, NoFault, Schedule.Fifo);
        return CompiledProgram.Of(_program).MomentsAt(
            NoFault, Schedule.Fifo, [.. events.Select((count, fiber) => run.Events[fiber].Take(count).Aggregate(Digests.Start, Digests.Add))]);
    }

    private static Frame.Transpiled Site(int function, int site) => new(function, site, Optional: false, MayBeInlined: false);
}
