namespace Harness.Model;

/// <summary>Blocks, loops, exits and the deferred bodies that they run.</summary>
internal sealed partial class FunctionCompiler
{
    /// <summary>
    /// A block being translated. A null parent is the function's (or a deferred body's) outermost scope: no exit goes
    /// beyond it.
    /// </summary>
    private sealed class Scope(Scope? parent, LoopExits? loop)
    {
        public Scope? Parent { get; } = parent;

        /// <summary>Not null for the body of a loop.</summary>
        public LoopExits? Loop { get; } = loop;

        public List<Pending> Pending { get; } = [];
    }

    /// <summary>A deferred body at <paramref name="Start"/> that its scope's exits run.</summary>
    private readonly record struct Pending(int Start, bool OnErrorOnly);

    /// <summary>Jumps out of the loop's body, to be patched.</summary>
    /// <param name="Handlers">How many handlers are around the loop.</param>
    private sealed record LoopExits(List<int> Breaks, List<int> Continues, int Handlers);

    private void Block(EquatableArray<Statement> body, Action? atEnd = null, LoopExits? loop = null)
    {
        _scope = new(_scope, loop);
        Statements(body);
        atEnd?.Invoke();
        RunPending(_scope, byError: false);
        _scope = _scope.Parent!;
    }

    /// <summary>Places a deferred body (jumped over) and makes it pending in the current scope.</summary>
    private void Deferred(bool onErrorOnly, Action body)
    {
        var over = _code.Add(new(Op.Jump));
        var start = _code.Next;
        var outer = _scope;
        _scope = new(null, null);
        body();
        _scope = outer;
        _code.Add(new(Op.EndDeferred));
        _code.PatchA(over, _code.Next);
        _scope.Pending.Add(new(start, onErrorOnly && _code.Defect is not ModelDefect.ErrdeferSuccess));
    }

    private void RunPending(Scope scope, bool byError)
    {
        for (var i = scope.Pending.Count - 1; i >= 0; i--)
        {
            if (byError || !scope.Pending[i].OnErrorOnly)
            {
                _code.Add(new(Op.RunDeferred, A: scope.Pending[i].Start));
            }
        }
    }

    /// <param name="error">How the function enters itself in the error return trace; null: it succeeds.</param>
    private void LeaveFunction(ErrorEntry? error = null)
    {
        for (var scope = _scope; scope is not null; scope = scope.Parent)
        {
            RunPending(scope, byError: error is not null);
        }

        if (error is { } entry)
        {
            _code.Add(new(Op.TraceError, entry.Place, A: (int)entry.Step));
        }

        _code.Add(new(Op.Return));
    }

    /// <summary>Returns the error that was put in the frame's error slot.</summary>
    private void ReturnError(ErrorStep step, int site) => LeaveFunction(new ErrorEntry(step, site));

    private void Return(ReturnValue value)
    {
        _code.Add(new(Op.Leave, A: _function.Id));
        if (value is ReturnValue.Local local)
        {
            _code.Add(new(Op.Copy, A: CompiledFunction.ResultSlot, B: _locals[local.Index].Slot));
        }
        else
        {
            Make(CompiledFunction.ResultSlot, _function.Payload, ((ReturnValue.Made)value).Seed);
        }

        LeaveFunction();
    }

    private void Loop(Statement.Loop loop)
    {
        var index = Declare(loop.Local, SlotKind.Index);
        _code.Add(new(Op.SetWord, A: index, B: _code.AddScalar(new(0, []))));
        var start = _code.Next;
        var exits = new LoopExits([], [], _handlers.Count);
        Block(loop.Body, loop: exits);
        foreach (var jump in exits.Continues)
        {
            _code.PatchA(jump, _code.Next);
        }

        _code.Add(new(Op.LoopNext, A: index, B: loop.Count, C: start));
        foreach (var jump in exits.Breaks)
        {
            _code.PatchA(jump, _code.Next);
        }
    }

    /// <summary>A break or continue: a normal exit of every scope up to the innermost loop's body.</summary>
    private void LeaveLoop(Condition when, Func<LoopExits, List<int>> jumps)
    {
        var stay = _code.Add(new(Op.JumpUnless, B: Condition(when)));
        var scope = _scope;
        for (; scope.Loop is null; scope = scope.Parent!)
        {
            RunPending(scope, byError: false);
        }

        RunPending(scope, byError: false);
        if (_handlers.Count > scope.Loop.Handlers)
        {
            _code.Add(new(Op.EndHandler, A: _handlers[scope.Loop.Handlers]));
        }

        jumps(scope.Loop).Add(_code.Add(new(Op.Jump)));
        _code.PatchA(stay, _code.Next);
    }

    private void If(Statement.If branch)
    {
        var otherwise = _code.Add(new(Op.JumpUnless, B: Condition(branch.When)));
        Block(branch.Then);
        var end = _code.Add(new(Op.Jump));
        _code.PatchA(otherwise, _code.Next);
        Block(branch.Else);
        _code.PatchA(end, _code.Next);
    }

    private void Acquire(Statement.Acquire acquire)
    {
        var slot = Declare(acquire.Local, SlotKind.Value);
        _code.Add(new(Op.Acquire, acquire.Site, A: slot, B: (int)acquire.Kind));
        if (acquire.Disposition is not Disposition.Manual)
        {
            ReleaseLater(acquire.Disposition is Disposition.ErrDefer, acquire.Site, slot);
        }
    }

    private void Lock(Statement.Lock take)
    {
        var slot = Declare(take.Local, SlotKind.Value);
        Fails(new(Op.Lock, take.Site, A: slot, B: take.Mutex));
        ReleaseLater(onErrorOnly: false, take.Site, slot);
    }

    private void ReleaseLater(bool onErrorOnly, int site, int slot) =>
        Deferred(onErrorOnly, () => _code.Add(new(Op.Release, site, A: slot)));
}
