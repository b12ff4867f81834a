using Harness.Generators.Exhaustive;
using Harness.Model;
using Harness.Tests;

namespace Harness.Verification.Tests;

/// <summary>Every set of splits with every fault.</summary>
public class ExhaustivePlanTests
{
    private static readonly PlanOptions _options = PlanOptions.Default with { Exhaustive = true };

    [Fact]
    public void A_program_of_one_entry_has_every_fault_with_every_set_in_every_placement()
    {
        var plan = ExhaustivePlan.Build(SmallScope.UpTo(0)[0], 0, _options);
        var executions = Enumerable.Range(0, plan.Rows.Length).Select(plan.ExecutionOf).ToArray();
        // Gaps before and behind the only checkpoint: three sets that are not empty, every prologue, and naturally.
        var splits = executions.Where(e => e.Fault is FaultPlan.PanicAt).Select(e => e.Split).Distinct().ToArray();
        Assert.Equal(
            [SplitPlan.None, new(SplitKind.EntrySet, 0, 1), new(SplitKind.EntrySet, 0, 2), new(SplitKind.EntrySet, 0, 3), SplitPlan.Every, new(SplitKind.Natural, 1024)],
            splits);
        Assert.Equal(
            [
                new FaultPlan.None(), new FaultPlan.ErrorAt(0, ErrorName.Injected, false), new FaultPlan.ErrorAt(0, ErrorName.Injected, true),
                new FaultPlan.ErrorAt(0, ErrorName.Canceled, false), new FaultPlan.PanicAt(0), new FaultPlan.SegfaultAt(0),
                new FaultPlan.StackBudget(2048), new FaultPlan.StackBudget(8192), new FaultPlan.StackBudget(32768),
                new FaultPlan.SegmentAllocationFails(1), new FaultPlan.SegmentAllocationFails(2), new FaultPlan.SegmentAllocationFails(3),
            ],
            executions.Select(e => e.Fault).Distinct());
        foreach (var fault in executions.Where(e => FaultMenu.IsPredictable(e.Fault)).GroupBy(e => e.Fault))
        {
            Assert.Equal(5 * 4, fault.Where(e => e.Split.Kind is not SplitKind.None).Select(e => (e.Split, e.Placement)).Distinct().Count());
        }

        Assert.Equal(Enum.GetValues<ReleasePolicy>(), executions.Select(e => e.Policy).Distinct().Order());
        Assert.True(plan.Facts is { IsExhaustive: true, RowsDropped: 0 });
    }

    [Theory]
    [InlineData(2, 7)]
    [InlineData(6, 127)]
    [InlineData(7, 1 + 8 + 28)]
    public void Sets_are_all_of_them_up_to_six_entries(int entries, int sets)
    {
        var made = ExhaustivePlan.Sets(entries).ToArray();
        Assert.Equal(sets, made.Distinct().Count());
        Assert.Equal(sets, made.Length);
        Assert.Contains(new SplitPlan(SplitKind.EntrySet, 0, (1UL << (entries + 1)) - 1), made);
    }

    [Fact]
    public void More_entries_are_said_to_be_left_out()
    {
        var plan = ExhaustivePlan.Build(Samples.Recursive(20), 0, _options);
        Assert.True(plan.Facts.RowsDropped > 0);
        Assert.Equal(1, ExhaustivePlan.Labels([plan])[ExhaustivePlan.SmallSetsLabel]);
    }

    /// <summary>The whole scope of size 1 holds, and a limit that is not restored is found in it.</summary>
    [ZigTheory(Timeout = 300_000)]
    [InlineData(null)]
    [InlineData("limit_restore")]
    public async Task The_small_scope_runs(string? defect)
    {
        using var scratch = new Scratch();
        var (factory, runner) = await EndToEndTests.OpenAsync(defect is null ? null : PlantedDefect.Named(defect));
        var programs = SmallScope.UpTo(1);
        var result = await new BatchChecker(factory, runner).CheckAsync(
            programs, new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted), _options, scratch.Path, CancellationToken.None);
        if (defect is not null)
        {
            Assert.Contains(result.Findings, finding => finding.Signature.Check == "limit");
            return;
        }

        Assert.Empty(result.Findings);
        Assert.Equal(programs.Count, result.Counters.Programs);
        Assert.Equal(programs.Count, result.Coverage[ExhaustivePlan.EverySetLabel]);
        Assert.Equal(result.Programs.Sum(p => p.RowsPlanned), result.Counters.Executions);
    }
}
