using Harness.Model;

namespace Harness.Verification.Pictures;

/// <summary>
/// What there is to draw of one moment of an execution: the segments of a fiber's stack with the frames in them, where the fault struck, what cleaned
/// up, and each observer's trace beside the model's. Text and numbers only: a renderer asks nothing further, and it is stored as it is.
/// </summary>
/// <param name="Moment">When and of which fiber, as the rest of a sentence.</param>
/// <param name="Fault">Null when none was planned and none struck.</param>
/// <param name="Segments">The one in use first; empty when the worker sent no stack (it died in between, or none was asked for).</param>
/// <param name="FramesLeftOut">Frames in the middle of a deep stack, which were not sent.</param>
/// <param name="Traces">Null when there is nothing to compare.</param>
public sealed record StackPicture(
    string Moment, PicturedFault? Fault, EquatableArray<PicturedSegment> Segments, int FramesLeftOut, PicturedTraces? Traces, PicturedCleanup? Cleanup)
{
    /// <summary>The last frame shown is not the fiber's first one: saved frame pointers lead no further.</summary>
    public bool IsCutOff { get; init; }

    /// <summary>Every row of the traces has a cell for each observer; one that was read back need not.</summary>
    public bool IsWhole => Traces is not { } traces || traces.Rows.All(row => row.Seen.Count == traces.Observers.Count);
}

/// <param name="What">For example <c>error.Injected</c>, <c>panic</c>, <c>SIGSEGV</c>.</param>
/// <param name="Where">The logical entry, function and line, as far as known; may be empty.</param>
public sealed record PicturedFault(string What, string Where);

/// <param name="Number">From 1, the fiber's first segment; 0: the thread's own stack, or nowhere.</param>
/// <param name="Bytes">Its stack, used or not.</param>
/// <param name="UsedBytes">Of the segment in use; null for the others, whose innermost frame's end is not told.</param>
/// <param name="Above">Whether it lies at higher addresses than its parent; null for the first, and when the parent is not shown.</param>
/// <param name="Frames">Innermost first. The last one of every segment but the first belongs to the function that split.</param>
public sealed record PicturedSegment(int Number, long Bytes, long? UsedBytes, bool? Above, EquatableArray<PicturedFrame> Frames);

/// <summary>What a frame is.</summary>
public enum FrameRole
{
    /// <summary>A function of the program.</summary>
    Program,

    /// <summary>A function of the program without a frame of its own: it was inlined into the next one.</summary>
    Inlined,

    /// <summary><c>__morestack</c>, which stands where a function split.</summary>
    Stub,

    /// <summary>The runtime and the support library.</summary>
    Runtime,
}

/// <param name="Function">As people call it.</param>
/// <param name="Place">File and line; empty when not known.</param>
/// <param name="Bytes">From its caller's rsp before the call to its callee's; null when not known.</param>
/// <param name="Mark">Empty, or what happened here: <c>fault</c>, <c>probe</c>, <c>crash</c>.</param>
public sealed record PicturedFrame(FrameRole Role, string Function, string Place, long? Bytes, string Mark);

/// <summary>Traces side by side, innermost first, without stub frames: what must be, then what each observer saw.</summary>
/// <param name="HasTruth">False where the model has no trace, as in a crash.</param>
/// <param name="LeftOut">Further rows, which were cut off.</param>
public sealed record PicturedTraces(bool HasTruth, EquatableArray<PicturedObserver> Observers, EquatableArray<TraceRow> Rows, int LeftOut)
{
    /// <summary>Rows kept.</summary>
    public const int MaxRows = 400;
}

/// <param name="Verdict">For example <c>complete</c>, <c>MissingFrames at frame 1</c>.</param>
public sealed record PicturedObserver(string Name, string Verdict, bool Right);

/// <param name="Truth">Null beside a frame that the model does not have.</param>
/// <param name="Seen">One per observer.</param>
public sealed record TraceRow(string? Truth, EquatableArray<TraceCell> Seen);

/// <param name="Text">Null: nothing there.</param>
/// <param name="FirstWrong">Where this observer's trace stops being the model's.</param>
public sealed record TraceCell(string? Text, bool FirstWrong);

/// <summary>What ran because of the fault, in order, until the error was handled or the fiber ended.</summary>
/// <param name="Start">What set it off.</param>
/// <param name="Observed">False: the steps are the model's, because nothing was recorded.</param>
/// <param name="LeftOut">Steps in the middle that are not kept.</param>
public sealed record PicturedCleanup(int Fiber, string Start, bool Observed, EquatableArray<CleanupStep> Steps, int LeftOut);

/// <param name="How"><c>defer</c>, <c>errdefer</c>, <c>ledger</c>, <c>catch</c>, …</param>
/// <param name="Where">Function and line; empty when it is nowhere in the program.</param>
/// <param name="Instead">At the first step that is not the model's: what the model has there; otherwise null.</param>
public sealed record CleanupStep(string How, string Where, string What, string? Instead);
