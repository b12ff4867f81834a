using Harness.Model;

namespace Harness.Verification.Tests;

public class ShrinkerTests
{
    private static readonly ExecutionPlan Plan = new(
        new FaultPlan.ErrorAt(5, ErrorName.Injected, true), new Schedule(99), new SplitPlan(SplitKind.Random, 3, 30000),
        Placement.Interleaved, ReleasePolicy.Unmap);

    private static readonly Signature Signature = new("digest", Samples.Cell, "Released-not-Result", "acquire-defer");

    private readonly List<ShrinkStep> _steps = [];

    /// <summary>Programs with one statement less, anywhere.</summary>
    private static IEnumerable<FiberProgram> OneLess(FiberProgram program)
    {
        for (var fiber = 1; fiber < program.Fibers.Count; fiber++)
        {
            yield return program with { Fibers = program.Fibers.Where((_, i) => i != fiber).ToEquatableArray() };
        }

        for (var f = 0; f < program.Functions.Count; f++)
        {
            foreach (var body in Without(program.Functions[f].Body))
            {
                var changed = program.Functions[f] with { Body = body };
                yield return program with { Functions = program.Functions.Select((g, i) => i == f ? changed : g).ToEquatableArray() };
            }
        }
    }

    private static IEnumerable<EquatableArray<Statement>> Without(EquatableArray<Statement> body)
    {
        for (var i = 0; i < body.Count; i++)
        {
            yield return body.Where((_, k) => k != i).ToEquatableArray();
            if (body[i] is Statement.Loop loop)
            {
                yield return body.Select((s, k) => k == i ? loop with { Count = 1 } : s).ToEquatableArray();
            }
        }
    }

    private static int Statements(FiberProgram program) => program.Functions.Sum(f => StatementTree.All(f.Body).Count());

    private Task<ShrinkResult> ShrinkAsync(
        ICandidateRunner runner, Case start, ShrinkOptions? options = null, CancellationToken ct = default) =>
        new Shrinker(OneLess, runner, options).ShrinkAsync(start, new FailureForms([Signature]), "nowhere", step =>
        {
            _steps.Add(step);
            return ValueTask.CompletedTask;
        }, ct);

    [Fact]
    public async Task Shrinks_to_what_the_failure_needs_and_persists_each_step()
    {
        // Fails while function 2 logs something, under any split but none, with an error from the start or later.
        var runner = new FakeCandidates((p, plan) =>
            p.Functions[2].Body.Any(s => s is Statement.Log) && plan.Split.Kind is not SplitKind.None && plan.Fault is FaultPlan.ErrorAt);
        var result = await ShrinkAsync(runner, new Case(Samples.Nested(fibers: 4), Samples.Cell, Plan));
        Assert.Equal(1, Statements(result.Smallest.Program));
        Assert.Single(result.Smallest.Program.Fibers);
        Assert.Equal(SplitKind.SingleEntry, result.Smallest.Plan.Split.Kind);
        Assert.Equal(
            (Schedule.Fifo, Placement.Descending, ReleasePolicy.Cache),
            (result.Smallest.Plan.Schedule, result.Smallest.Plan.Placement, result.Smallest.Plan.Policy));
        Assert.IsType<FaultPlan.ErrorAt>(result.Smallest.Plan.Fault);
        Assert.False(result.CapHit);
        Assert.Equal(Enumerable.Range(0, _steps.Count), _steps.Select(s => s.Number));
        Assert.Equal(result.Smallest, _steps[^1].Case);
        Assert.Equal(Samples.Nested(fibers: 4), _steps[0].Case.Program);
        Assert.True(result.Batches < result.CandidatesTried);
    }

    [Fact]
    public async Task A_case_that_cannot_shrink_stays_as_it_is()
    {
        var start = new Case(Samples.Nested(), Samples.Cell, ExecutionPlan.Baseline);
        var result = await ShrinkAsync(new FakeCandidates((_, _) => false), start);
        Assert.Equal(start, result.Smallest);
        Assert.Equal(0, result.Steps);
        Assert.Single(_steps);
    }

    [Fact]
    public async Task The_time_cap_leaves_the_best_so_far()
    {
        var runner = new FakeCandidates((p, _) => p.Fibers.Count == 3) { StallsAfter = 1 };
        var options = ShrinkOptions.Default with { TimeCap = TimeSpan.FromMilliseconds(300) };
        var result = await ShrinkAsync(runner, new Case(Samples.Nested(fibers: 4), Samples.Cell, Plan), options);
        Assert.True(result.CapHit);
        Assert.Equal(3, result.Smallest.Program.Fibers.Count);
        Assert.Equal(1, result.Steps);
    }

