using Harness.Execution;
using Harness.Model;

namespace Harness.Verification.Mutation;

/// <summary>
/// What a sound worker said, and the same made bad in known ways: a checker that refuses the one, or lets one of the others pass, has a defect. Pure, but for
/// <see cref="TakeAsync"/>.
/// </summary>
internal static class Recordings
{
    private const int ExecutionsPerProgram = 14;
    private const int Programs = 5;

    /// <summary>Of each way to make a recording bad.</summary>
    private const int PerKind = 5;

    /// <summary>Runs some executions that send all they have.</summary>
    public static async Task<IReadOnlyList<WorkerMessage>> TakeAsync(WorkerSession session, BuiltUnit unit, UnitPlan plan, string directory, CancellationToken ct)
    {
        var messages = new List<WorkerMessage>();
        await session.RunAsync(unit.WorkerPath, PlanOf(plan).Worker, directory, WorkerLimits.Default, messages.Add, ct).ConfigureAwait(false);
        return messages;
    }

    public static MutantVerdict Judge(MutantGround ground, CheckerDefect defect)
    {
        var plan = PlanOf(ground.Plan);
        var kinds = Ways(ground.Unit.Code).Select(way => (way.Kind, Bad: way.Make(ground.Recording).Where(bad => Refuses(bad, CheckerDefect.None)).Take(PerKind).ToArray())).ToArray();
        if (Refuses(ground.Recording, CheckerDefect.None))
        {
            return new MutantVerdict.NotBuilt("the recording that should be good is refused");
        }

        if (kinds.FirstOrDefault(kind => kind.Bad.Length == 0).Kind is { } missing)
        {
            return new MutantVerdict.Survived($"no recording with {missing} is refused by the right checker either");
        }

        if (Refuses(ground.Recording, defect))
        {
            return new MutantVerdict.Killed("a good recording is refused", null, null);
        }

        foreach (var (kind, bad) in kinds)
        {
            if (!bad.All(recording => Refuses(recording, defect)))
            {
                return new MutantVerdict.Killed($"passes with {kind}", null, null);
            }
        }

        return new MutantVerdict.Survived($"all of {kinds.Sum(kind => kind.Bad.Length)} bad recordings are refused");

        bool Refuses(IReadOnlyList<WorkerMessage> recording, CheckerDefect with)
        {
            var collector = new RowCollector(ground.Unit, plan, with);
            foreach (var message in recording)
            {
                collector.Accept(message);
            }

            var outcomes = recording.Any(message => message is WorkerMessage.Done) ? [] : (RowOutcome[])[new RowOutcome.Crashed(0, 11, 0, 0, 0, "")];
            return collector.Finish(new SessionResult(outcomes, [], Counters.Zero, 1, TimeSpan.Zero)).Failures.Count > 0;
        }
    }

    private static UnitPlan PlanOf(UnitPlan plan) => UnitPlan.Join(plan.Programs.Take(Programs).Select(program =>
    {
        var executions = Enumerable.Range(0, program.Rows.Length).Select(program.ExecutionOf).Where(e => e.Disturbance is Disturbance.None).ToArray();
        var overflows = executions.Where(e => !FaultMenu.IsPredictable(e.Fault)).Take(4);
        var faults = executions.Where(e => e.Fault is FaultPlan.ErrorAt or FaultPlan.PanicAt).Take(ExecutionsPerProgram / 2);
        return PlanComposer.Compose(
            program.Program, program.UnitIndex, [.. executions.Take(ExecutionsPerProgram).Concat(overflows).Concat(faults).Distinct()],
            RowFlags.SendTraces | RowFlags.BothObservers);
    }));

