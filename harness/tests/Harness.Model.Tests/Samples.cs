using static Harness.Model.Tests.Dsl;

namespace Harness.Model.Tests;

/// <summary>A well-formed program with every kind of statement, handling, type and error set.</summary>
internal static class Samples
{
    public static readonly ZigType Everything = new ZigType.Struct(
        StructLayout.Auto,
        [
            new ZigType.Bool(), new ZigType.Int(7, true), new ZigType.Int(256, false), new ZigType.Float(80),
            new ZigType.Vector(4, new ZigType.Int(16, true)), new ZigType.Enum(5),
            new ZigType.Union([new ZigType.Void(), new ZigType.Float(16)]), new ZigType.Optional(Slice),
            new ZigType.Struct(StructLayout.Packed, [new ZigType.Bool(), new ZigType.Int(9, false)]),
            new ZigType.Struct(StructLayout.Extern, [new ZigType.Float(64), new ZigType.Int(8, true)], 32),
        ],
        64);

    public static readonly FiberProgram Full = new(
        [Main, Opener, Sum, Callback, Generic, Method, Inferred, Any],
        [new(0, [ulong.MaxValue], 3, true), new(6, [], 0, false)],
        2);

    private static Function Main => new(
        0,
        FunctionKind.Plain,
        new ErrorSet.Explicit([ErrorName.NotFound, ErrorName.Broken]),
        U64,
        [Everything],
        true,
        [
            new Statement.Let(1, Everything, Fold(0)),
            new Statement.Cell(2, C(3)),
            new Statement.Buffer(3, 64, 4096, new Scalar.Add(C(1), Fold(2))),
            Defer(Log(1, 5), new Statement.CheckBuffer(2, 3)),
            Capture(3, Log(4)),
            Call(5, 1, new Handling.Map(6, ErrorName.Broken), 4),
            Defer(Release(7, 4)),
            Call(8, 1, new Handling.IfElse(9, [Release(10, 5)], [Log(11)]), 5),
            new Statement.Call(12, 2, CallForm.Pointer, [new Argument.Local(3), new Argument.Local(2)], Plain, 6),
            new Statement.Call(13, 3, CallForm.Callback, [new Argument.Local(2)], Plain, -1),
            new Statement.Call(14, 4, CallForm.NeverTail, [new Argument.Local(1)], new Handling.CatchValue(C(9)), 7),
            Call(15, 5, new Handling.CatchSwitch(16, [new(ErrorName.Lost, [Yield(17)])], [Probe(18)], Fold(2)), 8),
            Call(19, 6, CatchBlock(20, Acquire(21, 9, Disposition.Manual, ResourceKind.TableHandle), Release(22, 9))),
            Loop(10, 4, new Statement.BreakIf(IndexIs(10, 2)), new Statement.ContinueIf(IndexIs(10, 1)), Lock(23, 11, 1)),
            Block(Spawn(24, 1), Cancel(25, 1), Join(26, 1), Acquire(27, 12, kind: ResourceKind.FileDescriptor)),
            Fuel(Call(28, 0, new Handling.CatchValue(C(0)), 13, new Argument.Made(C(1)))),
            If(Always, [new Statement.Store(2, C(1))], Raise(29, ErrorName.NotFound)),
            Return(30),
        ]);

    private static Function Opener =>
        Fallible(1, HandleType, Acquire(40, 0, Disposition.ErrDefer), ErrDefer(Log(41)), Call(42, 7, new Handling.CatchValue(C(0))), ReturnLocal(0));

    private static Function Sum => new(
        2,
        FunctionKind.Plain,
        new ErrorSet.Infallible(),
        U64,
        [Slice, Pointer],
        false,
        [new Statement.Store(1, Fold(0)), new Statement.Return(new ReturnValue.Made(Fold(1)))]);

    private static Function Callback =>
        Infallible(3, new Statement.Store(0, C(7))) with { Kind = FunctionKind.Callback, Parameters = [Pointer] };

    private static Function Generic => new(
        4, FunctionKind.Generic, new ErrorSet.AnyError(), Everything, [Everything], true, [ReturnLocal(0)]);

    private static Function Method => new(
        5, FunctionKind.Method, new ErrorSet.Inferred(), U64, [], true, [Call(50, 7, new Handling.Rethrow(51)), Raise(52, ErrorName.Lost)]);

    private static Function Inferred => new(
        6, FunctionKind.Plain, new ErrorSet.Inferred(), NoValue, [], true, [Call(60, 7, Try), Tail(61, 7)]);

    private static Function Any => new(7, FunctionKind.Plain, new ErrorSet.AnyError(), NoValue, [], true, []);
}
