using Harness.Model;

namespace Harness.Generators.Syntax;

/// <summary>
/// Gives functions, locals and sites consecutive numbers again: functions that no fiber can reach are dropped, sites
/// count from 1 over the program, locals from the parameters on in each function. Order is kept, so forward calls stay
/// forward.
/// </summary>
internal static class Renumbering
{
    public static FiberProgram Normalize(FiberProgram program)
    {
        var reached = Reached(program);
        var numbers = new int[program.Functions.Count];
        var next = 0;
        for (var id = 0; id < numbers.Length; id++)
        {
            numbers[id] = reached[id] ? next++ : -1;
        }

        var kept = program with { Functions = program.Functions.Where(f => reached[f.Id]).ToEquatableArray() };
        return new Renumberer(numbers).Rewrite(kept);
    }

    /// <summary>Which functions some fiber can reach.</summary>
    public static bool[] Reached(FiberProgram program)
    {
        var reached = new bool[program.Functions.Count];
        var open = new Stack<int>(program.Fibers.Select(fiber => fiber.Function));
        while (open.TryPop(out var id))
        {
            if (reached[id])
            {
                continue;
            }

            reached[id] = true;
            foreach (var callee in Walk.Callees(program.Functions[id].Body))
            {
                open.Push(callee);
            }
        }

        return reached;
    }

    private sealed class Renumberer(int[] functions) : ProgramRewriter
    {
        private readonly Dictionary<int, int> _locals = [];
        private int _sites;

        public override Function Rewrite(Function function)
        {
            _locals.Clear();
            for (var i = 0; i < function.Parameters.Count; i++)
            {
                _locals.Add(i, i);
            }

            return function with
            {
                Id = functions[function.Id],
                Body = Body(function.Body),
            };
        }

        protected override int Site(int site) => ++_sites;

        protected override int Declaration(int local) => _locals[local] = _locals.Count;

        protected override int Reference(int local) => _locals.TryGetValue(local, out var number) ? number : local;

        protected override int FunctionReference(int function) => functions[function];
    }
}
