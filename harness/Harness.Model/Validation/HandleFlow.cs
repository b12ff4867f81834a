using System.Collections.Immutable;

namespace Harness.Model;

/// <summary>
/// Follows who holds which handle along every way through a function: each handle is released or returned exactly once
/// on each, whatever errors happen. Runs on functions that <see cref="BodyRules"/> accepts.
/// </summary>
internal sealed class HandleFlow(FiberProgram program, Function function, List<string> faults)
{
    private Scope _scope = new(null, IsLoop: false, ImmutableSortedSet<int>.Empty);
    private string _where = $"function {function.Id}";

    /// <summary>
    /// A block: the handles declared in it, and its pending releases. <paramref name="AtEntry"/>: what was held when it
    /// began (a loop's body must leave the same).
    /// </summary>
    private sealed record Scope(Scope? Outer, bool IsLoop, ImmutableSortedSet<int> AtEntry)
    {
        public HashSet<int> Declared { get; } = [];

        public List<Pending> Pending { get; } = [];
    }

    /// <summary>A deferred body, by the handles that it releases.</summary>
    private readonly record struct Pending(ImmutableSortedSet<int> Releases, bool OnErrorOnly);

    public void Check()
    {
        var end = Body(function.Body, ImmutableSortedSet<int>.Empty);
        _where = $"function {function.Id}";
        Require(end is null || function.Payload is not ZigType.Handle,
            "a function that returns a handle falls off its end");
    }

    /// <summary>The handles held behind a block; null when control never gets there.</summary>
    private ImmutableSortedSet<int>? Body(
        EquatableArray<Statement> body, ImmutableSortedSet<int> held, bool isLoop = false, int bound = -1)
    {
        _scope = new(_scope, isLoop, held);
        if (bound >= 0)
        {
            held = Take(bound, held);
        }

        ImmutableSortedSet<int>? state = held;
        foreach (var statement in body)
        {
            if (state is null)
            {
                break;
            }

            _where = StatementTree.SiteOf(statement) is { } site ? $"function {function.Id}, site {site}" : _where;
            state = Visit(statement, state);
        }

        if (state is not null)
        {
            state = Leave(_scope, state, byError: false);
        }

        _scope = _scope.Outer!;
        return state;
    }

    private ImmutableSortedSet<int>? Visit(Statement statement, ImmutableSortedSet<int> held)
    {
        switch (statement)
        {
            case Statement.Acquire acquire:
                held = Take(acquire.Local, held);
                if (acquire.Disposition is not Disposition.Manual)
                {
                    _scope.Pending.Add(new([acquire.Local], acquire.Disposition is Disposition.ErrDefer));
                }

                return held;
            case Statement.Lock take:
                LeaveFunction(held, byError: true);
                _scope.Pending.Add(new([take.Local], OnErrorOnly: false));
                return Take(take.Local, held);
            case Statement.Join:
                LeaveFunction(held, byError: true);
                return held;
            case Statement.Release release:
                return Give(release.Local, held);
            case Statement.Defer deferred:
                Deferred(deferred.Body, held, onErrorOnly: false);
                return held;
            case Statement.ErrDefer deferred:
                Deferred(deferred.Body, held, onErrorOnly: true);
                return held;
            case Statement.ErrDeferCapture deferred:
                Deferred(deferred.Body, held, onErrorOnly: true);
                return held;
            case Statement.Raise:
                LeaveFunction(held, byError: true);
                return null;
            case Statement.TailCall:
                LeaveFunction(held, byError: false);
                return null;
            case Statement.Return result:
                LeaveFunction(held, byError: false, (result.Value as ReturnValue.Local)?.Index ?? -1);
                return null;
            default:
                return Steer(statement, held);
        }
    }

    private ImmutableSortedSet<int>? Steer(Statement statement, ImmutableSortedSet<int> held)
    {
        switch (statement)
        {
            case Statement.Call call:
                return Call(call, held);
            case Statement.Block block:
                return Body(block.Body, held);
            case Statement.Loop loop:
                if (Body(loop.Body, held, isLoop: true) is { } after)
                {
                    RequireSame(held, after, "a round of the loop");
                }

                return held;
            case Statement.BreakIf or Statement.ContinueIf:
                LeaveLoop(held);
                return held;
            case Statement.If branch:
                return Merge(Body(branch.Then, held), Body(branch.Else, held));
            case Statement.IfFuel branch:
                return Merge(Body(branch.Body, held), held);
            default:
                return held;
        }
    }

