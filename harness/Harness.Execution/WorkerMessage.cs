using Harness.Model;

namespace Harness.Execution;

/// <summary>A half-open range of code addresses.</summary>
public readonly record struct AddressRange(ulong Start, ulong End)
{
    public bool Contains(ulong address) => address >= Start && address < End;

    /// <summary>Whether a call in the range returns to the address (which may be the range's end).</summary>
    public bool ContainsReturn(ulong returnAddress) => returnAddress > Start && returnAddress <= End;
}

/// <summary>How an observer's walk ended. Only <see cref="Clean"/> is a complete trace.</summary>
public enum ChainEnd
{
    Clean,
    Cut,
    Unreadable,
    Limit,
    NoInfo,
}

/// <summary>A way of taking a trace inside the worker.</summary>
public enum Observer
{
    FramePointers,
    Dwarf,

    /// <summary>Not a walk: Zig's error return trace, oldest entry first.</summary>
    Errors,
}

/// <summary>Why a stack was sent.</summary>
public enum StackMoment
{
    /// <summary>A probe, panic or injected segfault: where traces are taken.</summary>
    Probe,

    /// <summary>A checkpoint at which the planned error strikes, or one that delivers an error of the stack.</summary>
    Fault,

    /// <summary>A checkpoint on more segments than any before in the row; the first few of these.</summary>
    Entry,

    /// <summary>The process dies of a signal.</summary>
    Crash,
}

/// <param name="Segment">Number of the segment that the frame lies on, from 1; 0: outside all of them.</param>
/// <param name="Pc">Return address into the frame's function; one byte behind the instruction where a signal struck.</param>
/// <param name="Cfa">The caller's rsp before the call; 0 for the outermost frame.</param>
public readonly record struct SentFrame(int Segment, ulong Pc, ulong Cfa);

/// <summary>Memory [Low, High) of a segment's stack.</summary>
public readonly record struct SentSegment(int Number, ulong Low, ulong High);

/// <summary>Unwinders that a worker loads if the machine has them.</summary>
public enum UnwindTool
{
    Libgcc,
    Llvm,
    Nongnu,
}

/// <summary>A register by its DWARF number.</summary>
public readonly record struct SentRegister(int Number, ulong Value);

/// <summary>Memory from an address on.</summary>
public readonly record struct SentMemory(ulong Low, EquatableArray<byte> Bytes);

/// <summary>One <c>#hs</c> line of a worker (docs/PROTOCOL.md). Lines of other programs are no messages.</summary>
public abstract record WorkerMessage
{
    private WorkerMessage()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <summary>The row that it is said of; null: of none.</summary>
    public abstract int? OfRow { get; }

    /// <summary>First line of every process; a later one follows a restart, and chain ids start anew.</summary>
    public sealed record Ready(int Programs, int Rows, AddressRange Stub, AddressRange Entry, AddressRange Bridge)
        : WorkerMessage { internal override Sealed Seal => default; public override int? OfRow => null; }

    /// <summary>A distinct trace: return addresses innermost first, stub frames removed.</summary>
    public sealed record Chain(int Id, ChainEnd End, EquatableArray<ulong> Addresses)
        : WorkerMessage { internal override Sealed Seal => default; public override int? OfRow => null; }

    /// <summary>One observer's trace at a probe. Site −1: a panic or segfault.</summary>
    public sealed record Probe(int Row, int Fiber, int Site, int Ordinal, Observer Observer, int ChainId, int Stubs, int Segments)
        : WorkerMessage { internal override Sealed Seal => default; public override int? OfRow => Row; }

    /// <summary>Both observers saw the same: a session hands it on as one <see cref="Probe"/> of each.</summary>
    public sealed record Probes(Probe ByFramePointers) : WorkerMessage
    {
        public Probe ByDwarf => ByFramePointers with { Observer = Observer.Dwarf };

        internal override Sealed Seal => default;

        public override int? OfRow => ByFramePointers.Row;
    }

    /// <summary>Another unwinder's trace at a probe, of a recorded row.</summary>
    public sealed record Opinion(int Row, int Fiber, int Site, int Ordinal, UnwindTool Tool, int ChainId, int Stubs)
        : WorkerMessage { internal override Sealed Seal => default; public override int? OfRow => Row; }

