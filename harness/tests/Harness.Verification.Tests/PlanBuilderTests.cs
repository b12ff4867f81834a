using Harness.Execution;
using Harness.Model;

namespace Harness.Verification.Tests;

public class PlanBuilderTests
{
    private static ProgramPlan Plan(FiberProgram program, PlanOptions? options = null, ulong seed = 1) =>
        new PlanBuilder(options ?? PlanOptions.Default).Build(program, 0, seed);

    private static IEnumerable<ExecutionPlan> Executions(ProgramPlan plan) =>
        Enumerable.Range(0, plan.Rows.Length).Select(plan.ExecutionOf);

    private static byte[] Bytes(ProgramPlan plan) => PlanFile.ToBytes(UnitPlan.Join([plan]).Worker);

    [Fact]
    public void A_plan_is_a_function_of_program_and_seed()
    {
        var program = Samples.Nested(fibers: 3);
        Assert.Equal(Bytes(Plan(program)), Bytes(Plan(program)));
        Assert.NotEqual(Bytes(Plan(program)), Bytes(Plan(program, seed: 2)));
    }

    [Fact]
    public void The_first_row_is_the_unsplit_run_without_fault()
    {
        var plan = Plan(Samples.Nested());
        Assert.Equal(ExecutionPlan.Baseline, plan.ExecutionOf(0));
        Assert.Equal(RowFlags.BothObservers | RowFlags.SendTraces, plan.Rows[0].Flags);
    }

    [Fact]
    public void Rows_are_grouped_by_scenario_in_order()
    {
        var rows = Plan(Samples.Nested(fibers: 2)).Rows;
        var scenario = 0;
        foreach (var row in rows)
        {
            Assert.InRange(row.Scenario, scenario, scenario + 1);
            scenario = row.Scenario;
        }
    }

    [Fact]
    public void A_typical_program_covers_every_split_kind_in_every_placement_and_a_few_programs_each_with_every_policy()
    {
        var plan = Plan(Samples.Nested(fibers: 2, loops: 8));
        var executions = Executions(plan).ToArray();
        foreach (var kind in Enum.GetValues<SplitKind>().Except([SplitKind.None]))
        {
            var some = executions.Where(e => e.Split.Kind == kind).ToArray();
            Assert.Equal(Enum.GetValues<Placement>().Length, some.Select(e => e.Placement).Distinct().Count());
        }

        Assert.Equal(3, executions.Where(e => e.Split.Kind is SplitKind.EveryEntry).Select(e => e.Policy).Distinct().Count());
        var pairs = Enumerable.Range(1, 48)
            .SelectMany(seed => Executions(Plan(Samples.Nested(fibers: 2, loops: 8), seed: (ulong)seed)))
            .Select(e => (e.Split.Kind, e.Policy)).ToHashSet();
        Assert.Equal((Enum.GetValues<SplitKind>().Length - 1) * 3, pairs.Count(pair => pair.Kind is not SplitKind.None));

        Assert.Equal([1UL << 10, 2UL << 10, 4UL << 10, 16UL << 10, 64UL << 10],
            executions.Where(e => e.Split.Kind is SplitKind.Natural).Select(e => e.Split.A).Distinct().Order());
    }

    [Fact]
    public void A_share_of_the_rows_that_split_is_disturbed_and_no_baseline()
    {
        var plans = Enumerable.Range(1, 16).Select(seed => Executions(Plan(Samples.Nested(fibers: 2, loops: 8), seed: (ulong)seed)).ToArray()).ToArray();
        Assert.All(plans, plan => Assert.Contains(plan, e => e.Disturbance.HasFlag(Disturbance.Signals)));
        Assert.All(plans, plan => Assert.Contains(plan, e => e.Disturbance.HasFlag(Disturbance.Threads)));
        var executions = plans.SelectMany(plan => plan).ToArray();
        var splitting = executions.Where(e => e.Split.Kind is not SplitKind.None).ToArray();
        Assert.All(executions.Except(splitting), e => Assert.Equal(Disturbance.None, e.Disturbance));
        int With(Disturbance disturbance) => splitting.Count(e => e.Disturbance.HasFlag(disturbance));
        void IsOneIn(int every, int count) => Assert.InRange(count, splitting.Length * 4 / every / 5, splitting.Length * 5 / every / 4);
        IsOneIn(PlanOptions.Default.SignalsEvery, With(Disturbance.Signals));
        IsOneIn(PlanOptions.Default.ThreadsEvery, With(Disturbance.Threads));
        Assert.True(With(Disturbance.Signals | Disturbance.Threads) > 0);
        Assert.Equal(5, splitting.Where(e => e.Disturbance is Disturbance.Signals).Select(e => e.Split.Kind).Distinct().Take(5).Count());
        Assert.All(
            Executions(Plan(Samples.Nested(), PlanOptions.Default with { SignalsEvery = 0, ThreadsEvery = 0 })),
            e => Assert.Equal(Disturbance.None, e.Disturbance));
    }

