namespace Harness.Model;

/// <summary>Kinds of the event log; the numbers are shared with <c>zig-fixtures/worker/events.zig</c>.</summary>
public enum EventKind : byte
{
    /// <summary>A = function id. Every checkpoint.</summary>
    Enter = 1,

    /// <summary>A = error: the checkpoint returns it. Follows its Enter.</summary>
    Delivered = 2,

    /// <summary>A = function id. Before the value of a Return is built (or at the body's end); not on errors or tail calls.</summary>
    Leave = 3,

    /// <summary>A = site, B = value.</summary>
    Log = 4,

    /// <summary>A = site, B = serial &lt;&lt; 8 | resource kind. Serials count from 1 per fiber.</summary>
    Acquired = 5,

    /// <summary>A = site of the acquisition or Release statement, B = serial.</summary>
    Released = 6,

    /// <summary>A = 0, B = serial: released from the ledger after a panic or trap.</summary>
    LedgerReleased = 7,

    /// <summary>A = site, B = error.</summary>
    Raised = 8,

    /// <summary>A = site, B = error.</summary>
    Caught = 9,

    /// <summary>A = site, B = error.</summary>
    ErrDeferred = 10,

    /// <summary>A = error (0: success), B = fold of the payload (0 on error). The fiber's entry function returned.</summary>
    Result = 11,

    /// <summary>A = site.</summary>
    Probe = 12,

    /// <summary>A = site; before the switch.</summary>
    Yielded = 13,

    /// <summary>A = site, B = fiber &lt;&lt; 1 | started.</summary>
    Spawned = 14,

    /// <summary>A = site, B = fiber &lt;&lt; 8 | <see cref="FiberOutcome"/> of the joined fiber; after the wait.</summary>
    Joined = 15,

    /// <summary>A = site, B = fiber &lt;&lt; 1 | was alive and had nothing pending.</summary>
    CancelRequested = 16,

    /// <summary>A = <see cref="FiberOutcome"/>: the last event of every fiber.</summary>
    FiberEnd = 17,
}

/// <summary>How a fiber ended.</summary>
public enum FiberOutcome : byte
{
    NotStarted = 0,
    Completed = 1,
    Failed = 2,
    Panicked = 3,
    Segfaulted = 4,
}

/// <summary>One entry of a fiber's log.</summary>
public readonly record struct Event(EventKind Kind, uint A, ulong B);

/// <summary>A place in a call chain, innermost first.</summary>
public abstract record Frame
{
    private Frame()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <summary>
    /// A transpiled function, stopped at <paramref name="Site"/> (a call, probe, … statement; −1: its checkpoint).
    /// <paramref name="Optional"/>: its active call is a tail call, so an optimiser may have dropped the frame.
    /// <paramref name="MayBeInlined"/>: into the next frame outwards.
    /// </summary>
    public sealed record Transpiled(int Function, int Site, bool Optional, bool MayBeInlined) : Frame { internal override Sealed Seal => default; }

    /// <summary>The runtime's non-split function that calls a C callback.</summary>
    public sealed record CallbackBridge : Frame { internal override Sealed Seal => default; }

    /// <summary>The emitted wrapper in which a fiber starts: the outermost frame of source.</summary>
    public sealed record FiberEntry(int Fiber) : Frame { internal override Sealed Seal => default; }
}

/// <summary>The chain at one probe. <paramref name="Site"/>: the probe's, or −1 at a panic or segfault.</summary>
public sealed record ProbeTrace(int Fiber, int Site, EquatableArray<Frame> Chain);

/// <summary>A fiber at a point of its log.</summary>
/// <param name="IsWaiting">It gave way there; otherwise it has just logged an event, and goes on.</param>
/// <param name="KnowsLine">The innermost function's line is the chain's; otherwise it is anywhere in that function, or has just left it.</param>
/// <param name="Chain">Innermost first.</param>
public sealed record FiberMoment(bool IsWaiting, bool KnowsLine, EquatableArray<Frame> Chain);

/// <summary>How much of a run the interpreter keeps: each more than the one before, at the price of its memory.</summary>
public enum Kept
{
    /// <summary>Digests, outcomes, call profiles, and how much there was of everything else.</summary>
    Counts,

    /// <summary>And stack traces and error return traces.</summary>
    Traces,

    /// <summary>And events and entry points.</summary>
    Everything,
}

/// <summary>
/// What must happen in one execution. Fibers' arrays are indexed by fiber. <see cref="Digest"/> is
/// <see cref="Digests.Combine"/> of the fibers' digests. <see cref="Acquired"/>: how many Acquired events. Events,
/// entry points and probes are empty when the interpreter was not asked to keep them (<see cref="Kept"/>).
/// </summary>
public sealed record ExpectedRun(
    EquatableArray<EquatableArray<Event>> Events,
    EquatableArray<ulong> FiberDigests,
    EquatableArray<FiberOutcome> Outcomes,
    ulong Digest,
    int Entries,
    int EventCount,
    int Acquired,
    EquatableArray<EntryPoint> EntryPoints,
    EquatableArray<ProbeTrace> Probes,
    RunEnding Ending)
{
    /// <summary>How many traces were taken, those of panics and segfaults included, kept or not.</summary>
    public int ProbeCount { get; init; }

    /// <summary>The error return traces of a compiler that keeps them, each fiber's in order; empty when probes are not kept.</summary>
    public EquatableArray<ErrorSighting> Sightings { get; init; } = [];

    /// <summary>The first <see cref="CallProfile.MaxCalls"/> calls, by their logical entries.</summary>
    public EquatableArray<CallProfile> Calls { get; init; } = [];
}

/// <summary>Entry number i of a run: which fiber, which function, at which call depth (1 = the entry function).</summary>
public readonly record struct EntryPoint(int Fiber, int Function, int Depth);

/// <summary>Whether the model itself could finish the run.</summary>
public enum RunEnding
{
    Finished,

    /// <summary>A cap of <see cref="ProgramLimits"/> was hit: not a usable program.</summary>
    CapReached,

    /// <summary>A resource was still held when its fiber ended normally: an ill-formed program.</summary>
    Leaked,

    /// <summary>A handle was released that its fiber does not hold: an ill-formed program.</summary>
    ReleasedTwice,
}

/// <summary>The event log's 64-bit digest, the same in C# and in the runtime.</summary>
public static class Digests
{
    public const ulong Start = 0x243F6A8885A308D3;

    private const ulong Multiplier = 0x9E3779B97F4A7C15;

    public static ulong Add(ulong digest, Event e) => Word(Word(digest, (ulong)e.Kind | ((ulong)e.A << 8)), e.B);

    public static ulong Combine(ReadOnlySpan<ulong> fiberDigests)
    {
        var digest = Start;
        foreach (var fiber in fiberDigests)
        {
            digest = Word(digest, fiber);
        }

        return digest;
    }

    private static ulong Word(ulong digest, ulong word)
    {
        var mixed = unchecked((digest ^ word) * Multiplier);
        return mixed ^ (mixed >> 32);
    }
}
