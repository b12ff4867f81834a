using Harness.Generators.Shrinking;
using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators;

/// <summary>
/// Smaller programs than a given one, each well-formed, finishing without a fault, and of a lower
/// <see cref="ProgramMeasure"/>. Lazy, the boldest changes first.
/// </summary>
public static class ProgramShrinker
{
    private static readonly IReadOnlyList<Func<FiberProgram, IEnumerable<FiberProgram>>> Passes =
    [
        FiberPasses.Drop,
        FiberPasses.Enter,
        FunctionPasses.Drop,
        FunctionPasses.Empty,
        StatementPasses.Delete,
        StatementPasses.Unwrap,
        StatementPasses.Handlings,
        InlinePasses.Inline,
        InlinePasses.Disown,
        FiberPasses.Fuel,
        FunctionPasses.DropParameters,
        ValuePasses.Types,
        FunctionPasses.Plainer,
        FunctionPasses.Types,
        StatementPasses.Dispositions,
        StatementPasses.Simplify,
        FiberPasses.Simplify,
        ValuePasses.Scalars,
        Mutexes,
        StatementPasses.DeletePairs,
    ];

    public static IEnumerable<FiberProgram> Candidates(FiberProgram program)
    {
        var measure = ProgramMeasure.Of(program);
        var seen = new HashSet<FiberProgram>();
        foreach (var changed in Passes.SelectMany(pass => pass(program)))
        {
            var candidate = Renumbering.Normalize(Repair.Of(changed));
            if (ProgramMeasure.Of(candidate) < measure && seen.Add(candidate) && IsUsable(candidate))
            {
                yield return candidate;
            }
        }
    }

    internal static bool IsUsable(FiberProgram program) =>
        Validator.Check(program).Count == 0
        && Interpreter.Run(program, new FaultPlan.None(), Schedule.Fifo, Kept.Counts).Ending
            is RunEnding.Finished;

    private static IEnumerable<FiberProgram> Mutexes(FiberProgram program)
    {
        var used = Walk.Statements(program).OfType<Statement.Lock>().Select(s => s.Mutex + 1).DefaultIfEmpty().Max();
        for (var mutexes = used; mutexes < program.Mutexes; mutexes++)
        {
            yield return program with
            {
                Mutexes = mutexes,
            };
        }
    }
}
