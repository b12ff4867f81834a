using Harness.Execution;
using Harness.Model;
using Harness.Verification.Interactions;
using Harness.Verification.Mutation;

namespace Harness.Verification;

/// <summary>
/// Takes a worker's messages as they come and judges what the worker leaves to the model: traces that were sent, and
/// executions that overflowed. Messages of one row come together.
/// </summary>
/// <param name="defect">A planted one.</param>
internal sealed class RowCollector(BuiltUnit unit, UnitPlan plan, CheckerDefect defect = CheckerDefect.None)
{
    private const int MaxFailures = 200_000;

    private readonly Dictionary<int, WorkerMessage.Chain> _chains = [];
    private readonly List<RowFailure> _failures = [];
    private readonly Dictionary<int, RowRecord> _records = [];
    private readonly Dictionary<int, WorkerMessage.ProgramDone> _done = [];
    private readonly HashSet<int> _traced = [];
    private readonly ProgramInteractions?[] _covered = new ProgramInteractions?[plan.Programs.Count];
    private readonly List<WorkerMessage.Probe> _probes = [];
    private readonly List<WorkerMessage.Errors> _errors = [];
    private readonly ErrorTraceChecker _errorTraces = new(unit.Code, unit.Map, unit.Cell.KeepsErrorTraces, defect);
    private readonly RowModel _model = new(plan);

    private readonly int[] _ends = plan.Worker.EndsOfPrograms();

    /// <summary>Of the program under way, by the rows that they were told of: what the worker delivered, and whether the model could follow.</summary>
    private readonly Dictionary<int, (EquatableArray<Delivery> Deliveries, bool IsJudged)> _courses = [];
    private WorkerMessage.Overflow? _overflow;
    private TraceChecker? _traces;
    private CodeRanges _ranges;
    private int _row = -1;
    private JudgeCounts _counts = JudgeCounts.Zero;
    private Arrivals _arrivals = Arrivals.None;
    private readonly Dictionary<string, long> _opinions = [];
    private (ExpectedRun? Run, Dictionary<int, ProbeTrace[]> ByFiber) _probesOf = (null, []);

    public void Accept(WorkerMessage message)
    {
        switch (message)
        {
            case WorkerMessage.Ready ready:
                // What came before belongs to a process that did not finish its row.
                EndRow(complete: false);
                _courses.Clear();
                _chains.Clear();
                _ranges = new CodeRanges(ready.Stub, ready.Entry, ready.Bridge);
                _traces = new TraceChecker(unit.Code, unit.Map, TraceRules.Of(unit.Cell), ready.Entry, ready.Bridge, defect);
                break;
            case WorkerMessage.Chain chain:
                _chains[chain.Id] = chain;
                break;
            case WorkerMessage.Probe probe:
                BeginRow(probe.Row);
                _probes.Add(probe);
                break;
            case WorkerMessage.Opinion opinion when _chains.TryGetValue(opinion.ChainId, out var answer):
                BeginRow(opinion.Row);
                RecordOf(opinion.Row).Add(opinion, answer);
                break;
            case WorkerMessage.Errors errors:
                BeginRow(errors.Row);
                _errors.Add(errors);
                break;
            case WorkerMessage.Stack stack:
                BeginRow(stack.Row);
                RecordOf(stack.Row).Add(stack);
                break;
            case WorkerMessage.Fail fail:
                BeginRow(fail.Row);
                Add(new RowFailure(fail.Row, fail.Check, fail.Fiber, fail.Expected, fail.Observed, fail.Detail));
                break;
            case WorkerMessage.Overflow overflow:
                BeginRow(overflow.Row);
                _overflow = overflow;
                _courses[overflow.Row] = (overflow.Deliveries, false);
                break;
            case WorkerMessage.Again again:
                EndRow(complete: true);
                CountAgain(again);
                break;
            case WorkerMessage.Logged logged:
                BeginRow(logged.Row);
                RecordOf(logged.Row).Add(logged.Fiber, logged.Event);
                break;
            case WorkerMessage.Delivered delivered:
                BeginRow(delivered.Row);
                RecordOf(delivered.Row).Deliveries.Add(delivered.Delivery);
                break;
            case WorkerMessage.Disturbed disturbed:
                _arrivals += disturbed.Arrivals;
                break;
            case WorkerMessage.Opinions opinions:
                Coverage.Add(_opinions, CoverageLabels.Opinion + "libgcc", opinions.Libgcc);
                Coverage.Add(_opinions, CoverageLabels.Opinion + "llvm-libunwind", opinions.Llvm);
                Coverage.Add(_opinions, CoverageLabels.Opinion + "nongnu-libunwind", opinions.Nongnu);
                break;
            case WorkerMessage.Places places:
                Cover(places);
                break;
            case WorkerMessage.ProgramDone done:
                EndRow(complete: true);
                EndProgram(done);
                break;
        }
    }

