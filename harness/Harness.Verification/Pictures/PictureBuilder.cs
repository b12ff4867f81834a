using Harness.Execution;
using Harness.Model;

namespace Harness.Verification.Pictures;

/// <summary>Makes the picture of a recorded row. A pure function of the plan, the model's run and what the worker sent.</summary>
internal sealed class PictureBuilder(BuiltUnit unit, UnitRun run)
{
    private readonly RowModel _model = new(run.Plan);

    /// <param name="failure">That the picture is to explain; null when the row holds.</param>
    /// <returns>Null when there is nothing to show.</returns>
    public StackPicture? Of(int row, RowFailure? failure)
    {
        var program = run.Plan.Locate(row).Program.UnitIndex;
        var record = run.Records.GetValueOrDefault(row) ?? new RowRecord();
        var expected = ExpectedOf(row, record);
        var stack = Choose(record, failure, expected);
        var places = new FramePlaces(unit, program, run.Ranges);
        var walk = stack is not null && unit.Unwind is { } rows ? new StackWalk(rows.Value, places).Of(stack) : null;
        var traces = stack is null ? null : TracesOf(row, program, record, expected, stack, walk, places);
        var fault = FaultOf(row, record, expected, failure, places);
        var cleanup = CleanupOf(program, record, expected, stack?.Fiber, places.Names);
        if (stack is null && traces is null && cleanup is null)
        {
            return null;
        }

        var drawn = stack is null ? null : Drawn(stack, walk);
        return new StackPicture(
            drawn is null ? "no stack was sent" : Moment(drawn), fault,
            drawn is null ? [] : new StackFrames(places).Of(drawn), drawn is null ? 0 : drawn.Depth - drawn.Frames.Count, traces, cleanup)
        {
            IsCutOff = drawn?.Frames is [.., { Cfa: not 0 }],
        };
    }

    /// <summary>Where saved frame pointers lead nowhere and call frame information leads to the end, the frames of that.</summary>
    private static WorkerMessage.Stack Drawn(WorkerMessage.Stack stack, WalkedStack? walk) =>
        stack.Frames is [.., { Cfa: not 0 }] && walk is { Problem: null, Frames.Count: <= WorkerLine.MaxStackFrames }
            ? stack with { Frames = walk.Frames, Depth = walk.Frames.Count }
            : stack;

    private static string Moment(WorkerMessage.Stack stack) => stack switch
    {
        { Why: StackMoment.Crash } => $"where the process died, fiber {stack.Fiber}",
        { Why: StackMoment.Fault } => $"where the error struck, at entry {stack.Entry}, in fiber {stack.Fiber}",
        { Why: StackMoment.Entry } => $"at entry {stack.Entry}, in fiber {stack.Fiber}",
        { Site: < 0 } => $"where fiber {stack.Fiber} panicked or trapped, at entry {stack.Entry}",
        _ => $"at the probe of site {stack.Site}, number {stack.Ordinal} of fiber {stack.Fiber}",
    };

    private ExpectedRun? ExpectedOf(int row, RowRecord record) => FaultMenu.IsPredictable(run.Plan.ScenarioOf(row).Fault)
        ? _model.Predicted(row)
        : _model.Delivered(row, record.Deliveries.ToEquatableArray(), Kept.Everything);

    /// <summary>The stack that shows the failure: of the wrong trace; else of the crash; else of the probe with too many or too few stub frames; else of the fault; else the last one.</summary>
    private static WorkerMessage.Stack? Choose(RowRecord record, RowFailure? failure, ExpectedRun? expected)
    {
        var probes = record.Stacks.Where(s => s.Why is StackMoment.Probe).ToArray();
        if (failure?.Trace is { Probe: var wrong } && wrong.Observer is not Observer.Errors)
        {
            return Array.Find(probes, s => s.Fiber == wrong.Fiber && s.Ordinal == wrong.Ordinal);
        }

        if (record.Stacks.LastOrDefault(s => s.Why is StackMoment.Crash) is { } crash)
        {
            return crash;
        }

        if (failure?.Check is "stub-frames" && record.Traces.FirstOrDefault(t => t.Probe.Stubs != t.Probe.Segments).Probe is { } miscounted)
        {
            return Array.Find(probes, s => s.Fiber == miscounted.Fiber && s.Ordinal == miscounted.Ordinal);
        }

        return record.Stacks.FirstOrDefault(s => s.Why is StackMoment.Fault)
            ?? Array.Find(probes, s => s.Site < 0)
            ?? (failure is { Fiber: >= 0 } ? Array.FindLast(probes, s => s.Fiber == failure.Fiber) : null)
            ?? probes.MaxBy(s => s.Depth)
            ?? record.Stacks.LastOrDefault(s => s.Why is StackMoment.Entry);
    }

