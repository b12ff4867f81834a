using Harness.Model;

namespace Harness.Generators.Exhaustive;

/// <summary>
/// Every program up to a size: the small scope. One fiber; at most three functions; statements without values.
/// Programs that differ in the names of functions alone are one program, of which the one is made whose functions are called in the order of
/// their ids; code that no path reaches is not made. The order of programs is a function of the size alone, smaller sizes first, so that an
/// ordinal names a program.
/// </summary>
public static class SmallScope
{
    /// <summary>Beyond, there are more programs than a machine compiles in a week.</summary>
    public const int MaxSize = 6;

    private const int MaxFunctions = 3;

    /// <summary>What the small scope leaves out, for people.</summary>
    public static IReadOnlyList<string> Excludes { get; } =
    [
        "more than one fiber: no yields, spawns, joins, cancels of others, mutexes",
        "parameters, payloads other than void and a handle, large and over-aligned frames",
        "calls by pointer, callbacks, methods, generic instances, tail calls",
        "catch with a value, catch with a switch, conditions, break and continue, returns before the end",
        "table handles and file descriptors (every resource is a heap block), releases by hand",
        "more than three functions, recursion deeper than two, recursion through others",
    ];

    /// <summary>Programs with at most so many statements.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The size is not 0 to <see cref="MaxSize"/>.</exception>
    public static IReadOnlyList<FiberProgram> UpTo(int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, MaxSize);
        var bodies = new Bodies();
        return [.. Enumerable.Range(0, size + 1).SelectMany(n => Exactly(bodies, n))];
    }

    private static IEnumerable<FiberProgram> Exactly(Bodies bodies, int size)
    {
        for (var functions = 1; functions <= Math.Min(MaxFunctions, size + 1); functions++)
        {
            foreach (var roles in Roles(functions))
            {
                foreach (var program in Fill(bodies, roles, [], size))
                {
                    yield return program;
                }
            }
        }
    }

    /// <summary>The entry is fallible; the others are anything.</summary>
    private static IEnumerable<Role[]> Roles(int functions)
    {
        IEnumerable<Role[]> all = [[Role.Fallible]];
        for (var i = 1; i < functions; i++)
        {
            all = all.SelectMany(roles => Enum.GetValues<Role>().Select(role => (Role[])[.. roles, role]));
        }

        return all;
    }

    /// <summary>Bodies for the functions that have none yet, of so many statements together.</summary>
    private static IEnumerable<FiberProgram> Fill(Bodies bodies, Role[] roles, IReadOnlyList<Shape>[] made, int left)
    {
        var function = made.Length;
        if (function == roles.Length)
        {
            return left == 0 && IsCanonical(made) ? [SmallProgram.Build(roles, made)] : [];
        }

        // A function that nobody called so far never will be: calls go up.
        if (function > 0 && !made.Any(body => Callees(body).Contains(function)))
        {
            return [];
        }

        var own = roles[function] is Role.Owner ? 1 : 0;
        return Enumerable.Range(0, Math.Max(0, left - own + 1)).SelectMany(n =>
            bodies.Of(n, new Place(function, roles[function], InDefer: false), roles)
                .SelectMany(body => Fill(bodies, roles, [.. made, body], left - own - n)));
    }

    /// <summary>
    /// Of programs that differ in names alone, the one with its functions in the order in which they are first called. Names are forced where
    /// function 1 calls function 2, as calls go up.
    /// </summary>
    private static bool IsCanonical(IReadOnlyList<Shape>[] bodies)
    {
        if (bodies.Length < MaxFunctions || Callees(bodies[1]).Contains(2))
        {
            return true;
        }

        return Callees(bodies[0]).First(callee => callee > 0) == 1;
    }

    /// <summary>The functions that a body calls, in source order.</summary>
    private static IEnumerable<int> Callees(IEnumerable<Shape> body) => body.SelectMany(shape =>
        (shape.Callee >= 0 ? [shape.Callee] : Enumerable.Empty<int>()).Concat(Callees(shape.First)).Concat(Callees(shape.Second)));
}
