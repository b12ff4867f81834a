using System.Text.Json;
using Harness.Campaigns;
using Harness.Reports;

namespace Harness.Cli.Tests;

public sealed class CommandLineTests : IDisposable
{
    private readonly Cli _cli = new();

    public void Dispose() => _cli.Dispose();

    [Theory]
    [InlineData("which verb")]
    [InlineData("no verb 'walk'", "walk")]
    [InlineData("--bogus", "run", "--bogus")]
    [InlineData("not a time", "run", "--budget", "soon")]
    [InlineData("not a time", "run", "--budget", "60")]
    [InlineData("no time at all", "run", "--budget", "0s")]
    [InlineData("more than", "run", "--budget", "999999h")]
    [InlineData("exclude each other", "run", "--budget", "5s", "--programs", "3")]
    [InlineData("too small", "run", "--programs", "0")]
    [InlineData("too small", "run", "--programs", "-4")]
    [InlineData("too small", "run", "--jobs", "0")]
    [InlineData("many", "run", "--programs", "many")]
    [InlineData("not a seed", "run", "--seed", "-1")]
    [InlineData("not a seed", "run", "--seed", "99999999999999999999")]
    [InlineData("known: attribute, thunk", "run", "--route", "taxi")]
    [InlineData("known: Debug, ReleaseSafe, ReleaseFast, ReleaseSmall", "run", "--mode", "Quick")]
    [InlineData("known: Debug", "run", "--mode", "1")]
    [InlineData("known: descending, ascending, interleaved, pool", "run", "--placement", "sideways")]
    [InlineData("known: default, deep", "run", "--profile", "wild")]
    [InlineData("there is no runtime.json there; give ours, example", "run", "--runtime", "nowhere")]
    [InlineData("--placement is about our own runtime", "run", "--runtime", "example", "--placement", "ascending")]
    [InlineData("--defect is about our own runtime", "run", "--runtime", "example", "--defect", "cfi")]
    [InlineData("it has example-pass/command/Debug/llvm/x86_64-linux-gnu", "run", "--runtime", "example-pass", "--mode", "ReleaseFast")]
    [InlineData("there is no run", "run", "--resume", "20200101-000000-1")]
    [InlineData("no run", "run", "--resume")]
    [InlineData("which case", "replay")]
    [InlineData("which case", "replay", "--core")]
    [InlineData("say --core alone", "replay", "case", "--core", "core")]
    [InlineData("there is no case at nowhere", "replay", "nowhere", "--core")]
    [InlineData("is not a core of an x86-64 process", "replay", "--core", "/bin/sh")]
    [InlineData("known: none, panic, segfault, guard, abort, handler", "replay", "case", "--core", "--die", "old")]
    [InlineData("give --core with them", "replay", "case", "--die", "guard")]
    [InlineData("without --batch and --gdb", "replay", "case", "--core", "--batch")]
    [InlineData("there is no case at nowhere", "replay", "nowhere")]
    [InlineData("version fz2", "replay", "fz2.AAAA")]
    [InlineData("damaged", "replay", "fz1.AAAAAAAAAAAA")]
    [InlineData("damaged", "show", "fz1.AAAAAAAAAAAA")]
    [InlineData("damaged", "shrink", "fz1.AAAAAAAAAAAA")]
    [InlineData("damaged", "keep", "fz1.AAAAAAAAAAAA")]
    [InlineData("there is no folder nowhere", "report", "nowhere")]
    [InlineData("Required argument", "reserve")]
    [InlineData("which file?", "test")]
    [InlineData("there is no file nowhere.zig", "test", "nowhere.zig")]
    [InlineData("give one of them", "test", "--std", "a.zig")]
    [InlineData("give 0 to 6", "exhaust", "--size", "7")]
    [InlineData("give 0 to 6", "exhaust", "--size", "-1")]
    [InlineData("known: attribute, thunk", "exhaust", "--route", "taxi")]
    [InlineData("too small", "step", "--steps", "0")]
    [InlineData("too small", "step", "--whole", "0")]
    [InlineData("too small", "step", "--programs", "0")]
    [InlineData("known: descending, ascending, interleaved, pool", "step", "--placement", "sideways")]
    [InlineData("there is no case at nowhere", "step", "nowhere")]
    [InlineData("there is no file nowhere", "reserve", "nowhere")]
    [InlineData("there is no file nowhere", "stack-usage", "nowhere")]
    [InlineData("is not an ELF file", "stack-usage", "/etc/hostname")]
    [InlineData("is no Zig file, so there is nothing to compile", "stack-usage", "/bin/true", "--mode", "Debug")]
    [InlineData("is not an ELF file", "reserve", "/etc/hostname")]
    [InlineData("known: hot, deep, prologue, switch, upfront, idle", "bench", "runtime", "--only", "taxi")]
    [InlineData("--only taxi is unknown", "mutants", "--only", "taxi")]
    [InlineData("known: registers", "mutants", "--family", "taxi")]
    [InlineData("leave one of them out", "mutants", "--family", "cfi", "--only", "limit_restore")]
    [InlineData("--cell taxi is unknown", "mutants", "--cell", "taxi")]
    [InlineData("not a time", "mutants", "--budget", "soon")]
    [InlineData("too small", "bench", "runtime", "--rounds", "0")]
    [InlineData("makes no sense", "bench", "runtime", "--effort", "0")]
    [InlineData("makes no sense", "bench", "runtime", "--effort", "NaN")]
    [InlineData("--bogus", "bench", "runtime", "--bogus")]
    [InlineData("--entries many is no budget; give whole numbers", "bench", "plans", "--entries", "40000,many")]
    [InlineData("--entries 0 is no budget", "bench", "plans", "--entries", "0")]
    [InlineData("--entries 40000/ is no budget", "bench", "plans", "--entries", "40000/")]
    [InlineData("--entries 1/2/3 is no budget", "bench", "plans", "--entries", "1/2/3")]
    [InlineData("--cell taxi is unknown", "bench", "plans", "--cell", "taxi")]
    [InlineData("--only taxi is unknown", "bench", "shrink", "--only", "taxi")]
    [InlineData("'soon' is not a time", "bench", "campaign", "--budget", "soon")]
    public async Task Bad_usage_gets_one_line_and_exit_code_2(string part, params string[] args)
    {
        string[] full = args is ["run", ..] ? ["run", "--results", _cli.PathOf("results"), .. args[1..]] : args;
        Assert.Equal(ExitCodes.Usage, await _cli.RunAsync(full));
        Assert.Equal("", _cli.Out);
        Assert.Contains(part, _cli.Error);
        Assert.Single(_cli.Error.TrimEnd('\n').Split('\n'));
        Assert.Empty(_cli.Rooms.Checker.Asked);
    }

