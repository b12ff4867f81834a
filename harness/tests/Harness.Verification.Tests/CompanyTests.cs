using Harness.Binary.Unwind.Audit;
using Harness.Model;
using Harness.Verification.Explaining;

namespace Harness.Verification.Tests;

/// <summary>Cases that fail only when another program is compiled with them: on a worker that loses a release where the unit has that program.</summary>
public sealed class CompanyTests
{
    private static readonly FiberProgram _needed = Samples.Recursive(5);

    private static readonly Case _alone = new(Samples.Nested(fibers: 2), Samples.Cell, ExecutionPlan.Baseline with { Split = SplitPlan.Every });

    private static readonly Case _social = _alone with { Company = [_needed] };

    private readonly FakeFactory _factory = new();
    private readonly HashSet<FiberProgram> _run = [];
    private readonly ModelWorker _worker;

    public CompanyTests() => _worker = new ModelWorker((program, plan) =>
    {
        _run.Add(program);
        return plan.Split.Kind is not SplitKind.None && _factory.Built[^1].Contains(_needed) ? Defect.LosesRelease : Defect.None;
    });

    [Fact]
    public async Task Company_is_compiled_and_not_run()
    {
        var replay = new CaseReplay(_factory, _worker);
        Assert.IsType<ReplayResult.Held>(await replay.RunAsync(_alone, "nowhere", CancellationToken.None));
        var failed = Assert.IsType<ReplayResult.Failed>(await replay.RunAsync(_social, "nowhere", CancellationToken.None));
        Assert.Equal("digest", failed.Finding.Signature.Check);
        Assert.Equal([_alone.Program, _needed], _factory.Built[^1]);
        Assert.Equal([_alone.Program], _run);
        var again = await new Confirmer(_factory, _worker).ConfirmAsync(_social, failed.Finding.Signature, "nowhere", CancellationToken.None);
        Assert.Equal("reproduced 10/10", again.ToString());
    }

    [Fact]
    public async Task It_is_found_among_a_batch_and_kept_while_the_case_shrinks()
    {
        var forms = await FormsAsync();
        var shrinker = new Shrinker(Smaller, new CandidateRunner(_factory, _worker));
        var whole = _alone with { Company = [.. Enumerable.Range(1, 12).Select(i => Samples.Recursive(i))] };
        Assert.Equal(_social, await shrinker.FindCompanyAsync(whole, forms, "nowhere", CancellationToken.None));

        var shrunk = await shrinker.ShrinkAsync(_social, forms, "nowhere", _ => ValueTask.CompletedTask, CancellationToken.None);
        Assert.Equal([_needed], shrunk.Smallest.Company);
        Assert.Single(shrunk.Smallest.Program.Fibers);
        Assert.DoesNotContain(_needed, _run);

        static IEnumerable<FiberProgram> Smaller(FiberProgram program) =>
            program.Fibers.Count > 1 ? [program with { Fibers = [program.Fibers[0]] }] : [];
    }

    [Fact]
    public async Task A_candidate_that_fails_to_compile_does_not_take_the_company_for_one()
    {
        var refusing = new FakeFactory(program => program.Fibers.Count == 1 && program != _needed);
        Candidate[] candidates = [new(_alone.Program with { Fibers = [_alone.Program.Fibers[0]] }, [_alone.Plan]), new(_alone.Program, [_alone.Plan])];
        var worker = new ModelWorker((_, plan) => plan.Split.Kind is SplitKind.None ? Defect.None : Defect.LosesRelease);
        var results = await new CandidateRunner(refusing, worker).TryAsync(candidates, _social, await FormsAsync(), "nowhere", CancellationToken.None);
        Assert.Equal([null, _social], results);
    }

    [Fact]
    public async Task What_it_depends_on_is_asked_in_its_company()
    {
        var signature = (await SignatureAsync())!;
        Variant[] variants = [new("the placement", "descending", "ascending", _social with { Plan = _social.Plan with { Placement = Placement.Ascending } })];
        var runner = new VariantRunner(_factory, _worker);
        var results = await runner.RunAsync([.. variants.Select(variant => variant.Case)], _social, signature, "nowhere", CancellationToken.None);
        Assert.Equal([VariantFate.FailsAlike], results.Select(result => result.Fate));
        results = await runner.RunAsync([_alone], _alone, signature, "nowhere", CancellationToken.None);
        Assert.Equal([VariantFate.Holds], results.Select(result => result.Fate));
    }

    [Fact]
    public async Task A_wrong_row_of_its_company_is_not_the_cases()
    {
        FiberProgram[] wrong = [_needed];
        _factory.Rows = programs => RowsOf(programs, wrong);
        var replay = new CaseReplay(_factory, new ModelWorker());
        Assert.IsType<ReplayResult.Held>(await replay.RunAsync(_social, "nowhere", CancellationToken.None));
        wrong = [_needed, _social.Program];
        var failed = Assert.IsType<ReplayResult.Failed>(await replay.RunAsync(_social, "nowhere", CancellationToken.None));
        Assert.Equal((UnwindFindings.Check, _social.Program), (failed.Finding.Signature.Check, failed.Finding.Case.Program));
        var result = await new BatchChecker(_factory, new ModelWorker()).CheckAsync(
            _social.Unit, _social.Cell, PlanOptions.Default with { RowCap = 10 }, "nowhere", CancellationToken.None);
        Assert.Equal(failed.Finding.Signature, Assert.Single(result.Findings).Signature);
    }

    [Fact]
    public async Task Every_variant_with_a_wrong_row_is_told_of_its_own()
    {
        _factory.Rows = programs => RowsOf(programs, [.. programs.Where(program => program.Fibers.Count == 2)]);
        var signature = ((ReplayResult.Failed)await new CaseReplay(_factory, new ModelWorker()).RunAsync(_alone, "nowhere", CancellationToken.None)).Finding.Signature;
        Case[] variants = [_alone, _alone with { Program = Samples.Nested(fibers: 1) }, _alone with { Program = Samples.Nested(fibers: 2, loops: 7) }];
        var results = await new VariantRunner(_factory, new ModelWorker()).RunAsync(variants, _alone, signature, "nowhere", CancellationToken.None);
        Assert.Equal([VariantFate.FailsAlike, VariantFate.Holds, VariantFate.FailsAlike], results.Select(result => result.Fate));
    }

    /// <summary>One function of each of these programs, the last place first.</summary>
    private static RowAudit RowsOf(IReadOnlyList<FiberProgram> unit, IReadOnlyList<FiberProgram> wrong) => RowAudit.Of(new UnwindReport(
        [.. Enumerable.Range(0, unit.Count).Reverse().Where(i => wrong.Contains(unit[i]))
            .Select(i => new UnwindFinding(FindingKind.WrongCfa, $"unit.program_{i}.fetch_1", 0x1000, 4, "push rbp", "rsp+16", "rsp+8"))],
        [], new AuditCounts(1, 1, 0)));

    private async Task<FailureForms> FormsAsync() => new([await SignatureAsync()]);

    private async Task<Signature> SignatureAsync() =>
        ((ReplayResult.Failed)await new CaseReplay(_factory, _worker).RunAsync(_social, "nowhere", CancellationToken.None)).Finding.Signature;
}