    private PicturedTraces? TracesOf(
        int row, int program, RowRecord record, ExpectedRun? expected, WorkerMessage.Stack stack, WalkedStack? walk, FramePlaces places)
    {
        var truth = stack.Why switch
        {
            StackMoment.Probe => expected?.Probes.Where(p => p.Fiber == stack.Fiber).ElementAtOrDefault(stack.Ordinal),
            // The model tells where an entry is by panicking there; before it a panic and an error are alike.
            StackMoment.Fault or StackMoment.Entry => CompiledProgram.Of(unit.Programs[program])
                .Run(new FaultPlan.PanicAt(stack.Entry), run.Plan.ScenarioOf(row).Schedule).Probes.LastOrDefault(p => p.Site < 0 && p.Fiber == stack.Fiber),
            _ => null,
        };
        var rules = TraceRules.Of(unit.Cell);
        var checker = new TraceChecker(unit.Code, unit.Map, rules, run.Ranges.Entry, run.Ranges.Bridge);
        var segments = Math.Max(0, stack.Segments.Count - 1);
        bool IsHere(int fiber, int ordinal) => stack.Why is StackMoment.Probe && fiber == stack.Fiber && ordinal == stack.Ordinal;
        WorkerMessage.Probe Here(Observer observer, int stubs) => new(row, stack.Fiber, stack.Site, stack.Ordinal, observer, 0, stubs, segments);
        var seen = record.Traces.Where(t => t.Chain is not null && IsHere(t.Probe.Fiber, t.Probe.Ordinal))
            .Select(t => (Name: t.Probe.Observer is Observer.Dwarf ? "std.debug" : "frame pointers", t.Probe, Chain: t.Chain!, Walk: (WalkedStack?)null)).ToList();
        if (seen.Count == 0)
        {
            seen.Add(("frame pointers", Here(Observer.FramePointers, segments), Walked(stack, places), null));
        }

        seen.AddRange(walk is null ? [] : [("our CFI", Here(Observer.Dwarf, walk.Stubs), walk.Chain, walk)]);
        seen.AddRange(record.Opinions.Where(o => IsHere(o.Opinion.Fiber, o.Opinion.Ordinal))
            .Select(o => (NameOf(o.Opinion.Tool), Here(Observer.Dwarf, o.Opinion.Stubs), o.Chain, (WalkedStack?)null)));
        if (truth is null && seen.TrueForAll(t => t.Chain.Addresses.Count == 0))
        {
            return null;
        }

        var traces = seen.Select(t => new SeenTrace(t.Name, t.Chain, truth is null || t.Walk is { IsUnsent: true } ? null : checker.Check(program, truth, t.Probe, t.Chain))
        {
            Reason = t.Walk is { IsUnsent: true } ? "the rest was not sent" : t.Walk?.Problem is { } problem ? $"{problem.Fault}" : "",
        }).ToArray();
        return new TraceColumns(places).Of(truth is null ? null : new ExpectedFrames(unit.Map, rules, unit.Code).Of(program, truth), traces);
    }

    private static string NameOf(UnwindTool tool) => tool switch
    {
        UnwindTool.Libgcc => "libgcc",
        UnwindTool.Llvm => "LLVM libunwind",
        _ => "libunwind",
    };

    /// <summary>The chain that the stack itself shows, as a trace.</summary>
    private static WorkerMessage.Chain Walked(WorkerMessage.Stack stack, FramePlaces places) => new(
        0, stack.Frames is [.., { Cfa: 0 }] ? ChainEnd.Clean : ChainEnd.Unreadable,
        stack.Frames.Select(f => f.Pc).Where(pc => !places.IsStub(pc)).ToEquatableArray());

    private PicturedFault? FaultOf(int row, RowRecord record, ExpectedRun? expected, RowFailure? failure, FramePlaces places)
    {
        if (failure?.Outcome is RowOutcome.Crashed crash)
        {
            var place = crash.Pc == 0 ? "" : $"in {string.Join(", inlined into ", places.Logical(crash.Pc + 1).Select(f => f.Text))}";
            return new PicturedFault($"{Signals.NameOf(crash.Signal)} at address {crash.Address:x}, not injected", place);
        }

        return run.Plan.ScenarioOf(row).Fault switch
        {
            FaultPlan.ErrorAt f => Injected($"error.{f.Error}{(f.Persistent ? ", and at every later entry of the fiber" : "")}", f.Entry, record, expected, places),
            FaultPlan.PanicAt f => Injected("panic", f.Entry, record, expected, places),
            FaultPlan.SegfaultAt f => Injected("segfault", f.Entry, record, expected, places),
            _ when record.Deliveries is [var first, ..] => Injected($"error.{first.Error}", first.Entry, record, expected, places),
            _ => null,
        };
    }

