using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators.Shrinking;

/// <summary>
/// Follows a change through a program: what refers to a local that is gone or has another type becomes a constant or
/// goes too, and so do ways out of loops, errors and handlings that have lost their ground. What it cannot mend, the
/// validator refuses.
/// </summary>
internal sealed class Repair : ProgramRewriter
{
    private readonly FiberProgram _program;
    private readonly List<(int Id, ZigType? Type, LocalRole Role)> _locals = [];
    private Function _function;
    private int _loops;

    private Repair(FiberProgram program)
    {
        _program = program;
        _function = program.Functions[0];
    }

    private enum LocalRole
    {
        Value,
        Cell,
        Buffer,
        Index,
    }

    public static FiberProgram Of(FiberProgram program) => new Repair(program).Rewrite(program);

    public override Function Rewrite(Function function)
    {
        _function = function;
        _loops = 0;
        _locals.Clear();
        for (var i = 0; i < function.Parameters.Count; i++)
        {
            _locals.Add(
                (
                    i,
                    function.Parameters[i],
                    function.Parameters[i] is ZigType.CellPointer ? LocalRole.Cell : LocalRole.Value
                )
            );
        }

        return base.Rewrite(function);
    }

    public override EquatableArray<Statement> Body(EquatableArray<Statement> body)
    {
        var outer = _locals.Count;
        var into = new List<Statement>(body.Count);
        foreach (var statement in body)
        {
            Rewrite(statement, into);
            if (into.Count > 0 && !StatementTree.Completes(into[^1]))
            {
                break;
            }
        }

        _locals.RemoveRange(outer, _locals.Count - outer);
        return into.ToEquatableArray();
    }

    protected override void Rewrite(Statement statement, List<Statement> into)
    {
        switch (statement)
        {
            case Statement.Store s when !Is(s.Local, LocalRole.Cell):
            case Statement.CheckBuffer c when !Is(c.Local, LocalRole.Buffer):
            case Statement.Release r when Find(r.Local)?.Type is not ZigType.Handle:
            case Statement.BreakIf or Statement.ContinueIf when _loops == 0:
            case Statement.ErrDefer
            or Statement.ErrDeferCapture
            or Statement.Lock
            or Statement.Join when !_function.IsFallible:
                return;
            case Statement.Call s:
                Call(s, into);
                return;
            case Statement.TailCall s when _program.Functions[s.Function].Payload != _function.Payload:
            case Statement.Raise when !_function.IsFallible:
                into.Add(new Statement.Return(new ReturnValue.Made(Zero)));
                return;
            case Statement.TailCall s:
                into.Add(s with { Arguments = Arguments(s.Arguments, s.Function) });
                return;
            case Statement.Return { Value: ReturnValue.Local local } when Find(local.Index)?.Type != _function.Payload:
                into.Add(new Statement.Return(new ReturnValue.Made(Zero)));
                return;
            case Statement.Loop s:
                _loops++;
                _locals.Add((s.Local, null, LocalRole.Index));
                into.Add(Children(s));
                _locals.RemoveAt(_locals.Count - 1);
                _loops--;
                return;
            case Statement.Defer or Statement.ErrDefer or Statement.ErrDeferCapture:
                var loops = _loops;
                _loops = 0;
                into.Add(Children(statement));
                _loops = loops;
                return;
        }

        into.Add(Children(statement));
        Declare(statement);
    }

    protected override Scalar Rewrite(Scalar scalar) =>
        scalar switch
        {
            Scalar.Fold fold when Find(fold.Local) is not { Role: LocalRole.Value or LocalRole.Cell } => Zero,
            Scalar.LoopIndex index when !Is(index.Local, LocalRole.Index) => Zero,
            _ => base.Rewrite(scalar),
        };

    private static Scalar Zero => new Scalar.Const(0);

    private void Declare(Statement statement)
    {
        switch (statement)
        {
            case Statement.Let s:
                _locals.Add((s.Local, s.Type, LocalRole.Value));
                break;
            case Statement.Cell s:
                _locals.Add((s.Local, new ZigType.CellPointer(), LocalRole.Cell));
                break;
            case Statement.Buffer s:
                _locals.Add((s.Local, new ZigType.Slice(), LocalRole.Buffer));
                break;
            case Statement.Acquire s:
                _locals.Add((s.Local, new ZigType.Handle(), LocalRole.Value));
                break;
            case Statement.Lock s:
                _locals.Add((s.Local, new ZigType.Handle(), LocalRole.Value));
                break;
        }
    }

    private void Call(Statement.Call call, List<Statement> into)
    {
        var callee = _program.Functions[call.Function];
        var result = callee.Payload is ZigType.Void ? -1 : call.Result;
        var bound = (result, (ZigType?)callee.Payload, LocalRole.Value);
        call = call with { Arguments = Arguments(call.Arguments, call.Function), Result = result };
        if (call.Handling is Handling.IfElse branch)
        {
            var count = _locals.Count;
            _locals.Add(bound);
            var then = Body(branch.Then);
            _locals.RemoveRange(count, _locals.Count - count);
            if (callee.IsFallible)
            {
                into.Add(call with { Handling = new Handling.IfElse(branch.Site, then, Body(branch.Else)) });
                return;
            }

            into.Add(call with { Handling = new Handling.Plain() });
            into.AddRange(then.AsSpan());
            return;
        }

        into.Add(call with { Handling = Grounded(callee, call.Handling) });
        if (result >= 0)
        {
            _locals.Add(bound);
        }
    }

    private Handling Grounded(Function callee, Handling handling) =>
        handling switch
        {
            _ when !callee.IsFallible => new Handling.Plain(),
            Handling.Try or Handling.Map or Handling.Rethrow when !_function.IsFallible => new Handling.CatchValue(
                Zero
            ),
            Handling.Plain => new Handling.CatchValue(Zero),
            _ => Rewrite(handling),
        };

    private EquatableArray<Argument> Arguments(EquatableArray<Argument> arguments, int function)
    {
        var types = _program.Functions[function].Parameters;
        return arguments
            .Select((argument, i) => i < types.Count ? Fitting(argument, types[i]) : argument)
            .ToEquatableArray();
    }

    private Argument Fitting(Argument argument, ZigType type)
    {
        if (argument is Argument.Local local && Find(local.Index) is { } known && known.Type == type)
        {
            return argument;
        }

        if (type.IsMakeable)
        {
            return argument is Argument.Made ? Rewrite(argument) : new Argument.Made(Zero);
        }

        var cell = _locals.FindLastIndex(candidate => candidate.Role is LocalRole.Cell);
        return cell < 0 ? argument : new Argument.Local(_locals[cell].Id);
    }

    private bool Is(int local, LocalRole role) => Find(local)?.Role == role;

    private (int Id, ZigType? Type, LocalRole Role)? Find(int local)
    {
        var index = _locals.FindLastIndex(candidate => candidate.Id == local);
        return index < 0 ? null : _locals[index];
    }
}
