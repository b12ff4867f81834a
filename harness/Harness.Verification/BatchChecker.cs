using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;
using Harness.Verification.Interactions;
using Harness.Verification.Stepping;

namespace Harness.Verification;

/// <summary>
/// Checks programs in a cell: emits and compiles them together, plans their executions meanwhile, runs all of them, judges,
/// and records what failed.
/// </summary>
public sealed class BatchChecker(IUnitFactory factory, IUnitRunner runner, TimeProvider? time = null)
{
    /// <summary>About unwind rows, of a unit: what is wrong in one function is likely to be in all.</summary>
    private const int MaxRowFindings = 50;

    private readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <param name="directory">For build products and runs; the caller's to delete.</param>
    /// <param name="windUp">Ends the executions where they are. When something has failed by then, that is recorded and returned; otherwise it cancels.</param>
    /// <exception cref="OperationCanceledException">Cancelled; no process is left.</exception>
    public async Task<BatchResult> CheckAsync(
        IReadOnlyList<FiberProgram> programs, Cell cell, PlanOptions options, string directory, CancellationToken ct, CancellationToken windUp = default)
    {
        ArgumentNullException.ThrowIfNull(programs);
        ArgumentNullException.ThrowIfNull(options);
        var started = _time.GetTimestamp();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, windUp);
        var planning = Task.Run(() => PlanAll(programs, options, either.Token), either.Token);
        var build = await new BatchBuilder(factory).BuildAsync(programs, cell, directory, either.Token).ConfigureAwait(false);
        var (plans, modelTime) = await planning.ConfigureAwait(false);
        var draft = new Draft(cell, plans);
        draft.Add(build, programs);
        var number = 0;
        foreach (var (indices, unit) in build.Units)
        {
            // Unusable programs have no rows; the others keep their place in the unit.
            var plan = UnitPlan.Join(indices.Select((program, place) => plans[program] with { UnitIndex = place }));
            if (plan.Worker.Rows.Length == 0)
            {
                continue;
            }

            var rows = UnwindFindings.OfAsync(unit); // Beside the execution.
            var clock = _time.GetTimestamp();
            var run = await runner.RunAsync(unit, plan, Path.Combine(directory, $"run-{number}"), ct, windUp).ConfigureAwait(false);
            draft.Execute += _time.GetElapsedTime(clock);
            draft.Add(run, indices);
            clock = _time.GetTimestamp();
            var findings = await new FailureRecorder(runner)
                .RecordAsync(unit, run, Path.Combine(directory, $"record-{number++}"), ct).ConfigureAwait(false);
            draft.Record += _time.GetElapsedTime(clock);
            draft.Findings.AddRange(findings);
            draft.Findings.AddRange((await rows.ConfigureAwait(false)).Select(found => found.Finding).DistinctBy(finding => finding.Signature).Take(MaxRowFindings));
            draft.Rows += unit.Rows is { } audit ? await audit.CountsAsync().ConfigureAwait(false) : RowCounts.None;
            if (options.Stepped && !windUp.IsCancellationRequested)
            {
                var until = draft.Findings.Count == 0 ? either.Token : ct;
                var steps = await StepAsync(unit, plan, options, Path.Combine(directory, $"steps-{number}"), until).ConfigureAwait(false);
                draft.Findings.AddRange(steps.Findings);
                draft.Steps += steps.Counts;
            }
        }

        if (draft is { WoundUp: true, Findings: [] })
        {
            windUp.ThrowIfCancellationRequested();
        }

