using Harness.Model;

namespace Harness.Emit.Tests;

/// <summary>Hand-written programs: together they use every statement, handling, kind of function and form of call.</summary>
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

    public static Statement Call(int site, int function, Handling handling, int result = -1, params Argument[] arguments) =>
        new Statement.Call(site, function, CallForm.Direct, arguments.ToEquatableArray(), handling, result);

    public static Statement Return(ulong seed) => new Statement.Return(new ReturnValue.Made(Const(seed)));

    /// <summary>One fiber that starts in function 0.</summary>
    public static FiberProgram Program(params Function[] functions) =>
        new(functions.ToEquatableArray(), [new Fiber(0, [.. functions[0].Parameters.Select(_ => 5UL)], 0, true)], 1);
}
