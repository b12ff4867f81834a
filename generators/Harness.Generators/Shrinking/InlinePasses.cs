using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators.Shrinking;

/// <summary>Functions merged into their callers, and handles kept where they are acquired.</summary>
internal static class InlinePasses
{
    // Locals of the inlined body get numbers from here on; the renumbering afterwards closes the gap.
    private const int Far = 1_000_000;
    private static readonly Scalar Zero = new Scalar.Const(0);

    /// <summary>
    /// A callee's statements in the place of the call; what it did with errors and its result is not kept.
    /// </summary>
    public static IEnumerable<FiberProgram> Inline(FiberProgram program)
    {
        foreach (var function in program.Functions)
        {
            var position = 0;
            foreach (var statement in StatementTree.All(function.Body))
            {
                if (Inlined(program, function, statement) is { } block)
                {
                    yield return StatementEdits.WithBody(
                        program,
                        function.Id,
                        StatementEdits.Replace(function.Body, position, block)
                    );
                }

                position++;
            }
        }
    }

    /// <summary>A function that releases its handle itself instead of returning it.</summary>
    public static IEnumerable<FiberProgram> Disown(FiberProgram program)
    {
        foreach (var function in program.Functions.Where(f => f.Payload is ZigType.Handle))
        {
            var disowned = new Disowner().Rewrite(function with { Payload = new ZigType.Void() });
            var functions = StatementEdits
                .WithFunction(program, disowned)
                .Functions.Select(caller =>
                {
                    var taken = StatementTree
                        .All(caller.Body)
                        .OfType<Statement.Call>()
                        .Where(call => call.Function == function.Id && call.Result >= 0);
                    return caller with
                    {
                        Body = taken.Aggregate(
                            caller.Body,
                            (body, call) => StatementEdits.WithoutReleases(body, call.Result)
                        ),
                    };
                });
            yield return program with
            {
                Functions = functions.ToEquatableArray(),
            };
        }
    }

    private static List<Statement>? Inlined(FiberProgram program, Function caller, Statement statement)
    {
        var (id, arguments, result) = statement switch
        {
            Statement.Call s => (s.Function, s.Arguments, s.Result),
            Statement.TailCall s => (s.Function, s.Arguments, -1),
            _ => (caller.Id, default, -1),
        };
        var callee = program.Functions[id];
        if (id == caller.Id || callee.Payload is ZigType.Handle)
        {
            return null;
        }

        var body = new Inliner(arguments).Body(callee.Body);
        if (body is [.., Statement.Return])
        {
            body = body.Take(body.Count - 1).ToEquatableArray();
        }

        var inlined = new List<Statement> { new Statement.Block(body) };
        if (result >= 0)
        {
            inlined.Add(new Statement.Let(result, callee.Payload, Zero));
        }

        return inlined;
    }

    private sealed class Inliner(EquatableArray<Argument> arguments) : ProgramRewriter
    {
        protected override int Declaration(int local) => Far + local;

        protected override int Reference(int local) =>
            local < arguments.Count && arguments[local] is Argument.Local passed ? passed.Index : Far + local;
    }

    private sealed class Disowner : ProgramRewriter
    {
        protected override void Rewrite(Statement statement, List<Statement> into) =>
            base.Rewrite(
                statement switch
                {
                    Statement.Acquire { Disposition: Disposition.ErrDefer } s => s with
                    {
                        Disposition = Disposition.Defer,
                    },
                    Statement.ErrDefer { Body: [Statement.Release] } s => new Statement.Defer(s.Body),
                    Statement.Return => new Statement.Return(new ReturnValue.Made(Zero)),
                    _ => statement,
                },
                into
            );
    }
}
