using Harness.Model;
using Harness.Verification.Explaining;

namespace Harness.Verification.Tests;

/// <summary>What a failure depends on, told by varying each part of its case; on a worker that fails by a rule, and on fates that are given.</summary>
public sealed class ExplainerTests
{
    private static readonly Case _case = new(
        Samples.Nested(fibers: 2), Samples.Cell, ExecutionPlan.Baseline with { Split = SplitPlan.Every, Placement = Placement.Pool });

    private static readonly Cell[] _cells = [Samples.Cell, Samples.Cell with { Mode = OptimizeMode.Debug }, Samples.Cell with { Route = Route.Assembly }];

    [Fact]
    public async Task Parts_that_are_needed_are_told_from_those_that_are_free()
    {
        var explanation = await OfWorkerAsync((_, plan) => plan.Split == SplitPlan.Every);
        Assert.Equal(Freedom.Needed, Part(explanation, "the split").Freedom);
        Assert.Equal(Freedom.Free, Part(explanation, "the placement").Freedom);
        Assert.Equal(["ascending", "descending", "interleaved"], Part(explanation, "the placement").Fails.Order());
        Assert.Equal(Freedom.Free, Part(explanation, "what becomes of released segments").Freedom);
        Assert.Equal(Freedom.Free, Part(explanation, "the schedule").Freedom);
        Assert.True(explanation.Together > 3);
        Assert.Equal(explanation.Together, explanation.TogetherFailed);
        Assert.Contains(explanation.Sentences().Take(3), sentence => sentence.StartsWith("only with the split = at every prologue; not with none, ", StringComparison.Ordinal));
        Assert.Contains(explanation.Sentences(), sentence => sentence.StartsWith("fails whatever the placement is: pool, ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Parts_that_matter_in_part_say_with_what_it_fails_and_with_what_not()
    {
        var explanation = await OfWorkerAsync((_, plan) => plan.Split == SplitPlan.Every && plan.Placement is Placement.Pool or Placement.Ascending);
        var placement = Part(explanation, "the placement");
        Assert.Equal((Freedom.Partly, "pool"), (placement.Freedom, placement.Value));
        Assert.Equal(["ascending"], placement.Fails);
        Assert.Equal(["descending", "interleaved"], placement.Passes.Order());
    }

    /// <summary>Each is free by itself, and not both: what one varies alone cannot see.</summary>
    [Fact]
    public async Task Free_parts_that_are_not_free_together_are_found()
    {
        var explanation = await OfWorkerAsync((_, plan) => plan.Split == SplitPlan.Every && (plan.Placement is Placement.Pool || plan.Policy is ReleasePolicy.Cache));
        Assert.Equal(Freedom.Free, Part(explanation, "the placement").Freedom);
        Assert.Equal(Freedom.Free, Part(explanation, "what becomes of released segments").Freedom);
        Assert.InRange(explanation.TogetherFailed, 0, explanation.Together - 1);
        Assert.Contains(explanation.Sentences(), sentence => sentence.StartsWith("but not with all of what is free at once", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Parts_of_the_program_are_named_by_their_line()
    {
        var other = Samples.Nested(fibers: 2, loops: 1);
        ProgramVariant[] variants = [new("how often the loop runs", 5, "3", "1", other), new("the log", -1, "there", "gone", Samples.Nested(fibers: 2, loops: 2))];
        var explanation = await OfWorkerAsync((program, plan) => plan.Split == SplitPlan.Every && program != other, _ => variants);
        var loop = Assert.Single(explanation.Parts, part => part.Part.StartsWith("how often the loop runs at line ", StringComparison.Ordinal));
        Assert.Equal(Freedom.Needed, loop.Freedom);
        Assert.Equal(Freedom.Free, Part(explanation, "the log").Freedom);
    }

    [Fact]
    public async Task Another_failure_is_not_the_same_and_what_cannot_be_judged_is_neither()
    {
        var explanation = await new Explainer(new Fates(@case => @case.Plan.Placement switch
        {
            Placement.Ascending => new VariantResult(VariantFate.FailsOtherwise, "crash"),
            Placement.Descending => new VariantResult(VariantFate.Unjudged, ""),
            _ => new VariantResult(VariantFate.FailsAlike, ""),
        }), _ => [], _cells).ExplainAsync(_case, Signature(), "nowhere", CancellationToken.None);
        var placement = Part(explanation, "the placement");
        Assert.Equal(["ascending (fails by crash)"], placement.Passes);
        Assert.Equal(1, placement.Unjudged);
    }

    [Fact]
    public async Task The_other_cells_are_tried_and_not_its_own()
    {
        var asked = new List<Cell>();
        var explanation = await new Explainer(new Fates(@case =>
        {
            asked.Add(@case.Cell);
            return new VariantResult(@case.Cell.Route is Route.Assembly ? VariantFate.Holds : VariantFate.FailsAlike, "");
        }), _ => [], _cells).ExplainAsync(_case, Signature(), "nowhere", CancellationToken.None);
        Assert.Equal(_cells[1..], asked.Where(cell => cell != Samples.Cell));
        Assert.Equal([_cells[1].ToString()], Part(explanation, "the cell").Fails);
        Assert.Equal([_cells[2].ToString()], Part(explanation, "the cell").Passes);
    }

    [Fact(Timeout = 60_000)]
    public async Task When_time_is_over_what_was_found_stands()
    {
        var runs = 0;
        var explanation = await new Explainer(new Fates(_ => new VariantResult(VariantFate.FailsAlike, ""), ct => ++runs == 1 ? Task.CompletedTask : Task.Delay(Timeout.Infinite, ct)), _ => [], _cells,
            ExplainOptions.Default with { TimeCap = TimeSpan.FromMilliseconds(200) }).ExplainAsync(_case, Signature(), "nowhere", CancellationToken.None);
        Assert.True(explanation.CapHit);
        Assert.Equal(Freedom.Free, Part(explanation, "the placement").Freedom);
        Assert.Equal(0, explanation.Together);
        Assert.Equal("time was over before all was tried", explanation.Sentences().Last());
    }

    [Fact]
    public async Task For_what_is_wrong_in_the_code_itself_plans_do_not_matter()
    {
        var explanation = await new Explainer(new Fates(_ => new VariantResult(VariantFate.FailsAlike, "")), _ => [], _cells)
            .ExplainAsync(_case, new Signature("unwind-row", Samples.Cell, "wrong-cfa", "x"), "nowhere", CancellationToken.None);
        Assert.Equal(["the cell"], explanation.Parts.Select(part => part.Part));
    }

    private static async Task<Explanation> OfWorkerAsync(Func<FiberProgram, ExecutionPlan, bool> fails, Func<FiberProgram, IEnumerable<ProgramVariant>>? programs = null)
    {
        var worker = new ModelWorker((program, plan) => fails(program, plan) ? Defect.LosesRelease : Defect.None);
        var factory = new FakeFactory();
        var failed = Assert.IsType<ReplayResult.Failed>(await new CaseReplay(factory, worker).RunAsync(_case, "nowhere", CancellationToken.None));
        return await new Explainer(new VariantRunner(factory, worker), programs ?? (_ => []), [Samples.Cell])
            .ExplainAsync(_case, failed.Finding.Signature, "nowhere", CancellationToken.None);
    }

    private static Signature Signature() => new("digest", Samples.Cell, "released-not-leave", "any");

    private static ExplainedPart Part(Explanation explanation, string name) => Assert.Single(explanation.Parts, part => part.Part == name);

    /// <summary>Fates that are given.</summary>
    private sealed class Fates(Func<Case, VariantResult> fate, Func<CancellationToken, Task>? before = null) : IVariantRunner
    {
        public async Task<IReadOnlyList<VariantResult>> RunAsync(IReadOnlyList<Case> variants, Case original, Signature signature, string directory, CancellationToken ct)
        {
            await (before?.Invoke(ct) ?? Task.CompletedTask);
            return [.. variants.Select(fate)];
        }
    }
}
