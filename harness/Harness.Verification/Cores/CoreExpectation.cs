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
        return new CoreExpectation(DeathPlan.Compose(@case, death), ZigEmitter.Emit([@case.Program]).Map, @case.Cell);
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
        var checker = new TraceChecker(new UnitCodeMap(image.Symbols, _map), _map, _rules, image.Entry, image.Bridge);
        return [.. map.Fibers.Select(f => chains[f.Index] is { } chain
            ? Compare(checker, map, f, chain, f.Index < moments.Count ? moments[f.Index] : null)
            : new ModelComparison.Unknown(f.State is CoreFiberState.Unborn or CoreFiberState.Ended ? "it has no stack" : "no chain was found"))];
    }

    private ModelComparison Compare(TraceChecker checker, CoreMap map, CoreFiber fiber, CoreChain chain, FiberMoment? moment)
    {
        var hasNotRun = fiber.Digest == Digests.Start && fiber.State is CoreFiberState.Ready;
        if (moment is null && !hasNotRun)
        {
            return new ModelComparison.Unknown(fiber.Digest == Digests.Start ? "it has logged nothing yet" : "its log had left the model's before the worker died");
        }

        var expected = hasNotRun ? [] : moment!.Chain;
        // One that died on purpose stands at its last event; another one has gone on since, nobody knows how far.
        var mayHaveMoved = fiber.Index == map.Current && map.Death is Death.None;
        var first = Judge(checker, fiber, chain, expected, 0, 0);
        for (var since = 1; first is TraceVerdict.Wrong && mayHaveMoved && since <= 2 * MaxSince; since++)
        {
            for (var gone = Math.Max(0, since - MaxSince); gone <= Math.Min(since, MaxSince); gone++)
            {
                if (gone < expected.Count && Judge(checker, fiber, chain, expected, gone, since - gone) is TraceVerdict.Complete c)
                {
                    return new ModelComparison.Agrees(c.Frames, c.LinesUnknown, since - gone);
                }
            }
        }

        return first switch
        {
            TraceVerdict.Complete c => new ModelComparison.Agrees(c.Frames, c.LinesUnknown, 0),
            TraceVerdict.Wrong w => new ModelComparison.Differs(w, Shown(fiber, expected)),
            _ => new ModelComparison.Unknown("it is deeper than inlining can be followed"),
        };
    }

    private EquatableArray<string> Shown(CoreFiber fiber, EquatableArray<Frame> expected) =>
        new ExpectedFrames(_map, _rules).Of(0, new ProbeTrace(fiber.Index, -1, expected)).Select(f => f.ToString()).Take(ChainComparison.MaxFrames).ToEquatableArray();

    /// <param name="gone">Innermost frames of the model's that are left out.</param>
    /// <param name="beyond">Innermost frames of the program in the core that are left out.</param>
    private static TraceVerdict Judge(TraceChecker checker, CoreFiber fiber, CoreChain chain, EquatableArray<Frame> expected, int gone, int beyond)
    {
        var frames = chain.Frames.Where(f => !f.Stub).ToList();
        if (beyond > 0)
        {
            var own = frames.Select((f, i) => (f, i)).Where(p => checker.Position(Returning(p.f)).Function is not null).Select(p => p.i).ElementAtOrDefault(beyond - 1);
            frames = frames[(own + 1)..];
        }

        // Crossing a boundary that is just being made or undone counts for nothing.
        var stubs = chain.Frames.SkipWhile(f => f.Stub || f.Segment == 0).Count(f => f.Stub);
        var crossed = chain.Frames.SkipWhile(f => f.Stub || f.Segment == 0).Select(f => f.Segment).FirstOrDefault() - 1;
        var probe = new WorkerMessage.Probe(0, fiber.Index, -1, 0, Observer.FramePointers, 0, stubs, crossed);
        var sent = new WorkerMessage.Chain(0, chain.IsComplete ? ChainEnd.Clean : ChainEnd.Unreadable, frames.Select(Returning).ToEquatableArray());
        return checker.Check(0, new ProbeTrace(fiber.Index, -1, expected.Skip(gone).ToEquatableArray()), probe, sent);
    }

    /// <summary>What is looked up is the byte before.</summary>
    private static ulong Returning(CoreFrame frame) => unchecked(frame.Lookup + 1);
}
