using Harness.Model;

namespace Harness.Verification.Tests;

public class CaseToolsTests
{
    private static readonly Case AtEvery = new(
        Samples.Nested(fibers: 2),
        Samples.Cell,
        ExecutionPlan.Baseline with { Split = SplitPlan.Every, Fault = new FaultPlan.ErrorAt(2, ErrorName.Injected, true) });

    private static CaseReplay Replay(Func<FiberProgram, ExecutionPlan, Defect>? defect = null, FakeFactory? factory = null) =>
        new(factory ?? new FakeFactory(), new ModelWorker(defect));

    private static Defect LosesReleaseWhenSplit(FiberProgram program, ExecutionPlan plan) =>
        plan.Split.Kind is SplitKind.None ? Defect.None : Defect.LosesRelease;

    private static async Task<Finding> FindingOf(Func<FiberProgram, ExecutionPlan, Defect> defect, Case? @case = null) =>
        Assert.IsType<ReplayResult.Failed>(await Replay(defect).RunAsync(@case ?? AtEvery, "nowhere", CancellationToken.None)).Finding;

    [Fact]
    public async Task A_replay_that_holds_has_equal_logs_of_both_sides()
    {
        var held = Assert.IsType<ReplayResult.Held>(await Replay().RunAsync(AtEvery, "nowhere", CancellationToken.None));
        Assert.Equal(held.Expected, held.Observed);
        Assert.Equal(2, held.Expected.Count);
        Assert.True(held.Expected[0].Count > 3);
    }

    [Fact]
    public async Task A_replay_of_an_overflow_compares_with_the_deliveries_that_happened()
    {
        var overflow = AtEvery with { Plan = AtEvery.Plan with { Fault = new FaultPlan.StackBudget(2048) } };
        var held = Assert.IsType<ReplayResult.Held>(await Replay().RunAsync(overflow, "nowhere", CancellationToken.None));
        Assert.Equal(held.Expected, held.Observed);
        Assert.Contains(held.Expected[0], e => e.Kind is EventKind.Delivered);
    }

    [Fact]
    public async Task A_replay_that_fails_says_expected_against_observed()
    {
        var finding = await FindingOf(LosesReleaseWhenSplit);
        Assert.Equal(AtEvery, finding.Case);
        Assert.Equal("digest", finding.Signature.Check);
        Assert.NotNull(finding.Observation.Events);
        Assert.NotEqual(finding.Observation.Events.ExpectedEvent, finding.Observation.Events.ObservedEvent);
    }

    [Fact]
    public async Task A_replay_whose_baseline_dies_first_is_inconclusive_or_about_the_case_itself()
    {
        var memory = await Replay((_, _) => Defect.IsKilledForMemory).RunAsync(AtEvery, "nowhere", CancellationToken.None);
        Assert.IsType<ReplayResult.Inconclusive>(memory);
        var crash = await FindingOf((_, p) => p.Split.Kind is SplitKind.None ? Defect.None : Defect.Crashes);
        Assert.Equal("crash", crash.Signature.Check);
    }

    [Fact]
    public async Task A_replay_of_a_program_that_does_not_compile_fails_with_the_compilers_words()
    {
        var result = await Replay(factory: new FakeFactory(_ => true)).RunAsync(AtEvery, "nowhere", CancellationToken.None);
        Assert.Equal("compile", Assert.IsType<ReplayResult.Failed>(result).Finding.Signature.Check);
    }

    [Fact]
    public async Task A_failure_that_always_comes_back_is_confirmed()
    {
        var signature = (await FindingOf(LosesReleaseWhenSplit)).Signature;
        var worker = new ModelWorker(LosesReleaseWhenSplit);
        var result = await new Confirmer(new FakeFactory(), worker).ConfirmAsync(AtEvery, signature, "nowhere", CancellationToken.None);
        Assert.Equal("reproduced 10/10", result.ToString());
        Assert.Equal(Repeatability.Reproduced, result.Verdict);
        Assert.Equal(10, worker.Runs);
        Assert.NotNull(result.Detailed?.Observation.Events);
    }

    [Fact]
    public async Task A_failure_that_comes_and_goes_is_a_flake()
    {
        var signature = (await FindingOf(LosesReleaseWhenSplit)).Signature;
        var runs = 0;
        var worker = new ModelWorker(
            (program, plan) => plan.Split.Kind is not SplitKind.None && runs++ % 3 == 0 ? Defect.LosesRelease : Defect.None);
        var result = await new Confirmer(new FakeFactory(), worker).ConfirmAsync(AtEvery, signature, "nowhere", CancellationToken.None);
        Assert.Equal((4, 10, Repeatability.Flaky), (result.Reproduced, result.Attempts, result.Verdict));
    }

