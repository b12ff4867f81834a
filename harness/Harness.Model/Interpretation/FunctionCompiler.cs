using System.Diagnostics;

namespace Harness.Model;

/// <summary>
/// Translates one function body for the machine. Within a block, control only moves forward, so the defers pending at
/// any statement are known here: every exit lists the bodies that it runs, innermost scope and latest first, and with
/// errdefers exactly when the scopes are left by returning an error (the rule of the Zig language).
/// </summary>
internal sealed partial class FunctionCompiler
{
    private readonly Function _function;
    private readonly ProgramCode _code;
    private readonly Dictionary<int, Local> _locals = [];
    private readonly bool _capturesError;

    /// <summary>Slots of the error handlers around the statement, outermost first.</summary>
    private readonly List<int> _handlers = [];
    private int _slots = CompiledFunction.FirstParameter;
    private Scope _scope = new(null, null);

    private FunctionCompiler(Function function, ProgramCode code)
    {
        _function = function;
        _code = code;
        _capturesError = StatementTree.All(function.Body).Any(s => s is Statement.ErrDeferCapture);
    }

    public static CompiledFunction Compile(Function function, ProgramCode code) =>
        new FunctionCompiler(function, code).CompileBody();

    private CompiledFunction CompileBody()
    {
        var start = _code.Next;
        for (var i = 0; i < _function.Parameters.Count; i++)
        {
            Declare(i, _function.Parameters[i] is ZigType.CellPointer ? SlotKind.Pointer : SlotKind.Value);
        }

        _code.Add(new(Op.Checkpoint, A: _function.Id, B: _function.IsFallible ? 1 : 0));
        Statements(_function.Body);
        if (_function.Payload is not ZigType.Handle)
        {
            Return(new ReturnValue.Made(new Scalar.Const(0)));
        }

        return new(start, _slots, _function.Parameters.Count, !_function.NoInline);
    }

    private void Statements(EquatableArray<Statement> body)
    {
        foreach (var statement in body)
        {
            Statement(statement);
        }
    }

    private void Statement(Statement statement)
    {
        switch (statement)
        {
            case Statement.Call call:
                Call(call);
                break;
            case Statement.TailCall call:
                TailCall(call);
                break;
            case Statement.Raise raise:
                _code.Add(new(Op.Raise, raise.Site, A: (int)raise.Error));
                ReturnError(ErrorStep.Raised, raise.Site);
                break;
            case Statement.Return result:
                Return(result.Value);
                break;
            case Statement.Lock take:
                Lock(take);
                break;
            case Statement.Join join:
                Fails(new(Op.Join, join.Site, A: join.Fiber));
                break;
            case Statement.Acquire acquire:
                Acquire(acquire);
                break;
            case Statement.Defer deferred:
                Deferred(onErrorOnly: false, () => Block(deferred.Body));
                break;
            case Statement.ErrDefer deferred:
                Deferred(onErrorOnly: true, () => Block(deferred.Body));
                break;
            case Statement.ErrDeferCapture deferred:
                Deferred(onErrorOnly: true, () =>
                {
                    _code.Add(new(Op.ErrDeferred, deferred.Site));
                    Block(deferred.Body);
                });
                break;
            default:
                if (!Control(statement))
                {
                    Simple(statement);
                }

                break;
        }
    }

