namespace Harness.Binary.Unwind.Stepping;

/// <summary>
/// The chain of callers that the executed instructions made, over as many stacks as there are. It is told of every instruction and never looks at
/// unwind rows, so it is what those are compared with. Beyond call and return it knows three things of the runtime:
/// <list type="bullet">
/// <item>a prologue's call of morestack adds no caller: the stub stands for the function, and leaves through the prologue's <c>ret</c>, or into its body;</item>
/// <item><c>mov %rsp, memory</c> in the runtime's assembly marks a place to which a later <c>mov …, %rsp</c> of that value goes back, with all
/// its callers (a fiber that waits, the scheduler that waits for it, an attempt);</item>
/// <item>a context that nobody marked is a fiber's first: it has no callers but what its memory says.</item>
/// </list>
/// </summary>
internal sealed class ShadowStack(IFrameMemory memory, Func<ulong, CodePlace> placeAt)
{
    /// <summary>rsp in a context, and the return address above it (gates.h).</summary>
    private const ulong ContextReturn = 56;

    /// <summary>The order in a context, upwards: control words, r15, r14, r13, r12, rbx, rbp; as indices of <see cref="DwarfRegister.CalleeSaved"/>.</summary>
    private static ReadOnlySpan<int> ContextOrder => [5, 4, 3, 2, 0, 1];

    private const ulong SignalReturn = 15;

    /// <summary>In the kernel's <c>struct ucontext</c>, the third argument of a handler.</summary>
    private const ulong ContextRip = 168;
    private const ulong ContextRsp = 160;

    private readonly Dictionary<ulong, Mark> _marks = [];
    private readonly Dictionary<(ulong Target, ulong Rsp), Mark> _jumps = [];

    private readonly record struct Mark(ShadowChain Chain, int Depth, ulong TopSlot);

    public ShadowChain Current { get; private set; } = new();

    /// <summary>A function that never returns was entered and has not yet gone over to another stack: it has no caller any more.</summary>
    public bool HasLeft { get; private set; }

    /// <summary>A signal's handler is among the callers.</summary>
    public bool IsInSignal
    {
        get
        {
            for (var i = Current.Depth - 1; i >= 0; i--)
            {
                if (Current[i].Kind is ShadowKind.Signal)
                {
                    return true;
                }
            }

            return false;
        }
    }

    public long Switches { get; private set; }

    public long Splits { get; private set; }

    public long Signals { get; private set; }

    /// <summary>The callers at the beginning, which nobody saw being made.</summary>
    public void Begin(UnwoundTrace trace)
    {
        foreach (var frame in trace.Frames.Reverse().Where(f => f.ReturnSlot is not null && f.Caller[DwarfRegister.Rip] is not (null or 0)))
        {
            Current.Push(new ShadowFrame
            {
                Slot = frame.ReturnSlot!.Value, Cfa = frame.Cfa, Return = frame.Caller[DwarfRegister.Rip]!.Value, Registers = SavedRegisters.Of(frame.Caller),
            });
        }
    }

    /// <summary>One step.</summary>
    /// <param name="delivered">The signal that was delivered with it; 0: none.</param>
    /// <returns>What the program did that no chain of callers explains; null normally.</returns>
    public string? Advance(CodePlace from, in FrameRegisters before, in FrameRegisters now, int delivered)
    {
        var (rip, rsp) = (Of(now, DwarfRegister.Rip), Of(now, DwarfRegister.Rsp));
        if (delivered != 0 && Entered(before, now, rip, rsp))
        {
            return null;
        }

        switch (from.Kind)
        {
            case StepKind.Call:
                Called(from, now, rip, rsp);
                return null;
            case StepKind.Return:
                return Returned(from, before, rip, rsp);
            case StepKind.IndirectJump:
                return Jumped(from, rip, rsp);
            case StepKind.StoreStackPointer when from.Role.HasFlag(CodeRole.Stub):
                _marks[rsp] = new Mark(Current, Current.Depth, Current.Depth > 0 ? Current.Top.Slot : 0);
                return null;
            case StepKind.LoadStackPointer when from.Role.HasFlag(CodeRole.Switches):
                return SwitchedTo(rsp);
            case StepKind.LoadStackPointer when !from.Role.HasFlag(CodeRole.Stub):
                LeftUpTo(rsp);
                return null;
            case StepKind.SystemCall when Of(before, DwarfRegister.Rax) == SignalReturn && from.Pc + (ulong)from.Length != rip:
                return SignalReturned(rip, rsp);
            default:
                Left(rip);
                return null;
        }
    }

