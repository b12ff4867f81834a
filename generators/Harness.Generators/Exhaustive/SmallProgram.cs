using Harness.Model;

namespace Harness.Generators.Exhaustive;

/// <summary>Writes shapes out as a program of the model: sites and locals are numbered in source order.</summary>
internal sealed class SmallProgram
{
    private const int Rounds = 2;
    private const int Fuel = 2;

    private readonly Role[] _roles;
    private int _site;
    private int _local;

    private SmallProgram(Role[] roles) => _roles = roles;

    public static FiberProgram Build(Role[] roles, IReadOnlyList<Shape>[] bodies)
    {
        var writer = new SmallProgram(roles);
        var functions = bodies.Select((body, id) => writer.Function(id, body)).ToEquatableArray();
        return new FiberProgram(functions, [new Fiber(0, [], bodies.Any(Recurses) ? Fuel : 0, StartsAtLaunch: true)], Mutexes: 0);
    }

    private Function Function(int id, IReadOnlyList<Shape> body)
    {
        _local = 0;
        var role = _roles[id];
        return new Function(
            id, FunctionKind.Plain, Errors(role, body),
            role is Role.Owner ? new ZigType.Handle() : new ZigType.Void(), [], NoInline: true,
            role is Role.Owner ? Owner(body, id) : Body(body, id));
    }

    /// <summary>Zig infers no error set of a function that calls itself.</summary>
    private static ErrorSet Errors(Role role, IReadOnlyList<Shape> body) => role is Role.Infallible
        ? new ErrorSet.Infallible()
        : Recurses(body) ? new ErrorSet.Explicit([ErrorName.NotFound, ErrorName.Refused]) : new ErrorSet.Inferred();

    private static bool Recurses(IReadOnlyList<Shape> body) =>
        body.Any(shape => shape.Op is Op.Recurse || Recurses(shape.First) || Recurses(shape.Second));

    private EquatableArray<Statement> Owner(IReadOnlyList<Shape> body, int function)
    {
        var handle = _local++;
        var acquire = new Statement.Acquire(_site++, handle, ResourceKind.HeapBlock, Disposition.ErrDefer);
        var inner = Body(body, function);
        return body.All(shape => shape.Completes)
            ? [acquire, .. inner, new Statement.Return(new ReturnValue.Local(handle))]
            : [acquire, .. inner];
    }

    private EquatableArray<Statement> Body(IReadOnlyList<Shape> body, int function) =>
        body.SelectMany(shape => Write(shape, function)).ToEquatableArray();

    private IReadOnlyList<Statement> Write(Shape shape, int function) => shape.Op switch
    {
        Op.Log => [new Statement.Log(_site, new Scalar.Const((ulong)_site++))],
        Op.Probe => [new Statement.Probe(_site++)],
        Op.Acquire => [new Statement.Acquire(_site++, _local++, ResourceKind.HeapBlock, Disposition.Defer)],
        Op.Raise => [new Statement.Raise(_site++, ErrorName.NotFound)],
        Op.Defer => [new Statement.Defer(Body(shape.First, function))],
        Op.ErrDefer => [new Statement.ErrDefer(Body(shape.First, function))],
        Op.ErrDeferCapture => [new Statement.ErrDeferCapture(_site++, Body(shape.First, function))],
        Op.Block => [new Statement.Block(Body(shape.First, function))],
        Op.Loop => [new Statement.Loop(_local++, Rounds, Body(shape.First, function))],
        Op.Plain => [Call(shape.Callee, new Handling.Plain(), -1)],
        Op.Try => Bound(shape.Callee, site => new Handling.Try()),
        Op.Map => Bound(shape.Callee, _ => new Handling.Map(_site++, ErrorName.Refused)),
        Op.Rethrow => Bound(shape.Callee, _ => new Handling.Rethrow(_site++)),
        Op.Catch => [Catch(shape, function)],
        Op.IfElse => [IfElse(shape, function)],
        Op.Recurse => [Recurse(function)],
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private Statement.Call Call(int callee, Handling handling, int result, int? site = null) =>
        new(site ?? _site++, callee, CallForm.Direct, [], handling, result);

    /// <summary>A call whose handle, if it gives one, is the caller's to release.</summary>
    private Statement[] Bound(int callee, Func<int, Handling> handling)
    {
        var site = _site++;
        if (_roles[callee] is not Role.Owner)
        {
            return [Call(callee, handling(site), -1, site)];
        }

        var handle = _local++;
        return [Call(callee, handling(site), handle, site), new Statement.Defer([new Statement.Release(_site++, handle)])];
    }

    private Statement.Call Catch(Shape shape, int function)
    {
        var (site, caught) = (_site++, _site++);
        return Call(shape.Callee, new Handling.CatchBlock(caught, Body(shape.First, function), new Scalar.Const(0)), -1, site);
    }

    private Statement.Call IfElse(Shape shape, int function)
    {
        var (site, caught) = (_site++, _site++);
        if (_roles[shape.Callee] is not Role.Owner)
        {
            return Call(shape.Callee, new Handling.IfElse(caught, Body(shape.First, function), Body(shape.Second, function)), -1, site);
        }

        var handle = _local++;
        var release = new Statement.Defer([new Statement.Release(_site++, handle)]);
        return Call(shape.Callee, new Handling.IfElse(caught, [release, .. Body(shape.First, function)], Body(shape.Second, function)), handle, site);
    }

    private Statement.IfFuel Recurse(int function) => new(_roles[function] is Role.Infallible
        ? [Call(function, new Handling.Plain(), -1)]
        : Bound(function, _ => new Handling.Try()).ToEquatableArray());
}
