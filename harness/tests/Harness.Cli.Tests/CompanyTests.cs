using Harness.Campaigns;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli.Tests;

/// <summary>Failures that come back in their batch only.</summary>
public sealed class CompanyTests : IDisposable
{
    private readonly Cli _cli = new();

    private FakeChecker Checker => _cli.Rooms.Checker;

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task A_failure_that_comes_back_only_in_its_batch_falsifies_and_replays_there()
    {
        Checker.FailIn(Sample.Cell);
        _cli.Rooms.Runner.Confirmation = new Confirmation(0, 10);
        Assert.Equal(ExitCodes.Falsified, await _cli.CampaignAsync("--programs", "3", "--seed", "1"));
        Assert.Contains("reproduced when its whole batch ran again, 0 of 10 alone", _cli.Out);
        Assert.Contains("scripts/harness replay --batch fz1.", _cli.Out);
        var folder = Assert.Single(Directory.GetDirectories(_cli.OnlyRun().Cases));
        var asked = Checker.Asked[^1].Programs;
        var code = await _cli.RunAsync("replay", "--batch", folder);
        Assert.Equal(ExitCodes.Falsified, code);
        Assert.Equal(asked, Checker.Asked[^1].Programs);
        Assert.Contains("the case's own among them", _cli.Out);
    }

    [Fact]
    public async Task Shrinking_a_case_that_holds_alone_looks_for_its_company_in_its_batch()
    {
        Checker.FailIn(Sample.Cell);
        var runner = _cli.Rooms.Runner;
        runner.Confirmation = new Confirmation(0, 10);
        await _cli.CampaignAsync("--programs", "4", "--seed", "1");
        var folder = Assert.Single(CaseStore.Folders(_cli.OnlyRun().Cases));
        (runner.HoldsAlone, runner.Shrinks) = (_ => true, 0);
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("shrink", folder, "--explain", "0s"));
        Assert.Contains("looking for the programs of its batch (4) that it needs", _cli.Error);
        Assert.Contains("the case holds; there is no failure to keep", _cli.Error);

        runner.CompanyNeeded = 1;
        Assert.Equal(ExitCodes.Falsified, await _cli.RunAsync("shrink", folder, "--explain", "0s"));
        Assert.Contains("it fails in the company of 1 other program", _cli.Error);
        Assert.Contains("1 fibers, in the company of 1 other program", _cli.Out);
        Assert.Equal(runner.Social[^1].Company.Take(1), CaseStore.Read(folder).Document.Case.Company);
    }

    [Fact]
    public async Task What_was_made_small_in_the_company_of_candidates_gets_what_it_was_made_from_for_company()
    {
        Checker.FailIn(Sample.Cell);
        var runner = _cli.Rooms.Runner;
        (runner.Shrinks, runner.DropsCompany) = (6, true);
        runner.HoldsAlone = program => Enumerable.Range(0, 6).Any(i => program == Sample.Program((ulong)i));
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        var stored = CaseStore.Read(Assert.Single(CaseStore.Folders(_cli.OnlyRun().Cases))).Document.Case;
        // Six steps, the company, and one of the six with it: the next ones have none any more, and hold.
        Assert.Equal((Sample.Program(0), 1), (stored.Program, stored.Company.Count));
        Assert.Equal(Sample.Program(4), stored.Company[0]); // The step before the smallest.
        Assert.Contains("in 8 steps", _cli.Out);
    }

    [Theory]
    [InlineData(40, 1)]
    [InlineData(3, 0)]
    public async Task A_step_back_that_loses_much_is_not_taken_while_company_helps(int statements, int company)
    {
        Checker.FailIn(Sample.Cell);
        var (runner, larger) = (_cli.Rooms.Runner, Sample.Program(77));
        larger = larger with { Functions = [larger.Functions[0] with { Body = [.. Enumerable.Range(0, statements).Select(i => new Statement.Probe(i))] }] };
        runner.StepsTo = i => i == 0 ? larger : Sample.Program((ulong)i);
        (runner.HoldsAlone, runner.CompanyStepsTo) = (program => program == Sample.Program(1), Sample.Program(5));
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        var stored = CaseStore.Read(Assert.Single(CaseStore.Folders(_cli.OnlyRun().Cases))).Document.Case;
        Assert.Equal((company == 0 ? larger : Sample.Program(1), company), (stored.Program, stored.Company.Count));
    }

    [Fact]
    public async Task A_failure_that_needs_company_is_stored_with_the_few_programs_that_matter_and_shrunk_with_them()
    {
        Checker.FailIn(Sample.Cell);
        var (runner, confirmations) = (_cli.Rooms.Runner, 0);
        runner.ConfirmationOf = @case => @case.Company.Count == 0 ? new Confirmation(0, 10) : new Confirmation(10, 10) { Others = [$"{confirmations++}"] };
        runner.CompanyNeeded = 2;
        Assert.Equal(ExitCodes.Falsified, await _cli.CampaignAsync("--programs", "4", "--seed", "1"));
        Assert.Equal(1, confirmations);
        var batch = Checker.Asked.First(asked => asked.Cell == Sample.Cell).Programs;
        var whole = Assert.Single(runner.Social);
        Assert.Equal(batch, whole.Unit);
        Assert.Contains("reproduced 10/10 in the company of 2 other programs, 0 of 10 alone", _cli.Out);
        Assert.Contains("(reproduced 10/10 in company)", _cli.Out);
        Assert.DoesNotContain("--batch", _cli.Out);
        var stored = CaseStore.Read(Assert.Single(CaseStore.Folders(_cli.OnlyRun().Cases)));
        Assert.Equal(whole.Company.Take(2), stored.Document.Case.Company);
        Assert.Equal(3, stored.Source.Split("const rt").Length - 1);
        Assert.Single(JournalReader.Read(_cli.OnlyRun().Journal).Records.OfType<JournalRecord.FindingShrunk>());
        await _cli.RunAsync("show", CaseStore.Folders(_cli.OnlyRun().Cases)[0]);
        Assert.Contains("company    2 other programs in its unit", _cli.Out);
    }
}