    /// <summary>Found so far.</summary>
    public IReadOnlyList<RowFailure> Failures => _failures;

    /// <summary>After the session's end.</summary>
    public UnitRun Finish(SessionResult session)
    {
        EndRow(complete: false);
        foreach (var outcome in session.Outcomes)
        {
            Add(outcome);
        }

        return new UnitRun(plan, session, _failures, _records, _done, _counts, _arrivals) { Ranges = _ranges, Opinions = _opinions, Covered = _covered };
    }

    private void Cover(WorkerMessage.Places places)
    {
        if (places.Row >= plan.Worker.Rows.Length)
        {
            return; // Not one of the plan's; what else the worker says will be refused for it.
        }

        var calls = FaultMenu.IsPredictable(plan.ScenarioOf(places.Row).Fault)
            ? plan.ScenarioOf(places.Row).Calls
            : _courses.TryGetValue(places.Row, out var course) ? _model.Delivered(places.Row, course.Deliveries, Kept.Counts)?.Calls ?? [] : [];
        var met = _covered[plan.Worker.ProgramOf(places.Row)] ??= new ProgramInteractions();
        for (var entry = 0; entry < Math.Min(calls.Count, places.Masks.Count); entry++)
        {
            met.Add(calls[entry], places.Masks[entry]);
        }
    }

    private void CountAgain(WorkerMessage.Again again)
    {
        if (_courses.TryGetValue(again.Row, out var course))
        {
            _counts = course.IsJudged
                ? _counts with { Overflows = _counts.Overflows + again.Times }
                : _counts with { OverflowsUnjudged = _counts.OverflowsUnjudged + again.Times };
        }
    }

    private void BeginRow(int row)
    {
        if (row != _row)
        {
            EndRow(complete: true);
            _row = row;
        }
    }

    private void EndRow(bool complete)
    {
        if (_row < 0)
        {
            return;
        }

        var expected = ExpectedOf(_row);
        if (_probes.Count + _errors.Count > 0 && _traces is not null && expected is not null)
        {
            JudgeTraces(_row, expected, complete);
        }

        _probes.Clear();
        _errors.Clear();
        _overflow = null;
        _row = -1;
    }

    /// <summary>The model's run of the row, its overflow judged by the way; null when that cannot be said.</summary>
    private ExpectedRun? ExpectedOf(int row)
    {
        if (FaultMenu.IsPredictable(plan.ScenarioOf(row).Fault))
        {
            return _probes.Count + _errors.Count > 0 ? _model.Predicted(row) : null;
        }

        if (_overflow is not { } overflow)
        {
            return null;
        }

        if (_model.Delivered(row, overflow.Deliveries, _probes.Count + _errors.Count > 0 ? Kept.Traces : Kept.Counts) is not { } run)
        {
            _counts = _counts with { OverflowsUnjudged = _counts.OverflowsUnjudged + 1 };
            return null;
        }

        _counts = _counts with { Overflows = _counts.Overflows + 1 };
        _courses[row] = (overflow.Deliveries, true);
        if (run.Digest != overflow.Digest && defect is not CheckerDefect.Overflow)
        {
            Add(new RowFailure(
                row, "overflow", -1, $"{run.Digest:x}", $"{overflow.Digest:x}",
                $"event logs differ from the model's with the same {overflow.Deliveries.Count} errors delivered"));
            return null;
        }

        return run;
    }

