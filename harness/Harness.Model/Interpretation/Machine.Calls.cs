namespace Harness.Model;

/// <summary>Calls, checkpoints, values and traces.</summary>
internal sealed partial class Machine
{
    private void Checkpoint(int function, bool fallible)
    {
        var fiber = _fiber;
        var entry = _entries++;
        if (_entries > ProgramLimits.MaxEntries)
        {
            ReachCap();
            return;
        }

        if (_kept is Kept.Everything)
        {
            _entryPoints.Add(new(fiber.Index, function, fiber.Depth));
        }

        BeginProfile(fiber, function, entry);
        Record(EventKind.Enter, function, 0);
        switch (_fault.Reach(entry, fiber.Index))
        {
            case FaultAction.Error when fiber.Pending == 0:
                fiber.Pending = _fault.Error;
                if (_defect is ModelDefect.DeliveryLate)
                {
                    return;
                }

                break;
            case FaultAction.Panic:
                Crash(FiberOutcome.Panicked);
                return;
            case FaultAction.Segfault:
                Crash(FiberOutcome.Segfaulted);
                return;
            default:
                break;
        }

        if (fallible)
        {
            Deliver(entry, function);
        }
    }

    /// <summary>A fallible checkpoint: a stack fault that the plan lists comes first, then what is pending.</summary>
    private void Deliver(int entry, int function)
    {
        var error = _fault.Delivery(entry);
        if (error == 0 || error == _fiber.Pending)
        {
            error = _fiber.Pending;
            _fiber.Pending = 0;
        }

        if (error != 0)
        {
            Record(EventKind.Delivered, error, 0);
            _fiber.Errors.Add(ErrorStep.SupportFault, 0);
            _fiber.Errors.Add(ErrorStep.SupportCheckpoint, 0);
            _fiber.Errors.Add(ErrorStep.CheckpointTried, function);
            _fiber.Slot(CompiledFunction.ErrorSlot).Bits = (ulong)error;
            Return();
        }
    }

    private void Call(in Instruction i)
    {
        var fiber = _fiber;
        var callee = _program.Functions[i.A];
        fiber.Reserve(callee.Slots);
        var target = (ulong)(fiber.Top + CompiledFunction.FirstParameter);
        foreach (ref readonly var argument in _program.Arguments[i.B].AsSpan())
        {
            fiber.At(target++) = Pass(in argument);
        }

        if (i.Shape is CallShape.Bridged)
        {
            fiber.Bridges++;
            fiber.Errors.Begin();
        }

        fiber.Push(fiber.Pc - 1, callee.Slots);
        fiber.Pc = callee.Start;
    }

    private Value Pass(in CompiledArgument argument) => argument.Kind switch
    {
        PassKind.Made => new(Eval(argument.Seed!), argument.Operand),
        PassKind.Copied => _fiber.Slot(argument.Operand),
        PassKind.AddressOfCell => new((ulong)(_fiber.Base + argument.Operand), Value.Word),
        _ => new(_fiber.Slot(argument.Operand).Bits, Value.Sliced),
    };

    private void Return()
    {
        var fiber = _fiber;
        var error = (int)fiber.Slot(CompiledFunction.ErrorSlot).Bits;
        EndProfile(fiber, error);
        if (fiber.Depth == 1)
        {
            Finish(error);
            return;
        }

        var result = fiber.Slot(CompiledFunction.ResultSlot);
        var entered = fiber.EnteredLevel;
        var at = fiber.Pop();
        ref readonly var call = ref _code[at];
        if (call.Shape is CallShape.Bridged)
        {
            fiber.Bridges--;
            fiber.Errors.End();
        }
        else if (error == 0)
        {
            fiber.Errors.Index = entered;
        }

        if (error != 0)
        {
            fiber.Error = error;
            fiber.Pc = call.D;
            return;
        }

        fiber.Pc = at + 1;
        if (call.C >= 0)
        {
            fiber.Slot(call.C) = result;
        }
    }

