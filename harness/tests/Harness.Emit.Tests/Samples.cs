using Harness.Model;

namespace Harness.Emit.Tests;

/// <summary>
/// Hand-written programs: together they use every statement, handling, kind of function and form of call.
/// </summary>
internal static class Samples
{
    public static readonly ZigType U32 = new ZigType.Int(32, false);
    public static readonly ZigType U64 = new ZigType.Int(64, false);
    public static readonly ZigType Void = new ZigType.Void();
    public static readonly ZigType Slice = new ZigType.Slice();
    public static readonly ZigType Pointer = new ZigType.CellPointer();
    public static readonly ZigType Handle = new ZigType.Handle();
    public static readonly ErrorSet Infallible = new ErrorSet.Infallible();
    public static readonly ErrorSet Inferred = new ErrorSet.Inferred();
    public static readonly ErrorSet Any = new ErrorSet.AnyError();
    public static readonly Handling Plain = new Handling.Plain();
    public static readonly Handling Try = new Handling.Try();

    public static Scalar Const(ulong value) => new Scalar.Const(value);

    public static Scalar Fold(int local) => new Scalar.Fold(local);

    public static Argument Made(ulong seed) => new Argument.Made(Const(seed));

    public static Argument Local(int local) => new Argument.Local(local);

    public static ErrorSet Explicit(params ErrorName[] errors) => new ErrorSet.Explicit(errors.ToEquatableArray());

    public static Condition When(Scalar value, int modulus, int remainder) => new(value, modulus, remainder);

    public static Function Function(
        int id, ErrorSet errors, ZigType payload, EquatableArray<ZigType> parameters, params Statement[] body) =>
        new(id, FunctionKind.Plain, errors, payload, parameters, NoInline: true, body.ToEquatableArray());

    public static Statement Call(
        int site, int function, Handling handling, int result = -1, params Argument[] arguments) =>
        new Statement.Call(site, function, CallForm.Direct, arguments.ToEquatableArray(), handling, result);

    public static Statement Return(ulong seed) => new Statement.Return(new ReturnValue.Made(Const(seed)));

    /// <summary>One fiber that starts in function 0.</summary>
    public static FiberProgram Program(params Function[] functions) =>
        new(functions.ToEquatableArray(), [new Fiber(0, [.. functions[0].Parameters.Select(_ => 5UL)], 0, true)], 1);

    /// <summary>
    /// A program whose function 0 has the given body and may raise Busy, Denied and Lost. Its parameters: 0 a u32,
    /// 1 a slice. Callees: 1 fetch (Busy, Lost), 2 run, 3 compute, 4 touch, 5 relay (generic), 6 visit (method),
    /// 7 notify (callback), 8 open.
    /// </summary>
    public static FiberProgram Caller(params Statement[] body) => Program(
    [
        Function(0, Explicit(ErrorName.Busy, ErrorName.Denied, ErrorName.Lost), U32, [U32, Slice], body),
        Function(
            1, Explicit(ErrorName.Busy, ErrorName.Lost), U32, [U32],
            new Statement.If(When(Fold(0), 3, 1), [new Statement.Raise(101, ErrorName.Busy)], [])),
        Function(2, Explicit(), Void, [], new Statement.Probe(102)),
        Function(3, Infallible, U32, [U32], new Statement.Log(103, Fold(0))),
        Function(4, Infallible, Void, [], new Statement.Probe(104)),
        Function(5, Inferred, U32, [U32, Slice], new Statement.Log(105, Fold(1))) with { Kind = FunctionKind.Generic },
        Function(6, Any, U32, [U32], new Statement.Raise(106, ErrorName.Corrupt)) with { Kind = FunctionKind.Method },
        Function(7, Infallible, Void, [Pointer], new Statement.Store(0, Const(9)))
            with { Kind = FunctionKind.Callback },
        Function(
            8, Explicit(), Handle, [],
            new Statement.Acquire(108, 0, ResourceKind.TableHandle, Disposition.ErrDefer),
            Call(109, 2, Try),
            new Statement.Return(new ReturnValue.Local(0))),
    ]);
}
