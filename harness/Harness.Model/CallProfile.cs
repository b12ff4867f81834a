namespace Harness.Model;

/// <summary>How a call of an execution came to be.</summary>
public enum CallKind : byte
{
    /// <summary>A fiber's entry function, which its wrapper calls.</summary>
    Fiber,
    Direct,
    Method,
    Generic,
    NeverTail,
    Pointer,
    Callback,
    Tail,
}

/// <summary>What the callee gives back, by where a calling convention puts it.</summary>
public enum ReturnClass : byte
{
    Void,
    Word,
    Wide,
    Float,
    Vector,
    Aggregate,
}

/// <summary>What the callee is given: the class of its most demanding argument.</summary>
public enum ArgumentClass : byte
{
    None,
    Word,
    Pointer,
    Float,
    Wide,
    Vector,
    Aggregate,

    /// <summary>More than the registers hold.</summary>
    Stack,
}

/// <summary>How a call ended.</summary>
public enum CallExit : byte
{
    Return,
    Error,
    Cancel,

    /// <summary>StackOverflow or OutOfStackSegments.</summary>
    Overflow,
    Panic,
    Segfault,
}

/// <summary>One call of an execution, as coverage sees it (docs/COVERAGE.md).</summary>
/// <param name="Cleanups">Deferred bodies that it ran itself before it ended; of a call that a panic or segfault ended, resources released on its fiber's
/// behalf. No more than <see cref="MaxCleanups"/>.</param>
/// <param name="InCleanup">A deferred body of its fiber was running when it was made.</param>
public readonly record struct CallProfile(CallKind Kind, ReturnClass Return, ArgumentClass Argument, CallExit Exit, byte Cleanups, bool InCleanup)
{
    /// <summary>Three and more.</summary>
    public const int MaxCleanups = 3;

    /// <summary>Of an execution's first calls profiles are kept; the worker tells of no more (zig-fixtures/worker/places.zig).</summary>
    public const int MaxCalls = 128;
}

/// <summary>What of a program's profiles is known before it runs.</summary>
internal sealed class CallClasses
{
    /// <summary>Words of arguments that registers hold.</summary>
    private const int RegisterWords = 6;

    private readonly ReturnClass[] _returns;
    private readonly ArgumentClass[] _arguments;
    private readonly Dictionary<int, CallKind> _kinds = [];

    public CallClasses(FiberProgram program)
    {
        _returns = [.. program.Functions.Select(function => ReturnOf(function.Payload))];
        _arguments = [.. program.Functions.Select(ArgumentOf)];
        foreach (var statement in program.Functions.SelectMany(function => StatementTree.All(function.Body)))
        {
            switch (statement)
            {
                case Statement.Call call:
                    _kinds[call.Site] = KindOf(call.Form, program.Functions[call.Function].Kind);
                    break;
                case Statement.TailCall tail:
                    _kinds[tail.Site] = CallKind.Tail;
                    break;
            }
        }
    }

    /// <param name="site">Of the call; −1: a fiber's start.</param>
    public CallProfile Of(int function, int site, bool inCleanup) => new(
        site < 0 ? CallKind.Fiber : _kinds[site], _returns[function], _arguments[function], CallExit.Return, 0, inCleanup);

    public static CallExit ExitOf(int error) => (ErrorName)error switch
    {
        ErrorName.None => CallExit.Return,
        ErrorName.Canceled => CallExit.Cancel,
        ErrorName.StackOverflow or ErrorName.OutOfStackSegments => CallExit.Overflow,
        _ => CallExit.Error,
    };

    private static CallKind KindOf(CallForm form, FunctionKind callee) => (form, callee) switch
    {
        (CallForm.NeverTail, _) => CallKind.NeverTail,
        (CallForm.Pointer, _) => CallKind.Pointer,
        (CallForm.Callback, _) => CallKind.Callback,
        (_, FunctionKind.Method) => CallKind.Method,
        (_, FunctionKind.Generic) => CallKind.Generic,
        _ => CallKind.Direct,
    };

    private static ReturnClass ReturnOf(ZigType payload) => payload switch
    {
        ZigType.Void => ReturnClass.Void,
        ZigType.Bool or ZigType.Int { Bits: <= 64 } or ZigType.Enum or ZigType.Handle => ReturnClass.Word,
        ZigType.Int => ReturnClass.Wide,
        ZigType.Float => ReturnClass.Float,
        ZigType.Vector => ReturnClass.Vector,
        _ => ReturnClass.Aggregate,
    };

    private static ArgumentClass ArgumentOf(Function function)
    {
        if (function.Parameters.Count > RegisterWords)
        {
            return ArgumentClass.Stack;
        }

        var most = ArgumentClass.None;
        foreach (var type in function.Parameters)
        {
            var one = ArgumentOf(type);
            most = one > most ? one : most;
        }

        return most;
    }

    private static ArgumentClass ArgumentOf(ZigType type) => type switch
    {
        ZigType.CellPointer or ZigType.Slice => ArgumentClass.Pointer,
        _ => ReturnOf(type) switch
        {
            ReturnClass.Void => ArgumentClass.None,
            ReturnClass.Word => ArgumentClass.Word,
            ReturnClass.Wide => ArgumentClass.Wide,
            ReturnClass.Float => ArgumentClass.Float,
            ReturnClass.Vector => ArgumentClass.Vector,
            _ => ArgumentClass.Aggregate,
        },
    };
}
