namespace Harness.Model;

/// <summary>
/// Every error a program can meet. The number is the code in the event log and in the runtime
/// (<c>zig-fixtures/runtime/abi.zig</c>). 1–8 are raised by programs, 100 and up delivered by the runtime
/// (together: <c>rt.Fault</c>, part of every error set).
/// </summary>
public enum ErrorName
{
    None = 0,
    NotFound = 1,
    Refused = 2,
    Broken = 3,
    TimedOut = 4,
    Corrupt = 5,
    Busy = 6,
    Denied = 7,
    Lost = 8,
    Injected = 100,
    Canceled = 101,
    StackOverflow = 102,
    OutOfStackSegments = 103,
    Deadlock = 104,
}

/// <summary>A function's error set.</summary>
public abstract record ErrorSet
{
    private ErrorSet()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <summary>The function cannot fail; a pending fault waits for the fiber's next fallible checkpoint.</summary>
    public sealed record Infallible : ErrorSet { internal override Sealed Seal => default; }

    /// <summary><c>!T</c>. Not on a call cycle, not callable by pointer (Zig cannot resolve it there).</summary>
    public sealed record Inferred : ErrorSet { internal override Sealed Seal => default; }

    /// <summary><c>(rt.Fault || error{…})!T</c> with user errors only (possibly none).</summary>
    public sealed record Explicit(EquatableArray<ErrorName> Errors) : ErrorSet { internal override Sealed Seal => default; }

    /// <summary><c>anyerror!T</c>.</summary>
    public sealed record AnyError : ErrorSet { internal override Sealed Seal => default; }
}

/// <summary>How a function is written down in Zig.</summary>
public enum FunctionKind
{
    Plain,

    /// <summary><c>fn f(comptime T: type, v0: T, …)</c> with T the type of parameter 0 (at least one, makeable, parameter).</summary>
    Generic,

    /// <summary>Declared inside a struct and called on an instance, with a <c>self</c> the model does not see.</summary>
    Method,

    /// <summary><c>callconv(.c)</c>, infallible, void, exactly one CellPointer parameter.</summary>
    Callback,
}

/// <summary>
/// A transpiled function. Its first statement is the checkpoint (the logical entry); the emitter writes it.
/// <paramref name="NoInline"/> false lets an optimiser inline it. A body that falls off its end returns
/// make(payload, 0) after the event Leave (a <see cref="ZigType.Handle"/> payload must end in an explicit Return).
/// </summary>
public sealed record Function(
    int Id,
    FunctionKind Kind,
    ErrorSet Errors,
    ZigType Payload,
    EquatableArray<ZigType> Parameters,
    bool NoInline,
    EquatableArray<Statement> Body)
{
    public bool IsFallible => Errors is not ErrorSet.Infallible;
}

/// <summary>
/// A fiber: calls <paramref name="Function"/> with make(parameter i, Arguments[i]) — all parameters makeable, payload
/// not a handle — and records the result. <paramref name="Fuel"/>: 0 to <see cref="ProgramLimits.MaxFuel"/>.
/// </summary>
public sealed record Fiber(int Function, EquatableArray<ulong> Arguments, int Fuel, bool StartsAtLaunch);

/// <summary>
/// A whole program: value-equal, immutable, terminating by construction. Function ids equal their index; calls go to
/// higher ids except under fuel. Fiber 0 starts at launch.
/// </summary>
public sealed record FiberProgram(EquatableArray<Function> Functions, EquatableArray<Fiber> Fibers, int Mutexes);

/// <summary>Caps that hold for every program; the interpreter and the native worker enforce the dynamic ones.</summary>
public static class ProgramLimits
{
    public const int MaxFibers = 8;
    public const int MaxMutexes = 8;
    public const int MaxFunctions = 64;
    public const int MaxParameters = 14;
    public const int MaxFuel = 20_000;

    /// <summary>Logical entries in one execution, all fibers together.</summary>
    public const int MaxEntries = 40_000;

    /// <summary>Events in one execution, all fibers together.</summary>
    public const int MaxEvents = 400_000;

    /// <summary>Frames in all traces of one execution together (deep recursion with a probe at every level is quadratic).</summary>
    public const int MaxTracedFrames = 1_000_000;

    /// <summary>Steps of the model's machine in one execution; a few per statement. Stops nests of loops that log nothing.</summary>
    public const int MaxSteps = 20_000_000;

    /// <summary>Words of a buffer that a slice argument covers.</summary>
    public const int SlicedWords = 8;

    public const int MaxBufferWords = 16_384;

    /// <summary>Bodies inside bodies, a function's own body counted.</summary>
    public const int MaxNesting = 32;

    /// <summary><see cref="Scalar.Add"/>s inside each other.</summary>
    public const int MaxScalarNesting = 16;

    /// <summary>Types inside types.</summary>
    public const int MaxTypeNesting = 8;

    /// <summary>Fields of a struct, lanes of a vector.</summary>
    public const int MaxTypeParts = 64;
}
