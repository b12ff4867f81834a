using Harness.Model;

namespace Harness.Verification.Explaining;

/// <summary>Other plans for a case, one part changed at a time.</summary>
internal static class PlanVariants
{
    private const int MaxEntries = 6;

    public static IEnumerable<Variant> Of(Case @case, int entries) =>
        Fault(@case, entries).Concat(Split(@case, entries)).Concat(@case.Cell.Runtime is null ? Placement(@case).Concat(Policy(@case)) : []).Concat(Schedule(@case)).Concat(Disturbed(@case));

    private static IEnumerable<Variant> Fault(Case @case, int entries)
    {
        var fault = @case.Plan.Fault;
        foreach (var other in Kinds(fault).Where(other => other != fault))
        {
            yield return Of(@case, "the fault", PlanWords.Fault(fault), PlanWords.Fault(other), @case.Plan with { Fault = other });
        }

        if (fault is FaultPlan.ErrorAt or FaultPlan.PanicAt or FaultPlan.SegfaultAt)
        {
            var at = FaultMenu.EntryOf(fault);
            foreach (var entry in new PlanRandom((ulong)entries).Stratified(entries, MaxEntries).Where(entry => entry != at))
            {
                yield return Of(@case, "the fault's entry", $"{at}", $"{entry}", @case.Plan with { Fault = At(fault, entry) });
            }
        }

        if (fault is FaultPlan.ErrorAt error)
        {
            yield return Of(@case, "the fault's persistence", Word(error.Persistent), Word(!error.Persistent), @case.Plan with { Fault = error with { Persistent = !error.Persistent } });
            foreach (var name in ((ErrorName[])[ErrorName.Injected, ErrorName.Canceled, ErrorName.StackOverflow]).Where(name => name != error.Error))
            {
                yield return Of(@case, "the fault's error", $"{error.Error}", $"{name}", @case.Plan with { Fault = error with { Error = name } });
            }
        }

        static string Word(bool persistent) => persistent ? "again and again" : "once";
    }

    /// <summary>Faults of other kinds, at the same place where there is one; of a budget, other budgets.</summary>
    private static IEnumerable<FaultPlan> Kinds(FaultPlan fault)
    {
        var entry = FaultMenu.EntryOf(fault);
        yield return new FaultPlan.None();
        switch (fault)
        {
            case FaultPlan.StackBudget budget:
                foreach (var bytes in (long[])[budget.Bytes / 2, budget.Bytes * 2, budget.Bytes * 8])
                {
                    yield return new FaultPlan.StackBudget(Math.Max(1, bytes));
                }

                break;
            case FaultPlan.SegmentAllocationFails failing:
                yield return new FaultPlan.SegmentAllocationFails(failing.Nth + 1);
                yield return new FaultPlan.SegmentAllocationFails(failing.Nth + 3);
                break;
            default:
                yield return fault is FaultPlan.ErrorAt ? fault : new FaultPlan.ErrorAt(entry, ErrorName.Injected, Persistent: false);
                yield return new FaultPlan.PanicAt(entry);
                yield return new FaultPlan.SegfaultAt(entry);
                break;
        }
    }

    private static FaultPlan At(FaultPlan fault, int entry) => fault switch
    {
        FaultPlan.ErrorAt error => error with { Entry = entry },
        FaultPlan.PanicAt panic => panic with { Entry = entry },
        FaultPlan.SegfaultAt segfault => segfault with { Entry = entry },
        _ => fault,
    };

    private static IEnumerable<Variant> Split(Case @case, int entries)
    {
        var split = @case.Plan.Split;
        IEnumerable<SplitPlan> others =
        [
            SplitPlan.None, SplitPlan.Every, new SplitPlan(SplitKind.EveryNth, 2), SplitMenu.Natural(1 << 10), SplitMenu.Natural(4 << 10),
            new SplitPlan(SplitKind.DepthEquals, 1), new SplitPlan(SplitKind.DepthAtLeast, 2), new SplitPlan(SplitKind.Random, 1, 1 << 15),
            .. new PlanRandom((ulong)entries).Stratified(entries + 1, MaxEntries).Select(SplitMenu.Single),
        ];
        return others.Where(other => other != split).Select(other => Of(@case, "the split", PlanWords.Split(split), PlanWords.Split(other), @case.Plan with { Split = other }));
    }

    private static IEnumerable<Variant> Placement(Case @case) => Enum.GetValues<Placement>().Where(other => other != @case.Plan.Placement)
        .Select(other => Of(@case, "the placement", PlanWords.Word(@case.Plan.Placement), PlanWords.Word(other), @case.Plan with { Placement = other }));

    private static IEnumerable<Variant> Policy(Case @case) => Enum.GetValues<ReleasePolicy>().Where(other => other != @case.Plan.Policy)
        .Select(other => Of(@case, "what becomes of released segments", PlanWords.Word(@case.Plan.Policy), PlanWords.Word(other), @case.Plan with { Policy = other }));

    private static IEnumerable<Variant> Schedule(Case @case)
    {
        var schedule = @case.Plan.Schedule;
        return @case.Program.Fibers.Count == 1
            ? []
            : ((ulong[])[0, 1, 2, 3]).Where(seed => seed != schedule.Seed)
                .Select(seed => Of(@case, "the schedule", Word(schedule.Seed), Word(seed), @case.Plan with { Schedule = schedule with { Seed = seed } }));

        static string Word(ulong seed) => seed == 0 ? "first in, first out" : $"seed {seed}";
    }

    private static IEnumerable<Variant> Disturbed(Case @case)
    {
        var own = @case.Plan.Disturbance & ~Disturbance.Stepped;
        return ((Disturbance[])[Disturbance.None, Disturbance.Signals, Disturbance.Threads]).Where(other => other != own)
            .Select(other => Of(@case, "the disturbance", PlanWords.Word(own), PlanWords.Word(other), @case.Plan with { Disturbance = other }));
    }

    private static Variant Of(Case @case, string part, string was, string value, ExecutionPlan plan) => new(part, was, value, @case with { Plan = plan });
}
