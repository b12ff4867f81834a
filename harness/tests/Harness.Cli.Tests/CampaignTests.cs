using System.Text.Json;
using Harness.Campaigns;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli.Tests;

public sealed class CampaignTests : IDisposable
{
    private readonly Cli _cli = new();

    private FakeChecker Checker => _cli.Rooms.Checker;

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task A_campaign_checks_every_program_in_every_cell()
    {
        Assert.Equal(ExitCodes.Held, await _cli.CampaignAsync("--programs", "5", "--seed", "1"));
        Assert.Equal(CellMatrix.Default.Select(cell => cell.ToString()).Order(), Checker.Asked.Select(asked => asked.Cell.ToString()).Order());
        Assert.All(Checker.Asked, asked => Assert.Equal(5, asked.Programs.Count));
        Assert.Contains("HELD: 5 programs, 6,500 executions", _cli.Out);
        Assert.Contains("scripts/harness run --seed 1 --programs 5\n", _cli.Out);
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_programs_counters_and_findings()
    {
        Checker.FailIn(CellMatrix.All[3]);
        var first = await SummaryAsync("--programs", "70", "--seed", "7", "--jobs", "4");
        var asked = Checker.Asked;
        Directory.Delete(_cli.PathOf("results"), recursive: true);
        var second = await SummaryAsync("--programs", "70", "--seed", "7", "--jobs", "1");
        foreach (var name in (string[])["verdict", "programs", "executions", "splitsForced", "faultsInjected", "probes", "framesChecked", "resourcesAcquired", "resourcesReleased"])
        {
            Assert.Equal(first.GetProperty(name).ToString(), second.GetProperty(name).ToString());
        }

        Assert.Equal(first.GetProperty("findings")[0].GetProperty("replayToken").GetString(), second.GetProperty("findings")[0].GetProperty("replayToken").GetString());
        var again = Checker.Asked.Skip(asked.Count).Select(Text).Order();
        Assert.Equal(asked.Select(Text).Order(), again);

        static string Text((Cell Cell, IReadOnlyList<FiberProgram> Programs) asked) =>
            asked.Cell + string.Concat(asked.Programs.Select(ProgramJson.Write));
    }

    [Fact]
    public async Task Route_and_mode_select_cells()
    {
        await _cli.CampaignAsync("--programs", "1", "--route", "thunk", "--mode", "Debug,releasefast", "--seed", "3");
        Assert.Equal(
            ["thunk/Debug/llvm/x86_64-linux-gnu", "thunk/Debug/selfhosted/x86_64-linux-gnu", "thunk/ReleaseFast/llvm/x86_64-linux-gnu"],
            Checker.Asked.Select(asked => asked.Cell.ToString()).Order(StringComparer.Ordinal));
        Assert.Contains("repeat    scripts/harness run --seed 3 --programs 1 --route thunk --mode Debug --mode ReleaseFast\n", _cli.Out);
    }

    [Fact]
    public async Task Target_selects_cells_and_the_repeat_line_says_so()
    {
        await _cli.CampaignAsync("--programs", "1", "--route", "assembly", "--mode", "Debug", "--target", "x86_64-linux-musl", "--seed", "3");
        Assert.Equal(["assembly/Debug/llvm/x86_64-linux-musl"], Checker.Asked.Select(asked => asked.Cell.ToString()));
        Assert.Contains("--seed 3 --programs 1 --route assembly --mode Debug --target x86_64-linux-musl\n", _cli.Out);
    }

    [Theory]
    [InlineData("--target riscv64-linux-gnu is unknown; known: x86_64-linux-gnu, x86_64-linux-musl", "--target", "riscv64-linux-gnu")]
    [InlineData("--route attribute has no cells for --target x86_64-linux-musl", "--route", "attribute", "--target", "x86_64-linux-musl")]
    public async Task Rejects_targets_without_cells(string complaint, params string[] words)
    {
        Assert.Equal(ExitCodes.Usage, await _cli.RunAsync(["run", "--programs", "1", .. words]));
        Assert.Contains(complaint, _cli.Error);
    }

    [Fact]
    public async Task A_failure_is_stored_confirmed_and_shrunk_and_the_run_ends_with_1()
    {
        Checker.FailIn(Sample.Cell);
        Assert.Equal(ExitCodes.Falsified, await _cli.CampaignAsync("--programs", "3", "--seed", "1"));
        Assert.Contains("FALSIFIED: 1 distinct failure", _cli.Out);
        Assert.Contains("reproduced 10/10", _cli.Out);
        var run = _cli.OnlyRun();
        var folder = Assert.Single(Directory.GetDirectories(run.Cases));
        Assert.Equal(CaseStore.Files.Order(), Directory.GetFiles(folder).Select(Path.GetFileName).Order());
        Assert.Equal(Sample.Program(1), CaseStore.Read(folder).Document.Case.Program);
        var records = JournalReader.Read(run.Journal).Records;
        var stored = records.ToList().FindIndex(record => record is JournalRecord.CaseStored);
        var shrunk = records.ToList().FindIndex(record => record is JournalRecord.ShrinkStep);
        Assert.InRange(stored, 1, shrunk - 1);
        Assert.False(Directory.Exists(run.Scratch));
        Assert.False(Directory.Exists(_cli.PathOf("results/regressions")));
    }

    [Fact]
    public async Task Cores_of_the_first_workers_that_died_are_kept_beside_their_cases()
    {
        _cli.Rooms.Runner.Cores = [];
        Checker.FailIn("crash", [.. CellMatrix.Default.Take(8)]);
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        var run = _cli.OnlyRun();
        var written = JournalReader.Read(run.Journal).Records.OfType<JournalRecord.CoreWritten>().ToList();
        // Four that were written, and the one that was too large; the other three were not asked for.
        Assert.Equal(1 + TriageLimits.Default.Cores, written.Count);
        Assert.Equal(TriageLimits.Default.Cores, written.Count(core => core.Bytes > 0));
        Assert.All(_cli.Rooms.Runner.Cores, folder => Assert.True(File.Exists(Path.Combine(folder, CaseStore.CaseFile))));
        Assert.Contains("no core: it would have more than 128 MiB", _cli.Out);
        var html = File.ReadAllText(run.Report);
        Assert.All(written.Where(core => core.Bytes > 0), core => Assert.Contains($"replay --core results/{core.CorePath}", html));
    }

    [Fact]
    public async Task Of_a_worker_that_lived_no_core_is_wanted()
    {
        _cli.Rooms.Runner.Cores = [];
        Checker.FailIn(Sample.Cell);
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        Assert.Empty(_cli.Rooms.Runner.Cores);
    }

    [Fact]
    public async Task A_signature_is_dealt_with_once_and_counted_each_time()
    {
        Checker.FailIn(Sample.Cell);
        var summary = await SummaryAsync("--programs", "100", "--seed", "1");
        var finding = Assert.Single(summary.GetProperty("findings").EnumerateArray());
        Assert.Equal(4, finding.GetProperty("occurrences").GetInt32());
    }

    [Fact]
    public async Task Only_one_cell_of_a_family_is_shrunk_and_all_are_run_again()
    {
        Checker.FailIn(CellMatrix.All[1], CellMatrix.All[2]);
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        var records = JournalReader.Read(_cli.OnlyRun().Journal).Records;
        Assert.Equal(2, records.OfType<JournalRecord.FindingConfirmed>().Count());
        Assert.Single(records.OfType<JournalRecord.FindingShrunk>());
        Assert.Contains("FALSIFIED: 1 distinct failure", _cli.Out);
        Assert.Contains("also in attribute/", _cli.Out);
    }

    [Fact]
    public async Task A_shrunk_case_that_holds_when_run_alone_gives_way_to_the_step_before()
    {
        Checker.FailIn(Sample.Cell);
        _cli.Rooms.Runner.Shrinks = 3;
        _cli.Rooms.Runner.HoldsAlone = program => program == Sample.Program(2) || program == Sample.Program(1);
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        var folder = Assert.Single(Directory.GetDirectories(_cli.OnlyRun().Cases));
        Assert.Equal(Sample.Program(0), CaseStore.Read(folder).Document.Case.Program);
        Assert.Contains("in 1 step", _cli.Out);
    }

    [Fact]
    public async Task A_failure_that_does_not_come_back_is_a_flake_and_the_run_ends_with_4()
    {
        Checker.FailIn(Sample.Cell);
        var (failing, calls) = (Checker.Answer, 0);
        Checker.Answer = (programs, cell, ct) => cell == Sample.Cell && Interlocked.Increment(ref calls) > 1
            ? Task.FromResult(Sample.Outcome(programs.Count))
            : failing(programs, cell, ct);
        _cli.Rooms.Runner.Confirmation = new Confirmation(0, 10);
        Assert.Equal(ExitCodes.Inconclusive, await _cli.CampaignAsync("--programs", "3", "--seed", "1"));
        Assert.Contains("a flake: 0 of 10", _cli.Out);
    }

    [Fact]
    public async Task Keep_regressions_copies_findings_which_the_next_run_replays_first()
    {
        Checker.FailIn(Sample.Cell);
        await _cli.CampaignAsync("--programs", "3", "--seed", "1", "--keep-regressions");
        Assert.Single(CaseStore.Folders(_cli.PathOf("results/regressions")));
        Checker.Answer = (programs, _, _) => Task.FromResult(Sample.Outcome(programs.Count));
        Assert.Equal(ExitCodes.Falsified, await _cli.CampaignAsync("--programs", "3", "--seed", "2"));
        Assert.Contains("stored cases        0 of 1 hold", _cli.Out);
        _cli.Rooms.Runner.Recording = new Recording(true, "", "", "", "");
        Assert.Equal(ExitCodes.Held, await _cli.CampaignAsync("--programs", "3", "--seed", "2"));
        Assert.Contains("stored cases        1 of 1 hold", _cli.Out);
    }

    [Fact]
    public async Task A_damaged_stored_case_makes_the_run_inconclusive()
    {
        var folder = _cli.PathOf("results/regressions/broken");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "case.json"), "{");
        Assert.Equal(ExitCodes.Inconclusive, await _cli.CampaignAsync("--programs", "3", "--seed", "2"));
        Assert.Contains("broken could not be judged", _cli.Out);
    }

    [Fact]
    public async Task A_toolchain_that_fails_midway_ends_with_3_and_keeps_what_was_found()
    {
        var calls = 0;
        Checker.Answer = (programs, _, _) => Interlocked.Increment(ref calls) > 2
            ? Task.FromException<BatchOutcome>(new EnvironmentUnusableException("the linker is gone"))
            : Task.FromResult(Sample.Outcome(programs.Count));
        Assert.Equal(ExitCodes.Environment, await _cli.CampaignAsync("--programs", "3", "--seed", "1", "--jobs", "1"));
        Assert.Contains("harness: the linker is gone", _cli.Error);
        Assert.Equal(2, JournalReader.Read(_cli.OnlyRun().Journal).Records.OfType<JournalRecord.BatchChecked>().Count());
        Assert.True(File.Exists(_cli.OnlyRun().Report));
    }

    [Fact]
    public async Task A_disk_that_fills_up_ends_with_3_and_prints_what_was_found()
    {
        var calls = 0;
        Checker.Answer = (programs, cell, _) => Interlocked.Increment(ref calls) switch
        {
            > 2 => Task.FromException<BatchOutcome>(new IOException("No space left on device")),
            _ => Task.FromResult(Sample.Outcome(
                programs.Count, new Failure("digest/errdefer", "digest", new Case(programs[0], cell, ExecutionPlan.Baseline), 0, "digest", "a", "b"))),
        };
        Assert.Equal(ExitCodes.Environment, await _cli.CampaignAsync("--programs", "3", "--seed", "1", "--jobs", "1"));
        Assert.Contains("FALSIFIED: 1 distinct failure", _cli.Out);
        Assert.Contains("No space left on device", _cli.Error);
        Assert.Single(CaseStore.Folders(_cli.OnlyRun().Cases));
        Assert.Equal(ExitCodes.Environment, await _cli.RunAsync("report", _cli.OnlyRun().Path));
    }

    [Fact]
    public async Task A_budget_ends_the_run_in_time()
    {
        Checker.Answer = async (programs, _, ct) =>
        {
            await Task.Delay(20, ct);
            return Sample.Outcome(programs.Count);
        };
        var started = TimeProvider.System.GetTimestamp();
        // Of a named profile: in seconds there are thousands of these programs, none of which has the features that are asked of random ones.
        var code = await _cli.CampaignAsync("--budget", "3s", "--seed", "1", "--jobs", "2", "--mode", "Debug", "--profile", "default");
        Assert.True(code == ExitCodes.Held, _cli.Out);
        Assert.InRange(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 0.5, 30);
        Assert.True(Checker.Asked.Count >= 3);
    }

    [Fact(Timeout = 60_000)]
    public async Task What_failed_in_a_batch_that_the_budget_ends_is_found()
    {
        Checker.FailIn("hang", Sample.Cell);
        var answer = Checker.Answer;
        Checker.AnswerInTime = async (programs, cell, windUp) =>
        {
            await Task.Delay(Timeout.Infinite, windUp).ContinueWith(_ => { }, TaskScheduler.Default);
            var outcome = await answer(programs, cell, CancellationToken.None);
            return outcome.Failures.Count > 0 ? outcome : throw new OperationCanceledException(windUp);
        };
        Assert.Equal(ExitCodes.Falsified, await _cli.CampaignAsync("--budget", "1s", "--seed", "1", "--jobs", "4", "--profile", "default"));
        var journal = JournalReader.Read(_cli.OnlyRun().Journal).Records;
        Assert.Single(journal.OfType<JournalRecord.BatchChecked>());
        Assert.Single(journal.OfType<JournalRecord.FindingConfirmed>());
    }

    [Fact(Timeout = 60_000)]
    public async Task Stopping_reports_what_was_found()
    {
        using var stop = new CancellationTokenSource();
        Checker.Answer = async (programs, cell, ct) =>
        {
            if (cell == Sample.Cell)
            {
                await stop.CancelAsync();
                await Task.Delay(Timeout.Infinite, ct);
            }

            return Sample.Outcome(programs.Count);
        };
        var code = await _cli.RunAsync(stop.Token, "run", "--results", _cli.PathOf("results"), "--programs", "40", "--seed", "1", "--jobs", "1");
        Assert.Equal(ExitCodes.Inconclusive, code);
        Assert.Contains("(interrupted early)", _cli.Out);
        Assert.IsType<JournalRecord.RunEnded>(JournalReader.Read(_cli.OnlyRun().Journal).Records[^1]);
    }

    [Fact]
    public async Task An_interrupted_run_resumes_to_the_same_counters()
    {
        using var stop = new CancellationTokenSource();
        var calls = 0;
        var answer = Checker.Answer;
        Checker.Answer = async (programs, cell, ct) =>
        {
            if (Interlocked.Increment(ref calls) == 4)
            {
                await stop.CancelAsync();
                ct.ThrowIfCancellationRequested();
            }

            return await answer(programs, cell, ct);
        };
        await _cli.RunAsync(stop.Token, "run", "--results", _cli.PathOf("results"), "--programs", "40", "--seed", "1", "--jobs", "1");
        File.AppendAllText(_cli.OnlyRun().Journal, "{\"kind\":\"batch-che");
        Assert.Equal(ExitCodes.Usage, await _cli.CampaignAsync("--resume", "--seed", "2"));
        Assert.Equal(ExitCodes.Held, await _cli.CampaignAsync("--resume"));
        Assert.Contains("HELD: 40 programs, 52,000 executions", _cli.Out);
        Assert.Equal(ExitCodes.Usage, await _cli.CampaignAsync("--resume", _cli.OnlyRun().Id));
        Assert.Contains("has completed", _cli.Error);
    }

    [Fact]
    public async Task Report_draws_the_same_from_the_journal_alone()
    {
        Checker.FailIn(Sample.Cell);
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        var run = _cli.OnlyRun();
        var (console, summary, html) = (_cli.Out, File.ReadAllText(run.Summary), File.ReadAllText(run.Report));
        File.Delete(run.Summary);
        File.Delete(run.Report);
        Assert.Equal(ExitCodes.Falsified, await _cli.RunAsync("report", run.Path));
        Assert.Equal((console, summary, html), (_cli.Out, File.ReadAllText(run.Summary), File.ReadAllText(run.Report)));
    }

    [Fact]
    public async Task Report_of_a_killed_run_leaves_out_the_torn_line()
    {
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        var run = _cli.OnlyRun();
        var bytes = File.ReadAllBytes(run.Journal);
        File.WriteAllBytes(run.Journal, bytes[..^20]);
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("report", run.Path));
        Assert.Contains("torn", _cli.Error);
        Assert.Contains("(killed early)", _cli.Out);
    }

    [Fact]
    public async Task Two_campaigns_on_one_results_folder_do_not_meet()
    {
        var codes = await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            var rooms = new FakeRooms();
            using var output = new StringWriter();
            var error = TextWriter.Synchronized(new StringWriter());
            return await new Application(new Terminal(output, error, false, 100), rooms)
                .RunAsync(["run", "--results", _cli.PathOf("results"), "--programs", "3", "--seed", "1"], CancellationToken.None);
        }));
        Assert.Equal([0, 0, 0, 0], codes);
        Assert.Equal(4, Directory.GetDirectories(_cli.PathOf("results/runs")).Length);
    }

    private async Task<JsonElement> SummaryAsync(params string[] args)
    {
        await _cli.CampaignAsync([.. args, "--json"]);
        return JsonDocument.Parse(_cli.Out).RootElement;
    }
}
