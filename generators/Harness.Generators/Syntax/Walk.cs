using Harness.Model;

namespace Harness.Generators.Syntax;

/// <summary>Reading a program: its statements, in source order.</summary>
internal static class Walk
{
    /// <summary>Every statement, nested ones after the one that holds them.</summary>
    public static IEnumerable<Statement> Statements(FiberProgram program) =>
        program.Functions.SelectMany(function => Statements(function.Body));

    public static IEnumerable<Statement> Statements(EquatableArray<Statement> body)
    {
        foreach (var statement in body)
        {
            yield return statement;
            foreach (var nested in Blocks(statement).SelectMany(Statements))
            {
                yield return nested;
            }
        }
    }

    /// <summary>The blocks directly inside a statement, those of a call's handling included.</summary>
    public static IEnumerable<EquatableArray<Statement>> Blocks(Statement statement) => statement switch
    {
        Statement.Call s => Blocks(s.Handling),
        Statement.Defer s => [s.Body],
        Statement.ErrDefer s => [s.Body],
        Statement.ErrDeferCapture s => [s.Body],
        Statement.Block s => [s.Body],
        Statement.Loop s => [s.Body],
        Statement.If s => [s.Then, s.Else],
        Statement.IfFuel s => [s.Body],
        _ => [],
    };

    public static IEnumerable<EquatableArray<Statement>> Blocks(Handling handling) => handling switch
    {
        Handling.CatchBlock h => [h.Body],
        Handling.CatchSwitch h => [.. h.Cases.Select(c => c.Body), h.Else],
        Handling.IfElse h => [h.Then, h.Else],
        _ => [],
    };

    /// <summary>The functions that a body calls, in any form, once per call.</summary>
    public static IEnumerable<int> Callees(EquatableArray<Statement> body)
    {
        foreach (var statement in Statements(body))
        {
            switch (statement)
            {
                case Statement.Call call:
                    yield return call.Function;
                    break;
                case Statement.TailCall call:
                    yield return call.Function;
                    break;
            }
        }
    }

    /// <summary>
    /// Whether control can come out at the statement's end. Zig rejects statements after one that it cannot come out of.
    /// </summary>
    public static bool Completes(Statement statement) => statement switch
    {
        Statement.Raise or Statement.Return or Statement.TailCall => false,
        Statement.Block s => Completes(s.Body),
        Statement.If s => Completes(s.Then) || Completes(s.Else),
        Statement.Call { Handling: Handling.IfElse h } => Completes(h.Then) || Completes(h.Else),
        _ => true,
    };

    public static bool Completes(EquatableArray<Statement> body)
    {
        foreach (var statement in body)
        {
            if (!Completes(statement))
            {
                return false;
            }
        }

        return true;
    }
}
