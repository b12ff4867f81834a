using System.Runtime.InteropServices;
using Harness.Execution;
using Harness.Model;
using Harness.Verification.Pictures;

namespace Harness.Verification;

/// <summary>Turns what a row failed into an observation and a signature.</summary>
internal sealed class ObservationBuilder(BuiltUnit unit, UnitRun run)
{
    /// <summary>Of several failed checks the first of these is the finding's: what is nearest to the cause.</summary>
    private static readonly string[] _nearest =
    [
        "crash", "hang", "panic", "exit", "protocol", "registers", "control-words", "canary", "poison", "limit", "handler", "mappings",
        "segments", "runaway", "budget", "allocation", "digest", "overflow", "entries", "isolation", "probes", "acquired", "released", "ledger", "locks",
        "heap", "descriptors", "stub-frames", "trace-fp", "trace-dwarf", "trace-errors", "traces-missing", "opinion", "splits",
    ];

    private readonly RowModel _model = new(run.Plan);

    /// <summary>The failure of a row that stands for all of them; one with a trace before one without.</summary>
    public static RowFailure Primary(IEnumerable<RowFailure> failures) => failures
        .OrderBy(f => Array.IndexOf(_nearest, f.Check) is var rank and >= 0 ? rank : _nearest.Length)
        .ThenBy(f => f.Trace is null)
        .First();

    /// <summary>What tells failures apart before anything was recorded: coarser than a signature.</summary>
    public static (string Check, string Fault, string How) Kind(RowFailure failure, ExecutionPlan plan) => (
        failure.Check, Coverage.FaultLabel(plan.Fault, plan.Schedule),
        failure.Trace is { } trace ? trace.Verdict.Fault.ToString()
        : failure.Outcome is RowOutcome.Crashed crash ? Signals.NameOf(crash.Signal)
        : "");

    /// <param name="recorded">Whether the row was one that recorded.</param>
    public Finding Build(int row, IReadOnlyCollection<RowFailure> failures, bool recorded)
    {
        var primary = Primary(failures);
        var @case = run.Plan.CaseOf(row, unit.Cell);
        var events = recorded ? CompareEvents(row) : null;
        var chain = primary.Trace is { } trace ? Compare(row, trace) : null;
        var crash = primary.Outcome is { } outcome ? Crash(outcome) : null;
        var also = failures.Select(f => f.Check).Where(c => c != primary.Check).Distinct().ToEquatableArray();
        var observation = new Observation(
            primary.Check, Detail(primary), also, events, chain, crash, OutputOf(primary.Outcome), recorded)
        {
            Picture = recorded ? new PictureBuilder(unit, run).Of(row, primary) : null,
        };
        return new Finding(SignatureOf(primary, @case, events, crash), @case, observation);
    }

    private static string Detail(RowFailure f) =>
        f.Expected.Length + f.Observed.Length == 0 ? f.Detail : $"{f.Detail}: expected {f.Expected}, observed {f.Observed}";

    private static string? OutputOf(RowOutcome? outcome) => outcome switch
    {
        RowOutcome.Crashed { Stderr.Length: > 0 } c => c.Stderr,
        RowOutcome.Exited { Stderr.Length: > 0 } e => e.Stderr,
        _ => null,
    };

    private Signature SignatureOf(RowFailure primary, Case @case, EventComparison? events, CrashInfo? crash)
    {
        var fault = FaultClass(@case.Plan.Fault);
        var (how, where) = primary switch
        {
            { Trace: { } trace } => (trace.Verdict.Fault.ToString(), trace.Probe.Site < 0 ? "trap" : "probe"),
            { Check: "trace-fp" or "trace-dwarf" or "trace-errors" } => ("differs-from-baseline", "probe"),
            { Check: "opinion" } => (primary.Detail.Split(' ')[0], "probe"),
            { Check: "crash" } when crash is not null => (crash.Kind, crash.Place),
            { Check: "digest" or "overflow" or "isolation" } when events is not null => (
                $"{KindOf(events.ExpectedEvent)}-not-{KindOf(events.ObservedEvent)}",
                SiteClass.Of(@case.Program, (events.ExpectedEvent ?? events.ObservedEvent)!.Value)),
            _ => (fault, "any"),
        };
        return new Signature(primary.Check, @case.Cell, how, where);
    }

    /// <summary>Coarse: whether the execution was disturbed at all, and whether cleanup was the program's or the ledger's.</summary>
    private static string FaultClass(FaultPlan fault) => fault switch
    {
        FaultPlan.None => "undisturbed",
        FaultPlan.PanicAt or FaultPlan.SegfaultAt => "trapped",
        _ => "failing",
    };

    private static string KindOf(Event? e) => e?.Kind.ToString() ?? "end";

    /// <summary>The first fiber whose recorded log is not the model's.</summary>
    private EventComparison? CompareEvents(int row)
    {
        if (!run.Records.TryGetValue(row, out var record))
        {
            return null;
        }

        var expected = FaultMenu.IsPredictable(run.Plan.ScenarioOf(row).Fault)
            ? _model.Predicted(row)
            : _model.Delivered(row, record.Deliveries.ToEquatableArray(), Kept.Everything);
        for (var fiber = 0; fiber < expected?.Events.Count; fiber++)
        {
            var observed = CollectionsMarshal.AsSpan((List<Event>)record.EventsOf(fiber));
            if (EventComparison.Of(fiber, expected.Events[fiber].AsSpan(), observed) is { } difference)
            {
                return difference;
            }
        }

        return null;
    }

    private ChainComparison Compare(int row, TraceEvidence trace)
    {
        var (probe, chain, _, verdict) = trace;
        var program = run.Plan.Locate(row).Program.UnitIndex;
        var addresses = chain?.Addresses ?? [];
        return new ChainComparison(
            probe.Observer, probe.Fiber, probe.Site, probe.Ordinal, verdict.Fault, verdict.Index,
            chain?.End.ToString().ToLowerInvariant() ?? "not sent",
            ExpectedOf(program, trace).Take(ChainComparison.MaxFrames).ToEquatableArray(),
            addresses.Take(ChainComparison.MaxFrames).Select(a => unit.Code.Resolve(unchecked(a - 1)).Words).ToEquatableArray());
    }

    private IEnumerable<string> ExpectedOf(int program, TraceEvidence evidence) => evidence switch
    {
        { Sighting: { } sighting } => new ErrorTraceChecker(unit.Code, unit.Map, keeps: true).Of(program, sighting.Trace).Select(e => e.ToString()),
        { Expected: { } expected } => new ExpectedFrames(unit.Map, TraceRules.Of(unit.Cell), unit.Code).Of(program, expected).Select(f => f.ToString()),
        _ => [],
    };

    private CrashInfo? Crash(RowOutcome outcome)
    {
        if (outcome is not RowOutcome.Crashed crash)
        {
            return null;
        }

        var place = crash.Pc == 0 ? new CodePosition("unknown", null, 0) : unit.Code.Resolve(crash.Pc);
        return new CrashInfo(
            Signals.NameOf(crash.Signal), crash.Signal, crash.Address, crash.Pc,
            place.Function is not null ? "program" : PlaceOf(place.Symbol));
    }

    /// <summary>Values are made and mixed by functions of the unit, one for each type, which a compiler inlines into the program's or does not: a smaller program would crash elsewhere.</summary>
    private static string PlaceOf(string symbol) =>
        symbol.StartsWith("0x", StringComparison.Ordinal) ? "nowhere"
        : symbol.StartsWith("values.", StringComparison.Ordinal) ? "program"
        : symbol;
}