    /// <summary>Steps that nobody saw ended here: behind the innermost call, or somewhere inside it.</summary>
    public void Resumed(in FrameRegisters now)
    {
        if (Current.Depth > 0 && Current.Top is var top && Of(now, DwarfRegister.Rip) == top.Return && Of(now, DwarfRegister.Rsp) == top.Cfa)
        {
            Current.CutTo(Current.Depth - 1);
        }
    }

    /// <summary>The kernel has made a handler's frame: its return address leads to rt_sigreturn.</summary>
    private bool Entered(in FrameRegisters before, in FrameRegisters now, ulong rip, ulong rsp)
    {
        if (Word(rsp) is not { } restorer || !placeAt(restorer).Role.HasFlag(CodeRole.Restorer) || rip == Of(before, DwarfRegister.Rip))
        {
            return false;
        }

        Signals++;
        Current.Push(new ShadowFrame
        {
            Kind = ShadowKind.Signal, Slot = Of(now, DwarfRegister.Rdx) + ContextRip, Cfa = Of(before, DwarfRegister.Rsp), Return = Of(before, DwarfRegister.Rip), Registers = SavedRegisters.Of(before),
        });
        Current.Push(new ShadowFrame { Slot = rsp, Cfa = rsp + 8, Return = restorer, Registers = SavedRegisters.Of(now) });
        return true;
    }

    private void Called(CodePlace from, in FrameRegisters now, ulong rip, ulong rsp)
    {
        var (back, role) = (from.Pc + (ulong)from.Length, placeAt(rip).Role);
        if (role.HasFlag(CodeRole.TakesCallersPlace) && Current.Depth > 0)
        {
            Splits++;
            Current.Top.Site = back;
            return;
        }

        if (role.HasFlag(CodeRole.SetsJump))
        {
            _jumps[(back, rsp + 8)] = new Mark(Current, Current.Depth, Current.Depth > 0 ? Current.Top.Slot : 0);
        }

        Current.Push(new ShadowFrame { Slot = rsp, Cfa = rsp + 8, Return = back, Registers = SavedRegisters.Of(now) });
        Left(rip);
    }

    private void Left(ulong rip)
    {
        // Its first instruction only; a function of that kind that is jumped into further on has switched already.
        if (placeAt(rip) is { Role: var role } place && role.HasFlag(CodeRole.LeavesForGood) && place.Module!.Name(rip).Offset == 0)
        {
            HasLeft = true;
        }
    }

    private string? Returned(CodePlace from, in FrameRegisters before, ulong rip, ulong rsp)
    {
        var slot = Of(before, DwarfRegister.Rsp);
        if (Current.Depth > 0)
        {
            ref var top = ref Current.Top;
            if (top.Kind is ShadowKind.Call && slot == top.Slot)
            {
                var (expected, given) = (top.Return, top.GivesRbxAway);
                Current.CutTo(Current.Depth - 1);
                if (given && Current.Depth > 0 && placeAt(rip).Role.HasFlag(CodeRole.TakesCallersPlace))
                {
                    // The stub stands for the function whose body that was.
                    Current.Top.GivesRbxAway = true;
                }

                return rip == expected ? null : Lost($"a return address was overwritten: it returned to {rip:x}, called from before {expected:x}", rip, rsp);
            }

            if (from.Role.HasFlag(CodeRole.Stub) && top.Site != 0 && (rip == top.Site || rip == top.Site + 1))
            {
                top.Site = 0;
                return null;
            }
        }

        return from.Role.HasFlag(CodeRole.Jumps) && Landed(rip, rsp) ? null : Lost($"returned to {rip:x} from a place where no call left its return address", rip, rsp);
    }

    private string? Jumped(CodePlace from, ulong rip, ulong rsp)
    {
        if (Current.Depth > 0 && Current.Top is { Kind: not ShadowKind.Signal } top && rip == top.Return && rsp == top.Cfa)
        {
            Current.CutTo(Current.Depth - 1);
            return null;
        }

        if (!from.Role.HasFlag(CodeRole.Jumps))
        {
            Left(rip);
            return null;
        }

        if (_jumps.TryGetValue((rip, rsp), out var mark))
        {
            Current = mark.Chain;
            Current.CutTo(mark.Depth);
            return null;
        }

        return Landed(rip, rsp) ? null : Lost($"jumped to {rip:x}, where no setjmp returned", rip, rsp);
    }

