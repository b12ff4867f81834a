using Harness.Model;

namespace Harness.Emit;

/// <summary>The planted defect that lives in emitted programs: what is written is not what the model runs.</summary>
public static class EmissionDefects
{
    /// <summary>
    /// The first errdefer of every function body moves behind the second: on an error they run in the wrong order.
    /// What is moved names only locals declared before it, so the source still compiles.
    /// </summary>
    public static FiberProgram SwapErrDefers(FiberProgram program) =>
        program with { Functions = program.Functions.Select(Swap).ToEquatableArray() };

    private static Function Swap(Function function)
    {
        var body = function.Body.ToList();
        var first = body.FindIndex(IsErrDefer);
        var second = first < 0 ? -1 : body.FindIndex(first + 1, IsErrDefer);
        if (second < 0)
            return function;
        var moved = body[first];
        body.RemoveAt(first);
        body.Insert(second, moved);
        return function with { Body = body.ToEquatableArray() };
    }

    private static bool IsErrDefer(Statement statement) => statement is Statement.ErrDefer or Statement.ErrDeferCapture;
}
