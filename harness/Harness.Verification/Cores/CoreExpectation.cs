using Harness.Emit;
using Harness.Execution;
using Harness.Model;

namespace Harness.Verification.Cores;

/// <summary>What a worker was asked to do when it died: one program, and the rows of its plan.</summary>
public sealed class CoreExpectation
{
    /// <summary>Frames at the inner end that may have come or gone since the last event of the log.</summary>
    private const int MaxSince = 3;
    private readonly UnitPlan _plan;
    private readonly SourceMap _map;
    private readonly TraceRules _rules;

    public CoreExpectation(UnitPlan plan, SourceMap map, Cell cell) => (_plan, _map, _rules) = (plan, map, TraceRules.Of(cell));

    /// <summary>Of a case whose worker <see cref="CoreReplay"/> ran: the same plan, the same source.</summary>
    public static CoreExpectation Of(Case @case, Death death)
    {
        ArgumentNullException.ThrowIfNull(@case);
        return new CoreExpectation(DeathPlan.Compose(@case, death), ZigEmitter.Emit(@case.Unit).Map, @case.Cell);
    }

    /// <summary>Compares chains of fibers with where the model is when their logs are what they are in the core.</summary>
    /// <param name="chains">By fiber; null for those without a stack.</param>
    internal IReadOnlyList<ModelComparison> Compare(CoreImage image, CoreMap map, IReadOnlyList<CoreChain?> chains)
    {
        if (map.Row >= _plan.Worker.Rows.Length)
        {
            return [.. chains.Select(_ => new ModelComparison.Unknown($"row {map.Row} is not in the case's plan"))];
        }

        var scenario = _plan.ScenarioOf(map.Row);
        var fault = FaultMenu.IsPredictable(scenario.Fault) ? scenario.Fault : new FaultPlan.Delivered(map.Deliveries);
        var program = _plan.Locate(map.Row).Program.Program;
        var moments = CompiledProgram.Of(program).MomentsAt(fault, scenario.Schedule, [.. map.Fibers.Select(f => f.Digest)]);
        var code = new UnitCodeMap(image.Symbols, _map);
        return [.. map.Fibers.Select(f => chains[f.Index] is { } chain
            ? Compare(image, code, map, f, chain, f.Index < moments.Count ? moments[f.Index] : null)
            : new ModelComparison.Unknown(f.State is CoreFiberState.Unborn or CoreFiberState.Ended ? "it has no stack" : "no chain was found"))];
    }

    private ModelComparison Compare(CoreImage image, UnitCodeMap code, CoreMap map, CoreFiber fiber, CoreChain chain, FiberMoment? moment)
    {
        var hasNotRun = fiber.Digest == Digests.Start && fiber.State is CoreFiberState.Ready;
        if (moment is null && !hasNotRun)
        {
            return new ModelComparison.Unknown(fiber.Digest == Digests.Start ? "it has logged nothing yet" : "its log had left the model's before the worker died");
        }

        var expected = hasNotRun ? [] : moment!.Chain;
        var first = Judge(image, code, fiber, chain, expected, since: null);
        // One that died on purpose stands at its last event; another one has gone on since, nobody knows how far.
        if (first is TraceVerdict.Wrong && fiber.Index == map.Current && map.Death is Death.None)
        {
            foreach (var since in Since.All.Where(since => since.Gone < expected.Count))
            {
                if (Judge(image, code, fiber, chain, expected, since) is TraceVerdict.Complete c)
                {
                    return new ModelComparison.Agrees(c.Frames, c.LinesUnknown, since.Beyond);
                }
            }
        }

        return first switch
        {
            TraceVerdict.Complete c => new ModelComparison.Agrees(c.Frames, c.LinesUnknown, 0),
            TraceVerdict.Wrong w => new ModelComparison.Differs(w, Shown(code, fiber, expected)),
            _ => new ModelComparison.Unknown("it is deeper than inlining can be followed"),
        };
    }

    private EquatableArray<string> Shown(ICodeMap code, CoreFiber fiber, EquatableArray<Frame> expected) =>
        new ExpectedFrames(_map, _rules, code).Of(0, new ProbeTrace(fiber.Index, -1, expected)).Select(f => f.ToString()).Take(ChainComparison.MaxFrames).ToEquatableArray();

    private TraceVerdict Judge(CoreImage image, UnitCodeMap code, CoreFiber fiber, CoreChain chain, EquatableArray<Frame> expected, Since? since)
    {
        var frames = chain.Frames.Where(f => !f.Stub).ToList();
        ICodeMap lines = code;
        if (since is not null)
        {
            var own = frames.FindAll(f => code.Resolve(f.Lookup).Function is not null);
            frames = since.Beyond < own.Count ? frames[frames.IndexOf(own[since.Beyond])..] : [];
            lines = new WithoutLine(code, frames.Count > 0 ? frames[0].Lookup : 0);
        }

        // Crossing a boundary that is just being made or undone counts for nothing.
        var stubs = chain.Frames.SkipWhile(f => f.Stub || f.Segment == 0).Count(f => f.Stub);
        var crossed = chain.Frames.SkipWhile(f => f.Stub || f.Segment == 0).Select(f => f.Segment).FirstOrDefault() - 1;
        var probe = new WorkerMessage.Probe(0, fiber.Index, -1, 0, Observer.FramePointers, 0, stubs, crossed);
        var sent = new WorkerMessage.Chain(0, chain.IsComplete ? ChainEnd.Clean : ChainEnd.Unreadable, frames.Select(Returning).ToEquatableArray());
        return new TraceChecker(lines, _map, _rules, image.Entry, image.Bridge)
            .Check(0, new ProbeTrace(fiber.Index, -1, expected.Skip(since?.Gone ?? 0).ToEquatableArray()), probe, sent);
    }

    /// <summary>What is looked up is the byte before.</summary>
    private static ulong Returning(CoreFrame frame) => unchecked(frame.Lookup + 1);

    /// <summary>What may have happened since a fiber's last event: functions were left, others were entered. Where the innermost that stayed stands, is unknown.</summary>
    /// <param name="Gone">Innermost frames of the model's that are left out.</param>
    /// <param name="Beyond">Innermost frames of the program in the core that are left out.</param>
    private sealed record Since(int Gone, int Beyond)
    {
        public static IReadOnlyList<Since> All { get; } =
        [
            .. Enumerable.Range(0, MaxSince + 1).SelectMany(gone => Enumerable.Range(0, MaxSince + 1).Select(beyond => new Since(gone, beyond))).OrderBy(s => s.Gone + s.Beyond),
        ];
    }

    /// <summary>A code map that does not know where one address is stopped: neither the line nor what is inlined there.</summary>
    private sealed class WithoutLine(ICodeMap code, ulong address) : ICodeMap
    {
        public bool JumpsAway(SourceOwner owner, int line) => code.JumpsAway(owner, line);

        public bool NeverCalls(SourceOwner owner, int line) => code.NeverCalls(owner, line);

        public CodePosition Resolve(ulong at) => at == address ? code.Resolve(at) with { Line = 0, FunctionLine = 0, Inlined = null } : code.Resolve(at);
    }
}
