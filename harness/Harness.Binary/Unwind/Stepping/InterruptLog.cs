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

    /// <summary>By frame pointers: without exactly those callers whose callee has no frame of its own at that instruction.</summary>
    Short,

    /// <summary>By frame pointers: right up to a frame where rbp is used for something else, or belongs to another stack.</summary>
    Lost,

    /// <summary>No unwinder can have the chain there (<see cref="StepShortcoming"/>).</summary>
    Excused,

    /// <summary>Right as far as it goes.</summary>
    Cut,
    Wrong,
}

/// <summary>A trace that is not what it has to be; the first at that instruction.</summary>
/// <param name="Place">Function and offset.</param>
/// <param name="Stub">In the runtime's assembly.</param>
public sealed record InterruptFinding(Interrupter By, InterruptMatch Match, string Place, bool Stub, string Expected, string Observed, long Step, long Count)
{
    public override string ToString() =>
        $"a handler's trace by {(By is Interrupter.Dwarf ? "std.debug" : "frame pointers")} is {Match} at {Place}: expected {Expected}, observed {Observed} (step {Step}{(Count > 1 ? $", {Count} times" : "")})";
}

/// <summary>What interruptions came to.</summary>
/// <param name="InStubs">At instructions of the runtime's assembly.</param>
/// <param name="Places">Different instructions.</param>
/// <param name="Frames">Of traces that were right.</param>
public sealed record InterruptReport(
    long Interruptions, long InStubs, long Places, long Frames, IReadOnlyDictionary<(Interrupter By, InterruptMatch Match), long> Matches,
    IReadOnlyList<InterruptFinding> Findings)
{
    public long Count(Interrupter by, InterruptMatch match) => Matches.GetValueOrDefault((by, match));
}

/// <summary>Compares traces that handlers took with what the steps before made true.</summary>
public sealed class InterruptLog(StepChecker checker)
{
    private const int MaxFindings = 1000;
    private readonly Dictionary<(Interrupter, InterruptMatch), long> _matches = [];
    private readonly Dictionary<(Interrupter, ulong), InterruptFinding> _findings = [];
    private readonly HashSet<ulong> _places = [];
    private long _interruptions;
    private long _inStubs;
    private long _frames;

    /// <summary>The process was interrupted where the checker stands.</summary>
    /// <param name="truth">As it was then.</param>
    public void Add(StepTruth truth, IReadOnlyList<ulong> framePointers, IReadOnlyList<ulong> dwarf)
    {
        _interruptions++;
        _inStubs += checker.IsInStub ? 1 : 0;
        _places.Add(checker.Pc);
        // Further out than where stepping began, libc keeps no frame pointers.
        var (chain, expected, observed) = (Inside(truth.Chain), Inside(truth.FramePointers), Inside(framePointers));
        var isLost = truth.IsLost && expected.Count == truth.FramePointers.Count;
        var excused = truth.Excused is not null;
        Note(Interrupter.FramePointers, excused ? InterruptMatch.Excused : MatchFramePointers(chain, expected, isLost, observed), expected, observed);
        // It gives the interrupted place as if that were a return address.
        IReadOnlyList<ulong> unwound = [.. dwarf.Select((address, i) => i == 0 ? address - 1 : address)];
        var (whole, taken) = checker.StartsBlind ? (Inside(truth.Chain), Inside(unwound)) : (truth.Chain, unwound);
        Note(Interrupter.Dwarf, excused ? InterruptMatch.Excused : Match(whole, taken), whole, taken);
    }

    private IReadOnlyList<ulong> Inside(IReadOnlyList<ulong> addresses) => [.. addresses.TakeWhile(address => address != checker.Outside)];

    public InterruptReport Report() => new(_interruptions, _inStubs, _places.Count, _frames, _matches, [.. _findings.Values.OrderBy(f => f.Step)]);

    public static InterruptMatch Match(IReadOnlyList<ulong> chain, IReadOnlyList<ulong> trace) =>
        chain.SequenceEqual(trace) ? InterruptMatch.Whole
        : trace.Count < chain.Count && chain.Take(trace.Count).SequenceEqual(trace) ? InterruptMatch.Cut
        : InterruptMatch.Wrong;

    /// <param name="expected">What the saved frame pointers give, up to where rbp is lost.</param>
    public static InterruptMatch MatchFramePointers(IReadOnlyList<ulong> chain, IReadOnlyList<ulong> expected, bool isLost, IReadOnlyList<ulong> trace) =>
        isLost ? (trace.Take(expected.Count).SequenceEqual(expected) ? InterruptMatch.Lost : InterruptMatch.Wrong)
        : !expected.SequenceEqual(trace) ? (Match(expected, trace) is InterruptMatch.Cut ? InterruptMatch.Cut : InterruptMatch.Wrong)
        : expected.Count == chain.Count ? InterruptMatch.Whole
        : InterruptMatch.Short;

    private void Note(Interrupter by, InterruptMatch match, IReadOnlyList<ulong> expected, IReadOnlyList<ulong> trace)
    {
        _matches[(by, match)] = _matches.GetValueOrDefault((by, match)) + 1;
        if (match is not (InterruptMatch.Cut or InterruptMatch.Wrong))
        {
            _frames += match is InterruptMatch.Excused ? 0 : expected.Count;
            return;
        }

        if (_findings.TryGetValue((by, checker.Pc), out var before))
        {
            _findings[(by, checker.Pc)] = before with { Count = before.Count + 1 };
        }
        else if (_findings.Count < MaxFindings)
        {
            _findings[(by, checker.Pc)] = new InterruptFinding(
                by, match, checker.Describe(checker.Pc), checker.IsInStub, Text(expected), Text(trace), checker.Steps, 1);
        }
    }

    private string Text(IReadOnlyList<ulong> chain)
    {
        const int shown = 16;
        return string.Join(" < ", chain.Take(shown).Select(checker.Describe)) + (chain.Count > shown ? string.Create(CultureInfo.InvariantCulture, $" < … {chain.Count} in all") : "");
    }
}
