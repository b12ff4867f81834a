using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators.Shrinking;

/// <summary>Fewer statements, and plainer ones.</summary>
internal static class StatementPasses
{
    private const int MostForPairs = 14;
    private static readonly Scalar Zero = new Scalar.Const(0);

    /// <summary>Runs of statements gone, half of all at once down to one by one.</summary>
    public static IEnumerable<FiberProgram> Delete(FiberProgram program)
    {
        var count = Walk.Statements(program).Count();
        for (var size = count / 2; size >= 1; size /= 2)
        {
            for (var start = count - size; start > -size; start -= size)
            {
                yield return StatementEdits.WithoutRun(program, Math.Max(0, start), size + Math.Min(0, start));
            }
        }
    }

    /// <summary>
    /// Two statements gone, of few: those that only go together, such as a call and the release of its handle.
    /// </summary>
    public static IEnumerable<FiberProgram> DeletePairs(FiberProgram program)
    {
        var count = Walk.Statements(program).Count();
        for (var second = count - 1; second > 0 && count <= MostForPairs; second--)
        {
            for (var first = second - 1; first >= 0; first--)
            {
                yield return StatementEdits.Without(program, first, second);
            }
        }
    }

    /// <summary>What is inside a statement in the place of it.</summary>
    public static IEnumerable<FiberProgram> Unwrap(FiberProgram program) =>
        Each(
            program,
            (_, statement) =>
                StatementTree
                    .Bodies(statement)
                    .Where(block => block.Count > 0)
                    .Select(block => (IReadOnlyList<Statement>)block)
        );

    public static IEnumerable<FiberProgram> Simplify(FiberProgram program) =>
        Each(
            program,
            (function, statement) =>
                Plainer(program, function, statement).Select(plainer => (IReadOnlyList<Statement>)[plainer])
        );

    /// <summary>Handlings that leave a call and what follows it on success.</summary>
    public static IEnumerable<FiberProgram> Handlings(FiberProgram program) =>
        Each(
            program,
            (_, statement) =>
            {
                if (statement is not Statement.Call call || call.Handling is Handling.Plain or Handling.Try)
                {
                    return [];
                }

                EquatableArray<Statement> then = call.Handling is Handling.IfElse branch ? branch.Then : [];
                return new Handling[] { new Handling.Try(), new Handling.CatchValue(Zero) }.Select(handling =>
                    (IReadOnlyList<Statement>)[call with { Handling = handling }, .. then]
                );
            }
        );

    /// <summary>Acquisitions released by a defer, their own releases gone.</summary>
    public static IEnumerable<FiberProgram> Dispositions(FiberProgram program)
    {
        foreach (var function in program.Functions)
        {
            var position = 0;
            foreach (var statement in StatementTree.All(function.Body))
            {
                if (statement is Statement.Acquire { Disposition: not Disposition.Defer } acquire)
                {
                    var deferred = StatementEdits.Replace(
                        function.Body,
                        position,
                        [acquire with { Disposition = Disposition.Defer }]
                    );
                    yield return StatementEdits.WithBody(
                        program,
                        function.Id,
                        StatementEdits.WithoutReleases(deferred, acquire.Local)
                    );
                }

                position++;
            }
        }
    }

    private static IEnumerable<FiberProgram> Each(
        FiberProgram program,
        Func<Function, Statement, IEnumerable<IReadOnlyList<Statement>>> replacements
    )
    {
        foreach (var function in program.Functions)
        {
            var position = 0;
            foreach (var statement in StatementTree.All(function.Body))
            {
                foreach (var replacement in replacements(function, statement))
                {
                    yield return StatementEdits.WithBody(
                        program,
                        function.Id,
                        StatementEdits.Replace(function.Body, position, replacement)
                    );
                }

                position++;
            }
        }
    }

    private static IEnumerable<Statement> Plainer(FiberProgram program, Function function, Statement statement) =>
        statement switch
        {
            Statement.Call s => Calls(s),
            Statement.TailCall s when function.Payload is not ZigType.Handle =>
            [
                new Statement.Return(new ReturnValue.Made(Zero)),
            ],
            Statement.ErrDefer s => [new Statement.Defer(s.Body)],
            Statement.ErrDeferCapture s => [new Statement.ErrDefer(s.Body)],
            Statement.Loop s => Less(s.Count, 1).Select(count => s with { Count = count }),
            Statement.Buffer s => Less(s.Words, ProgramLimits.SlicedWords)
                .Select(words => s with { Words = words })
                .Append(s with { Align = 8 })
                .Append(s with { Align = Math.Max(8, s.Align / 2) }),
            Statement.If s => [s with { Else = [] }, s with { When = Plain(s.When) }],
            Statement.ContinueIf s => [new Statement.BreakIf(s.When), s with { When = Plain(s.When) }],
            Statement.BreakIf s => [s with { When = Plain(s.When) }],
            Statement.Return { Value: ReturnValue.Local } when function.Payload is not ZigType.Handle =>
            [
                new Statement.Return(new ReturnValue.Made(Zero)),
            ],
            Statement.Acquire s => [s with { Kind = ResourceKind.HeapBlock }],
            Statement.Lock s => [s with { Mutex = 0 }],
            Statement.Spawn s => Less(s.Fiber, 0).Select(fiber => s with { Fiber = fiber }),
            Statement.Join s => Less(s.Fiber, 0).Select(fiber => s with { Fiber = fiber }),
            Statement.Cancel s => Less(s.Fiber, 0).Select(fiber => s with { Fiber = fiber }),
            _ => [],
        };

    private static Condition Plain(Condition condition) =>
        condition.Modulus == 1 ? condition with { Value = Zero } : new Condition(Zero, 1, 0);

    private static IEnumerable<int> Less(int value, int least) =>
        new[] { least, value / 4, value / 2, value * 7 / 8, value - 1 }
            .Where(less => less >= least && less < value)
            .Distinct();

    private static IEnumerable<Statement> Calls(Statement.Call call)
    {
        if (call.Form is CallForm.NeverTail or CallForm.Pointer)
        {
            yield return call with
            {
                Form = CallForm.Direct,
            };
        }

        if (call.Result >= 0)
        {
            yield return call with
            {
                Result = -1,
            };
        }

        for (var i = 0; i < call.Arguments.Count; i++)
        {
            if (call.Arguments[i] is Argument.Local)
            {
                yield return call with
                {
                    Arguments = call
                        .Arguments.Select((a, at) => at == i ? new Argument.Made(Zero) : a)
                        .ToEquatableArray(),
                };
            }
        }

        switch (call.Handling)
        {
            case Handling.CatchSwitch h:
                yield return call with
                {
                    Handling = new Handling.CatchBlock(h.Site, h.Else, h.Fallback),
                };
                for (var i = 0; i < h.Cases.Count; i++)
                {
                    yield return call with
                    {
                        Handling = new Handling.CatchBlock(h.Site, h.Cases[i].Body, h.Fallback),
                    };
                    yield return call with
                    {
                        Handling = h with { Cases = h.Cases.Where((_, at) => at != i).ToEquatableArray() },
                    };
                }

                break;
            case Handling.IfElse { Then.Count: 0 } h:
                yield return call with
                {
                    Handling = new Handling.CatchBlock(h.Site, h.Else, Zero),
                };
                break;
            case Handling.Map h:
                yield return call with
                {
                    Handling = new Handling.Rethrow(h.Site),
                };
                break;
        }
    }
}
