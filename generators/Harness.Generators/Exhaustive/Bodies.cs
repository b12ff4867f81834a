namespace Harness.Generators.Exhaustive;

/// <summary>All bodies of a size at a place. Remembers them: small ones are parts of very many others.</summary>
internal sealed class Bodies
{
    private static readonly Shape[] _nothing = [];

    private readonly Dictionary<(int Size, Place Place, string Roles), IReadOnlyList<IReadOnlyList<Shape>>> _bodies = [];

    /// <param name="roles">Of all the program's functions.</param>
    public IReadOnlyList<IReadOnlyList<Shape>> Of(int size, Place place, Role[] roles)
    {
        var key = (size, place, string.Join(',', roles));
        if (!_bodies.TryGetValue(key, out var known))
        {
            _bodies[key] = known = [.. Make(size, place, roles)];
        }

        return known;
    }

    private IEnumerable<IReadOnlyList<Shape>> Make(int size, Place place, Role[] roles)
    {
        if (size == 0)
        {
            return [_nothing];
        }

        // What stands behind a statement that does not complete is no part of the program.
        return Enumerable.Range(1, size).SelectMany(first => Shapes(first, place, roles).SelectMany(head =>
            Of(size - first, place, roles).Where(rest => head.Completes || rest.Count == 0).Select(rest => (IReadOnlyList<Shape>)[head, .. rest])));
    }

    private IEnumerable<Shape> Shapes(int size, Place place, Role[] roles) =>
        Leaves(size, place, roles).Concat(Nested(size, place, roles)).Concat(Calls(size, place, roles));

    private static IEnumerable<Shape> Leaves(int size, Place place, Role[] roles)
    {
        if (size > 1)
        {
            yield break;
        }

        yield return Leaf(Op.Log);
        yield return Leaf(Op.Probe);
        yield return Leaf(Op.Acquire);
        if (CanFail(place))
        {
            yield return Leaf(Op.Raise);
        }

        if (CanFail(place) || roles[place.Function] is Role.Infallible)
        {
            yield return new Shape(Op.Recurse, place.Function, _nothing, _nothing);
        }

        for (var callee = place.Function + 1; callee < roles.Length; callee++)
        {
            if (roles[callee] is Role.Infallible)
            {
                yield return new Shape(Op.Plain, callee, _nothing, _nothing);
                continue;
            }

            if (CanFail(place))
            {
                yield return new Shape(Op.Try, callee, _nothing, _nothing);
                yield return new Shape(Op.Map, callee, _nothing, _nothing);
                yield return new Shape(Op.Rethrow, callee, _nothing, _nothing);
            }
        }
    }

    private IEnumerable<Shape> Nested(int size, Place place, Role[] roles)
    {
        if (size < 2)
        {
            yield break;
        }

        foreach (var body in Of(size - 1, place with { InDefer = true }, roles))
        {
            yield return new Shape(Op.Defer, -1, body, _nothing);
            if (CanFail(place))
            {
                yield return new Shape(Op.ErrDefer, -1, body, _nothing);
                yield return new Shape(Op.ErrDeferCapture, -1, body, _nothing);
            }
        }

        foreach (var body in Of(size - 1, place, roles))
        {
            yield return new Shape(Op.Loop, -1, body, _nothing);
            if (body.Any(shape => shape.Op is Op.Acquire or Op.Defer or Op.ErrDefer or Op.ErrDeferCapture))
            {
                yield return new Shape(Op.Block, -1, body, _nothing);
            }
        }
    }

    /// <summary>Calls with bodies of their own. A handle has no fallback, so its call has a branch and no catch.</summary>
    private IEnumerable<Shape> Calls(int size, Place place, Role[] roles)
    {
        for (var callee = place.Function + 1; callee < roles.Length; callee++)
        {
            if (roles[callee] is Role.Infallible)
            {
                continue;
            }

            if (roles[callee] is not Role.Owner)
            {
                foreach (var body in Of(size - 1, place, roles).Where(Completes))
                {
                    yield return new Shape(Op.Catch, callee, body, _nothing);
                }
            }

            for (var first = 0; first < size; first++)
            {
                foreach (var then in Of(first, place, roles))
                {
                    foreach (var other in Of(size - 1 - first, place, roles))
                    {
                        yield return new Shape(Op.IfElse, callee, then, other);
                    }
                }
            }
        }
    }

    /// <summary>A catch's block gives a value at its end; one that never gets there is another kind of program.</summary>
    private static bool Completes(IReadOnlyList<Shape> body) => body.All(shape => shape.Completes);

    private static bool CanFail(Place place) => place.Role is not Role.Infallible && !place.InDefer;

    private static Shape Leaf(Op op) => new(op, -1, _nothing, _nothing);
}
