using Harness.Execution;
using Harness.Model;
using Harness.Verification.Pictures;

namespace Harness.Verification;

/// <summary>A property that did not hold, the case that shows it, and what was seen.</summary>
public sealed record Finding(Signature Signature, Case Case, Observation Observation);

/// <summary>Expected against observed, as far as the failed check has them.</summary>
/// <param name="Check">The check that the finding is about.</param>
/// <param name="Detail">What it said.</param>
/// <param name="AlsoFailed">Other checks of the same execution.</param>
/// <param name="Events">When logs differ.</param>
/// <param name="Chain">When a trace is wrong.</param>
/// <param name="Crash">When the process did not survive.</param>
/// <param name="Output">What a compiler or a dying worker said.</param>
/// <param name="Recorded">Whether it comes from an execution that was recorded in full; otherwise that one did not fail.</param>
public sealed record Observation(
    string Check,
    string Detail,
    EquatableArray<string> AlsoFailed,
    EventComparison? Events,
    ChainComparison? Chain,
    CrashInfo? Crash,
    string? Output,
    bool Recorded)
{
    /// <summary>What the stack looked like; null when nothing was recorded.</summary>
    public StackPicture? Picture { get; init; }
}

/// <summary>
/// One fiber's log, expected and observed, from event number <paramref name="Offset"/> on (long ones are cut around the difference).
/// </summary>
/// <param name="FirstDifference">Number of the first event that differs; it may lie behind the end of one of them.</param>
public sealed record EventComparison(
    int Fiber, int FirstDifference, int Offset, EquatableArray<Event> Expected, EquatableArray<Event> Observed)
{
    /// <summary>Events kept on each side of the difference.</summary>
    public const int Window = 500;

    /// <summary>The first difference of two logs, or null when they are equal.</summary>
    public static EventComparison? Of(int fiber, ReadOnlySpan<Event> expected, ReadOnlySpan<Event> observed)
    {
        var first = expected.CommonPrefixLength(observed);
        if (first == expected.Length && first == observed.Length)
        {
            return null;
        }

        var offset = Math.Max(0, first - Window);
        return new EventComparison(fiber, first, offset, Cut(expected, offset, first), Cut(observed, offset, first));
    }

    public Event? ExpectedEvent => At(Expected);

    public Event? ObservedEvent => At(Observed);

    private Event? At(EquatableArray<Event> events) =>
        FirstDifference - Offset < events.Count ? events[FirstDifference - Offset] : null;

    private static EquatableArray<Event> Cut(ReadOnlySpan<Event> events, int offset, int first) =>
        EquatableArray.Create(events[Math.Min(offset, events.Length)..Math.Min(events.Length, first + Window)]);
}

/// <summary>One trace, innermost first, as text.</summary>
/// <param name="FirstDifference">Index of the first wrong observed frame.</param>
public sealed record ChainComparison(
    Observer Observer,
    int Fiber,
    int Site,
    int Ordinal,
    TraceFault Fault,
    int FirstDifference,
    string End,
    EquatableArray<string> Expected,
    EquatableArray<string> Observed)
{
    /// <summary>Frames kept of each.</summary>
    public const int MaxFrames = 400;
}

/// <summary>How a worker ended. <paramref name="Place"/>: the function around the program counter, when known.</summary>
public sealed record CrashInfo(string Kind, int Signal, ulong Address, ulong Pc, string Place);