    /// <summary>An exception goes on in a frame that is waiting for a call to return: rsp is that call's, the place is in the same function.</summary>
    private bool Landed(ulong rip, ulong rsp)
    {
        for (var i = Current.Depth - 1; i >= 0; i--)
        {
            ref var frame = ref Current[i];
            if (frame.Cfa == rsp && placeAt(rip) is { Module: { } module } && module.Table.Find(rip - module.Bias) is { } entry
                && entry.Covers(frame.Return - 1 - module.Bias))
            {
                Current.CutTo(i);
                return true;
            }
        }

        return false;
    }

    private string? SwitchedTo(ulong rsp)
    {
        HasLeft = false;
        var slot = rsp + ContextReturn;
        var back = Word(slot) ?? 0;
        var isFirst = placeAt(back).Role.HasFlag(CodeRole.FiberStart);
        if (_marks.Remove(rsp, out var mark) && !isFirst)
        {
            Switches += ReferenceEquals(mark.Chain, Current) ? 0 : 1;
            Current = mark.Chain;
            Current.CutTo(Math.Min(mark.Depth, Current.Depth));
            return Current.Depth == mark.Depth && mark.TopSlot == Current.Top.Slot ? null : $"went back to a context at {rsp:x} whose callers have returned meanwhile";
        }

        if (!isFirst)
        {
            return $"went over to {rsp:x}, where no context was left";
        }

        Switches++;
        Current = new ShadowChain();
        var frame = new ShadowFrame { Kind = ShadowKind.Context, Slot = slot, Cfa = slot + 8, Return = back };
        for (var i = 0; i < ContextOrder.Length; i++)
        {
            frame.Registers[ContextOrder[i]] = Word(rsp + 8 + ((ulong)i * 8)) ?? 0;
        }

        Current.Push(frame);
        return null;
    }

    /// <summary>rsp was set to exactly what it is once a caller further out goes on: everything in between was left.</summary>
    private void LeftUpTo(ulong rsp)
    {
        for (var i = Current.Depth - 2; i >= 0; i--)
        {
            if (Current[i].Cfa == rsp)
            {
                Current.CutTo(i + 1);
                return;
            }
        }
    }

    /// <summary>
    /// A signal's frame as it is now: a handler may have written another place into the interrupted context, where the thread then goes
    /// on without callers.
    /// </summary>
    public ShadowFrame Now(in ShadowFrame frame, out Redirection redirection)
    {
        redirection = Redirection.None;
        if (frame.Kind is not ShadowKind.Signal || Word(frame.Slot) is not { } rip || Word(frame.Slot - ContextRip + ContextRsp) is not { } rsp)
        {
            return frame;
        }

        redirection = (rip == frame.Return, rsp == frame.Cfa) switch
        {
            (true, true) => Redirection.None,
            (false, false) => Redirection.Done,
            _ => Redirection.Half,
        };
        return frame with { Return = rip, Cfa = rsp };
    }

    private string? SignalReturned(ulong rip, ulong rsp)
    {
        if (Current.Depth == 0 || Current.Top.Kind is not ShadowKind.Signal)
        {
            return Lost("returned from a signal that nobody delivered", rip, rsp);
        }

        var interrupted = Current.Top;
        if (rip == interrupted.Return && rsp == interrupted.Cfa)
        {
            Current.CutTo(Current.Depth - 1);
            return null;
        }

        if (placeAt(rip).Role.HasFlag(CodeRole.LeavesForGood))
        {
            Left(rip);
            return null;
        }

        if (!placeAt(rip).Role.HasFlag(CodeRole.Outermost))
        {
            return Lost($"a signal's handler went on at {rip:x} and not where it was interrupted", rip, rsp);
        }

        // The fiber is given up; the thread goes on where nobody called.
        Current = new ShadowChain();
        return null;
    }

    /// <summary>Goes on with a caller that fits, if there is one.</summary>
    private string Lost(string what, ulong rip, ulong rsp)
    {
        for (var i = Current.Depth - 1; i >= 0; i--)
        {
            if (Current[i].Return == rip && Current[i].Cfa == rsp)
            {
                Current.CutTo(i);
                break;
            }
        }

        return what;
    }

    private ulong? Word(ulong address)
    {
        Span<byte> word = stackalloc byte[8];
        return memory.TryRead(address, word) ? System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(word) : null;
    }

    private static ulong Of(in FrameRegisters registers, int register) => registers[register].GetValueOrDefault();
}
