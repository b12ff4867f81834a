using Harness.Model;

namespace Harness.Emit;

/// <summary>What can be said about statements without writing them.</summary>
internal static class StatementTree
{
    /// <summary>Every statement in the body, nested ones after the one that holds them.</summary>
    public static IEnumerable<Statement> All(IEnumerable<Statement> body)
    {
        foreach (var statement in body)
        {
            yield return statement;
            foreach (var nested in Bodies(statement).SelectMany(inner => All(inner)))
            {
                yield return nested;
            }
        }
    }

    /// <summary>
    /// Whether control never passes the end of the list. Zig refuses an explicit exit after a direct one, and a
    /// reader wonders at any.
    /// </summary>
    public static bool Diverges(EquatableArray<Statement> body) => body.Any(Diverges);

    /// <summary>
    /// Whether the last thing that the function does may be a deferred call or probe. Everything else that can show
    /// the function in a trace is followed by an event or a value.
    /// </summary>
    public static bool MayEndInDeferredCall(Function function) => All(function.Body).Any(statement => statement switch
    {
        Statement.Defer defer => Calls(defer.Body),
        Statement.ErrDefer defer => Calls(defer.Body),
        Statement.ErrDeferCapture defer => Calls(defer.Body),
        _ => false,
    });

    private static bool Calls(EquatableArray<Statement> body) => All(body).Any(s => s is Statement.Call or Statement.Probe);

    private static bool Diverges(Statement statement) => statement switch
    {
        Statement.Return or Statement.Raise or Statement.TailCall => true,
        Statement.Block block => Diverges(block.Body),
        Statement.If branch => Diverges(branch.Then) && Diverges(branch.Else),
        Statement.Call { Handling: Handling.IfElse handling } => Diverges(handling.Then) && Diverges(handling.Else),
        _ => false,
    };

    private static IEnumerable<EquatableArray<Statement>> Bodies(Statement statement) => statement switch
    {
        Statement.Call call => Bodies(call.Handling),
        Statement.Defer defer => [defer.Body],
        Statement.ErrDefer defer => [defer.Body],
        Statement.ErrDeferCapture defer => [defer.Body],
        Statement.Block block => [block.Body],
        Statement.Loop loop => [loop.Body],
        Statement.If branch => [branch.Then, branch.Else],
        Statement.IfFuel branch => [branch.Body],
        _ => [],
    };

    private static IEnumerable<EquatableArray<Statement>> Bodies(Handling handling) => handling switch
    {
        Handling.CatchBlock block => [block.Body],
        Handling.CatchSwitch choice => [.. choice.Cases.Select(c => c.Body), choice.Else],
        Handling.IfElse branch => [branch.Then, branch.Else],
        _ => [],
    };
}
