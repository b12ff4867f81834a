using System.Globalization;

namespace Harness.Binary.Unwind.Stepping;

/// <summary>Who took a trace in the interrupted process.</summary>
public enum Interrupter
{
    FramePointers,

    /// <summary>Zig's std.debug, by call frame information.</summary>
    Dwarf,
}

/// <summary>How a trace that a signal's handler took compares with the chain of calls.</summary>
public enum InterruptMatch
{
    /// <summary>Every frame, in order.</summary>
    Whole,

    /// <summary>The innermost caller alone is missing: between a call and the prologue's last instruction, or after the epilogue's first.</summary>
    OneShort,

    /// <summary>Right as far as it goes.</summary>
    Cut,
    Wrong,
}

/// <summary>A trace that is not the chain of calls; the first at that instruction.</summary>
public sealed record InterruptFinding(Interrupter By, InterruptMatch Match, string Place, string Expected, string Observed, long Step, long Count);

/// <summary>What interruptions came to.</summary>
/// <param name="InStubs">At instructions of the runtime's assembly.</param>
/// <param name="Places">Different instructions.</param>
public sealed record InterruptReport(
    long Interruptions, long InStubs, long Places, IReadOnlyDictionary<(Interrupter By, InterruptMatch Match), long> Matches, IReadOnlyList<InterruptFinding> Findings);

/// <summary>Compares traces that handlers took with what the steps before made true.</summary>
public sealed class InterruptLog(StepChecker checker)
{
    private const int MaxFindings = 1000;
    private readonly Dictionary<(Interrupter, InterruptMatch), long> _matches = [];
    private readonly Dictionary<(Interrupter, ulong), InterruptFinding> _findings = [];
    private readonly HashSet<ulong> _places = [];
    private long _interruptions;
    private long _inStubs;

    /// <summary>The process was interrupted where the checker stands.</summary>
    /// <param name="chain">Where it was interrupted, and the return addresses outwards, as they were then.</param>
    public void Add(IReadOnlyList<ulong> chain, IReadOnlyList<ulong> framePointers, IReadOnlyList<ulong> dwarf)
    {
        _interruptions++;
        _inStubs += checker.IsInStub ? 1 : 0;
        _places.Add(checker.Pc);
        // Further out than where stepping began, libc keeps no frame pointers.
        Compare(Interrupter.FramePointers, Inside(chain), Inside(framePointers));
        // It gives the interrupted place as if that were a return address.
        Compare(Interrupter.Dwarf, chain, [.. dwarf.Select((address, i) => i == 0 ? address - 1 : address)]);
    }

    private IReadOnlyList<ulong> Inside(IReadOnlyList<ulong> addresses) => [.. addresses.TakeWhile(address => address != checker.Outside)];

    public InterruptReport Report() => new(_interruptions, _inStubs, _places.Count, _matches, [.. _findings.Values.OrderBy(f => f.Step)]);

    public static InterruptMatch Match(IReadOnlyList<ulong> chain, IReadOnlyList<ulong> trace) =>
        chain.SequenceEqual(trace) ? InterruptMatch.Whole
        : chain.Count > 1 && chain.Where((_, i) => i != 1).SequenceEqual(trace) ? InterruptMatch.OneShort
        : trace.Count < chain.Count && chain.Take(trace.Count).SequenceEqual(trace) ? InterruptMatch.Cut
        : InterruptMatch.Wrong;

    private void Compare(Interrupter by, IReadOnlyList<ulong> chain, IReadOnlyList<ulong> trace)
    {
        var match = Match(chain, trace);
        _matches[(by, match)] = _matches.GetValueOrDefault((by, match)) + 1;
        if (match is InterruptMatch.Whole)
        {
            return;
        }

        if (_findings.TryGetValue((by, checker.Pc), out var before))
        {
            _findings[(by, checker.Pc)] = before with { Count = before.Count + 1 };
        }
        else if (_findings.Count < MaxFindings)
        {
            _findings[(by, checker.Pc)] = new InterruptFinding(by, match, checker.Describe(checker.Pc), Text(chain), Text(trace), checker.Steps, 1);
        }
    }

    private string Text(IReadOnlyList<ulong> chain)
    {
        const int shown = 16;
        return string.Join(" < ", chain.Take(shown).Select(checker.Describe)) + (chain.Count > shown ? string.Create(CultureInfo.InvariantCulture, $" < … {chain.Count} in all") : "");
    }
}