    /// <summary>The entry function returned.</summary>
    private void Finish(int error)
    {
        var fold = error == 0 ? Fold(ref _fiber.Slot(CompiledFunction.ResultSlot)) : 0;
        Record(EventKind.Result, error, fold);
        if (_fiber.Ledger.Count > 0 && _ending is RunEnding.Finished)
        {
            _ending = RunEnding.Leaked;
        }

        End(error == 0 ? FiberOutcome.Completed : FiberOutcome.Failed);
    }

    /// <summary>A panic or segfault at the innermost function's checkpoint: no defer runs.</summary>
    private void Crash(FiberOutcome outcome)
    {
        Trace(-1);
        if (outcome is FiberOutcome.Panicked)
        {
            // A segfault has nobody to hand the trace over.
            Sight(-1);
        }

        EndProfiles(_fiber, outcome is FiberOutcome.Panicked ? CallExit.Panic : CallExit.Segfault);
        var ledger = _fiber.Ledger;
        while (ledger.Count > 0)
        {
            var last = _defect is ModelDefect.Ledger ? 0 : ledger.Count - 1;
            var held = ledger[last];
            ledger.RemoveAt(last);
            Record(EventKind.LedgerReleased, 0, held.Serial);
            HandOn(held.Mutex);
        }

        End(outcome);
    }

    private ulong Eval(int scalar) => Eval(_program.Scalars[scalar]);

    private ulong Eval(CompiledScalar scalar)
    {
        var sum = scalar.Constant;
        foreach (var term in scalar.Terms)
        {
            ref var slot = ref _fiber.Slot(term.Slot);
            sum = unchecked(sum + term.Kind switch
            {
                SlotKind.Index => slot.Bits,
                SlotKind.Pointer => Fold(ref _fiber.At(slot.Bits)),
                _ => Fold(ref slot),
            });
        }

        return sum;
    }

    private bool Holds(in CompiledCondition condition) =>
        Eval(condition.Value) % condition.Modulus == condition.Remainder;

    /// <summary>The fold of what is in a slot; a value that was not folded before is replaced by its fold.</summary>
    private ulong Fold(ref Value value)
    {
        if (value.Type == Value.Word)
        {
            return Values.FoldWord(value.Bits);
        }

        if (value.Type != Value.Folded)
        {
            value.Bits = value.Type == Value.Sliced
                ? Values.FoldOfSlicedBuffer(value.Bits)
                : Values.Fold(_program.Types[value.Type], value.Bits);
            value.Type = Value.Folded;
        }

        return value.Bits;
    }

    /// <summary>Takes the call chain of the running fiber.</summary>
    private void Trace(int site)
    {
        var fiber = _fiber;
        var length = fiber.Depth + fiber.Bridges + 1;
        _probes++;
        _framesInTraces += length;
        if (_framesInTraces > ProgramLimits.MaxTracedFrames)
        {
            ReachCap();
            return;
        }

        if (_kept is Kept.Counts)
        {
            return;
        }

        var chain = Chain(fiber, fiber.Pc - 1);
        _traces.Add(new(fiber.Index, site, new(_defect switch
        {
            ModelDefect.TraceLine when chain.Length > 2 => [chain[0], chain[0], .. chain[2..]],
            ModelDefect.Bridge => [.. chain.Where(frame => frame is not Frame.CallbackBridge)],
            _ => chain,
        })));
    }

    /// <summary>All frames of a fiber whose innermost function stands in the instruction at <paramref name="pc"/>.</summary>
    private Frame[] Chain(FiberState fiber, int pc)
    {
        var chain = new Frame[fiber.Depth + fiber.Bridges + 1];
        var next = 0;
        if (fiber.Depth > 0)
        {
            chain[next++] = _program.FrameAt(pc);
        }

        for (var depth = fiber.Depth - 1; depth > 0; depth--)
        {
            var caller = fiber.FrameAt(depth).Caller;
            if (_code[caller].Shape is CallShape.Bridged)
            {
                chain[next++] = Bridge;
            }

            chain[next++] = _program.FrameAt(caller);
        }

        chain[next] = new Frame.FiberEntry(fiber.Index);
        return chain;
    }
}