    private ImmutableSortedSet<int>? Call(Statement.Call call, ImmutableSortedSet<int> held)
    {
        var isHandle = program.Functions[call.Function].Payload is ZigType.Handle;
        switch (call.Handling)
        {
            case Handling.IfElse branch:
                return Merge(
                    Body(branch.Then, held, bound: isHandle ? call.Result : -1),
                    Body(branch.Else, held));
            case Handling.Try or Handling.Map or Handling.Rethrow:
                LeaveFunction(held, byError: true);
                break;
            default:
                ImmutableSortedSet<int>? state = held;
                foreach (var body in StatementTree.Bodies(call.Handling))
                {
                    state = Merge(state, Body(body, held));
                }

                held = state!;
                break;
        }

        return isHandle ? Take(call.Result, held) : held;
    }

    /// <summary>A deferred body sees every handle as held; what it lacks at its end, it releases.</summary>
    private void Deferred(EquatableArray<Statement> body, ImmutableSortedSet<int> held, bool onErrorOnly)
    {
        var outer = _scope;
        _scope = new(null, IsLoop: false, held);
        var after = Body(body, held) ?? held;
        _scope = outer;
        _scope.Pending.Add(new(held.Except(after), onErrorOnly));
    }

    private ImmutableSortedSet<int> Take(int local, ImmutableSortedSet<int> held)
    {
        _scope.Declared.Add(local);
        return held.Add(local);
    }

    private ImmutableSortedSet<int> Give(int local, ImmutableSortedSet<int> held)
    {
        Require(held.Contains(local), $"handle local {local} is released when it is not held");
        return held.Remove(local);
    }

    /// <summary>Runs a scope's pending releases; its handles must be gone then.</summary>
    private ImmutableSortedSet<int> Leave(Scope scope, ImmutableSortedSet<int> held, bool byError, int returned = -1)
    {
        for (var i = scope.Pending.Count - 1; i >= 0; i--)
        {
            if (byError || !scope.Pending[i].OnErrorOnly)
            {
                held = scope.Pending[i].Releases.Aggregate(held, (state, local) => Give(local, state));
            }
        }

        foreach (var local in scope.Declared.Where(local => local != returned && held.Contains(local)))
        {
            var how = byError ? " by an error" : "";
            Require(false, $"handle local {local} is still held where its scope is left{how}");
        }

        return held.Except(scope.Declared.Where(local => local != returned));
    }

    private void LeaveFunction(ImmutableSortedSet<int> held, bool byError, int returned = -1)
    {
        var isHandle = function.Payload is ZigType.Handle && returned >= 0;
        for (var scope = _scope; scope is not null; scope = scope.Outer)
        {
            held = Leave(scope, held, byError, isHandle ? returned : -1);
        }

        Require(!isHandle || held.Contains(returned), $"handle local {returned} is returned when it is not held");
    }

    private void LeaveLoop(ImmutableSortedSet<int> held)
    {
        var scope = _scope;
        for (; !scope.IsLoop; scope = scope.Outer!)
        {
            held = Leave(scope, held, byError: false);
        }

        RequireSame(scope.AtEntry, Leave(scope, held, byError: false), "leaving the loop");
    }

    private ImmutableSortedSet<int>? Merge(ImmutableSortedSet<int>? left, ImmutableSortedSet<int>? right)
    {
        if (left is not null && right is not null)
        {
            RequireSame(left, right, "one way through a branch");
        }

        return left is null ? right : right is null ? left : left.Intersect(right);
    }

    private void RequireSame(ImmutableSortedSet<int> left, ImmutableSortedSet<int> right, string what)
    {
        var differing = left.SymmetricExcept(right);
        if (!differing.IsEmpty)
        {
            Require(false, $"{what} releases handle local {differing[0]}, the other way does not");
        }
    }

    private void Require(bool holds, string message)
    {
        if (!holds)
        {
            faults.Add($"{_where}: {message}");
        }
    }
}
