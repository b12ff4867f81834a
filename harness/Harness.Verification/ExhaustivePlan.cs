using Harness.Execution;
using Harness.Model;

namespace Harness.Verification;

/// <summary>
/// Every set of splits with every fault of a small program, in every placement. What has no end is left out: stack budgets other than a few, and
/// failing allocations beyond a few more than there are entries; these two strike under every entry's split and naturally only. Policies take turns.
/// </summary>
public static class ExhaustivePlan
{
    /// <summary>Programs whose every set of splits was planned, and those of whose sets only small ones were.</summary>
    public const string EverySetLabel = "scope/every-split-set";
    public const string SmallSetsLabel = "scope/small-split-sets";

    /// <summary>Gaps between checkpoints, before the first and behind the last ones counted, up to which every set is taken: 2^7 sets.</summary>
    private const int MaxSlots = 7;

    /// <summary>Beyond: sets of one and two, and all. As many as a plan's bits.</summary>
    private const int MaxPairSlots = 64;

    private const int NaturalBytes = 1 << 10;

    /// <summary>One in so many rows of a program is unmapped; see <see cref="PlanOptions.PolicyWeights"/> for what that costs.</summary>
    private const int UnmapEvery = 16;

    private static readonly int[] _budgets = [2 << 10, 8 << 10, 32 << 10];

    internal static ProgramPlan Build(FiberProgram program, int unitIndex, PlanOptions options)
    {
        var compiled = CompiledProgram.Of(program);
        var reference = compiled.Run(new FaultPlan.None(), Schedule.Fifo);
        if (reference.Ending is not RunEnding.Finished)
        {
            return ProgramPlan.Rejected(program, unitIndex, $"the model's run without fault ended as {reference.Ending}");
        }

        var draft = new Draft(compiled, reference, options);
        foreach (var fault in Faults(reference.Entries))
        {
            draft.Add(fault);
        }

        return draft.Finish(unitIndex);
    }

    /// <summary>How many of the plans are of which kind; nothing for plans that are not exhaustive.</summary>
    internal static Dictionary<string, long> Labels(IEnumerable<ProgramPlan> plans)
    {
        var labels = new Dictionary<string, long>();
        foreach (var plan in plans.Where(plan => plan.Facts.IsExhaustive))
        {
            Coverage.Add(labels, plan.Facts.RowsDropped == 0 ? EverySetLabel : SmallSetsLabel, 1);
        }

        return labels;
    }

    /// <summary>The run without one first.</summary>
    internal static IEnumerable<FaultPlan> Faults(int entries)
    {
        yield return new FaultPlan.None();
        for (var entry = 0; entry < entries; entry++)
        {
            yield return new FaultPlan.ErrorAt(entry, ErrorName.Injected, Persistent: false);
            yield return new FaultPlan.ErrorAt(entry, ErrorName.Injected, Persistent: true);
            yield return new FaultPlan.ErrorAt(entry, ErrorName.Canceled, Persistent: false);
            yield return new FaultPlan.PanicAt(entry);
            yield return new FaultPlan.SegfaultAt(entry);
        }

        foreach (var bytes in _budgets)
        {
            yield return new FaultPlan.StackBudget(bytes);
        }

        for (var nth = 1; nth <= entries + 2; nth++)
        {
            yield return new FaultPlan.SegmentAllocationFails(nth);
        }
    }

    /// <summary>Every set of the gaps between checkpoints but the empty one, which is the baseline.</summary>
    internal static IEnumerable<SplitPlan> Sets(int entries)
    {
        var slots = entries + 1;
        if (slots <= MaxSlots)
        {
            for (var set = 1UL; set < 1UL << slots; set++)
            {
                yield return new SplitPlan(SplitKind.EntrySet, 0, set);
            }

            yield break;
        }

        var counted = Math.Min(slots, MaxPairSlots);
        yield return new SplitPlan(SplitKind.EntrySet, 0, counted == 64 ? ulong.MaxValue : (1UL << counted) - 1);
        for (var first = 0; first < counted; first++)
        {
            yield return new SplitPlan(SplitKind.EntrySet, 0, 1UL << first);
            for (var second = first + 1; second < counted; second++)
            {
                yield return new SplitPlan(SplitKind.EntrySet, 0, (1UL << first) | (1UL << second));
            }
        }
    }

    /// <summary>A plan in the making.</summary>
    private sealed class Draft(CompiledProgram compiled, ExpectedRun reference, PlanOptions options)
    {
        private readonly List<ScenarioPlan> _scenarios = [];
        private readonly List<PlanRow> _rows = [];
        private readonly Isolation _isolation = new(compiled, reference);
        private readonly SplitPlan[] _sets =
            [.. Sets(reference.Entries), SplitPlan.Every, SplitMenu.Natural(NaturalBytes)];

        private int _observed;
        private int _unusable;

        public void Add(FaultPlan fault)
        {
            var record = PlanScenario.Of(0, fault, Schedule.Fifo);
            if (!FaultMenu.IsPredictable(fault))
            {
                _scenarios.Add(new ScenarioPlan(fault, Schedule.Fifo, record, null));
                AddRows(_sets.AsSpan()[^2..], RowFlags.None);
                return;
            }

            var run = compiled.Run(fault, Schedule.Fifo, options.Observe ? Kept.Traces : Kept.Counts);
            if (run.Ending is not RunEnding.Finished)
            {
                _unusable++;
                return;
            }

            var observers = options.Observe && run.Probes.Count > 0 ? RowFlags.BothObservers | RowFlags.SendTraces : RowFlags.None;
            var kept = observers is RowFlags.None ? null : run;
            _scenarios.Add(new ScenarioPlan(fault, Schedule.Fifo, _isolation.Expecting(record, run), kept) { Calls = run.Calls });
            Append(SplitPlan.None, options.Placements[0], ReleasePolicy.Cache, observers);
            AddRows(_sets, TraceChecker.WhenSplit(observers & RowFlags.BothObservers, run));
        }

        public ProgramPlan Finish(int unitIndex)
        {
            var slots = reference.Entries + 1;
            var dropped = slots <= MaxSlots ? 0 : (int)Math.Min(int.MaxValue, Math.Pow(2, slots) - 1 - (_sets.Length - 2));
            var facts = new PlanFacts(reference.Entries, reference.Entries, 0, dropped, _observed, _unusable) { IsExhaustive = true };
            return new ProgramPlan(compiled.Program, unitIndex, _scenarios, [.. _rows], facts);
        }

        private void AddRows(ReadOnlySpan<SplitPlan> splits, RowFlags flags)
        {
            foreach (var split in splits)
            {
                foreach (var placement in options.Placements)
                {
                    Append(split, placement, NextPolicy(), flags);
                }
            }
        }

        private ReleasePolicy NextPolicy() =>
            _rows.Count % UnmapEvery == 0 ? ReleasePolicy.Unmap : _rows.Count % 3 == 0 ? ReleasePolicy.Poison : ReleasePolicy.Cache;

        private void Append(SplitPlan split, Placement placement, ReleasePolicy policy, RowFlags flags)
        {
            _rows.Add(PlanRow.Of(_scenarios.Count - 1, split, placement, policy, flags));
            _observed += (flags & RowFlags.BothObservers) != 0 ? 1 : 0;
        }
    }
}