    private void JudgeTraces(int row, ExpectedRun expected, bool complete)
    {
        _traced.Add(row);
        var byFiber = ProbesOf(expected);
        JudgeErrors(row, expected, complete);
        foreach (var observer in (ReadOnlySpan<Observer>)[Observer.FramePointers, Observer.Dwarf])
        {
            var probes = _probes.FindAll(p => p.Observer == observer);
            if (plan.Worker.Rows[row].Flags.HasFlag(RowFlags.Record))
            {
                probes.ForEach(p => RecordOf(row).Add(p, _chains.GetValueOrDefault(p.ChainId)));
            }

            foreach (var probe in probes)
            {
                if (Judge(row, probe, ProbeOf(byFiber, probe.Fiber, probe.Ordinal)) is { } failure)
                {
                    Add(failure);
                    break;
                }
            }

            if (defect is not CheckerDefect.Unsent && complete && probes.Count != expected.Probes.Count && IsObservedBy(row, observer))
            {
                Add(new RowFailure(
                    row, "traces-missing", -1, $"{expected.Probes.Count}", $"{probes.Count}", $"traces by {Word(observer)}"));
            }
        }
    }

    private void JudgeErrors(int row, ExpectedRun expected, bool complete)
    {
        var byFiber = expected.Sightings.ToLookup(s => s.Fiber);
        foreach (var fiber in _errors.GroupBy(e => e.Fiber))
        {
            var due = byFiber[fiber.Key].ToArray();
            var failure = fiber.Select(e => Judge(row, e, e.Ordinal < due.Length ? due[e.Ordinal] : null)).FirstOrDefault(f => f is not null);
            if (failure is not null)
            {
                Add(failure);
                break;
            }
        }

        if (defect is not CheckerDefect.Unsent && complete && _errors.Count != expected.Sightings.Count)
        {
            Add(new RowFailure(row, "traces-missing", -1, $"{expected.Sightings.Count}", $"{_errors.Count}", "error return traces"));
        }
    }

    private RowFailure? Judge(int row, WorkerMessage.Errors errors, ErrorSighting? sighting)
    {
        var chain = _chains.GetValueOrDefault(errors.ChainId);
        if (sighting is not { } expected || expected.Site != errors.Site || chain is null)
        {
            return new RowFailure(
                row, "trace-errors", errors.Fiber, $"an error return trace at site {sighting?.Site}", $"one at site {errors.Site}", "WrongFunction at entry 0");
        }

        var walk = errors.Site < 0 ? _probes.Find(p => p is { Observer: Observer.FramePointers, Site: < 0 } && p.Fiber == errors.Fiber) : null;
        var verdict = _errorTraces.Check(
            plan.Locate(row).Program.UnitIndex, expected, errors, chain, walk is null ? null : _chains.GetValueOrDefault(walk.ChainId));
        if (verdict is TraceVerdict.Wrong w)
        {
            var probe = new WorkerMessage.Probe(row, errors.Fiber, errors.Site, errors.Ordinal, Observer.Errors, errors.ChainId, 0, 0);
            return new RowFailure(row, "trace-errors", errors.Fiber, w.Expected, w.Observed, $"{w.Fault} at entry {w.Index}")
            {
                Trace = new TraceEvidence(probe, chain, null, w) { Sighting = expected },
            };
        }

        _counts = _counts with
        {
            ErrorTraces = _counts.ErrorTraces + (chain.Addresses.Count > 0 ? 1 : 0),
            ErrorTracesFull = _counts.ErrorTracesFull + (errors.Index > ErrorTrace.Capacity ? 1 : 0),
            ErrorLinesUnknown = _counts.ErrorLinesUnknown + ((TraceVerdict.Complete)verdict).LinesUnknown,
        };
        return null;
    }

    /// <summary>A run's probes, fiber by fiber; kept, because a scenario's executions come one after the other.</summary>
    private Dictionary<int, ProbeTrace[]> ProbesOf(ExpectedRun run)
    {
        if (!ReferenceEquals(_probesOf.Run, run))
        {
            _probesOf = (run, run.Probes.GroupBy(p => p.Fiber).ToDictionary(g => g.Key, g => g.ToArray()));
        }

        return _probesOf.ByFiber;
    }

    private static ProbeTrace? ProbeOf(Dictionary<int, ProbeTrace[]> byFiber, int fiber, int ordinal) =>
        byFiber.TryGetValue(fiber, out var of) && ordinal < of.Length ? of[ordinal] : null;

