using Harness.Model;

namespace Harness.Emit;

/// <summary>
/// The planted defects that live in emitted programs: what is written is not what the model runs. Whatever is changed names only locals declared
/// before it and leaves every site where it was, so the source still compiles and keeps its lines.
/// </summary>
public static class EmissionDefects
{
    /// <summary>The program as it is written with the defect of that name.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static FiberProgram Apply(string defect, FiberProgram program) => defect switch
    {
        "errdefer_order" => program with { Functions = program.Functions.Select(Swap).ToEquatableArray() },
        "errdefer_as_defer" => Each(program, s => s is Statement.ErrDefer deferred ? [new Statement.Defer(deferred.Body)] : [s]),
        "errdefer_dropped" => Each(program, s => s switch
        {
            Statement.ErrDefer deferred => [deferred with { Body = Never(deferred.Body) }],
            Statement.ErrDeferCapture deferred => [deferred with { Body = Never(deferred.Body) }],
            _ => [s],
        }),
        "defer_dropped" => Each(program, s => s is Statement.Defer deferred ? [deferred with { Body = Never(deferred.Body) }] : [s]),
        "log_shifted" => Each(program, s => s is Statement.Log log ? [log with { Value = new Scalar.Add(log.Value, new Scalar.Const(1)) }] : [s]),
        "raise_other" => Each(program, s => s is Statement.Raise raise ? [raise with { Error = Other(raise.Error) }] : [s], TakesAnyError),
        "branch_flipped" => Each(program, s => s is Statement.If branch ? [branch with { Then = branch.Else, Else = branch.Then }] : [s]),
        "loop_shorter" => Each(program, s => s is Statement.Loop { Count: > 1 } loop ? [loop with { Count = loop.Count - 1 }] : [s]),
        "rethrow_swallowed" => Each(
            program, s => s is Statement.Call { Handling: Handling.Rethrow again } call ? [call with { Handling = new Handling.Map(again.Site, ErrorName.Lost) }] : [s],
            TakesAnyError),
        "store_dropped" => Each(program, s => s is Statement.Store store ? [store with { Value = new Scalar.Const(0) }] : [s]),
        "probe_dropped" => Each(program, s => s is Statement.Probe ? [.. Never([s]).AsSpan()] : [s]),
        _ => throw new ArgumentException($"no defect of emitted programs is called {defect}", nameof(defect)),
    };

    /// <summary>Written down, so that each site keeps its line, and never run.</summary>
    private static EquatableArray<Statement> Never(EquatableArray<Statement> body) =>
        body.Count == 0 ? body : [new Statement.If(new Condition(new Scalar.Const(1), 2, 0), body, [])];

    private static ErrorName Other(ErrorName error) => error is ErrorName.Lost ? ErrorName.NotFound : ErrorName.Lost;

    /// <summary>The first errdefer of every function body moves behind the second: on an error they run in the wrong order.</summary>
    private static Function Swap(Function function)
    {
        var body = function.Body.ToList();
        var first = body.FindIndex(IsErrDefer);
        var second = first < 0 ? -1 : body.FindIndex(first + 1, IsErrDefer);
        if (second < 0)
        {
            return function;
        }

        var moved = body[first];
        body.RemoveAt(first);
        body.Insert(second, moved);
        return function with { Body = body.ToEquatableArray() };
    }

    private static bool IsErrDefer(Statement statement) => statement is Statement.ErrDefer or Statement.ErrDeferCapture;

    /// <summary>Another error than the program's own fits into its error set.</summary>
    private static bool TakesAnyError(Function function) => function.Errors is ErrorSet.AnyError;

    private static FiberProgram Each(FiberProgram program, Func<Statement, Statement[]> change, Func<Function, bool>? concerns = null) => program with
    {
        Functions = program.Functions.Select(f => concerns?.Invoke(f) ?? true ? f with { Body = Each(f.Body, change) } : f).ToEquatableArray(),
    };

    /// <summary>What is inside a statement first, then the statement.</summary>
    private static EquatableArray<Statement> Each(EquatableArray<Statement> body, Func<Statement, Statement[]> change) =>
        body.SelectMany(statement => change(Inside(statement, inner => Each(inner, change)))).ToEquatableArray();

    private static Statement Inside(Statement statement, Func<EquatableArray<Statement>, EquatableArray<Statement>> each) => statement switch
    {
        Statement.Call call => call with { Handling = Inside(call.Handling, each) },
        Statement.Defer deferred => deferred with { Body = each(deferred.Body) },
        Statement.ErrDefer deferred => deferred with { Body = each(deferred.Body) },
        Statement.ErrDeferCapture deferred => deferred with { Body = each(deferred.Body) },
        Statement.Block block => block with { Body = each(block.Body) },
        Statement.Loop loop => loop with { Body = each(loop.Body) },
        Statement.If branch => branch with { Then = each(branch.Then), Else = each(branch.Else) },
        Statement.IfFuel branch => branch with { Body = each(branch.Body) },
        _ => statement,
    };

    private static Handling Inside(Handling handling, Func<EquatableArray<Statement>, EquatableArray<Statement>> each) => handling switch
    {
        Handling.CatchBlock block => block with { Body = each(block.Body) },
        Handling.CatchSwitch choice => choice with { Cases = choice.Cases.Select(c => c with { Body = each(c.Body) }).ToEquatableArray(), Else = each(choice.Else) },
        Handling.IfElse branch => branch with { Then = each(branch.Then), Else = each(branch.Else) },
        _ => handling,
    };
}
