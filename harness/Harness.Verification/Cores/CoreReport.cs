using Harness.Binary.Cores;
using Harness.Binary.Unwind;
using Harness.Execution;
using Harness.Model;

namespace Harness.Verification.Cores;

/// <summary>What is wrong with what a core shows.</summary>
public enum CoreFault
{
    /// <summary>A chain does not come to its end; why, is in the detail, by its <see cref="UnwindFault"/>.</summary>
    Incomplete,

    /// <summary>A fiber that does not run has left no context to be found.</summary>
    NoContext,

    /// <summary>A frame lies in none of its fiber's segments, or in a later one than its caller.</summary>
    WrongSegment,

    /// <summary>A stub's frame is not the one that the segment above it belongs to, or boundaries have none.</summary>
    WrongStub,

    /// <summary>The chain is not the model's.</summary>
    WrongChain,

    /// <summary>The two readers of the core do not agree.</summary>
    ReadersDiffer,

    /// <summary>A debugger's chain is not ours.</summary>
    ToolDiffers,
}

public sealed record CoreFinding(CoreFault Fault, string Where, string Detail)
{
    public override string ToString() => $"{Fault} in {Where}: {Detail}";
}

/// <summary>A frame in a core.</summary>
/// <param name="IsExact">It was interrupted at <paramref name="Pc"/>; otherwise that is a return address.</param>
/// <param name="Registers">Its own, at that point.</param>
/// <param name="File">Null for code without lines.</param>
/// <param name="Segment">Ordinal of the segment that its return address lies in; 0: none of a fiber's.</param>
/// <param name="Stub">It is morestack's, at the boundary from that segment to the next.</param>
public sealed record CoreFrame(
    ulong Pc, bool IsExact, FrameRegisters Registers, ulong Cfa, string Function, string? File, int Line, int Segment, bool Stub)
{
    /// <summary>An address of the instruction that the frame is in.</summary>
    public ulong Lookup => IsExact ? Pc : unchecked(Pc - 1);
}

/// <summary>A chain of frames, innermost first.</summary>
/// <param name="End">Why there are no more.</param>
public sealed record CoreChain(IReadOnlyList<CoreFrame> Frames, TraceEnd End)
{
    public bool IsComplete => End is not TraceEnd.Failed;
}

/// <summary>A thread. <paramref name="Fiber"/>: the one whose frames are in its chain; −1: none.</summary>
public sealed record ThreadReport(CoreThread Thread, CoreChain Chain, int Fiber);

/// <summary>A fiber's chain against the model's.</summary>
public abstract record ModelComparison
{
    private ModelComparison()
    {
    }

    internal abstract int Seal { get; }

    /// <param name="Frames">Of the program, all of them the model's; stubs are not counted.</param>
    /// <param name="Beyond">Innermost ones of the program that the model, which knows the last event only, does not have.</param>
    public sealed record Agrees(int Frames, int LinesUnknown, int Beyond) : ModelComparison { internal override int Seal => 0; }

    /// <param name="Expected">The model's chain, innermost first.</param>
    public sealed record Differs(TraceVerdict.Wrong Verdict, EquatableArray<string> Expected) : ModelComparison { internal override int Seal => 1; }

    /// <summary>Nothing to compare with, and why.</summary>
    public sealed record Unknown(string Reason) : ModelComparison { internal override int Seal => 2; }
}

/// <summary>A fiber. <paramref name="Chain"/> is null when it has no stack (not born, ended), or none could be found.</summary>
public sealed record FiberReport(CoreFiber Fiber, CoreChain? Chain, ModelComparison Comparison);

/// <summary>What a core shows.</summary>
/// <param name="Place">In which mapping the address of a fault lies, for people.</param>
public sealed record CoreReport(
    CoreSignal? Signal, string Place, Death Death, int Row, IReadOnlyList<ThreadReport> Threads, IReadOnlyList<FiberReport> Fibers,
    IReadOnlyList<CoreFinding> Findings)
{
    /// <summary>Frames that were unwound.</summary>
    public int Frames => Threads.Sum(t => t.Chain.Frames.Count) + Fibers.Sum(f => f.Fiber.State is CoreFiberState.Running ? 0 : f.Chain?.Frames.Count ?? 0);

    public bool Holds => Findings.Count == 0;
}