    private static PicturedFault Injected(string what, int entry, RowRecord record, ExpectedRun? expected, FramePlaces places)
    {
        var at = expected is not null && entry < expected.EntryPoints.Count ? expected.EntryPoints[entry] : (EntryPoint?)null;
        var where = $"at entry {entry}" + (at is { } point ? $": {places.Names.AtCheckpoint(point.Function)}, fiber {point.Fiber}, depth {point.Depth}" : "");
        return new PicturedFault(what, record.Deliveries is [var first, ..] && first.Entry != entry ? $"{where}; delivered at entry {first.Entry}" : where);
    }

    /// <summary>Of the fiber in which something went wrong: where an error was delivered or the ledger had to release; else that of the stack.</summary>
    private PicturedCleanup? CleanupOf(int program, RowRecord record, ExpectedRun? expected, int? fiber, UnitNames names)
    {
        var path = new CleanupPath(unit.Programs[program], names);
        var fibers = Enumerable.Range(0, unit.Programs[program].Fibers.Count);
        static bool Sets(Event e) => e.Kind is EventKind.Delivered or EventKind.LedgerReleased;
        var chosen = fibers.Where(f => record.EventsOf(f).Any(Sets) || (expected is not null && f < expected.Events.Count && expected.Events[f].Any(Sets)))
            .Select(f => (int?)f).FirstOrDefault() ?? fiber;
        return chosen is { } index
            ? path.Of(index, expected is not null && index < expected.Events.Count ? expected.Events[index] : [], record.EventsOf(index))
            : null;
    }
}

/// <summary>Puts the frames of a sent stack into its segments.</summary>
internal sealed class StackFrames(FramePlaces places)
{
    private int _marked;

    public EquatableArray<PicturedSegment> Of(WorkerMessage.Stack stack)
    {
        var segments = new List<PicturedSegment>();
        // Panic machinery may stand before the function that panicked.
        _marked = stack.Why is StackMoment.Crash ? 0 : Enumerable.Range(0, stack.Frames.Count).FirstOrDefault(i => places.Logical(stack.Frames[i].Pc)[0].Owner is not null, 0);
        var parents = stack.Segments.ToDictionary(s => s.Number);
        // Those without a frame come behind: of a crash, whose frames may lead nowhere.
        var empty = stack.Segments.Where(s => !stack.Frames.Any(f => f.Segment == s.Number)).ToArray();
        foreach (var group in stack.Frames.Select((f, i) => (Frame: f, Index: i)).GroupBy(f => f.Frame.Segment))
        {
            var known = parents.TryGetValue(group.Key, out var segment);
            var above = known && parents.TryGetValue(group.Key - 1, out var parent) ? segment.Low > parent.Low : (bool?)null;
            var used = known && group.First().Index == 0 && stack.Rsp >= segment.Low && stack.Rsp <= segment.High ? (long?)(segment.High - stack.Rsp) : null;
            var frames = group.SelectMany(f => Frames(stack, f.Index)).ToEquatableArray();
            segments.Add(new PicturedSegment(group.Key, known ? (long)(segment.High - segment.Low) : 0, used, above, frames));
        }

        segments.AddRange(empty.Select(s => new PicturedSegment(s.Number, (long)(s.High - s.Low), null, null, [])));
        return segments.ToEquatableArray();
    }

    private IEnumerable<PicturedFrame> Frames(WorkerMessage.Stack stack, int index)
    {
        var frame = stack.Frames[index];
        var bytes = BytesOf(stack, index);
        if (places.IsStub(frame.Pc))
        {
            return [new PicturedFrame(FrameRole.Stub, "__morestack", "", bytes, index == 0 && stack.Why is StackMoment.Crash ? MarkOf(stack) : "")];
        }

        var logical = places.Logical(frame.Pc);
        return logical.Select((f, i) => new PicturedFrame(
            f.Inlined ? FrameRole.Inlined : f.Owner is null ? FrameRole.Runtime : FrameRole.Program,
            f.Function, f.Place, f.Inlined ? null : bytes, index == _marked && i == 0 ? MarkOf(stack) : ""));
    }

    private static string MarkOf(WorkerMessage.Stack stack) => stack switch
    {
        { Why: StackMoment.Crash } => "crash",
        { Why: StackMoment.Fault } or { Why: StackMoment.Probe, Site: < 0 } => "fault",
        { Why: StackMoment.Entry } => "entry",
        _ => "probe",
    };

    /// <summary>Null for the outermost, at a change of segment, and where frames in between were not sent.</summary>
    private static long? BytesOf(WorkerMessage.Stack stack, int index)
    {
        var frame = stack.Frames[index];
        var inner = index == 0 ? stack.Rsp : stack.Frames[index - 1] is var callee && callee.Segment == frame.Segment ? callee.Cfa : 0;
        var isBehindGap = stack.Frames.Count < stack.Depth && stack.Frames.Count - index == WorkerMessage.Stack.OuterFrames;
        return inner != 0 && !isBehindGap && frame.Cfa > inner ? (long)(frame.Cfa - inner) : null;
    }
}