    [Fact]
    public void A_typical_program_covers_every_fault_kind()
    {
        var labels = Executions(Plan(Samples.Nested(fibers: 2))).Select(e => Coverage.FaultLabel(e.Fault, e.Schedule)).ToHashSet();
        string[] all =
        [
            "none", "schedule", "solo", "error-once", "error-persistent", "cancel", "injected-overflow", "injected-exhaustion",
            "panic", "segfault", "stack-budget", "segment-allocation",
        ];
        Assert.Equal(all.Order(), labels.Order());
    }

    [Fact]
    public void An_error_is_injected_at_every_entry_once_and_from_there_on()
    {
        var plan = Plan(Samples.Nested(loops: 12));
        foreach (var persistent in (bool[])[false, true])
        {
            var entries = plan.Scenarios.Select(s => s.Fault).OfType<FaultPlan.ErrorAt>()
                .Where(e => e.Error is ErrorName.Injected && e.Persistent == persistent).Select(e => e.Entry).Distinct();
            Assert.Equal(Enumerable.Range(0, plan.Facts.Entries), entries.Order());
        }

        Assert.Equal(0, plan.Facts.SkippedEntries);
    }

    [Fact]
    public void Every_entry_is_split_alone()
    {
        var plan = Plan(Samples.Nested(loops: 12));
        var singles = Executions(plan).Where(
            e => e is { Split.Kind: SplitKind.SingleEntry, Fault: FaultPlan.None }).Select(e => (int)e.Split.A);
        Assert.Equal(Enumerable.Range(0, plan.Facts.Entries + 1), singles.Distinct().Order());
    }

    [Fact]
    public void Eighty_entries_are_still_swept_within_the_budget()
    {
        var plan = Plan(Samples.Recursive(79));
        Assert.Equal(80, plan.Facts.Entries);
        Assert.Equal(80, plan.Facts.SweptEntries);
        Assert.InRange(plan.Rows.Length, 300, PlanOptions.Default.EntryBudget / 80);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(100)]
    [InlineData(400)]
    [InlineData(1000)]
    public void The_executions_of_a_program_keep_to_its_budget_of_entries_however_long_it_is(int depth)
    {
        var plan = Plan(Samples.Recursive(depth));
        Assert.InRange(plan.Rows.Length * (long)plan.Facts.Entries, 1, PlanOptions.Default.EntryBudget);
        Assert.True(plan.Facts.SweptEntries >= Math.Min(plan.Facts.Entries, 6));
    }

    [Fact]
    public void A_deep_program_is_sampled_and_says_so()
    {
        var plan = Plan(Samples.Recursive(5000));
        Assert.Equal(PlanOptions.Default.DeepRowFloor, plan.Rows.Length);
        Assert.True(plan.Facts.SweptEntries > 2);
        Assert.Equal(5001 - plan.Facts.SweptEntries, plan.Facts.SkippedEntries);
        Assert.True(plan.Facts.RowsDropped > 0);
    }

    [Fact]
    public void What_one_deep_program_has_no_rows_for_others_have()
    {
        var plans = Enumerable.Range(0, 40).Select(seed => new PlanBuilder(PlanOptions.Default).Build(Samples.Recursive(5000), 0, (ulong)seed)).ToList();
        var executions = plans.SelectMany(Executions).Where(e => e.Split.Kind is not SplitKind.None).ToList();
        var grown = executions.Where(e => e.Fault is FaultPlan.None).ToList();
        Assert.Equal(Enum.GetValues<SplitKind>().Where(kind => kind is not SplitKind.None), grown.Select(e => e.Split.Kind).Distinct().Order());
        Assert.Equal(
            from kind in (SplitKind[])[SplitKind.EveryEntry, SplitKind.Natural] from placement in Enum.GetValues<Placement>() select (kind, placement),
            grown.Select(e => (e.Split.Kind, e.Placement)).Where(of => of.Kind is SplitKind.EveryEntry or SplitKind.Natural).Distinct().Order());
        Assert.Equal(
            [typeof(FaultPlan.ErrorAt), typeof(FaultPlan.None), typeof(FaultPlan.PanicAt), typeof(FaultPlan.SegfaultAt), typeof(FaultPlan.SegmentAllocationFails), typeof(FaultPlan.StackBudget)],
            executions.Select(e => e.Fault.GetType()).Distinct().OrderBy(type => type.Name));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(100)]
    [InlineData(777)]
    public void A_row_cap_is_kept(int cap)
    {
        var plan = Plan(Samples.Nested(fibers: 4, loops: 6), PlanOptions.Default with { RowCap = cap });
        // The smallest plan: the baseline, every entry in each placement, one single, one swept entry.
        Assert.InRange(plan.Rows.Length, 1, Math.Max(cap, 8));
    }

