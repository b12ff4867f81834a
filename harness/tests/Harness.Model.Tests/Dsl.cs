namespace Harness.Model.Tests;

/// <summary>Short names for writing programs by hand.</summary>
internal static class Dsl
{
    public static readonly ZigType NoValue = new ZigType.Void();
    public static readonly ZigType U64 = new ZigType.Int(64, false);
    public static readonly ZigType HandleType = new ZigType.Handle();
    public static readonly ZigType Pointer = new ZigType.CellPointer();
    public static readonly ZigType Slice = new ZigType.Slice();

    public static readonly Handling Plain = new Handling.Plain();
    public static readonly Handling Try = new Handling.Try();

    public static readonly FaultPlan NoFault = new FaultPlan.None();

    public static Scalar C(ulong value) => new Scalar.Const(value);

    public static Scalar Fold(int local) => new Scalar.Fold(local);

    public static Statement Log(int site, ulong value = 0) => new Statement.Log(site, C(value));

    public static Statement Log(int site, Scalar value) => new Statement.Log(site, value);

    public static Statement Defer(params Statement[] body) => new Statement.Defer([.. body]);

    public static Statement ErrDefer(params Statement[] body) => new Statement.ErrDefer([.. body]);

    public static Statement Capture(int site, params Statement[] body) => new Statement.ErrDeferCapture(site, [.. body]);

    public static Statement Block(params Statement[] body) => new Statement.Block([.. body]);

    public static Statement Loop(int local, int count, params Statement[] body) =>
        new Statement.Loop(local, count, [.. body]);

    public static Statement Raise(int site, ErrorName error) => new Statement.Raise(site, error);

    public static Statement Return(ulong seed = 0) => new Statement.Return(new ReturnValue.Made(C(seed)));

    public static Statement ReturnLocal(int local) => new Statement.Return(new ReturnValue.Local(local));

    public static Statement Call(int site, int function, Handling? handling = null, int result = -1, params Argument[] arguments) =>
        new Statement.Call(site, function, CallForm.Direct, [.. arguments], handling ?? Plain, result);

    public static Statement Tail(int site, int function, params Argument[] arguments) =>
        new Statement.TailCall(site, function, [.. arguments]);

    public static Statement If(Condition when, Statement[] then, params Statement[] otherwise) =>
        new Statement.If(when, [.. then], [.. otherwise]);

    public static Statement Fuel(params Statement[] body) => new Statement.IfFuel([.. body]);

    public static Statement Probe(int site) => new Statement.Probe(site);

    public static Statement Yield(int site) => new Statement.Yield(site);

    public static Statement Lock(int site, int local, int mutex) => new Statement.Lock(site, local, mutex);

    public static Statement Join(int site, int fiber) => new Statement.Join(site, fiber);

    public static Statement Cancel(int site, int fiber) => new Statement.Cancel(site, fiber);

    public static Statement Spawn(int site, int fiber) => new Statement.Spawn(site, fiber);

    public static Statement Acquire(
        int site, int local, Disposition disposition = Disposition.Defer, ResourceKind kind = ResourceKind.HeapBlock) =>
        new Statement.Acquire(site, local, kind, disposition);

    public static Statement Release(int site, int local) => new Statement.Release(site, local);

    public static Handling CatchBlock(int site, params Statement[] body) => new Handling.CatchBlock(site, [.. body], C(0));

    /// <summary>Condition that always holds.</summary>
    public static Condition Always => new(C(0), 1, 0);

    public static Condition IndexIs(int local, int value, int modulus = 16) => new(new Scalar.LoopIndex(local), modulus, value);

    /// <summary>A fallible function with an explicit error set of all that tests raise.</summary>
    public static Function Fallible(int id, params Statement[] body) => Fallible(id, NoValue, body);

    public static Function Fallible(int id, ZigType payload, params Statement[] body) => new(
        id,
        FunctionKind.Plain,
        new ErrorSet.Explicit([ErrorName.NotFound, ErrorName.Refused, ErrorName.Broken]),
        payload,
        [],
        true,
        [.. body]);