    /// <summary>Statements that only steer.</summary>
    private bool Control(Statement statement)
    {
        switch (statement)
        {
            case Statement.Block block:
                Block(block.Body);
                return true;
            case Statement.Loop loop:
                Loop(loop);
                return true;
            case Statement.BreakIf leave:
                LeaveLoop(leave.When, loop => loop.Breaks);
                return true;
            case Statement.ContinueIf next:
                LeaveLoop(next.When, loop => loop.Continues);
                return true;
            case Statement.If branch:
                If(branch);
                return true;
            case Statement.IfFuel branch:
                var without = _code.Add(new(Op.JumpUnlessFuel));
                Block(branch.Body);
                _code.PatchA(without, _code.Next);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Statements of one instruction, after which control goes on.</summary>
    private void Simple(Statement statement)
    {
        switch (statement)
        {
            case Statement.Log log:
                _code.Add(new(Op.Log, log.Site, A: _code.AddScalar(Scalar(log.Value))));
                break;
            case Statement.Let let:
                Make(Declare(let.Local, SlotKind.Value), let.Type, let.Seed);
                break;
            case Statement.Cell cell:
                SetWord(cell.Init, () => Declare(cell.Local, SlotKind.Cell));
                break;
            case Statement.Store store:
                var target = _locals[store.Local];
                var op = target.Kind is SlotKind.Pointer ? Op.StoreThrough : Op.SetWord;
                _code.Add(new(op, A: target.Slot, B: _code.AddScalar(Scalar(store.Value))));
                break;
            case Statement.Buffer buffer:
                SetWord(buffer.Seed, () => Declare(buffer.Local, SlotKind.Buffer, buffer.Words));
                break;
            case Statement.CheckBuffer check:
                var local = _locals[check.Local];
                _code.Add(new(Op.LogBuffer, check.Site, A: local.Slot, B: local.Words));
                break;
            case Statement.Release release:
                _code.Add(new(Op.Release, release.Site, A: _locals[release.Local].Slot));
                break;
            case Statement.Probe probe:
                _code.Add(new(Op.Probe, probe.Site));
                break;
            case Statement.Yield yield:
                _code.Add(new(Op.Yield, yield.Site));
                break;
            case Statement.Spawn spawn:
                _code.Add(new(Op.Spawn, spawn.Site, A: spawn.Fiber));
                break;
            case Statement.Cancel cancel:
                _code.Add(new(Op.Cancel, cancel.Site, A: cancel.Fiber));
                break;
            default:
                throw new UnreachableException(statement.GetType().Name);
        }
    }

    private void Make(int slot, ZigType type, Scalar seed)
    {
        var (made, scalar) = Seeded(type, seed);
        _code.Add(new(Op.Make, A: slot, B: made, C: _code.AddScalar(scalar)));
    }

    /// <summary>How a value is made at run time. With a constant seed its fold is known now.</summary>
    private (int Type, CompiledScalar Scalar) Seeded(ZigType type, Scalar seed)
    {
        var scalar = Scalar(seed);
        return scalar.IsConstant
            ? (Value.Folded, new CompiledScalar(_code.FoldOf(type, scalar.Constant), []))
            : (_code.TypeIndex(type), scalar);
    }

    private void SetWord(Scalar value, Func<int> declare)
    {
        var scalar = _code.AddScalar(Scalar(value));
        _code.Add(new(Op.SetWord, A: declare(), B: scalar));
    }

    private int Declare(int local, SlotKind kind, int words = 0)
    {
        var slot = _slots++;
        _locals[local] = new(kind, slot, words);
        return slot;
    }

    private CompiledScalar Scalar(Scalar scalar)
    {
        var constant = 0UL;
        var terms = new List<Term>();
        Sum(scalar, terms, ref constant);
        return new(constant, [.. terms]);
    }

    private void Sum(Scalar scalar, List<Term> terms, ref ulong constant)
    {
        switch (scalar)
        {
            case Harness.Model.Scalar.Const word:
                constant = unchecked(constant + word.Value);
                break;
            case Harness.Model.Scalar.Fold fold:
                terms.Add(new(_locals[fold.Local].Kind, _locals[fold.Local].Slot));
                break;
            case Harness.Model.Scalar.LoopIndex index:
                terms.Add(new(SlotKind.Index, _locals[index.Local].Slot));
                break;
            case Harness.Model.Scalar.Add sum:
                Sum(sum.Left, terms, ref constant);
                Sum(sum.Right, terms, ref constant);
                break;
            default:
                throw new UnreachableException(scalar.GetType().Name);
        }
    }

    private int Condition(Condition condition) => _code.AddCondition(
        new(Scalar(condition.Value), (ulong)condition.Modulus, (ulong)condition.Remainder));

    /// <summary>A local: its slot and what stands there; <paramref name="Words"/> of a buffer.</summary>
    private readonly record struct Local(SlotKind Kind, int Slot, int Words);
}