        return draft.Finish(modelTime, _time.GetElapsedTime(started));
    }

    /// <summary>Through the program with the fewest entries: the likeliest to be stepped through whole.</summary>
    private Task<SampledSteps> StepAsync(BuiltUnit unit, UnitPlan plan, PlanOptions options, string directory, CancellationToken ct)
    {
        var smallest = plan.Programs.Where(p => p.Rows.Length > 0).MinBy(p => p.Facts.Entries)!;
        var execution = StepSample.Choose(smallest.Program, options.Placements, options.Seed);
        return new StepSample(runner).RunAsync(unit, smallest.UnitIndex, execution, directory, ct);
    }

    private (ProgramPlan[] Plans, TimeSpan Elapsed) PlanAll(IReadOnlyList<FiberProgram> programs, PlanOptions options, CancellationToken ct)
    {
        var started = _time.GetTimestamp();
        var builder = new PlanBuilder(options);
        var plans = new ProgramPlan[programs.Count];
        for (var i = 0; i < plans.Length; i++)
        {
            ct.ThrowIfCancellationRequested();
            plans[i] = options.Exhaustive
                ? ExhaustivePlan.Build(programs[i], i, options)
                : builder.Build(programs[i], i, PlanRandom.Derive(options.Seed, (ulong)i));
        }

        return (plans, _time.GetElapsedTime(started));
    }

    /// <summary>The result as it comes together.</summary>
    private sealed class Draft(Cell cell, ProgramPlan[] plans)
    {
        private readonly ProgramStats[] _programs =
            [.. plans.Select((p, i) => new ProgramStats(i, p.Rows.Length, 0, p.Scenarios.Count, p.Facts, p.Unusable, null))];

        private readonly Dictionary<string, long> _skipped = [];
        private readonly Dictionary<string, long> _coverage = ExhaustivePlan.Labels(plans);
        private readonly List<string> _inconclusive = [.. plans
            .Select((p, i) => p.Unusable is { } reason ? $"program {i} is not usable: {reason}" : "").Where(s => s.Length > 0)];

        private readonly ProgramInteractions?[] _covered = new ProgramInteractions?[plans.Length];
        private Counters _counters = Counters.Zero;
        private JudgeCounts _judged = JudgeCounts.Zero;
        private Arrivals _arrivals = Arrivals.None;
        private long _failedRows;
        private long _observed;
        private TimeSpan _compile;
        private TimeSpan _link;

        public List<Finding> Findings { get; } = [];

        public RowCounts Rows { get; set; } = RowCounts.None;

        public StepCounts Steps { get; set; } = StepCounts.None;

        public bool WoundUp { get; private set; }

        public TimeSpan Execute { get; set; }

        public TimeSpan Record { get; set; }

        public void Add(BatchBuild build, IReadOnlyList<FiberProgram> programs)
        {
            foreach (var (_, unit) in build.Units)
            {
                _compile += unit.Timings.Total - unit.Timings.Link;
                _link += unit.Timings.Link;
            }

            foreach (var failure in build.Failures)
            {
                Findings.Add(CompileFindings.Of(programs[failure.Program], cell, failure.Outcome));
                Skip("not built", plans[failure.Program].Rows.Length);
            }

            if (build.TogetherOnly > 0)
            {
                _inconclusive.Add($"{build.TogetherOnly} compilations of several programs failed whose halves could be built");
            }
        }

        public void Add(UnitRun run, int[] indices)
        {
            WoundUp |= run.Session.WoundUp;
            _counters += run.Session.Counters;
            _judged += run.Counts;
            Coverage.Add(_coverage, "trace/error-return", run.Counts.ErrorTraces);
            Coverage.Add(_coverage, "trace/error-return-full", run.Counts.ErrorTracesFull);
            foreach (var (label, count) in run.Opinions)
            {
                Coverage.Add(_coverage, label, count);
            }

            _arrivals += run.Arrivals;
            _failedRows += run.Failures.Select(f => f.Row).Distinct().Count();
            var wasRun = new bool[run.Plan.Worker.Rows.Length];
            Array.Fill(wasRun, true);
            foreach (var skipped in run.Session.Skipped)
            {
                Array.Fill(wasRun, false, skipped.Start, skipped.Count);
                Skip(skipped.Reason, skipped.Count);
            }

            foreach (var (row, reason) in run.Inconclusive)
            {
                wasRun[row] = false;
                Skip(reason, 1);
            }

            var rowsRun = Count(run.Plan, wasRun, indices);
            for (var place = 0; place < run.Plan.Programs.Count; place++)
            {
                var index = indices[run.Plan.Programs[place].UnitIndex];
                var whole = run.ProgramsDone.TryGetValue(place, out var done) && done.Rows == _programs[index].RowsPlanned;
                _programs[index] = _programs[index] with { RowsRun = rowsRun[index], Elapsed = whole ? done!.Elapsed : null };
                _covered[index] = place < run.Covered.Count ? run.Covered[place] : null;
            }

            _inconclusive.AddRange(run.Inconclusive.GroupBy(i => i.Reason).Select(g => $"{g.Count()} executions: {g.Key}"));
            if (run.Counts.OverflowsUnjudged > 0)
            {
                _inconclusive.Add($"{run.Counts.OverflowsUnjudged} overflowing executions were beyond the model's caps");
            }
        }

        /// <summary>Counts rows that were run, and their labels: most rows have those of many others.</summary>
        /// <returns>How many of each program.</returns>
        private int[] Count(UnitPlan plan, bool[] wasRun, int[] indices)
        {
            var rowsRun = new int[plans.Length];
            var kinds = new Dictionary<CoverageKind, long>();
            var (scenario, fault, isSeeded) = (-1, "", false);
            for (var row = 0; row < wasRun.Length; row++)
            {
                if (!wasRun[row])
                {
                    continue;
                }

                var it = plan.Worker.Rows[row];
                if (it.Scenario != scenario)
                {
                    var planned = plan.ScenarioOf(row);
                    (scenario, fault, isSeeded) = (it.Scenario, Coverage.FaultLabel(planned.Fault, planned.Schedule), planned.Schedule.Seed != 0);
                }

                rowsRun[indices[plan.Locate(row).Program.UnitIndex]]++;
                _observed += (it.Flags & RowFlags.BothObservers) != 0 ? 1 : 0;
                var kind = new CoverageKind(fault, isSeeded, it.Split, it.Placement, it.Policy, it.Disturbance);
                kinds[kind] = kinds.GetValueOrDefault(kind) + 1;
            }

            foreach (var (kind, count) in kinds)
            {
                Coverage.Count(_coverage, kind, count);
            }

            return rowsRun;
        }

        public BatchResult Finish(TimeSpan model, TimeSpan wall) => new(
            cell,
            _counters with { Programs = _programs.Count(p => p.IsComplete) },
            _programs,
            Findings,
            _failedRows,
            _skipped,
            new TraceWork(_observed, Rows, Steps),
            _judged,
            _arrivals,
            _coverage,
            _inconclusive,
            new BatchTimings(model, _compile, _link, Execute, Record, wall)) { Covered = [.. _programs.Select(p => p.IsComplete ? _covered[p.Index] : null)] };

        private void Skip(string reason, int rows)
        {
            if (rows > 0)
            {
                _skipped[reason] = _skipped.GetValueOrDefault(reason) + rows;
            }
        }
    }
}