    public static Function Infallible(int id, params Statement[] body) =>
        new(id, FunctionKind.Plain, new ErrorSet.Infallible(), NoValue, [], true, [.. body]);

    public static Fiber Fiber(int function, bool startsAtLaunch = true, int fuel = 0) => new(function, [], fuel, startsAtLaunch);

    /// <summary>One fiber on function 0.</summary>
    public static FiberProgram Program(params Function[] functions) => new([.. functions], [Fiber(0)], 0);

    public static FiberProgram Program(Fiber[] fibers, int mutexes, params Function[] functions) =>
        new([.. functions], [.. fibers], mutexes);

    /// <summary>
    /// Runs a program (which must be well-formed) and compares the log of a fiber with one written by hand; the run
    /// without events must agree with the one with events.
    /// </summary>
    public static ExpectedRun AssertEvents(
        FiberProgram program, string expected, FaultPlan? fault = null, Schedule? schedule = null, int fiber = 0)
    {
        Assert.Empty(Validator.Check(program));
        var compiled = CompiledProgram.Of(program);
        var run = compiled.Run(fault ?? NoFault, schedule ?? Schedule.Fifo);
        Assert.Equal(expected, run.Events(fiber));
        Assert.Equal(RunEnding.Finished, run.Ending);
        AssertConsistent(run, compiled.Run(fault ?? NoFault, schedule ?? Schedule.Fifo, Kept.Counts));
        Assert.Equal(run with { Events = [], EntryPoints = [] }, compiled.Run(fault ?? NoFault, schedule ?? Schedule.Fifo, Kept.Traces));
        return run;
    }

    /// <summary>What a run without events must share with the one with events, and what that one's parts must add up to.</summary>
    private static void AssertConsistent(ExpectedRun run, ExpectedRun quick)
    {
        Assert.Equal(run with { Events = [], EntryPoints = [], Probes = [], Sightings = [] }, quick);
        Assert.Equal(
            run.FiberDigests, run.Events.Select(events => events.Aggregate(Digests.Start, Digests.Add)).ToEquatableArray());
        Assert.Equal(run.Digest, Digests.Combine(run.FiberDigests.AsSpan()));
        Assert.Equal(run.EventCount, run.Events.Sum(events => events.Count));
        Assert.Equal(run.Entries, run.EntryPoints.Count);
        Assert.Equal(run.Acquired, run.Events.Sum(events => events.Count(e => e.Kind is EventKind.Acquired)));
        Assert.Equal(run.ProbeCount, run.Probes.Count);
    }

    public static string Events(this ExpectedRun run, int fiber = 0) =>
        string.Join("\n", run.Events[fiber].Select(Show));

    /// <summary>An event in short: kind, A, and B where it means something.</summary>
    private static string Show(Event e) => e.Kind switch
    {
        EventKind.Enter or EventKind.Leave or EventKind.Probe or EventKind.Yielded => $"{e.Kind} {e.A}",
        EventKind.Delivered => $"{e.Kind} {(ErrorName)e.A}",
        EventKind.FiberEnd => $"{e.Kind} {(FiberOutcome)e.A}",
        EventKind.Raised or EventKind.Caught or EventKind.ErrDeferred => $"{e.Kind} {e.A} {(ErrorName)e.B}",
        EventKind.Acquired => $"{e.Kind} {e.A} {e.B >> 8} {(ResourceKind)(e.B & 0xFF)}",
        EventKind.Joined => $"{e.Kind} {e.A} {e.B >> 8} {(FiberOutcome)(e.B & 0xFF)}",
        EventKind.Spawned or EventKind.CancelRequested => $"{e.Kind} {e.A} {e.B >> 1} {e.B & 1}",
        EventKind.Result => e.A == 0 ? (e.B == VoidFold ? "Result ok" : $"Result ok {e.B:x}") : $"Result {(ErrorName)e.A}",
        _ => $"{e.Kind} {e.A} {e.B}",
    };

    private static readonly ulong VoidFold = Values.Fold(NoValue, 0);
}
