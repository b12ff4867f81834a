using Harness.Binary;
using Harness.Binary.Unwind;
using Harness.Emit;
using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;
using Harness.Verification.Interactions;

namespace Harness.Verification;

/// <summary>Programs that were compiled together, ready to run.</summary>
/// <param name="Code">Resolves the worker's addresses.</param>
public sealed record BuiltUnit(
    IReadOnlyList<FiberProgram> Programs, SourceMap Map, Cell Cell, string WorkerPath, ICodeMap Code, BuildTimings Timings)
{
    /// <summary>Reads the worker's symbols and lines.</summary>
    public static BuiltUnit Load(
        IReadOnlyList<FiberProgram> programs, SourceMap map, Cell cell, BuildOutcome.Built built)
    {
        ArgumentNullException.ThrowIfNull(built);
        var worker = built.Worker ?? ElfFile.Load(built.WorkerPath);
        var code = new UnitCodeMap(new Symbolizer(worker), map);
        return new BuiltUnit(programs, map, cell, built.WorkerPath, code, built.Timings)
        {
            Rows = RowAudit.Of(worker),
            Unwind = new Lazy<UnwindTable>(() => UnwindTable.Read(worker)),
        };
    }

    /// <summary>The worker's call frame information, read when it is first asked for; null where there is no real worker.</summary>
    public Lazy<UnwindTable>? Unwind { get; init; }

    /// <summary>The planted defect that its worker has, or is to wake; null: none.</summary>
    public PlantedDefect? Defect { get; init; }

    /// <summary>The plan as the worker is given it: with the number of the defect that it is to wake.</summary>
    public WorkerPlan Told(WorkerPlan plan) => plan with
    {
        Planted = Defect?.Number ?? 0,
        PlantedSecond = Defect?.MustSee is { } beside ? PlantedDefect.Named(beside.Defect)?.Number ?? 0 : 0,
    };

    /// <summary>The check of its unwind rows; null where there is no real worker.</summary>
    public RowAudit? Rows { get; init; }
}

/// <summary>A check that a row failed.</summary>
/// <param name="Check">
/// A check of the worker's (docs/PROTOCOL.md), or <c>overflow</c>, <c>traces-missing</c>, <c>crash</c>, <c>hang</c>,
/// <c>exit</c>, <c>panic</c>, <c>protocol</c>.
/// </param>
/// <param name="Fiber">−1 when it concerns none in particular.</param>
public sealed record RowFailure(int Row, string Check, int Fiber, string Expected, string Observed, string Detail)
{
    /// <summary>For checks of traces that were sent.</summary>
    public TraceEvidence? Trace { get; init; }

    /// <summary>For rows that ended their process.</summary>
    public RowOutcome? Outcome { get; init; }
}

/// <summary>A trace that is wrong. <paramref name="Expected"/> is null when the model has no such probe.</summary>
public sealed record TraceEvidence(
    WorkerMessage.Probe Probe, WorkerMessage.Chain? Chain, ProbeTrace? Expected, TraceVerdict.Wrong Verdict)
{
    /// <summary>Of an error return trace, what the model has in place of <see cref="Expected"/>.</summary>
    public ErrorSighting? Sighting { get; init; }
}

/// <summary>What a recorded row sent of itself.</summary>
public sealed class RowRecord
{
    private const int MaxFrames = 400_000;
    private const long MaxMemoryBytes = 32 << 20;

    private readonly List<WorkerMessage.Stack> _stacks = [];
    private readonly List<(WorkerMessage.Probe, WorkerMessage.Chain?)> _traces = [];
    private readonly List<(WorkerMessage.Opinion, WorkerMessage.Chain)> _opinions = [];
    private int _frames;
    private long _memory;
    private readonly List<Event>[] _events = [.. Enumerable.Range(0, ProgramLimits.MaxFibers).Select(_ => new List<Event>())];

    /// <summary>Deliveries in order, whatever the fault plan.</summary>
    public List<Delivery> Deliveries { get; } = [];

    public int EventCount { get; private set; }

    /// <summary>In order.</summary>
    public IReadOnlyList<WorkerMessage.Stack> Stacks => _stacks;

    /// <summary>Traces of probes, both observers'; not those of the error return.</summary>
    public IReadOnlyList<(WorkerMessage.Probe Probe, WorkerMessage.Chain? Chain)> Traces => _traces;

    /// <summary>What other unwinders of the process saw at probes. The worker compares it with std.debug's.</summary>
    public IReadOnlyList<(WorkerMessage.Opinion Opinion, WorkerMessage.Chain Chain)> Opinions => _opinions;