    [Fact]
    public async Task Another_failure_does_not_confirm()
    {
        var signature = (await FindingOf(LosesReleaseWhenSplit)).Signature;
        var worker = new ModelWorker((_, p) => p.Split.Kind is SplitKind.None ? Defect.None : Defect.SaysCanary);
        var result = await new Confirmer(
            new FakeFactory(), worker).ConfirmAsync(AtEvery, signature, "nowhere", CancellationToken.None, attempts: 3);
        Assert.Equal(Repeatability.NotReproduced, result.Verdict);
        Assert.Equal("canary", Assert.Single(result.Others).Check);
        Assert.Equal(3, result.Otherwise);
    }

    [Fact]
    public async Task A_failing_compilation_is_confirmed_by_compiling_again()
    {
        var factory = new FakeFactory(_ => true);
        var found = Assert.IsType<ReplayResult.Failed>(await Replay(factory: factory).RunAsync(AtEvery, "nowhere", CancellationToken.None));
        var result = await new Confirmer(
            factory, new ModelWorker()).ConfirmAsync(AtEvery, found.Finding.Signature, "nowhere", CancellationToken.None);
        Assert.Equal(Repeatability.Reproduced, result.Verdict);
        Assert.Equal(3, factory.Attempts);
    }

    [Theory]
    [InlineData("digest", "Released-not-End", "acquire-Defer", "digest.released-not-end.acquire-defer.")]
    [InlineData("compile", "expected type 'u64', found '*u8' at 0x7ff0 line 33", "unit", "compile.expected-type-u-found-u-at-line.unit.")]
    [InlineData("crash", "SIGSEGV", "debug.panic$42/../../etc", "crash.sigsegv.debug-panic-etc.")]
    [InlineData("", "", "§ 12", "none.none.none.")]
    public void Signatures_are_one_safe_word_without_numbers(string check, string @event, string site, string expected)
    {
        var signature = new Signature(check, Samples.Cell, @event, site);
        Assert.Equal(expected + "attribute-releasefast-llvm-x86_64-linux-gnu", signature.ToString());
        Assert.Matches("^[a-z0-9._-]+$", signature.ToString());
        Assert.True(Signature.TryParse(signature.ToString(), out var read));
        Assert.Equal(signature, read);
        Assert.False(Signature.TryParse("a.b.c", out _));
    }

    [Fact]
    public void Logs_are_compared_up_to_their_first_difference()
    {
        Event Log(uint site) => new(EventKind.Log, site, 0);
        Event[] expected = [.. Enumerable.Range(0, 2000).Select(i => Log((uint)i))];
        Assert.Null(EventComparison.Of(0, expected, expected));
        var changed = expected.ToArray();
        changed[1200] = Log(7);
        var difference = EventComparison.Of(3, expected, changed)!;
        Assert.Equal((3, 1200, 700), (difference.Fiber, difference.FirstDifference, difference.Offset));
        Assert.Equal((Log(1200), Log(7)), (difference.ExpectedEvent, difference.ObservedEvent));
        Assert.Equal(1000, difference.Expected.Count);
        var shorter = EventComparison.Of(0, expected, expected.AsSpan(0, 10))!;
        Assert.Equal((Log(10), null), (shorter.ExpectedEvent, shorter.ObservedEvent));
        var empty = EventComparison.Of(0, [], expected.AsSpan(0, 1))!;
        Assert.Equal((null, Log(0)), (empty.ExpectedEvent, empty.ObservedEvent));
    }

    [Fact]
    public void Places_have_coarse_names()
    {
        var program = Samples.Nested();
        Assert.Equal("acquire-Defer", SiteClass.Of(program, 1));
        Assert.Equal("call-CatchBlock", SiteClass.Of(program, 8));
        Assert.Equal("Log-in-handler", SiteClass.Of(program, 9));
        Assert.Equal("Yield", SiteClass.Of(program, 5));
        Assert.Equal("unknown", SiteClass.Of(program, 999));
        Assert.Equal("function-Plain", SiteClass.Of(program, new Event(EventKind.Leave, 1, 0)));
    }
}