    [Fact]
    public async Task Cancellation_from_outside_is_an_exception()
    {
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        var runner = new FakeCandidates((_, _) => true) { StallsAfter = 0 };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => ShrinkAsync(runner, new Case(Samples.Nested(fibers: 4), Samples.Cell, Plan), ct: cancel.Token));
    }

    [Fact]
    public async Task Batches_grow_while_nothing_is_found()
    {
        var runner = new FakeCandidates((_, _) => false);
        var big = Samples.Nested(fibers: 8, loops: 2);
        await ShrinkAsync(
            runner, new Case(big, Samples.Cell, ExecutionPlan.Baseline), ShrinkOptions.Default with { FirstBatch = 2, LargestBatch = 3 });
        Assert.Equal([2, 3, 3], runner.BatchSizes[..3]);
    }

    [Fact]
    public async Task Real_candidates_keep_the_signature()
    {
        // Two defects: split executions lose a release; programs of fewer than three statements lose a canary instead.
        var worker = new ModelWorker((p, plan) =>
            plan.Split.Kind is SplitKind.None ? Defect.None : Statements(p) < 3 ? Defect.SaysCanary : Defect.LosesRelease);
        var start = new Case(Samples.Nested(fibers: 2), Samples.Cell, Plan);
        var found = Assert.IsType<ReplayResult.Failed>(
            await new CaseReplay(new FakeFactory(), worker).RunAsync(start, "nowhere", CancellationToken.None));
        var factory = new FakeFactory();
        var runner = new CandidateRunner(factory, worker);
        var result = await new Shrinker(
            OneLess, runner).ShrinkAsync(start, new FailureForms([found.Finding.Signature]), "nowhere", _ => ValueTask.CompletedTask, CancellationToken.None);
        Assert.InRange(Statements(result.Smallest.Program), 3, 5);
        Assert.True(factory.Attempts <= result.Batches);
        var again = Assert.IsType<ReplayResult.Failed>(
            await new CaseReplay(new FakeFactory(), worker).RunAsync(result.Smallest, "nowhere", CancellationToken.None));
        Assert.Equal(found.Finding.Signature, again.Finding.Signature);
    }

    /// <summary>Wild memory is read: now this check fails, now that. A rare form must not hold the usual ones up.</summary>
    [Fact]
    public async Task A_failure_of_several_forms_is_followed_in_all_of_them()
    {
        static ModelWorker Wild(Func<FiberProgram, Defect> usually)
        {
            var runs = 0;
            return new ModelWorker((p, plan) => plan.Split.Kind is SplitKind.None ? Defect.None : runs++ % 5 == 0 ? Defect.SaysCanary : usually(p));
        }

        var start = new Case(Samples.Nested(fibers: 2), Samples.Cell, Plan);
        var whole = Statements(start.Program);
        var rare = Assert.IsType<ReplayResult.Failed>(await new CaseReplay(new FakeFactory(), Wild(_ => Defect.LosesRelease)).RunAsync(start, "nowhere", CancellationToken.None)).Finding.Signature;
        Assert.Equal("canary", rare.Check);
        var again = await new Confirmer(new FakeFactory(), Wild(_ => Defect.LosesRelease)).ConfirmAsync(start, rare, "nowhere", CancellationToken.None, attempts: 5);
        Assert.InRange(again.Reproduced, 1, 4);
        Assert.Equal(5 - again.Reproduced, again.Otherwise);
        Assert.Single(again.Others);

        // Smaller programs have the usual form only.
        var worker = new ModelWorker((p, plan) => plan.Split.Kind is SplitKind.None ? Defect.None : Statements(p) == whole ? Defect.SaysCanary : Defect.LosesRelease);
        Task<ShrinkResult> Shrink(FailureForms forms) =>
            new Shrinker(OneLess, new CandidateRunner(new FakeFactory(), worker)).ShrinkAsync(start, forms, "nowhere", _ => ValueTask.CompletedTask, CancellationToken.None);
        Assert.Equal(whole, Statements((await Shrink(new FailureForms([rare]))).Smallest.Program));
        Assert.InRange(Statements((await Shrink(again.Forms)).Smallest.Program), 1, whole - 3);
    }

    [Fact]
    public async Task A_large_case_that_ends_its_worker_is_followed_wherever_it_ends()
    {
        var elsewhere = new FailureForms([new Signature("hang", Samples.Cell, "undisturbed", "any")]);
        var worker = new ModelWorker((_, plan) => plan.Split.Kind is SplitKind.None ? Defect.None : Defect.Crashes);
        Task<ShrinkResult> Shrink(FiberProgram program) => new Shrinker(OneLess, new CandidateRunner(new FakeFactory(), worker))
            .ShrinkAsync(new Case(program, Samples.Cell, Plan), elsewhere, "nowhere", _ => ValueTask.CompletedTask, CancellationToken.None);
        var small = Samples.Nested(fibers: 2);
        Assert.InRange(Statements(small), 1, Shrinker.SmallStatements);
        Assert.Equal(small, (await Shrink(small)).Smallest.Program);
        var logs = Enumerable.Range(100, 20).Select(Statement (site) => new Statement.Log(site, new Scalar.Const(1)));
        var large = small with { Functions = small.Functions.Select((f, i) => i == 0 ? f with { Body = f.Body.Concat(logs).ToEquatableArray() } : f).ToEquatableArray() };
        Assert.InRange(Statements((await Shrink(large)).Smallest.Program), 0, Shrinker.SmallStatements);
    }

    [Fact]
    public void Only_ends_of_the_worker_stand_for_each_other()
    {
        static Signature Of(string check) => new(check, Samples.Cell, "how", "where");
        var log = new FailureForms([Of("digest")]);
        Assert.Null(log.WithAnyDeath());
        Assert.False(log.HasCheck("crash"));
        var crash = new FailureForms([Of("crash"), Of("digest")]);
        Assert.False(crash.Has(new Signature("crash", Samples.Cell, "how", "elsewhere")));
        var any = crash.WithAnyDeath()!;
        Assert.True(any.Has(new Signature("hang", Samples.Cell, "how", "elsewhere")) && any.HasCheck("exit") && any.Has(Of("digest")));
        Assert.False(any.Has(Of("canary")) || any.HasCheck("canary") || any.IsSettledBy("digest") || crash.IsSettledBy("crash"));
        Assert.Null(any.WithAnyDeath());
        Assert.True(FailureForms.IsDeath("hang"));
        Assert.False(FailureForms.IsDeath("digest"));
    }

    [Fact]
    public async Task A_program_that_does_not_compile_shrinks_to_the_smallest_that_does_not()
    {
        static bool Refused(FiberProgram p) => p.Functions[1].Body.Any(s => s is Statement.Loop);
        var start = new Case(Samples.Nested(), Samples.Cell, ExecutionPlan.Baseline);
        var factory = new FakeFactory(Refused);
        var found = Assert.IsType<ReplayResult.Failed>(
            await new CaseReplay(factory, new ModelWorker()).RunAsync(start, "nowhere", CancellationToken.None));
        var result = await new Shrinker(OneLess, new CandidateRunner(factory, new ModelWorker()))
            .ShrinkAsync(start, new FailureForms([found.Finding.Signature]), "nowhere", _ => ValueTask.CompletedTask, CancellationToken.None);
        Assert.True(Refused(result.Smallest.Program));
        Assert.True(Statements(result.Smallest.Program) <= 3);
    }

    [Fact]
    public void Candidates_are_tried_with_the_same_kind_of_fault_and_split_over_their_own_entries()
    {
        var program = Samples.Nested();
        var entries = Interpreter.Run(program, new FaultPlan.None(), Schedule.Fifo).Entries;
        var plan = Plan with { Split = SplitMenu.Single(40) };
        var plans = CandidatePlans.Of(program, plan, entries: 80, limit: 100);
        Assert.InRange(plans.Count, 20, 100);
        Assert.Equal(plans.Count, plans.Distinct().Count());
        Assert.All(
            plans,
            p => Assert.True(p is { Split.Kind: SplitKind.SingleEntry, Fault: FaultPlan.ErrorAt { Persistent: true } e } && e.Entry < entries));
        Assert.Equal((ulong)(entries + 1) / 2, plans[0].Split.A);
        Assert.Contains(plans, p => p.Fault is FaultPlan.ErrorAt { Entry: 0 } && p.Split.A == 0);
        Assert.All(plans, p => Assert.Equal((Plan.Placement, Plan.Policy, Plan.Schedule), (p.Placement, p.Policy, p.Schedule)));
    }

    [Fact]
    public void Simpler_plans_are_simpler_and_the_simplest_comes_first()
    {
        var plans = PlanSimplifier.Simpler(Plan, entries: 20, limit: 500);
        Assert.All(plans, p => Assert.True(PlanSimplifier.Cost(p) < PlanSimplifier.Cost(Plan)));
        Assert.Equal(plans.Select(PlanSimplifier.Cost).Order(), plans.Select(PlanSimplifier.Cost));
        Assert.Equal(ExecutionPlan.Baseline with { Fault = Plan.Fault }, plans[0]);
        Assert.Contains(plans, p => p == Plan with { Schedule = Schedule.Fifo });
        Assert.Contains(plans, p => p == Plan with { Placement = Placement.Descending });
        Assert.Contains(plans, p => p == Plan with { Policy = ReleasePolicy.Cache });
        Assert.Empty(PlanSimplifier.Simpler(ExecutionPlan.Baseline, 20, 500));
    }

    [Fact]
    public async Task Of_a_whole_batchs_company_what_matters_is_found()
    {
        FiberProgram[] batch = [.. Enumerable.Range(1, 40).Select(i => Samples.Recursive(i))];
        var runner = new FakeCandidates((_, _) => false) { FailsIn = @case => @case.Company.Contains(batch[6]) && @case.Company.Contains(batch[29]) };
        var whole = new Case(Samples.Nested(), Samples.Cell, Plan) { Company = [.. batch] };
        var found = await FindCompanyAsync(runner, whole);
        Assert.Equal(whole with { Company = [batch[6], batch[29]] }, found);
        Assert.InRange(runner.Tried.Count, 5, 40);

        runner.FailsIn = @case => @case.Company.Contains(batch[11]);
        runner.Tried.Clear();
        Assert.Equal([batch[11]], (await FindCompanyAsync(runner, whole))?.Company);
        // By halves: seldom more than two tries for each.
        Assert.InRange(runner.Tried.Count, 5, 13);
    }

    [Fact]
    public async Task Company_that_does_not_help_or_is_needed_whole_is_none()
    {
        var whole = new Case(Samples.Nested(), Samples.Cell, Plan) { Company = [.. Enumerable.Range(1, Case.MaxCompany + 1).Select(i => Samples.Recursive(i))] };
        Assert.Null(await FindCompanyAsync(new FakeCandidates((_, _) => false), whole));
        Assert.Null(await FindCompanyAsync(new FakeCandidates((_, _) => false) { FailsIn = @case => @case.Company.Count == whole.Company.Count }, whole));
        using var stop = new CancellationTokenSource();
        var stopping = new FakeCandidates((_, _) => false) { FailsIn = _ => { stop.Cancel(); return true; } };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => FindCompanyAsync(stopping, whole, stop.Token));
    }

    [Fact]
    public async Task Company_is_made_smaller_when_the_case_itself_is_as_small_as_it_gets()
    {
        // Fails while function 2 logs something, in the company of a program that has a loop.
        var company = Samples.Recursive(3);
        var runner = new FakeCandidates((p, _) => p.Functions[2].Body.Any(s => s is Statement.Log))
        {
            FailsIn = @case => @case.Company.Any(program => program.Functions.Any(f => f.Body.Count > 0)),
        };
        var result = await ShrinkAsync(runner, new Case(Samples.Nested(), Samples.Cell, Plan) { Company = [company, Samples.Nested(fibers: 3)] });
        Assert.Equal(1, Statements(result.Smallest.Program));
        Assert.Equal(1, Statements(Assert.Single(result.Smallest.Company)));
        Assert.All(_steps.Skip(1), step => Assert.NotEmpty(step.Case.Company));
        Assert.Equal(2, StatementTree.Count(result.Smallest));
    }

    private static Task<Case?> FindCompanyAsync(ICandidateRunner runner, Case whole, CancellationToken ct = default) =>
        new Shrinker(OneLess, runner).FindCompanyAsync(whole, new FailureForms([Signature]), "nowhere", ct);

    private sealed class FakeCandidates(Func<FiberProgram, ExecutionPlan, bool> fails) : ICandidateRunner
    {
        public List<int> BatchSizes { get; } = [];

        public int StallsAfter { get; init; } = int.MaxValue;

        /// <summary>Cases that were tried with nothing but their company.</summary>
        public List<Case> Tried { get; } = [];

        public Func<Case, bool> FailsIn { get; set; } = _ => false;

        public Task<bool> FailsAsync(Case @case, FailureForms forms, string directory, CancellationToken ct)
        {
            Tried.Add(@case);
            return Task.FromResult(FailsIn(@case));
        }

        public async Task<IReadOnlyList<Case?>> TryAsync(
            IReadOnlyList<Candidate> candidates, Case of, FailureForms forms, string directory, CancellationToken ct)
        {
            if (BatchSizes.Count >= StallsAfter)
            {
                await Task.Delay(Timeout.Infinite, ct);
            }

            BatchSizes.Add(candidates.Count);
            return [.. candidates.Select(c =>
                c.Plans.FirstOrDefault(p => fails(c.Program, p)) is { } plan ? new Case(c.Program, of.Cell, plan) { Company = of.Company } : null)];
        }
    }
}