/// <summary>Findings about compilers.</summary>
internal static class CompileFindings
{
    private const int MaxOutputChars = 8000;

    public static Finding Of(FiberProgram program, Cell cell, BuildOutcome outcome)
    {
        var (check, how, output) = outcome switch
        {
            BuildOutcome.Rejected r => ("compile", FirstError(r.Diagnostics), r.Diagnostics),
            BuildOutcome.CompilerCrashed c => ("compiler-crash", FirstError(c.Detail), c.Detail),
            BuildOutcome.TimedOut t => ("compiler-hang", "timeout", t.Command),
            _ => throw new ArgumentException($"not a failure: {outcome}", nameof(outcome)),
        };
        var shown = output.Length <= MaxOutputChars ? output : output[..MaxOutputChars] + "…";
        return new Finding(
            new Signature(check, cell, how, "unit"),
            new Case(program, cell, ExecutionPlan.Baseline),
            new Observation(check, how, [], null, null, null, shown, Recorded: true));
    }

    /// <summary>The first line that says error, without the place in front of it; else the first line.</summary>
    private static string FirstError(string diagnostics)
    {
        const string marker = "error: ";
        var lines = diagnostics.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var line = Array.Find(lines, l => l.Contains(marker, StringComparison.Ordinal)) ?? lines.FirstOrDefault() ?? "";
        var at = line.IndexOf(marker, StringComparison.Ordinal);
        return at < 0 ? line : line[(at + marker.Length)..];
    }
}