    /// <summary>The first thing wrong with a trace, or null.</summary>
    private RowFailure? Judge(int row, WorkerMessage.Probe probe, ProbeTrace? expected)
    {
        var chain = _chains.GetValueOrDefault(probe.ChainId);
        TraceVerdict verdict = expected is null || (expected.Site != probe.Site && defect is not CheckerDefect.Site)
            ? new TraceVerdict.Wrong(TraceFault.WrongFunction, 0, $"a probe at site {expected?.Site}", $"one at site {probe.Site}")
            : chain is null
                ? new TraceVerdict.Wrong(TraceFault.NotClean, 0, "a trace", "none was sent")
                : _traces!.Check(plan.Locate(row).Program.UnitIndex, expected, probe, chain);
        switch (verdict)
        {
            case TraceVerdict.Complete c:
                _counts = _counts with { Traces = _counts.Traces + 1, LinesUnknown = _counts.LinesUnknown + c.LinesUnknown };
                return null;
            case TraceVerdict.Wrong w:
                _counts = _counts with { Traces = _counts.Traces + 1 };
                return new RowFailure(
                    row, $"trace-{Word(probe.Observer)}", probe.Fiber, w.Expected, w.Observed, $"{w.Fault} at frame {w.Index}")
                {
                    Trace = new TraceEvidence(probe, chain, expected, w),
                };
            default:
                _counts = _counts with { TracesTooDeep = _counts.TracesTooDeep + 1 };
                return null;
        }
    }

    /// <summary>Rows that should have sent traces, in a process that ran the program to its end, and did not.</summary>
    private void EndProgram(WorkerMessage.ProgramDone done)
    {
        _courses.Clear();
        _done[done.Index] = done;
        // A program that the plan does not have, has no rows either.
        var end = _ends.ElementAtOrDefault(done.Index);
        for (var row = Math.Max(0, end - done.Rows); row < end; row++)
        {
            var sends = (plan.Worker.Rows[row].Flags & (RowFlags.SendTraces | RowFlags.Record)) != 0
                && (plan.Worker.Rows[row].Flags & RowFlags.BothObservers) != 0;
            if (sends && defect is not CheckerDefect.Unsent && !_traced.Contains(row) && FaultMenu.IsPredictable(plan.ScenarioOf(row).Fault)
                && _model.Predicted(row) is { Probes.Count: > 0 } run)
            {
                Add(new RowFailure(row, "traces-missing", -1, $"{run.Probes.Count}", "0", "traces"));
            }
        }
    }

    private void Add(RowOutcome outcome)
    {
        var (check, expected, observed, detail) = outcome switch
        {
            RowOutcome.Crashed c => ("crash", "an execution", Signals.NameOf(c.Signal), $"at {c.Address:x} by code at {c.Pc:x}"),
            RowOutcome.TimedOut t => ("hang", "an execution", "no end", t.Words),
            RowOutcome.Exited { Code: RowModel.UnexpectedPanicCode } e => ("panic", "an execution", "an unexpected panic", e.Stderr),
            RowOutcome.Exited e => ("exit", "an execution", $"exit code {e.Code}", e.Stderr),
            RowOutcome.ProtocolViolation p => ("protocol", "result lines", "something else", p.Detail),
            _ => ("", "", "", ""),
        };
        if (check.Length == 0 || defect is CheckerDefect.Crash)
        {
            // Neither pass nor fail; who asked for the run looks at the session's outcomes.
            return;
        }

        Add(new RowFailure(outcome.Row, check, -1, expected, observed, detail) { Outcome = outcome });
    }

    private void Add(RowFailure failure)
    {
        if (_failures.Count < MaxFailures)
        {
            _failures.Add(failure);
        }
    }

    private RowRecord RecordOf(int row)
    {
        if (!_records.TryGetValue(row, out var record))
        {
            _records[row] = record = new RowRecord();
        }

        return record;
    }

    private bool IsObservedBy(int row, Observer observer) =>
        plan.Worker.Rows[row].Flags.HasFlag(observer is Observer.Dwarf ? RowFlags.Dwarf : RowFlags.FramePointers);

    private static string Word(Observer observer) => observer is Observer.Dwarf ? "dwarf" : "fp";
}
