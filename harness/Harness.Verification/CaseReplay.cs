using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;
using Harness.Verification.Pictures;
using Harness.Verification.Stepping;

namespace Harness.Verification;

/// <summary>What running one case once, recorded, came to.</summary>
public abstract record ReplayResult
{
    private ReplayResult()
    {
    }

    internal abstract int Seal { get; }

    /// <summary>Every check passed. The logs are those of both sides, by fiber.</summary>
    public sealed record Held(EquatableArray<EquatableArray<Event>> Expected, EquatableArray<EquatableArray<Event>> Observed)
        : ReplayResult
    {
        /// <summary>Null when no stack was recorded.</summary>
        public StackPicture? Picture { get; init; }

        internal override int Seal => 0;
    }

    /// <summary>A check failed; a compiler that refuses the program included.</summary>
    public sealed record Failed(Finding Finding) : ReplayResult { internal override int Seal => 1; }

    /// <summary>Neither pass nor fail.</summary>
    public sealed record Inconclusive(string Reason) : ReplayResult { internal override int Seal => 2; }
}

/// <summary>Runs single cases with everything recorded.</summary>
public sealed class CaseReplay(IUnitFactory factory, IUnitRunner runner)
{
    private readonly FailureRecorder _recorder = new(runner);

    public async Task<ReplayResult> RunAsync(Case @case, string directory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(@case);
        var (outcome, unit) = await BuildAsync(@case, directory, ct).ConfigureAwait(false);
        return unit is null
            ? new ReplayResult.Failed(CompileFindings.Of(@case.Program, @case.Cell, outcome))
            : await RunAsync(unit, @case.Plan, Path.Combine(directory, "run"), ct).ConfigureAwait(false);
    }

    internal Task<(BuildOutcome Outcome, BuiltUnit? Unit)> BuildAsync(Case @case, string directory, CancellationToken ct) =>
        factory.BuildAsync(@case.Unit, @case.Cell, Path.Combine(directory, "unit"), ct);

    /// <summary>In fresh processes, with the case's unit.</summary>
    /// <param name="wanted">Of several findings about one execution the one that is looked for, if it is there.</param>
    internal async Task<ReplayResult> RunAsync(BuiltUnit unit, ExecutionPlan asked, string directory, CancellationToken ct, Signature? wanted = null)
    {
        // A row that contradicts the code does so whatever the execution shows: nothing needs to run.
        if (wanted?.Check == UnwindFindings.Check && await UnwindFindings.OfCaseAsync(unit, wanted).ConfigureAwait(false) is { } contradiction)
        {
            return new ReplayResult.Failed(contradiction);
        }

        var plan = asked with { Disturbance = asked.Disturbance & ~Disturbance.Stepped };
        var (finding, run) = await _recorder.RecordAsync(unit, 0, plan, directory, ct).ConfigureAwait(false);
        var steps = asked.Disturbance.HasFlag(Disturbance.Stepped)
            ? (await new StepSample(runner).RunAsync(unit, 0, asked, Path.Combine(directory, "steps"), ct).ConfigureAwait(false)).Findings
            : [];
        if ((steps.FirstOrDefault(f => f.Signature == wanted) ?? finding) is { } shown)
        {
            return new ReplayResult.Failed(shown);
        }

        var row = Array.FindIndex(run.Plan.Worker.Rows, r => r.Flags.HasFlag(RowFlags.Record));
        if (row < 0)
        {
            return new ReplayResult.Inconclusive(run.Plan.Programs.Count == 0
                ? "the model does not finish the program without fault"
                : "the model does not finish the program under this plan");
        }

        if (run.Inconclusive.Select(i => i.Reason).FirstOrDefault() is { } reason)
        {
            return new ReplayResult.Inconclusive(reason);
        }

        if (!run.WasRun(row))
        {
            var first = run.Failures.Count > 0 ? $": {run.Failures[0].Check} in the unsplit baseline" : "";
            return new ReplayResult.Inconclusive($"the execution was not reached{first}");
        }

        // What the execution shows comes first.
        return (steps.Count > 0 ? steps[0] : await UnwindFindings.OfCaseAsync(unit).ConfigureAwait(false)) is { } wrong
            ? new ReplayResult.Failed(wrong)
            : Held(unit, run, row);
    }

    private static ReplayResult Held(BuiltUnit unit, UnitRun run, int row)
    {
        var model = new RowModel(run.Plan);
        var record = run.Records.GetValueOrDefault(row) ?? new RowRecord();
        var predictable = FaultMenu.IsPredictable(run.Plan.ScenarioOf(row).Fault);
        var expected = predictable ? model.Predicted(row) : model.Delivered(row, record.Deliveries.ToEquatableArray(), Kept.Everything);
        if (expected is null)
        {
            return new ReplayResult.Inconclusive("the overflowing execution is beyond the model's caps");
        }

        var fibers = Enumerable.Range(0, expected.Events.Count);
        return new ReplayResult.Held(expected.Events, fibers.Select(f => record.EventsOf(f).ToEquatableArray()).ToEquatableArray())
        {
            Picture = new PictureBuilder(unit, run).Of(row, null),
        };
    }
}
