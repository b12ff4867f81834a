using Harness.Binary.Unwind;
using Harness.Execution;
using Harness.Model;

namespace Harness.Verification.Pictures;

/// <summary>What our own engine makes of a stack that a worker sent: by its rows, the registers and the bytes that came with it, and by nothing else.</summary>
/// <param name="Chain">As an observer sends it: without the stub's frames.</param>
/// <param name="Frames">All of them, each where its return address lies.</param>
/// <param name="Problem">Why it goes no further; null when it is complete.</param>
/// <param name="IsUnsent">It goes no further because the rest of the stack was not sent.</param>
internal sealed record WalkedStack(WorkerMessage.Chain Chain, int Stubs, EquatableArray<SentFrame> Frames, UnwindProblem? Problem, bool IsUnsent);

/// <summary>Unwinds stacks that a worker sent, by call frame information alone.</summary>
internal sealed class StackWalk(UnwindTable table, FramePlaces places)
{
    /// <returns>Null when nothing was sent to unwind from.</returns>
    public WalkedStack? Of(WorkerMessage.Stack stack)
    {
        if (stack.Registers.Count == 0 || stack.Memory.Count == 0)
        {
            return null;
        }

        var registers = default(FrameRegisters);
        foreach (var (number, value) in stack.Registers.Where(r => r.Number is >= 0 and < DwarfRegister.Count))
        {
            registers.Set(number, value);
        }

        var trace = new Unwinder(new SingleModule(table), new SentBytes(stack.Memory), table.Limits).Walk(registers, isExact: false);
        var problem = (trace.End as TraceEnd.Failed)?.Problem;
        // A frame whose caller could not be had is one of the trace; where it is, the one before it says.
        ulong[] addresses = [.. trace.Frames.Select(f => f.Pc), .. Next(registers, trace)];
        var kept = addresses.Where(a => !places.IsStub(a)).ToEquatableArray();
        return new WalkedStack(
            new WorkerMessage.Chain(0, problem is null ? ChainEnd.Clean : ChainEnd.Cut, kept), addresses.Length - kept.Count,
            trace.Frames.Select(f => new SentFrame(SegmentOf(stack, f), f.Pc, f.ReturnSlot is null ? 0 : f.Cfa)).ToEquatableArray(),
            problem, problem?.Fault is UnwindFault.Unreadable && stack.MemoryLeft > 0);
    }

    private static IEnumerable<ulong> Next(FrameRegisters registers, UnwoundTrace trace)
    {
        var last = trace.Frames.Count > 0 ? trace.Frames[^1].Caller : registers;
        return !trace.IsComplete && last[DwarfRegister.Rip] is { } next ? [next] : [];
    }

    private static int SegmentOf(WorkerMessage.Stack stack, UnwoundFrame frame)
    {
        // The outermost has no caller, but a place.
        var at = frame.ReturnSlot ?? unchecked(frame.Cfa - sizeof(ulong));
        return stack.Segments.FirstOrDefault(s => at >= s.Low && at < s.High).Number;
    }

    private sealed class SentBytes(EquatableArray<SentMemory> memory) : IFrameMemory
    {
        public bool TryRead(ulong address, Span<byte> into)
        {
            foreach (var (low, bytes) in memory)
            {
                if (address >= low && address - low < (ulong)bytes.Count && (ulong)bytes.Count - (address - low) >= (ulong)into.Length)
                {
                    bytes.AsSpan().Slice((int)(address - low), into.Length).CopyTo(into);
                    return true;
                }
            }

            return false;
        }
    }
}
