using System.Diagnostics;
using Harness.Execution;
using Harness.Execution.Tracing;
using Harness.Model;

namespace Harness.Verification.Stepping;

/// <summary>What one execution that was stepped through came to.</summary>
internal sealed record SampledSteps(StepCounts Counts, IReadOnlyList<Finding> Findings)
{
    public static readonly SampledSteps None = new(StepCounts.None, []);
}

/// <summary>
/// Steps through one execution of a program, sends real signals at every instruction of the runtime's assembly when it is first met and at some hundred
/// others, and compares: the unwind rows with what the instructions do, and the traces that the signal's handler took with the calls that were made
/// (docs/TRACES.md). Bounded in instructions and in time.
/// </summary>
internal sealed class StepSample(IUnitRunner runner)
{
    /// <summary>The check that a row failed which an instruction contradicts, or an execution that the worker itself complains of.</summary>
    public const string RowCheck = "step";

    /// <summary>The check that a trace failed which a signal's handler took.</summary>
    public const string TraceCheck = "interrupt";

    /// <summary>Where the worker begins the last row of its plan, and nothing but it.</summary>
    private const string LastRow = "hs_last_row";

    /// <summary>Half a second, at some twelve thousand steps a second: with more, a campaign of a minute would do little else.</summary>
    private const long MaxSteps = 6_000;

    private const int InterruptEvery = 150;
    private const int MaxPerCheck = 3;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);
    private static readonly StepOptions _options = new(LastRow, MaxSteps, Interrupt: new InterruptOptions(InterruptEvery, Seed: 1));

    public static bool IsOwn(string check) => check is RowCheck or TraceCheck;

    /// <summary>Of the executions that a program can be stepped through in, one of a seed's choice: another placement, split and end each time.</summary>
    public static ExecutionPlan Choose(FiberProgram program, IReadOnlyList<Placement> placements, ulong seed)
    {
        var all = UnitStepper.Executions(program, placements);
        return all[(int)(PlanRandom.Derive(seed, 1) % (ulong)all.Count)] with { Disturbance = Disturbance.Stepped };
    }

    /// <param name="program">Its place in the unit.</param>
    public async Task<SampledSteps> RunAsync(BuiltUnit unit, int program, ExecutionPlan execution, string directory, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        var plan = UnitPlan.Join([PlanComposer.Compose(unit.Programs[program], program, [execution], RowFlags.None)]);
        if (plan.Worker.Rows.Length == 0)
        {
            return SampledSteps.None;
        }

        SteppedRun? run;
        try
        {
            run = await runner.StepAsync(unit, plan, _options, _patience, directory, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TraceException or InvalidDataException) // Not allowed here; or too much for the checker.
        {
            return Refused(e.Message, began);
        }

        return run is null ? SampledSteps.None
            : run.Outcome is ProcessOutcome.TimedOut ? Refused($"not done in {_patience.TotalSeconds:0} s", began)
            : new SampledSteps(Counts(run, began), Findings(unit, program, execution, run));
    }

    private static SampledSteps Refused(string reason, long began) => new(
        StepCounts.None with { Refused = new Dictionary<string, long> { [reason] = 1 }, Seconds = Seconds(began) }, []);

    private static double Seconds(long began) => Math.Round(Stopwatch.GetElapsedTime(began).TotalSeconds, 3);

    private static StepCounts Counts(SteppedRun run, long began)
    {
        var interrupts = run.Interrupts!;
        var traces = interrupts.Matches.ToDictionary(m => $"{Name(m.Key.By)}/{Name(m.Key.Match)}", m => m.Value);
        return new StepCounts(
            1, run.Report.Steps, run.Report.Checked, interrupts.Interruptions, interrupts.InStubs, interrupts.Frames, traces, new Dictionary<string, long>(), Seconds(began));
    }

    private static List<Finding> Findings(BuiltUnit unit, int program, ExecutionPlan execution, SteppedRun run)
    {
        var @case = new Case(unit.Programs[program], unit.Cell, execution with { Disturbance = Disturbance.Stepped });
        Finding Of(string check, string how, string place, string text) => new(
            new Signature(check, unit.Cell, how, place), @case, new Observation(check, text, [], null, null, null, null, Recorded: true));

        var rows = run.Report.Findings.Select(f => Of(RowCheck, Name(f.Fault), Function(f.Place), f.ToString()));
        var traces = run.Interrupts!.Findings.Select(f => Of(TraceCheck, $"{Name(f.By)}-{Name(f.Match)}", Function(f.Place), f.ToString()));
        // One that was ended at the cap says nothing of its end.
        var complaints = run.Report.Steps >= MaxSteps ? [] : UnitStepper.Complaints(run.Outcome).Select(text => Of(RowCheck, "complaint", "unit", text));
        return [.. First(rows), .. First(traces), .. First(complaints)];
    }

    private static IEnumerable<Finding> First(IEnumerable<Finding> findings) => findings.DistinctBy(f => f.Signature).Take(MaxPerCheck);

    /// <summary>Without the offset.</summary>
    private static string Function(string place) => place[..Math.Max(0, place.LastIndexOf('+'))];

    private static string Name(Enum value) => Signature.Dashed(value);
}
