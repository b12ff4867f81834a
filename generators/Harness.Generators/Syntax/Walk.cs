using Harness.Model;

namespace Harness.Generators.Syntax;

/// <summary>Reading a whole program: what <see cref="StatementTree"/> does for one body.</summary>
internal static class Walk
{
    /// <summary>Every statement, nested ones after the one that holds them.</summary>
    public static IEnumerable<Statement> Statements(FiberProgram program) =>
        program.Functions.SelectMany(function => StatementTree.All(function.Body));

    /// <summary>How many statements are inside one.</summary>
    public static int CountInside(Statement statement) =>
        StatementTree.Bodies(statement).SelectMany(StatementTree.All).Count();

    /// <summary>The functions that a body calls, in any form, once per call.</summary>
    public static IEnumerable<int> Callees(EquatableArray<Statement> body) =>
        StatementTree.All(body).Select(StatementTree.CalleeOf).OfType<int>();
}