    /// <summary>The error return trace at a probe.</summary>
    /// <param name="Kept">The program's compiler keeps one.</param>
    /// <param name="Index">How many entries were made, kept or not.</param>
    /// <param name="Caller">What a panic was told to be its caller's address; 0 at a probe.</param>
    public sealed record Errors(int Row, int Fiber, int Site, int Ordinal, bool Kept, long Index, int ChainId, ulong Caller)
        : WorkerMessage { internal override Sealed Seal => default; public override int? OfRow => Row; }

    /// <summary>
    /// The stack of a fiber as saved frame pointers lead through it, for people to see: frames innermost first, stub frames among them.
    /// </summary>
    /// <param name="Ordinal">Of the probe, when <paramref name="Why"/> is one.</param>
    /// <param name="Entry">The logical entry that was made last.</param>
    /// <param name="Depth">How many frames there are; of the frames in the middle of a deep stack none are sent.</param>
    /// <param name="Segments">Those that have one of the frames, the one in use first.</param>
    public sealed record Stack(
        int Row, int Fiber, int Site, int Ordinal, StackMoment Why, int Entry, int Depth, ulong Rsp,
        EquatableArray<SentFrame> Frames, EquatableArray<SentSegment> Segments) : WorkerMessage
    {
        /// <summary>How many are sent behind what is left out (zig-fixtures/worker/stacks.zig).</summary>
        public const int OuterFrames = 64;

        /// <summary>What is known of the innermost frame: rip is a return address, or one byte behind where a signal struck.</summary>
        public EquatableArray<SentRegister> Registers { get; init; }

        /// <summary>What is in use of the stacks that the fiber is on.</summary>
        public EquatableArray<SentMemory> Memory { get; init; }

        /// <summary>Bytes in use beyond what is sent of one stack, or of one row's.</summary>
        public long MemoryLeft { get; init; }

        internal override Sealed Seal => default;

        public override int? OfRow => Row;
    }

    /// <summary>A check of the worker failed. Fiber −1: none in particular.</summary>
    public sealed record Fail(int Row, string Check, int Fiber, string Expected, string Observed, string Detail)
        : WorkerMessage { internal override Sealed Seal => default; public override int? OfRow => Row; }

    /// <summary>What an execution with a stack budget or a failing allocation did.</summary>
    public sealed record Overflow(int Row, ulong Digest, EquatableArray<Delivery> Deliveries)
        : WorkerMessage { internal override Sealed Seal => default; public override int? OfRow => Row; }

    /// <summary>More executions went as the one that an <see cref="Overflow"/> was sent of: the same errors delivered, the same log.</summary>
    public sealed record Again(int Row, int Times) : WorkerMessage { internal override Sealed Seal => default; public override int? OfRow => Row; }

    public sealed record Logged(int Row, int Fiber, Event Event) : WorkerMessage { internal override Sealed Seal => default; public override int? OfRow => Row; }

    public sealed record Delivered(int Row, Delivery Delivery) : WorkerMessage { internal override Sealed Seal => default; public override int? OfRow => Row; }

    /// <summary>After a program's last row; counts what this process did of it.</summary>
    public sealed record ProgramDone(int Index, int Rows, Counters Counters, TimeSpan Elapsed)
        : WorkerMessage { internal override Sealed Seal => default; public override int? OfRow => null; }

    /// <summary>After a program's last row, when any of its executions was disturbed.</summary>
    public sealed record Disturbed(Arrivals Arrivals) : WorkerMessage { internal override Sealed Seal => default; public override int? OfRow => null; }

    /// <summary>After a program's last row, when other unwinders were asked about probes: how often each of them.</summary>
    public sealed record Opinions(long Libgcc, long Llvm, long Nongnu) : WorkerMessage { internal override Sealed Seal => default; public override int? OfRow => null; }

    /// <summary>
    /// Where the stack split under each call of the row's scenario, or of the rows that went as this one where its fault plan does not say what happens: by logical entry,
    /// a bit place × 4 + placement for each way in which an execution made the call (place 0: on the first segment, 1: on a later one, 2: just split).
    /// </summary>
    public sealed record Places(int Row, EquatableArray<int> Masks) : WorkerMessage
    {
        /// <summary>Bits of a mask.</summary>
        public const int Bits = 12;

        internal override Sealed Seal => default;

        public override int? OfRow => Row;
    }

    public sealed record Done(int Rows) : WorkerMessage { internal override Sealed Seal => default; public override int? OfRow => null; }

    /// <summary>A line that starts like a message and is none; at most <see cref="WorkerLine.MaxShownChars"/> of it.</summary>
    public sealed record Malformed(string Line, string Reason) : WorkerMessage { internal override Sealed Seal => default; public override int? OfRow => null; }
}
