using System.Diagnostics;

namespace Harness.Model;

/// <summary>Calls and what the caller does with their outcome.</summary>
internal sealed partial class FunctionCompiler
{
    private void Call(Statement.Call call)
    {
        var callee = _code.Program.Functions[call.Function];
        var arguments = Arguments(callee, call.Arguments);
        var result = call.Result < 0 ? -1 : Declare(call.Result, SlotKind.Value);
        var shape = call.Form is CallForm.Callback ? CallShape.Bridged : CallShape.Ordinary;
        var at = _code.Add(new(Op.Call, call.Site, A: call.Function, B: arguments, C: result, Shape: shape));
        switch (call.Handling)
        {
            case Handling.Plain:
                break;
            case Handling.IfElse branch:
                Block(branch.Then);
                OnError(at, () => Handler(() =>
                {
                    _code.Add(new(Op.Caught, branch.Site));
                    Block(branch.Else);
                }));
                break;
            case Handling.Try:
                OnError(at, () => Propagate(ErrorStep.Propagated, call.Site));
                break;
            default:
                OnError(at, () => Handler(() => Handle(call.Handling, callee.Payload, result)));
                break;
        }
    }

    /// <summary>The code for an error of the call at <paramref name="at"/>; a success jumps over it.</summary>
    private void OnError(int at, Action handler)
    {
        var over = _code.Add(new(Op.Jump));
        _code.PatchD(at, _code.Next);
        handler();
        _code.PatchA(over, _code.Next);
    }

    /// <summary>What runs between an error's arrival and the place where the block around goes on without it.</summary>
    private void Handler(Action body)
    {
        var slot = _slots++;
        _code.Add(new(Op.BeginHandler, A: slot));
        _handlers.Add(slot);
        body();
        _handlers.RemoveAt(_handlers.Count - 1);
        _code.Add(new(Op.EndHandler, A: slot));
    }

    private void Handle(Handling handling, ZigType payload, int result)
    {
        switch (handling)
        {
            case Handling.Map map:
                _code.Add(new(Op.Raise, map.Site, A: (int)map.To));
                ReturnError(ErrorStep.Raised, map.Site);
                break;
            case Handling.Rethrow rethrow:
                _code.Add(new(Op.Caught, rethrow.Site));
                if (_capturesError)
                {
                    _code.Add(new(Op.TraceError, A: (int)ErrorStep.SupportAgain));
                }

                Propagate(ErrorStep.Rethrown, rethrow.Site);
                break;
            case Handling.CatchValue value:
                Fallback(value.Fallback, payload, result);
                break;
            case Handling.CatchBlock block:
                // The fallback is the operand of the block's break: built before the block's defers run.
                _code.Add(new(Op.Caught, block.Site));
                Block(block.Body, () => Fallback(block.Fallback, payload, result));
                break;
            case Handling.CatchSwitch choice:
                _code.Add(new(Op.Caught, choice.Site));
                Switch(choice);
                Fallback(choice.Fallback, payload, result);
                break;
            default:
                throw new UnreachableException(handling.GetType().Name);
        }
    }

    private void Switch(Handling.CatchSwitch choice)
    {
        var ends = new List<int>();
        foreach (var prong in choice.Cases)
        {
            var next = _code.Add(new(Op.JumpUnlessError, B: (int)prong.Error));
            Block(prong.Body);
            ends.Add(_code.Add(new(Op.Jump)));
            _code.PatchA(next, _code.Next);
        }

        Block(choice.Else);
        foreach (var end in ends)
        {
            _code.PatchA(end, _code.Next);
        }
    }

    private void Fallback(Scalar seed, ZigType payload, int result)
    {
        if (result >= 0)
        {
            Make(result, payload, seed);
        }
    }

    /// <summary>Returns the error of the last call.</summary>
    private void Propagate(ErrorStep step, int site)
    {
        _code.Add(new(Op.KeepError));
        ReturnError(step, site);
    }

    /// <summary>A fallible operation of the runtime under <c>try</c>.</summary>
    private void Fails(Instruction operation) =>
        OnError(_code.Add(operation), () => Propagate(ErrorStep.Propagated, operation.Site));

    private void TailCall(Statement.TailCall call)
    {
        var callee = _code.Program.Functions[call.Function];
        var arguments = Arguments(callee, call.Arguments);
        var at = _code.Add(new(
            Op.Call, call.Site, A: call.Function, B: arguments, C: CompiledFunction.ResultSlot, Shape: CallShape.Tail));
        LeaveFunction();
        OnError(at, () => Propagate(ErrorStep.Propagated, call.Site));
    }

    /// <summary>Index of the compiled arguments.</summary>
    private int Arguments(Function callee, EquatableArray<Argument> arguments)
    {
        var compiled = new CompiledArgument[arguments.Count];
        for (var i = 0; i < compiled.Length; i++)
        {
            compiled[i] = Argument(callee.Parameters[i], arguments[i]);
        }

        return _code.AddArguments(compiled);
    }

    private CompiledArgument Argument(ZigType type, Argument argument)
    {
        if (argument is Argument.Made made)
        {
            var (operand, seed) = Seeded(type, made.Seed);
            return new(PassKind.Made, operand, seed);
        }

        var local = _locals[((Argument.Local)argument).Index];
        var kind = local.Kind switch
        {
            SlotKind.Cell => PassKind.AddressOfCell,
            SlotKind.Buffer => PassKind.SlicedBuffer,
            _ => PassKind.Copied,
        };
        return new(kind, local.Slot, null);
    }
}
