using System.Globalization;
using Harness.Model;

namespace Harness.Campaigns;

/// <summary>Events of the log in words, one line each; what the numbers mean is in <see cref="EventKind"/>.</summary>
public static class EventText
{
    public static string Of(Event e) => e.Kind switch
    {
        EventKind.Enter => $"enter function {e.A}",
        EventKind.Delivered => $"checkpoint returns error.{Error(e.A)}",
        EventKind.Leave => $"leave function {e.A}",
        EventKind.Log => string.Create(CultureInfo.InvariantCulture, $"log site {e.A} value {e.B:x}"),
        EventKind.Acquired => $"acquire site {e.A} serial {e.B >> 8} {(ResourceKind)(byte)e.B}",
        EventKind.Released => $"release site {e.A} serial {e.B}",
        EventKind.LedgerReleased => $"ledger releases serial {e.B}",
        EventKind.Raised => $"raise site {e.A} error.{Error(e.B)}",
        EventKind.Caught => $"catch site {e.A} error.{Error(e.B)}",
        EventKind.ErrDeferred => $"errdefer site {e.A} error.{Error(e.B)}",
        EventKind.Result => e.A == 0
            ? string.Create(CultureInfo.InvariantCulture, $"result {e.B:x}")
            : $"result error.{Error(e.A)}",
        EventKind.Probe => $"probe site {e.A}",
        EventKind.Yielded => $"yield site {e.A}",
        EventKind.Spawned => $"spawn site {e.A} fiber {e.B >> 1}{((e.B & 1) == 1 ? "" : " (no effect)")}",
        EventKind.Joined => $"join site {e.A} fiber {e.B >> 8} {(FiberOutcome)(byte)e.B}",
        EventKind.CancelRequested => $"cancel site {e.A} fiber {e.B >> 1}{((e.B & 1) == 1 ? "" : " (no effect)")}",
        EventKind.FiberEnd => $"end {(FiberOutcome)(byte)e.A}",
        _ => string.Create(CultureInfo.InvariantCulture, $"event {(byte)e.Kind} {e.A} {e.B:x}"),
    };

    /// <summary>Every fiber's log, a heading before each.</summary>
    public static string Of(EquatableArray<EquatableArray<Event>> fibers) => string.Concat(
        fibers.Select((events, fiber) => $"fiber {fiber}\n{string.Concat(events.Select(e => $"  {Of(e)}\n"))}"));

    private static string Error(ulong code) =>
        Enum.IsDefined((ErrorName)(int)Math.Min(code, int.MaxValue)) ? ((ErrorName)(int)code).ToString() : $"(unknown {code})";
}
