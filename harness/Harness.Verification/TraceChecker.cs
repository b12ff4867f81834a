using Harness.Emit;
using Harness.Execution;
using Harness.Model;
using Harness.Verification.Mutation;

namespace Harness.Verification;

/// <summary>
/// Compares symbolised traces with the model's chains: every frame, in order, right function, right line, ending in the
/// runtime's first frame. A function inlined into the next one out is a frame as any other: the debug information says where. No tolerance but
/// for frames that a tail call may have dropped, in the source or by the code's own jumps (<see cref="ICodeMap.JumpsAway"/>) and loops (<see cref="ICodeMap.NeverCalls"/>), and lines that an optimiser merged. Where several readings are possible all are followed; a trace
/// is wrong when none is left.
/// </summary>
/// <param name="entry">The fiber's first frame (assembly).</param>
/// <param name="bridge">The runtime's function that calls callbacks.</param>
/// <param name="defect">A planted one.</param>
internal sealed class TraceChecker(ICodeMap code, SourceMap map, TraceRules rules, AddressRange entry, AddressRange bridge,
    CheckerDefect defect = CheckerDefect.None)
{
    /// <summary>The DWARF observer declines traces longer than this, stub frames counted (zig-fixtures/worker/observe.zig).</summary>
    public const int DwarfFramesMax = 9_000;

    /// <summary>Frames of panic machinery and of the runtime's first function, at most.</summary>
    internal const int MachineryFrames = 8;

    private readonly ExpectedFrames _expected = new(map, rules, code);

    /// <summary>
    /// What was said of chains before. A worker sends each distinct chain once and names it from then on, so most probes of a unit ask what has
    /// been answered: it depends on nothing but what is compared here.
    /// </summary>
    private readonly Dictionary<WorkerMessage.Chain, List<Answered>> _answered = new(ReferenceEqualityComparer.Instance);

    internal CheckerDefect Defect => defect;

    public TraceVerdict Check(int program, ProbeTrace expected, WorkerMessage.Probe probe, WorkerMessage.Chain chain)
    {
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentNullException.ThrowIfNull(probe);
        ArgumentNullException.ThrowIfNull(chain);
        if (IsTooDeep(expected, probe, chain))
        {
            return new TraceVerdict.TooDeep();
        }

        var verdict = Match(program, expected, chain);
        return verdict is TraceVerdict.Complete && probe.Stubs != probe.Segments
            ? new TraceVerdict.Wrong(TraceFault.StubCount, 0, $"{probe.Segments} stub frames", $"{probe.Stubs} stub frames")
            : verdict;
    }

    private TraceVerdict Match(int program, ProbeTrace expected, WorkerMessage.Chain chain)
    {
        if (!_answered.TryGetValue(chain, out var answers))
        {
            _answered[chain] = answers = [];
        }

        foreach (var answer in answers)
        {
            if (answer.Program == program && answer.IsOutside == expected.Site < 0 && answer.Frames == expected.Chain)
            {
                return answer.Verdict;
            }
        }

        var verdict = new TraceMatch(this, _expected.Of(program, expected), expected.Site < 0).Run(chain);
        answers.Add(new Answered(program, expected.Site < 0, expected.Chain, verdict));
        return verdict;
    }

    /// <param name="IsOutside">Of a panic or segfault, which has frames of its machinery.</param>
    private readonly record struct Answered(int Program, bool IsOutside, EquatableArray<Frame> Frames, TraceVerdict Verdict);

    /// <summary>
    /// The observers that a split execution may have: with a stub frame for every frame the DWARF observer may decline in one
    /// plan what it took in another, which would look like a difference.
    /// </summary>
    internal static RowFlags WhenSplit(RowFlags flags, ExpectedRun run)
    {
        var longest = 0;
        foreach (var probe in run.Probes.AsSpan())
        {
            longest = Math.Max(longest, probe.Chain.Count);
        }

        return 2 * (longest + MachineryFrames) > DwarfFramesMax ? flags & ~RowFlags.Dwarf : flags;
    }

    /// <summary>A limit is only believed of a chain that is really that long; each boundary adds a frame.</summary>
    private static bool IsTooDeep(ProbeTrace expected, WorkerMessage.Probe probe, WorkerMessage.Chain chain) =>
        probe.Observer is Observer.Dwarf
        && chain is { End: ChainEnd.Limit, Addresses.Count: 0 }
        && (long)expected.Chain.Count + probe.Segments + MachineryFrames > DwarfFramesMax;

    internal CodePosition Position(ulong returnAddress) => code.Resolve(unchecked(returnAddress - 1));

    internal bool IsEntry(ulong address) => entry.ContainsReturn(address);

    internal bool IsBridge(ulong address) => bridge.ContainsReturn(address);

    internal SourceOwner? OwnerOf(int line) => map.OwnerOfLine(line);
}