    [Fact]
    public void Observers_are_on_in_a_small_share_of_the_rows_and_cover_every_split_kind_and_placement()
    {
        var plan = Plan(Samples.Nested(fibers: 2, loops: 8));
        var observed = plan.Rows.Where(r => (r.Flags & RowFlags.BothObservers) != 0).ToArray();
        Assert.InRange(observed.Length * 100 / plan.Rows.Length, 5, PlanOptions.Default.ObservedPercent + 2);
        Assert.Equal(plan.Facts.ObservedRows, observed.Length);
        var noFault = observed.Where(r => r.Scenario == 0).ToArray();
        Assert.Equal(Enum.GetValues<SplitKind>().Order(), noFault.Select(r => r.Split).Distinct().Order());
        Assert.Equal(Enum.GetValues<Placement>().Order(), noFault.Select(r => r.Placement).Distinct().Order());
    }

    [Fact]
    public void Whatever_observes_has_an_observed_baseline_that_sends_its_traces()
    {
        var plan = Plan(Samples.Nested(fibers: 3));
        foreach (var group in plan.Rows.GroupBy(r => r.Scenario))
        {
            var baseline = group.First();
            var observers = group.Aggregate(RowFlags.None, (flags, row) => flags | row.Flags) & RowFlags.BothObservers;
            Assert.Equal(observers, observers & baseline.Flags);
            Assert.Equal((baseline.Flags & RowFlags.BothObservers) != 0, baseline.Flags.HasFlag(RowFlags.SendTraces));
            var scenario = plan.Scenarios[group.Key];
            Assert.Equal(observers != RowFlags.None && FaultMenu.IsPredictable(scenario.Fault), scenario.Expected is not null);
        }
    }

    [Fact]
    public void Split_executions_of_deep_programs_are_not_asked_for_traces_that_stubs_make_too_deep()
    {
        var plan = Plan(Samples.Recursive(5000));
        Assert.True(plan.Rows[0].Flags.HasFlag(RowFlags.Dwarf));
        var split = plan.Rows.Where(r => r.Scenario == 0).Skip(1).ToArray();
        Assert.Contains(split, r => r.Flags.HasFlag(RowFlags.FramePointers));
        Assert.DoesNotContain(split, r => r.Flags.HasFlag(RowFlags.Dwarf));
    }

    [Fact]
    public void Scenarios_expect_what_the_model_says()
    {
        var program = Samples.Nested(fibers: 2);
        foreach (var scenario in Plan(program).Scenarios)
        {
            var known = scenario.Record.Flags.HasFlag(ScenarioFlags.DigestKnown);
            Assert.Equal(FaultMenu.IsPredictable(scenario.Fault), known);
            if (!known)
            {
                continue;
            }

            var record = scenario.Record;
            var run = Interpreter.Run(program, scenario.Fault, scenario.Schedule);
            var probes = run.Events.Sum(events => events.Count(e => e.Kind is EventKind.Probe));
            Assert.Equal((run.Digest, (uint)run.Entries, (uint)run.Acquired, (uint)probes),
                (record.ExpectedDigest, record.ExpectedEntries, record.ExpectedAcquired, record.ExpectedProbes));
        }
    }

    [Fact]
    public void Siblings_of_a_faulting_fiber_are_isolated_and_the_fiber_itself_is_not()
    {
        var program = Samples.Nested(fibers: 2);
        var reference = Interpreter.Run(program, new FaultPlan.None(), Schedule.Fifo);
        var plan = Plan(program);
        var seen = 0;
        foreach (var scenario in plan.Scenarios.Where(s => s.Fault is FaultPlan.PanicAt && s.Schedule == Schedule.Fifo))
        {
            var fiber = reference.EntryPoints[((FaultPlan.PanicAt)scenario.Fault).Entry].Fiber;
            Assert.Equal(1u << (1 - fiber), scenario.Record.IsolatedMask);
            seen++;
        }

        Assert.True(seen > 2);
        Assert.Equal(0b11u, plan.Scenarios[0].Record.IsolatedMask);
    }

    [Fact]
    public void Planning_can_do_without_observers()
    {
        var plan = Plan(Samples.Nested(), PlanOptions.Default with { Observe = false });
        Assert.All(plan.Rows, row => Assert.Equal(RowFlags.None, row.Flags & (RowFlags.BothObservers | RowFlags.SendTraces)));
    }

    [Fact]
    public void Joined_plans_keep_their_rows_and_know_whose_they_are()
    {
        var plans = new[] { Plan(Samples.Nested()), Plan(Samples.Recursive(5)) };
        var unit = UnitPlan.Join(plans);
        Assert.Equal(plans.Sum(p => p.Rows.Length), unit.Worker.Rows.Length);
        var first = plans[0].Rows.Length;
        Assert.Equal((plans[1], 0), unit.Locate(first));
        Assert.Equal((plans[0], first - 1), unit.Locate(first - 1));
        Assert.Equal(plans[1].ExecutionOf(3), unit.ExecutionOf(first + 3));
        Assert.Equal(1, unit.Worker.ProgramOf(first));
        Assert.Equal(Bytes(plans[0]).Length + Bytes(plans[1]).Length - 32, PlanFile.ToBytes(unit.Worker).Length);
    }
}