    [Theory]
    [InlineData("60s", 60)]
    [InlineData("10m", 600)]
    [InlineData("8h", 28800)]
    [InlineData("1h30m", 5400)]
    [InlineData("1.5s", 1.5)]
    [InlineData("2d", 172800)]
    public void Budgets_are_written_as_people_write_them(string text, double seconds) =>
        Assert.Equal(seconds, Budget.Parse(text).TotalSeconds);

    [Theory]
    [InlineData("cannot be read", "", "absent.o", "-o", "out.o")]
    [InlineData("is neither an object", "int main;", "-o", "out.o")]
    [InlineData("is LLVM bitcode", "BC\u00c0", "-o", "out.o")]
    [InlineData("'--output' is required", "\u007fELF")]
    [InlineData("does not go with", "\u007fELF", "-o", "out.o", "--route", "attribute")]
    [InlineData("known: attribute, thunk", "\u007fELF", "-o", "out.o", "--route", "taxi")]
    [InlineData("known: fs70, own", "\u007fELF", "-o", "out.o", "--limit", "fs60")]
    [InlineData("does not go with the attribute route", "; ModuleID = 'x'", "-o", "out.o", "--limit", "own")]
    [InlineData("out of range", "\u007fELF", "-o", "out.o", "--argument-bytes", "-1")]
    [InlineData("there is no folder", "\u007fELF", "-o", "absent/out.o")]
    public async Task Bad_files_to_inject_into_get_one_line_and_exit_code_2(string part, string content, params string[] args)
    {
        var file = _cli.PathOf("input");
        await File.WriteAllTextAsync(file, content);
        string[] given = args is ["absent.o", ..] ? args : [file, .. args];
        Assert.Equal(ExitCodes.Usage, await _cli.RunAsync(["inject", .. given.Select(word => word.EndsWith("out.o", StringComparison.Ordinal) ? _cli.PathOf(word) : word)]));
        Assert.Contains(part, _cli.Error);
        Assert.Single(_cli.Error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public async Task Help_is_a_result_and_no_error()
    {
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("--help"));
        Assert.Contains("run", _cli.Out);
        Assert.Equal("", _cli.Error);
    }

    [Fact]
    public async Task A_missing_compiler_gets_one_line_and_exit_code_3()
    {
        _cli.Rooms.Unusable = new EnvironmentUnusableException("no Zig was found; run npm ci, or give --zig PATH");
        Assert.Equal(ExitCodes.Environment, await _cli.CampaignAsync("--programs", "1"));
        Assert.Equal("harness: no Zig was found; run npm ci, or give --zig PATH\n", _cli.Error);
    }

    [Fact]
    public async Task A_results_folder_that_cannot_be_written_gets_one_line_and_exit_code_3()
    {
        File.WriteAllText(_cli.PathOf("results"), "a file, not a folder");
        Assert.Equal(ExitCodes.Environment, await _cli.CampaignAsync("--programs", "1"));
        Assert.Contains(_cli.PathOf("results"), _cli.Error);
        Assert.Single(_cli.Error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public async Task A_defect_of_the_harness_is_called_one()
    {
        _cli.Rooms.Unusable = new NullReferenceException("oops");
        Assert.Equal(ExitCodes.Environment, await _cli.CampaignAsync("--programs", "1"));
        Assert.Contains("defect of the harness", _cli.Error);
    }

    [Theory]
    [InlineData("not json", "it is not a case document")]
    [InlineData("{}", "it is not a case document")]
    [InlineData("{\"format\":7}", "it is not a case document")]
    [InlineData("", "it is not a case document")]
    public async Task A_corrupt_case_file_gets_one_line_and_exit_code_2(string text, string part)
    {
        File.WriteAllText(_cli.PathOf("case.json"), text);
        Assert.Equal(ExitCodes.Usage, await _cli.RunAsync("replay", _cli.Folder));
        Assert.Contains(part, _cli.Error);
        Assert.Single(_cli.Error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public async Task Every_shortened_case_file_gets_exit_code_2()
    {
        CaseStore.Write(_cli.Folder, Sample.Stored());
        var path = _cli.PathOf("case.json");
        var text = File.ReadAllText(path).TrimEnd();
        for (var length = 0; length < text.Length; length += 7)
        {
            File.WriteAllText(path, text[..length]);
            Assert.Equal(ExitCodes.Usage, await _cli.RunAsync("show", path));
        }
    }

    [Fact]
    public async Task Show_prints_source_plan_and_the_first_difference()
    {
        CaseStore.Write(_cli.Folder, Sample.Stored());
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("show", _cli.Folder));
        Assert.Contains("1  const rt = 1;", _cli.Out);
        Assert.Contains("split      at every prologue", _cli.Out);
        Assert.Matches("> log 7 +\\| log 8", _cli.Out);
    }

    [Fact]
    public async Task Show_takes_a_token_too()
    {
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("show", Sample.Stored().Token));
        Assert.Contains("const rt", _cli.Out);
    }

    [Fact]
    public async Task Replay_of_a_case_that_still_fails_ends_with_1()
    {
        Assert.Equal(ExitCodes.Falsified, await _cli.RunAsync("replay", Sample.Stored().Token));
        Assert.Contains("> b", _cli.Out);
        Assert.Contains("FALSIFIED: the case fails", _cli.Out);
    }

    [Fact]
    public async Task Replay_of_a_case_that_holds_now_ends_with_0()
    {
        _cli.Rooms.Runner.Recording = new Recording(true, "", "", "a\n", "a\n");
        CaseStore.Write(_cli.Folder, Sample.Stored());
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("replay", _cli.Folder, "--json"));
        Assert.Contains("\"verdict\": \"held\"", _cli.Out);
    }

    [Fact]
    public async Task Replay_that_fails_in_another_way_says_so()
    {
        _cli.Rooms.Runner.Recording = new Recording(false, "crash/11", "crash", "a", "b");
        Assert.Equal(ExitCodes.Falsified, await _cli.RunAsync("replay", Sample.Stored().Token));
        Assert.Contains("another way", _cli.Out);
    }

    [Fact]
    public async Task Replay_that_cannot_be_judged_ends_with_4()
    {
        _cli.Rooms.Runner.Recording = new Recording(false, "", "", "a", "killed for memory", Conclusive: false);
        Assert.Equal(ExitCodes.Inconclusive, await _cli.RunAsync("replay", Sample.Stored().Token));
    }

    [Fact]
    public async Task Shrink_stores_the_smallest_case()
    {
        CaseStore.Write(_cli.Folder, Sample.Stored());
        Assert.Equal(ExitCodes.Falsified, await _cli.RunAsync("shrink", _cli.Folder));
        Assert.Equal(Sample.Program(1), CaseStore.Read(_cli.Folder).Document.Case.Program);
    }

    [Fact]
    public async Task Shrink_of_a_token_needs_a_place_for_the_result()
    {
        Assert.Equal(ExitCodes.Usage, await _cli.RunAsync("shrink", Sample.Stored().Token));
        Assert.Equal(ExitCodes.Falsified, await _cli.RunAsync("shrink", Sample.Stored().Token, "--output", _cli.PathOf("smaller")));
        Assert.Equal(CaseStore.Files.Order(), Directory.GetFiles(_cli.PathOf("smaller")).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task Keep_copies_a_complete_case_to_the_regressions()
    {
        var folder = _cli.PathOf("a case");
        CaseStore.Write(folder, Sample.Stored());
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("keep", folder, "--results", _cli.PathOf("results")));
        var kept = Assert.Single(CaseStore.Folders(_cli.PathOf("results/regressions")));
        Assert.Equal(CaseStore.FolderName("digest/errdefer"), Path.GetFileName(kept));
        Assert.Equal(CaseStore.Files.Order(), Directory.GetFiles(kept).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task Keep_refuses_a_case_with_missing_files()
    {
        CaseStore.Write(_cli.Folder, Sample.Stored());
        File.Delete(_cli.PathOf("unit.zig"));
        Assert.Equal(ExitCodes.Usage, await _cli.RunAsync("keep", _cli.Folder, "--results", _cli.PathOf("results")));
        Assert.Contains("unit.zig missing", _cli.Error);
    }

    [Fact]
    public async Task Exhaust_checks_every_program_of_the_size_in_every_cell_and_says_what_it_left_out()
    {
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("exhaust", "--size", "1", "--route", "assembly", "--results", _cli.PathOf("results")));
        Assert.Equal(4 * 12, _cli.Rooms.Checker.Asked.Sum(asked => asked.Programs.Count));
        Assert.Contains("48 of 48: every program of up to 1 statement (12) in 4 cells", _cli.Out);
        Assert.Contains("left out  more than one fiber", _cli.Out);
        Assert.DoesNotContain("least is known", _cli.Out);
        Assert.Contains("scripts/harness exhaust --size 1 --route assembly", _cli.Out);
    }

    [Fact]
    public async Task Exhaust_that_did_not_check_all_of_it_does_not_hold()
    {
        _cli.Rooms.Checker.Answer = (programs, _, _) => Task.FromResult(Sample.Outcome(programs.Count) with { Unfinished = [2] });
        Assert.Equal(ExitCodes.Inconclusive, await _cli.RunAsync("exhaust", "--size", "1", "--route", "assembly", "--results", _cli.PathOf("results")));
        Assert.Contains("too little of scope/programs: 44 of 48", _cli.Out);
    }

    [Fact]
    public async Task Exhaust_counts_without_running_anything()
    {
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("exhaust", "--size", "2", "--count"));
        Assert.StartsWith("291 programs of up to 2 statements; left out:", _cli.Out);
        Assert.Empty(_cli.Rooms.Checker.Asked);
    }

    [Fact]
    public async Task Bench_compares_our_compile_phase_with_a_bare_one()
    {
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("bench", "--programs", "4", "--jobs", "2"));
        Assert.Contains("1.00 s, 2.00 (2.00 to 2.00) times a bare zig build-obj", _cli.Out);
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("bench", "--programs", "4", "--rounds", "1", "--json"));
        Assert.Equal(2, JsonDocument.Parse(_cli.Out).RootElement.GetProperty("cells")[0].GetProperty("figures").GetProperty("compileRatio").GetProperty("median").GetDouble());
        // No processor time of a worker, no executions per second of it: that bar is missed for certain.
        Assert.Equal(ExitCodes.Falsified, await _cli.RunAsync("bench", "--programs", "4", "--rounds", "1", "--require"));
    }

    /// <summary>proc_pid_stat(5): utime is the fourteenth field, the second may hold anything.</summary>
    [Fact]
    public void Processor_time_is_ours_and_that_of_processes_that_ended()
    {
        Assert.Equal(TimeSpan.FromSeconds(10.1), Execution.ProcessStat.Parse("7 (a) b (c) R 1 7 7 0 -1 4194304 900 901 902 903 10 100 400 500 20 0 9 0 12345 1 2 3\n").Processor);
        Assert.True(ProcessorTime.Spent() > TimeSpan.Zero);
    }

    [Theory]
    [InlineData("1.0.0", "1.0.0")]
    [InlineData("1.0.0+aa3e3b74d298", "1.0.0+aa3e3b74d298")]
    [InlineData("1.0.0+aa3e3b74d2980000111122223333444455556666", "1.0.0+aa3e3b74d298")]
    [InlineData("1.0.0+aa3e3b74d2980000111122223333444455556666-changed", "1.0.0+aa3e3b74d298-changed")]
    public void A_version_names_the_commit_and_whether_sources_differ_from_it(string informational, string shown) =>
        Assert.Equal(shown, Application.Shortened(informational));

    [Fact]
    public async Task Doctor_says_one_line_each_and_ends_with_3_when_something_needed_is_missing()
    {
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("doctor", "--results", _cli.PathOf("results")));
        Assert.Contains("ok      zig", _cli.Out);
        Assert.Contains("ok      confinement ", _cli.Out);
        _cli.Rooms.Unusable = new EnvironmentUnusableException("no");
        Assert.Equal(ExitCodes.Environment, await _cli.RunAsync("doctor", "--results", _cli.PathOf("results")));
        Assert.Contains("MISSING zig", _cli.Out);
    }

    [Fact]
    public async Task Doctor_says_what_each_optional_tool_is_for_and_how_to_install_it_and_counts_none_as_missing()
    {
        var doctor = new Diagnosis.Doctor(_cli.PathOf("."), new ResultsLayout(_cli.PathOf("results")), _ => Task.FromResult(new Diagnosis.Diagnosis("zig", true, true, "")));
        var findings = await doctor.ExamineAsync(CancellationToken.None);
        foreach (var name in (string[])["gdb", "readelf", "objdump", "gcc", "go", "boost"])
        {
            var finding = Assert.Single(findings, finding => finding.Name == name);
            Assert.False(finding.Needed);
            Assert.True(finding.Ok || finding.Detail.Contains("; apt install ", StringComparison.Ordinal), finding.Detail);
        }
    }
}
