using Harness.Model;

namespace Harness.Generators.Tests;

internal static class Measures
{
    public static IEnumerable<Statement> All(FiberProgram program) =>
        program.Functions.SelectMany(f => StatementTree.All(f.Body));

    public static int Statements(FiberProgram program) => All(program).Count();

    /// <summary>The value below which so many percent lie.</summary>
    public static int Percentile(IEnumerable<int> values, int percent)
    {
        var sorted = values.Order().ToArray();
        return sorted[Math.Min(sorted.Length - 1, sorted.Length * percent / 100)];
    }
}
