using Harness.Execution;
using Harness.Toolchain;

namespace Harness.Binary.Tests;

/// <summary>Children that misbehave, with the launcher and without.</summary>
public sealed class ChildProcessTests : IDisposable
{
    private const string Shell = "/bin/sh";
    private readonly Scratch _scratch = new();

    public static TheoryData<bool> WithAndWithoutLauncher { get; } =
        Tools.Zig is ZigLocation.Found ? new TheoryData<bool> { false, true } : new TheoryData<bool> { false };

    public void Dispose() => _scratch.Dispose();

    [Theory(Timeout = 120_000)]
    [MemberData(nameof(WithAndWithoutLauncher))]
    public async Task Output_and_exit_code_are_the_childs(bool launched)
    {
        var outcome = await RunAsync(launched, "echo out; echo err >&2; exit 7");
        var exited = Assert.IsType<ProcessOutcome.Exited>(outcome);
        Assert.Equal((7, "out\n", "err"), (exited.Code, exited.Output.Stdout, exited.Output.Stderr.TrimEnd('\n')));
    }

    [Theory(Timeout = 120_000)]
    [MemberData(nameof(WithAndWithoutLauncher))]
    public async Task A_signal_is_told_from_an_exit(bool launched)
    {
        var signaled = Assert.IsType<ProcessOutcome.Signaled>(await RunAsync(launched, "kill -SEGV $$"));
        Assert.Equal(11, signaled.Signal);
    }

    [ZigFact(Timeout = 120_000)]
    public async Task An_exit_code_above_128_is_no_signal_under_the_launcher()
    {
        var exited = Assert.IsType<ProcessOutcome.Exited>(await RunAsync(true, "exit 139"));
        Assert.Equal(139, exited.Code);
    }

    /// <summary>ETXTBSY: as it is for a moment when another thread forks while a file is written.</summary>
    [Theory(Timeout = 120_000)]
    [MemberData(nameof(WithAndWithoutLauncher))]
    public async Task A_program_that_is_still_open_for_writing_is_started_when_it_is_not_any_more(bool launched)
    {
        var program = Path.Combine(_scratch["busy"], "program");
        Directory.CreateDirectory(_scratch["busy"]);
        File.Copy("/bin/true", program);
        Task<ProcessOutcome> running;
        await using (new FileStream(program, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            running = (await ProcessesAsync(launched)).RunAsync(new ProcessRequest { File = program, Timeout = TimeSpan.FromSeconds(30) }, CancellationToken.None);
            await Task.Delay(300);
            Assert.False(running.IsCompleted);
        }

        Assert.Equal(0, Assert.IsType<ProcessOutcome.Exited>(await running).Code);
    }

    [Theory(Timeout = 120_000)]
    [MemberData(nameof(WithAndWithoutLauncher))]
    public async Task A_missing_program_is_an_outcome(bool launched)
    {
        var request = new ProcessRequest { File = "/nowhere/at/all", Timeout = TimeSpan.FromSeconds(10) };
        var outcome = await (await ProcessesAsync(launched)).RunAsync(request, CancellationToken.None);
        Assert.NotEmpty(Assert.IsType<ProcessOutcome.NotStarted>(outcome).Reason);
    }

    [Theory(Timeout = 120_000)]
    [MemberData(nameof(WithAndWithoutLauncher))]
    public async Task Standard_input_is_empty(bool launched)
    {
        var exited = Assert.IsType<ProcessOutcome.Exited>(await RunAsync(launched, "cat; echo end"));
        Assert.Equal("end\n", exited.Output.Stdout);
    }

    [Theory(Timeout = 120_000)]
    [MemberData(nameof(WithAndWithoutLauncher))]
    public async Task A_timeout_kills_the_child_and_what_it_started(bool launched)
    {
        var outcome = await RunAsync(launched, "sleep 300 & echo $!; echo $$; wait", TimeSpan.FromSeconds(4));
        var timedOut = Assert.IsType<ProcessOutcome.TimedOut>(outcome);
        var ids = timedOut.Output.Stdout.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, ids.Length);
        await AssertGoneAsync(ids);
    }

