namespace Harness.Model.Tests;

/// <summary>Digests are stored in findings and computed by the native worker: these values may never change.</summary>
public class DigestTests
{
    private static readonly Event[] Log =
    [
        new(EventKind.Enter, 0, 0),
        new(EventKind.Log, 7, 0x123456789ABCDEF0),
        new(EventKind.Acquired, uint.MaxValue, (1 << 8) | 4),
        new(EventKind.FiberEnd, 1, 0),
    ];

    [Theory]
    [InlineData(0, 0x243F6A8885A308D3)]
    [InlineData(1, 0xB47FAC1ADEFFEBC8)]
    [InlineData(2, 0x985FC442191AB735)]
    [InlineData(3, 0xFDFC78A45036658D)]
    [InlineData(4, 0x6F70926881006403)]
    public void A_log_has_the_digest_of_the_table(int events, ulong digest) =>
        Assert.Equal<ulong>(digest, Log.Take(events).Aggregate(Digests.Start, Digests.Add));

    [Fact]
    public void Fibers_digests_are_combined_in_order()
    {
        Assert.Equal<ulong>(0x7810B8A713FBF70F, Digests.Combine([1, 2]));
        Assert.Equal<ulong>(0xB51237B5ABEF4C7A, Digests.Combine([2, 1]));
        Assert.Equal(Digests.Start, Digests.Combine([]));
    }

    [Theory]
    [InlineData(false, 0xAFEB0AC27C2E9AFE)]
    [InlineData(true, 0x305920BFBF01C37C)]
    public void A_programs_digest_is_that_of_its_log(bool injected, ulong digest)
    {
        var program = Dsl.Program(
            Dsl.Fallible(0, Dsl.Defer(Dsl.Log(1, 5)), Dsl.Call(2, 1, Dsl.CatchBlock(3))),
            Dsl.Fallible(1, Dsl.Raise(5, ErrorName.Broken)));
        FaultPlan fault = injected ? new FaultPlan.ErrorAt(1, ErrorName.Injected, false) : Dsl.NoFault;
        Assert.Equal(digest, Interpreter.Run(program, fault, Schedule.Fifo, Kept.Counts).Digest);
    }
}
