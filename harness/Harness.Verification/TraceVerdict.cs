namespace Harness.Verification;

/// <summary>What is wrong with a trace. The names are part of signatures.</summary>
public enum TraceFault
{
    /// <summary>The observer gave up: cut, unreadable, limit or no information.</summary>
    NotClean,

    /// <summary>Another function than the model's, or one too many.</summary>
    WrongFunction,

    /// <summary>The right function, stopped at another line.</summary>
    WrongLine,

    /// <summary>Code outside the program where none may be.</summary>
    ForeignFrame,

    /// <summary>Frames of the model that the trace does not have, at its outer end.</summary>
    MissingFrames,

    /// <summary>The trace goes on behind the fiber's entry, or never reaches the runtime's first frame.</summary>
    WrongEntry,

    /// <summary>As many stub frames as segment boundaries are right; these are not.</summary>
    StubCount,

    /// <summary>An error return trace has another number of entries, kept or not, than were made.</summary>
    ErrorCount,

    /// <summary>An error return trace is kept where none should be, or the other way round.</summary>
    ErrorsKept,

    /// <summary>A panic was told another caller than it had.</summary>
    PanicCaller,
}

/// <summary>A trace against the model's chain.</summary>
public abstract record TraceVerdict
{
    private TraceVerdict()
    {
    }

    internal abstract int Seal { get; }

    /// <summary>Every frame, in order, to the fiber's entry.</summary>
    /// <param name="LinesUnknown">Frames of which only the function could be compared.</param>
    public sealed record Complete(int Frames, int LinesUnknown) : TraceVerdict { internal override int Seal => 0; }

    /// <param name="Index">Of the first wrong frame of the observed trace; its length when frames are missing at its end.</param>
    public sealed record Wrong(TraceFault Fault, int Index, string Expected, string Observed)
        : TraceVerdict { internal override int Seal => 1; }

    /// <summary>Deeper than the observer goes, which said so, or than inlining can be followed.</summary>
    public sealed record TooDeep : TraceVerdict { internal override int Seal => 2; }
}
