using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators.Shrinking;

/// <summary>
/// Changes to statements, which are named by their position in source order within a body (nested ones counted).
/// </summary>
internal static class StatementEdits
{
    /// <summary>Without the statements at these positions of the whole program, and all that is inside them.</summary>
    public static FiberProgram WithoutRun(FiberProgram program, int start, int count) =>
        new Editor(position => position >= start && position < start + count ? [] : null).Rewrite(program);

    public static FiberProgram Without(FiberProgram program, int first, int second) =>
        new Editor(position => position == first || position == second ? [] : null).Rewrite(program);

    /// <summary>Other statements in the place of one.</summary>
    public static EquatableArray<Statement> Replace(
        EquatableArray<Statement> body,
        int position,
        IReadOnlyList<Statement> replacement
    ) => new Editor(at => at == position ? replacement : null).Body(body);

    /// <summary>Without the releases of a local.</summary>
    public static EquatableArray<Statement> WithoutReleases(EquatableArray<Statement> body, int local) =>
        new ReleaseDropper(local).Body(body);

    public static FiberProgram WithBody(FiberProgram program, int function, EquatableArray<Statement> body) =>
        WithFunction(program, program.Functions[function] with { Body = body });

    public static FiberProgram WithFunction(FiberProgram program, Function function) =>
        program with
        {
            Functions = program.Functions.Select(f => f.Id == function.Id ? function : f).ToEquatableArray(),
        };

    /// <summary>Each statement's position asked; null keeps the statement and goes inside.</summary>
    private sealed class Editor(Func<int, IReadOnlyList<Statement>?> edit) : ProgramRewriter
    {
        private int _position;

        protected override void Rewrite(Statement statement, List<Statement> into)
        {
            if (edit(_position) is { } replacement)
            {
                _position += 1 + Walk.CountInside(statement);
                into.AddRange(replacement);
                return;
            }

            _position++;
            base.Rewrite(statement, into);
        }
    }

    private sealed class ReleaseDropper(int local) : ProgramRewriter
    {
        protected override void Rewrite(Statement statement, List<Statement> into)
        {
            if (statement is not Statement.Release release || release.Local != local)
            {
                base.Rewrite(statement, into);
            }
        }
    }
}
