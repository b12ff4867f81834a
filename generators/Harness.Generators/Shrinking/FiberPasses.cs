using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators.Shrinking;

/// <summary>Fewer fibers, and simpler ones.</summary>
internal static class FiberPasses
{
    /// <summary>One fiber alone, then one fiber fewer.</summary>
    public static IEnumerable<FiberProgram> Drop(FiberProgram program)
    {
        var all = Enumerable.Range(0, program.Fibers.Count).ToArray();
        if (all.Length == 1)
        {
            yield break;
        }

        foreach (var fiber in all)
        {
            yield return Keep(program, [fiber]);
        }

        for (var fiber = all.Length - 1; fiber >= 0 && all.Length > 2; fiber--)
        {
            yield return Keep(program, [.. all.Where(i => i != fiber)]);
        }
    }

    /// <summary>A fiber that starts in a function further in.</summary>
    public static IEnumerable<FiberProgram> Enter(FiberProgram program)
    {
        for (var id = program.Functions.Count - 1; id > 0; id--)
        {
            var function = program.Functions[id];
            if (
                function.Payload is ZigType.Handle
                || function.Kind is FunctionKind.Callback
                || function.Parameters.Any(type => !type.IsMakeable)
            )
            {
                continue;
            }

            for (var i = 0; i < program.Fibers.Count; i++)
            {
                if (program.Fibers[i].Function != id)
                {
                    yield return With(
                        program,
                        i,
                        program.Fibers[i] with
                        {
                            Function = id,
                            Arguments = function.Parameters.Select(_ => 0UL).ToEquatableArray(),
                        }
                    );
                }
            }
        }
    }

    public static IEnumerable<FiberProgram> Fuel(FiberProgram program)
    {
        if (program.Fibers.Count(fiber => fiber.Fuel > 0) > 1)
        {
            yield return program with
            {
                Fibers = program.Fibers.Select(fiber => fiber with { Fuel = 0 }).ToEquatableArray(),
            };
        }

        for (var i = 0; i < program.Fibers.Count; i++)
        {
            var fuel = program.Fibers[i].Fuel;
            foreach (
                var less in new[] { 0, 1, 2, fuel / 16, fuel / 2, fuel * 7 / 8, fuel - 1 }
                    .Where(less => less >= 0 && less < fuel)
                    .Distinct()
            )
            {
                yield return With(program, i, program.Fibers[i] with { Fuel = less });
            }
        }
    }

    public static IEnumerable<FiberProgram> Simplify(FiberProgram program)
    {
        yield return program with
        {
            Fibers = program
                .Fibers.Select(fiber =>
                    fiber with
                    {
                        StartsAtLaunch = true,
                        Arguments = fiber.Arguments.Select(_ => 0UL).ToEquatableArray(),
                    }
                )
                .ToEquatableArray(),
        };
        for (var i = 0; i < program.Fibers.Count; i++)
        {
            var fiber = program.Fibers[i];
            yield return With(program, i, fiber with { StartsAtLaunch = true });
            yield return With(
                program,
                i,
                fiber with
                {
                    Arguments = fiber.Arguments.Select(_ => 0UL).ToEquatableArray(),
                }
            );
            for (var j = 0; j < fiber.Arguments.Count; j++)
            {
                yield return With(
                    program,
                    i,
                    fiber with
                    {
                        Arguments = fiber.Arguments.Select((a, at) => at == j ? 0 : a).ToEquatableArray(),
                    }
                );
            }
        }
    }

    private static FiberProgram With(FiberProgram program, int index, Fiber fiber) =>
        program with
        {
            Fibers = program.Fibers.Select((old, i) => i == index ? fiber : old).ToEquatableArray(),
        };

    private static FiberProgram Keep(FiberProgram program, IReadOnlyList<int> kept)
    {
        var fibers = kept.Select(
            (old, i) => program.Fibers[old] with { StartsAtLaunch = i == 0 || program.Fibers[old].StartsAtLaunch }
        );
        return new FiberDropper(kept).Rewrite(program) with { Fibers = fibers.ToEquatableArray() };
    }

    private sealed class FiberDropper(IReadOnlyList<int> kept) : ProgramRewriter
    {
        protected override void Rewrite(Statement statement, List<Statement> into)
        {
            var fiber = statement switch
            {
                Statement.Spawn s => s.Fiber,
                Statement.Join s => s.Fiber,
                Statement.Cancel s => s.Fiber,
                _ => -1,
            };
            if (fiber < 0 || kept.Contains(fiber))
            {
                base.Rewrite(statement, into);
            }
        }

        protected override int FiberReference(int fiber) => kept.ToList().IndexOf(fiber);
    }
}