    public IReadOnlyList<Event> EventsOf(int fiber) => _events[fiber];

    internal void Add(WorkerMessage.Stack stack)
    {
        var bytes = stack.Memory.Sum(m => (long)m.Bytes.Count);
        _frames += stack.Frames.Count;
        _memory += bytes;
        if (_frames <= MaxFrames)
        {
            _stacks.Add(_memory <= MaxMemoryBytes ? stack : stack with { Memory = [], MemoryLeft = stack.MemoryLeft + bytes });
        }
    }

    internal void Add(WorkerMessage.Opinion opinion, WorkerMessage.Chain chain)
    {
        _frames += chain.Addresses.Count;
        if (_frames <= MaxFrames)
        {
            _opinions.Add((opinion, chain));
        }
    }

    internal void Add(WorkerMessage.Probe probe, WorkerMessage.Chain? chain) => _traces.Add((probe, chain));

    internal void Add(int fiber, Event e)
    {
        if (fiber < _events.Length && EventCount < 2 * ProgramLimits.MaxEvents)
        {
            _events[fiber].Add(e);
            EventCount++;
        }
    }
}

/// <summary>Code that is known by its place: the stub, the fiber's first frame, the callback bridge.</summary>
public readonly record struct CodeRanges(AddressRange Stub, AddressRange Entry, AddressRange Bridge);

/// <summary>What running a plan on a unit gave.</summary>
public sealed record UnitRun(
    UnitPlan Plan,
    SessionResult Session,
    IReadOnlyList<RowFailure> Failures,
    IReadOnlyDictionary<int, RowRecord> Records,
    IReadOnlyDictionary<int, WorkerMessage.ProgramDone> ProgramsDone,
    JudgeCounts Counts,
    Arrivals Arrivals)
{
    /// <summary>As the last process said when it began.</summary>
    public CodeRanges Ranges { get; init; }

    /// <summary>What the executions of each of the plan's programs met; null: nothing was told of it.</summary>
    public IReadOnlyList<ProgramInteractions?> Covered { get; init; } = [];

    /// <summary>How often other unwinders were asked, by label.</summary>
    public IReadOnlyDictionary<string, long> Opinions { get; init; } = new Dictionary<string, long>();

    /// <summary>Rows that came to nothing, with the reason: neither pass nor fail.</summary>
    public IEnumerable<(int Row, string Reason)> Inconclusive => Session.Outcomes
        .Select(o => (o.Row, Reason: o switch
        {
            RowOutcome.MemoryExceeded => "killed for memory",
            RowOutcome.LimitReached l => l.Reason.Split('\n')[0],
            _ => "",
        }))
        .Where(o => o.Reason.Length > 0);

    /// <summary>Whether the row was run (to whatever end).</summary>
    public bool WasRun(int row) => !Session.Skipped.Any(s => row >= s.Start && row < s.End);
}

/// <summary>What was judged on this side of the worker, and what could not be.</summary>
/// <param name="Traces">Traces compared with the model.</param>
/// <param name="LinesUnknown">Frames of them of which only the function could be compared.</param>
/// <param name="TracesTooDeep">Traces that the DWARF observer declined because of their depth.</param>
/// <param name="Overflows">Executions with a stack budget or failing allocation that the model confirmed or refuted.</param>
/// <param name="OverflowsUnjudged">Those that it could not follow to the end.</param>
public readonly record struct JudgeCounts(long Traces, long LinesUnknown, long TracesTooDeep, long Overflows, long OverflowsUnjudged)
{
    /// <summary>Error return traces that were compared and are not empty.</summary>
    public long ErrorTraces { get; init; }

    /// <summary>Of them, those in which more entries were made than are kept.</summary>
    public long ErrorTracesFull { get; init; }

    /// <summary>Entries of which only the function could be compared.</summary>
    public long ErrorLinesUnknown { get; init; }

    public static readonly JudgeCounts Zero = new(0, 0, 0, 0, 0);

    public static JudgeCounts operator +(JudgeCounts a, JudgeCounts b) => new(
        a.Traces + b.Traces,
        a.LinesUnknown + b.LinesUnknown,
        a.TracesTooDeep + b.TracesTooDeep,
        a.Overflows + b.Overflows,
        a.OverflowsUnjudged + b.OverflowsUnjudged)
    {
        ErrorTraces = a.ErrorTraces + b.ErrorTraces,
        ErrorTracesFull = a.ErrorTracesFull + b.ErrorTracesFull,
        ErrorLinesUnknown = a.ErrorLinesUnknown + b.ErrorLinesUnknown,
    };
}