    /// <summary>Each way to make a recording bad, and the recordings that come of it, one change in each.</summary>
    private static IEnumerable<(string Kind, Func<IReadOnlyList<WorkerMessage>, IEnumerable<IReadOnlyList<WorkerMessage>>> Make)> Ways(ICodeMap code)
    {
        yield return ("an innermost frame missing", OfWalks((chain, _) => chain.Count > 2 ? [.. chain.Skip(1)] : null));
        yield return ("a strange frame before the innermost", OfWalks((chain, all) => chain.Count > 2 ? [chain[^2], .. chain] : null));
        yield return ("the outermost frames missing", OfWalks((chain, _) => chain.Count > 2 ? [.. chain.Take(chain.Count - 2)] : null));
        yield return ("a frame in the middle missing", OfWalks((chain, _) => chain.Count > 4 ? [.. chain.Take(chain.Count / 2), .. chain.Skip((chain.Count / 2) + 1)] : null));
        yield return ("a frame twice", OfWalks((chain, _) => chain.Count > 2 ? [.. chain.Take(2), .. chain.Skip(1)] : null));
        yield return ("a frame at another line", OfWalks((chain, all) => AtAnotherLine(chain, all, code)));
        yield return ("a trace that was cut", Each<WorkerMessage.Chain>(IsWalk, chain => chain with { End = ChainEnd.Cut }));
        yield return ("a probe of another site", Each<WorkerMessage.Probe>((_, probe) => probe.Site >= 0, probe => probe with { Site = probe.Site + 1 }));
        yield return ("a trace that was not sent", Each<WorkerMessage.Probe>((_, _) => true, _ => null));
        yield return ("one entry more in an error return trace", Each<WorkerMessage.Errors>((_, errors) => errors.Kept, errors => errors with { Index = errors.Index + 1 }));
        yield return ("an error return trace's entry elsewhere", Each<WorkerMessage.Chain>(IsOfErrors, chain => chain.Addresses.Count == 0 ? null
            : chain with { Addresses = [.. chain.Addresses.Select(address => address + 64)] }));
        yield return ("another log of an overflow", Each<WorkerMessage.Overflow>((_, _) => true, overflow => overflow with { Digest = overflow.Digest ^ 1 }));
        yield return ("no end", messages => [[.. messages.Where(message => message is not WorkerMessage.Done)]]);
    }

    private static EquatableArray<ulong>? AtAnotherLine(EquatableArray<ulong> chain, ulong[] all, ICodeMap code)
    {
        for (var i = 0; i < chain.Count; i++)
        {
            var here = code.Resolve(chain[i] - 1);
            var other = all.FirstOrDefault(a => here.Function is not null && code.Resolve(a - 1) is var there && there.Symbol == here.Symbol && there.Line != here.Line && there.Line > 0 && here.Line > 0);
            if (other != 0)
            {
                var place = i;
                return [.. chain.Select((address, at) => at == place ? other : address)];
            }
        }

        return null;
    }

    private static Func<IReadOnlyList<WorkerMessage>, IEnumerable<IReadOnlyList<WorkerMessage>>> OfWalks(
        Func<EquatableArray<ulong>, ulong[], EquatableArray<ulong>?> change) => messages =>
    {
        var all = messages.OfType<WorkerMessage.Chain>().SelectMany(chain => chain.Addresses).Distinct().ToArray();
        return Each<WorkerMessage.Chain>(IsWalk, chain => change(chain.Addresses, all) is { } changed ? chain with { Addresses = changed } : null, dropsNull: false)(messages);
    };

    private static bool IsWalk(IReadOnlyList<WorkerMessage> messages, WorkerMessage.Chain chain) =>
        messages.OfType<WorkerMessage.Probe>().Any(probe => probe.ChainId == chain.Id);

    private static bool IsOfErrors(IReadOnlyList<WorkerMessage> messages, WorkerMessage.Chain chain) =>
        messages.OfType<WorkerMessage.Errors>().Any(errors => errors.ChainId == chain.Id);

    /// <param name="change">Null: the message is dropped, or, without <paramref name="dropsNull"/>, nothing comes of it.</param>
    private static Func<IReadOnlyList<WorkerMessage>, IEnumerable<IReadOnlyList<WorkerMessage>>> Each<T>(
        Func<IReadOnlyList<WorkerMessage>, T, bool> concerns, Func<T, T?> change, bool dropsNull = true)
        where T : WorkerMessage => messages => Enumerable.Range(0, messages.Count)
        .Where(at => messages[at] is T message && concerns(messages, message))
        .Select(at => (At: at, New: change((T)messages[at])))
        .Where(changed => dropsNull || changed.New is not null)
        .Take(4 * PerKind)
        .Select(changed => (IReadOnlyList<WorkerMessage>)[.. messages.Take(changed.At), .. changed.New is { } fresh ? [fresh] : (WorkerMessage[])[], .. messages.Skip(changed.At + 1)]);
}