    [Theory(Timeout = 120_000)]
    [MemberData(nameof(WithAndWithoutLauncher))]
    public async Task Cancellation_kills_the_child_and_throws(bool launched)
    {
        using var cancel = new CancellationTokenSource();
        var ids = new List<string>();
        var request = Request("echo $$; sleep 300", TimeSpan.FromMinutes(1));
        var processes = await ProcessesAsync(launched);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => processes.StreamAsync(
            request,
            line =>
            {
                ids.Add(line);
                cancel.Cancel();
                return default;
            },
            cancel.Token));
        await AssertGoneAsync(ids);
    }

    [Theory(Timeout = 120_000)]
    [MemberData(nameof(WithAndWithoutLauncher))]
    public async Task Lines_arrive_in_order_while_the_child_runs_and_the_last_needs_no_newline(bool launched)
    {
        // The child goes on once its first line has arrived; if lines came all at once, it never would.
        var arrived = _scratch["arrived"];
        var lines = new List<string>();
        var request = Request($"echo one; while [ ! -e '{arrived}' ]; do sleep 0.02; done; printf 'two\\n\\nthree'", TimeSpan.FromMinutes(1));
        var outcome = await (await ProcessesAsync(launched)).StreamAsync(
            request,
            line =>
            {
                lines.Add(line);
                File.WriteAllText(arrived, "");
                return default;
            },
            CancellationToken.None);

        Assert.Equal("", Assert.IsType<ProcessOutcome.Exited>(outcome).Output.Stdout);
        Assert.Equal(["one", "two", "", "three"], lines);
    }

    [Theory(Timeout = 120_000)]
    [MemberData(nameof(WithAndWithoutLauncher))]
    public async Task A_callback_that_throws_ends_the_child_and_its_exception_arrives(bool launched)
    {
        var request = Request("echo $$; sleep 300", TimeSpan.FromMinutes(1));
        var processes = await ProcessesAsync(launched);
        var id = "";
        await Assert.ThrowsAsync<FormatException>(() => processes.StreamAsync(
            request,
            line =>
            {
                id = line;
                throw new FormatException("no good");
            },
            CancellationToken.None));
        await AssertGoneAsync([id]);
    }

    [Theory(Timeout = 120_000)]
    [MemberData(nameof(WithAndWithoutLauncher))]
    public async Task Output_beyond_the_cap_is_dropped_and_said_to_be(bool launched)
    {
        var request =
            Request("head -c 5000000 /dev/zero; echo done >&2", TimeSpan.FromMinutes(1)) with { OutputCapBytes = 1000 };
        var outcome = await (await ProcessesAsync(launched)).RunAsync(request, CancellationToken.None);
        var exited = Assert.IsType<ProcessOutcome.Exited>(outcome);
        var output = exited.Output;
        Assert.Equal((0, 1000), (exited.Code, output.Stdout.Length));
        Assert.Equal((true, false), (output.StdoutTruncated, output.StderrTruncated));
    }

    [ZigFact(Timeout = 120_000)]
    public async Task The_launchers_report_survives_a_child_that_floods_standard_error()
    {
        var request =
            Request("head -c 5000000 /dev/zero >&2; exit 4", TimeSpan.FromMinutes(1)) with { OutputCapBytes = 1000 };
        var outcome = await (await ProcessesAsync(true)).RunAsync(request, CancellationToken.None);
        var exited = Assert.IsType<ProcessOutcome.Exited>(outcome);
        Assert.Equal(4, exited.Code);
        Assert.True(exited.Output.StderrTruncated);
        Assert.NotNull(exited.Output.Usage);
    }

    [ZigFact(Timeout = 120_000)]
    public async Task Limits_hold()
    {
        var limits =
            new ResourceLimits { MemoryBytes = 512 << 20, CpuSeconds = 3, OpenFiles = 17, FileSizeBytes = 4096 };
        var request = Request(
            "ulimit -v; ulimit -t; ulimit -n; ulimit -c", TimeSpan.FromMinutes(1)) with { Limits = limits };
        var exited = Assert.IsType<ProcessOutcome.Exited>(
            await (await ProcessesAsync(true)).RunAsync(request, CancellationToken.None));
        Assert.Equal($"{512 << 10}\n3\n17\n0\n", exited.Output.Stdout);

        request =
            Request("while :; do :; done", TimeSpan.FromMinutes(1)) with { Limits = limits with { CpuSeconds = 1 } };
        var signaled = Assert.IsType<ProcessOutcome.Signaled>(
            await (await ProcessesAsync(true)).RunAsync(request, CancellationToken.None));
        Assert.Equal(24, signaled.Signal);
        Assert.InRange(signaled.Output.Usage!.Value.User.TotalSeconds, 0.5, 2.5);
    }

    /// <summary>Python, because a shell cannot ask for a socket; the compiler's own libc would need a program for each line.</summary>
    [PythonTheory(Timeout = 120_000)]
    [InlineData(Confinement.None, "socket allowed, process allowed, other allowed, itself allowed, thread allowed")]
    [InlineData(Confinement.Offline, "socket refused, process allowed, other allowed, itself allowed, thread allowed")]
    [InlineData(Confinement.Alone, "socket refused, process refused, other refused, itself allowed, thread allowed")]
    public async Task A_confined_child_is_refused_what_it_must_not_do_and_nothing_else(Confinement confinement, string expected)
    {
        const string script = """
            import os, socket, threading
            def thread():
                t = threading.Thread(target=lambda: None); t.start(); t.join()
            def process():
                p = os.fork()
                os._exit(0) if p == 0 else os.waitpid(p, 0)
            def tried(act):
                try:
                    act()
                    return 'allowed'
                except (OSError, RuntimeError):
                    return 'refused'
            print(', '.join(name + ' ' + tried(act) for name, act in [
                ('socket', socket.socket), ('process', process), ('other', lambda: os.kill(os.getppid(), 0)),
                ('itself', lambda: os.kill(os.getpid(), 0)), ('thread', thread)]))
            """;
        // What PATH has may be a script that starts the interpreter, which is a process.
        var processes = await ProcessesAsync(true);
        var asked = new ProcessRequest { File = "python3", Arguments = ["-c", "import sys; print(sys.executable)"], Timeout = TimeSpan.FromMinutes(1) };
        var python = Assert.IsType<ProcessOutcome.Exited>(await processes.RunAsync(asked, CancellationToken.None)).Output.Stdout.Trim();
        var request = new ProcessRequest
        {
            File = python, Arguments = ["-c", script], Timeout = TimeSpan.FromMinutes(1), Limits = new ResourceLimits { Confinement = confinement },
        };
        var exited = Assert.IsType<ProcessOutcome.Exited>(await processes.RunAsync(request, CancellationToken.None));
        Assert.Equal(expected + "\n", exited.Output.Stdout);
    }

    [ZigFact(Timeout = 120_000)]
    public async Task A_child_does_not_outlive_a_harness_that_is_killed()
    {
        // `sleep 300 > pipe` is the harness: it holds the only other end of the launcher's standard input, and dies by
        // SIGKILL.
        var launcher = await Tools.Cache.LauncherAsync(CancellationToken.None);
        var script = $$"""
            mkfifo pipe
            sleep 300 > pipe &
            harness=$!
            {{launcher}} --tag t -- /bin/sh -c 'echo $$ > id; sleep 300 & echo $! >> id; mv id ids; wait' < pipe &
            launcher=$!
            until test -f ids; do sleep 0.05; done
            kill -KILL $harness
            wait $launcher
            echo $?
            cat ids
            """;
        var request = Request(script, TimeSpan.FromMinutes(1)) with { WorkingDirectory = _scratch.Path };
        var exited = Assert.IsType<ProcessOutcome.Exited>(
            await ChildProcess.Bare.RunAsync(request, CancellationToken.None));
        var words = exited.Output.Stdout.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal((3, "137"), (words.Length, words[0]));
        Assert.Contains("@launch t killed", exited.Output.Stderr, StringComparison.Ordinal);
        await AssertGoneAsync(words[1..]);
    }

    [ZigFact(Timeout = 120_000)]
    public async Task What_a_child_leaves_running_ends_with_it()
    {
        var exited = Assert.IsType<ProcessOutcome.Exited>(await RunAsync(true, "sleep 300 & echo $!"));
        Assert.True(exited.Output.Elapsed < TimeSpan.FromSeconds(60), "waited for the grandchild");
        await AssertGoneAsync([exited.Output.Stdout.Trim()]);
    }

    [Theory(Timeout = 120_000)]
    [MemberData(nameof(WithAndWithoutLauncher))]
    public async Task Variables_are_added_and_removed(bool launched)
    {
        var request = Request("echo \"$ADDED-${HOME-none}\"", TimeSpan.FromMinutes(1)) with
        {
            Environment = new Dictionary<string, string?> { ["ADDED"] = "yes", ["HOME"] = null },
        };
        var exited = Assert.IsType<ProcessOutcome.Exited>(
            await (await ProcessesAsync(launched)).RunAsync(request, CancellationToken.None));
        Assert.Equal("yes-none\n", exited.Output.Stdout);
    }

    [Fact]
    public void A_request_reads_as_a_person_would_type_it() =>
        Assert.Equal(
            "zig build-obj -Mroot=unit.zig 'a b' ''",
            new ProcessRequest
            {
                File = "zig", Arguments = ["build-obj", "-Mroot=unit.zig", "a b", ""], Timeout = default,
            }.ToString());

    private static ProcessRequest Request(string script, TimeSpan timeout) =>
        new() { File = Shell, Arguments = ["-c", script], Timeout = timeout };

    private static async Task<ChildProcess> ProcessesAsync(bool launched) =>
        launched ? await Tools.Cache.ProcessesAsync(CancellationToken.None) : ChildProcess.Bare;

    private static async Task<ProcessOutcome> RunAsync(bool launched, string script, TimeSpan? timeout = null) =>
        await (await ProcessesAsync(launched)).RunAsync(
            Request(script, timeout ?? TimeSpan.FromMinutes(1)), CancellationToken.None);

    /// <summary>Gone, or a zombie that its new parent has yet to reap.</summary>
    private static async Task AssertGoneAsync(IEnumerable<string> ids)
    {
        foreach (var id in ids)
        {
            var state = 'R';
            for (var attempt = 0; attempt < 100 && state is not ('X' or 'Z'); attempt++)
            {
                state = StateOf(id);
                await Task.Delay(20);
            }

            Assert.True(state is 'X' or 'Z', $"process {id} is still there: {state}");
        }
    }

    private static char StateOf(string id)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{id}/stat");
            return text[text.LastIndexOf(')') + 2];
        }
        catch (IOException)
        {
            return 'X';
        }
    }
}
