using Harness.Model;

namespace Harness.Verification.Tests;

/// <summary>Small programs, written by hand.</summary>
internal static class Samples
{
    public static readonly Cell Cell = new(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm);

    private static readonly ZigType Void = new ZigType.Void();
    private static readonly ErrorSet Failing = new ErrorSet.AnyError();

    /// <summary>
    /// Fiber 0: f0 takes a table handle (defer), then calls f1, which takes a heap block (errdefer-free) and calls the
    /// leaf f2 in a loop; f2 probes. With <paramref name="fibers"/> of two or more the others run f1 and yield.
    /// </summary>
    public static FiberProgram Nested(int fibers = 1, int loops = 3)
    {
        var f0 = Function(0,
            new Statement.Acquire(1, 0, ResourceKind.TableHandle, Disposition.Defer),
            Call(2, 1),
            new Statement.Log(3, new Scalar.Const(7)));
        var f1 = Function(1,
            new Statement.Acquire(4, 0, ResourceKind.HeapBlock, Disposition.Defer),
            new Statement.Loop(1, loops, [new Statement.Yield(5), Call(6, 2)]),
            Call(7, 2, new Handling.CatchBlock(8, [new Statement.Log(9, new Scalar.Const(1))], new Scalar.Const(0))));
        var f2 = Function(2, new Statement.Probe(10), new Statement.Log(11, new Scalar.Const(3)));
        var others = Enumerable.Range(1, fibers - 1).Select(_ => new Fiber(1, [], 0, StartsAtLaunch: true));
        return new FiberProgram([f0, f1, f2], [new Fiber(0, [], 0, true), .. others], 0);
    }

    /// <summary>One function that calls itself while there is fuel, each holding a resource, and probes at the bottom.</summary>
    public static FiberProgram Recursive(int depth, ResourceKind holds = ResourceKind.HeapBlock)
    {
        var f0 = Function(0,
            new Statement.Acquire(1, 0, holds, Disposition.Defer),
            new Statement.IfFuel([Call(2, 0), new Statement.Return(new ReturnValue.Made(new Scalar.Const(0)))]),
            new Statement.Probe(3));
        return new FiberProgram([f0], [new Fiber(0, [], depth, true)], 0);
    }

    /// <summary>
    /// f0 calls f1, handles its error and probes in the handler and behind it; f1 calls itself <paramref name="depth"/> times (its
    /// fuel) and then raises. An errdefer of f2, which passes one more error on, probes too.
    /// </summary>
    public static FiberProgram Failures(int depth) => new(
    [
        Function(0,
            Call(1, 1, new Handling.CatchBlock(2, [new Statement.Probe(3)], new Scalar.Const(0))),
            new Statement.Probe(4),
            Call(5, 2, new Handling.IfElse(6, [], [new Statement.Probe(7)])),
            new Statement.Probe(8)),
        // The defer keeps the frame: without it the call would be the last thing that the function does.
        Function(1,
            new Statement.Defer([new Statement.Log(12, new Scalar.Const(1))]),
            new Statement.IfFuel([Call(10, 1)]),
            new Statement.Raise(11, ErrorName.Broken)),
        Function(2, new Statement.ErrDefer([new Statement.Probe(20)]), Call(21, 3, new Handling.Map(22, ErrorName.Refused))),
        Function(3, new Statement.Raise(30, ErrorName.Lost)),
    ],
    [new Fiber(0, [], depth, true)], 0);

    /// <summary>
    /// Calls every service there is: fiber 0 starts fiber 1, takes a mutex that fiber 1 waits for, asks it to end and waits for that; in between
    /// it fills a buffer, is called back, handles an error, and recurses a little.
    /// </summary>
    public static FiberProgram EveryService()
    {
        var f0 = Function(0,
            new Statement.Acquire(1, 0, ResourceKind.TableHandle, Disposition.Defer),
            new Statement.Lock(2, 1, 0),
            new Statement.Spawn(3, 1),
            new Statement.Yield(4),
            new Statement.Buffer(2, 96, 64, new Scalar.Const(5)),
            new Statement.CheckBuffer(5, 2),
            new Statement.Cell(3, new Scalar.Const(6)),
            new Statement.Call(6, 3, CallForm.Callback, [new Argument.Local(3)], new Handling.Plain(), -1),
            Call(7, 2),
            Call(16, 4, new Handling.CatchBlock(17, [], new Scalar.Const(0))),
            new Statement.Cancel(9, 1),
            new Statement.Join(10, 1));
        var f1 = Function(1, new Statement.Lock(11, 0, 0), new Statement.Yield(12), Call(13, 2));
        var f2 = Function(2, new Statement.IfFuel([Call(14, 2)]), new Statement.Probe(15));
        var f3 = new Function(
            3, FunctionKind.Callback, new ErrorSet.Infallible(), Void, [new ZigType.CellPointer()], NoInline: true, [new Statement.Store(0, new Scalar.Const(9))]);
        var f4 = Function(4, new Statement.Raise(18, ErrorName.Lost));
        return new FiberProgram([f0, f1, f2, f3, f4], [new Fiber(0, [], 4, true), new Fiber(1, [], 2, false)], 1);
    }

    /// <summary>Fiber 0 waits for fiber 1, which has ended meanwhile, and was given a value of several parts.</summary>
    public static FiberProgram Joining() => new(
        [
            Function(0, new Statement.Yield(1), new Statement.Join(2, 1)),
            Function(1, new Statement.Log(3, new Scalar.Const(1))) with { Parameters = [new ZigType.Vector(4, new ZigType.Float(32))] },
        ],
        [new Fiber(0, [], 0, true), new Fiber(1, [7], 0, true)], 0);

    /// <summary>Two errdefers that log, a defer between them, and a call that an injected error may fail.</summary>
    public static FiberProgram TwoErrDefers { get; } = new(
    [
        Function(0,
            new Statement.ErrDefer([new Statement.Log(1, new Scalar.Const(1))]),
            new Statement.Defer([new Statement.Log(2, new Scalar.Const(2))]),
            new Statement.ErrDefer([new Statement.Log(3, new Scalar.Const(3))]),
            Call(4, 1)),
        Function(1, new Statement.Log(5, new Scalar.Const(5))),
    ],
    [new Fiber(0, [], 0, true)], 0);

    public static Function Function(int id, params ReadOnlySpan<Statement> body) =>
        new(id, FunctionKind.Plain, Failing, Void, [], NoInline: true, EquatableArray.Create(body));

    public static Statement.Call Call(int site, int function, Handling? handling = null) =>
        new(site, function, CallForm.Direct, [], handling ?? new Handling.Try(), -1);
}
