using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Harness.Execution;

/// <summary>
/// Runs other programs; the only user of <see cref="Process"/>. Whatever a child does is a
/// <see cref="ProcessOutcome"/>. With a launcher (zig-fixtures/worker/launch.zig) a child gets its limits, a process
/// group of its own, and dies with the harness: the launcher's standard input is a pipe whose other end only the
/// harness holds, so its end of file means that the harness is gone, however it went. (PR_SET_PDEATHSIG alone follows
/// the .NET *thread* that forked.)
/// </summary>
public sealed class ChildProcess
{
    /// <summary>
    /// How long a killed group may take to be gone, and pipes to drain after their process has ended.
    /// </summary>
    private static readonly TimeSpan _grace = TimeSpan.FromSeconds(5);

    private const int StartAttempts = 300;
    private static readonly TimeSpan _startPause = TimeSpan.FromMilliseconds(10);

    private static long _serial;
    private readonly string? _launcher;

    /// <summary>Every child is started through <paramref name="launcher"/>.</summary>
    public ChildProcess(string launcher)
    {
        ArgumentException.ThrowIfNullOrEmpty(launcher);
        _launcher = launcher;
    }

    private ChildProcess()
    {
    }

    /// <summary>Without launcher: no limits, no lifeline. For building the launcher itself.</summary>
    public static ChildProcess Bare { get; } = new();

    /// <summary>Runs the command to its end and keeps its output.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; the child's process group has been killed.</exception>
    public Task<ProcessOutcome> RunAsync(ProcessRequest request, CancellationToken ct) => RunAsync(request, null, ct);

    /// <summary>
    /// The same, handing each line of standard output to <paramref name="onLine"/> as it arrives, in order.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled; the child's process group has been killed.</exception>
    public Task<ProcessOutcome> StreamAsync(
        ProcessRequest request, Func<string, ValueTask> onLine, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(onLine);
        return RunAsync(request, onLine, ct);
    }

    private async Task<ProcessOutcome> RunAsync(
        ProcessRequest request, Func<string, ValueTask>? onLine, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(request);
        ct.ThrowIfCancellationRequested();
        var tag = $"{Environment.ProcessId}-{Interlocked.Increment(ref _serial)}";
        using var process = new Process { StartInfo = StartInfo(request, tag) };
        var started = Stopwatch.GetTimestamp();
        try
        {
            await StartAsync(process, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (e is Win32Exception or DirectoryNotFoundException or FileNotFoundException)
        {
            return new ProcessOutcome.NotStarted($"cannot start {process.StartInfo.FileName}: {e.Message}");
        }

        request.Began?.Invoke(process.Id);
        using var drain = new CancellationTokenSource();
        var stdout = new OutputReader(request.OutputCapBytes, onLine);
        var stderr = new OutputReader(request.OutputCapBytes);
        if (_launcher is null)
        {
            process.StandardInput.Close();
        }

        var lines = stdout.RunAsync(process.StandardOutput.BaseStream, drain.Token);
        var reading = Task.WhenAll(lines, stderr.RunAsync(process.StandardError.BaseStream, drain.Token));
        var ended = await WaitAsync(process, lines, request.Timeout, ct).ConfigureAwait(false);
        drain.CancelAfter(_grace);
        await reading.ConfigureAwait(false);
        ct.ThrowIfCancellationRequested();

        var report = LaunchReport.Parse(stderr.Tail, tag);
        var output = new ProcessOutput(
            stdout.Text, LaunchReport.Strip(stderr.Text, tag), stdout.Truncated, stderr.Truncated,
            Stopwatch.GetElapsedTime(started), report?.Usage);
        return ended ? Outcome(process.ExitCode, report, output) : new ProcessOutcome.TimedOut(output);
    }

    /// <summary>
    /// A file that was just written cannot be executed while a child that another thread forked meanwhile has it open, until that child's own execve
    /// (ETXTBSY, execve(2)). The launcher waits for that by itself.
    /// </summary>
    private static async Task StartAsync(Process process, CancellationToken ct)
    {
        const int textFileBusy = 26;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                process.Start();
                return;
            }
            catch (Win32Exception e) when (e.NativeErrorCode == textFileBusy && attempt < StartAttempts)
            {
                await Task.Delay(_startPause, ct).ConfigureAwait(false);
            }
        }
    }

    private static ProcessOutcome Outcome(int exitCode, LaunchReport? report, ProcessOutput output) => report switch
    {
        { Failure: { } reason } => new ProcessOutcome.NotStarted(reason),
        { Signal: { } signal } => new ProcessOutcome.Signaled(signal, output),
        { ExitCode: { } code } => new ProcessOutcome.Exited(code, output),
        // No report: run without launcher, or the launcher itself was killed. .NET shows signals as 128 + N.
        _ when exitCode is > 128 and <= 192 => new ProcessOutcome.Signaled(exitCode - 128, output),
        _ => new ProcessOutcome.Exited(exitCode, output),
    };

    /// <summary>
    /// True when the process ended by itself; otherwise it has been killed (timeout, cancellation, failing callback).
    /// </summary>
    private async Task<bool> WaitAsync(Process process, Task lines, TimeSpan timeout, CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        stop.CancelAfter(timeout);
        var exit = process.WaitForExitAsync(stop.Token);
        try
        {
            // The line callback threw: the child is of no more use, and the caller gets that exception.
            if (await Task.WhenAny(exit, lines).ConfigureAwait(false) == lines && lines.IsFaulted)
            {
                await KillAsync(process).ConfigureAwait(false);
                return false;
            }

            await exit.ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            await KillAsync(process).ConfigureAwait(false);
            return false;
        }
    }

    private async Task KillAsync(Process process)
    {
        using var patience = new CancellationTokenSource(_grace);
        try
        {
            if (_launcher is null)
            {
                process.Kill(entireProcessTree: true);
            }
            else
            {
                process.StandardInput.Close();
            }

            await process.WaitForExitAsync(patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The launcher is stuck; its own death kills the child (PDEATHSIG: the launcher has one thread).
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is InvalidOperationException or IOException)
        {
            // It ended between the decision and the act.
        }
    }

    private ProcessStartInfo StartInfo(ProcessRequest request, string tag)
    {
        var file = ExecutablePath.Resolve(request.File) ?? request.File;
        var info = new ProcessStartInfo(_launcher ?? file)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = request.WorkingDirectory ?? "",
        };
        foreach (var argument in _launcher is null ? request.Arguments : LauncherArguments(request, file, tag))
        {
            info.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in request.Environment)
        {
            info.Environment.Remove(name);
            if (value is not null)
            {
                info.Environment[name] = value;
            }
        }

        return info;
    }

    private static IEnumerable<string> LauncherArguments(ProcessRequest request, string file, string tag)
    {
        var limits = request.Limits ?? new ResourceLimits();
        (string Option, long? Value)[] options =
        [
            ("--as", limits.MemoryBytes), ("--cpu", limits.CpuSeconds), ("--nofile", limits.OpenFiles),
            ("--fsize", limits.FileSizeBytes), ("--core", limits.CoreBytes),
        ];
        foreach (var (option, value) in options)
        {
            if (value is { } number)
            {
                yield return option;
                yield return number.ToString(CultureInfo.InvariantCulture);
            }
        }

        if (limits.Confinement is not Confinement.None)
        {
            yield return "--confine";
            yield return limits.Confinement.ToString().ToLowerInvariant();
        }

        yield return "--tag";
        yield return tag;
        yield return "--";
        yield return file;
        foreach (var argument in request.Arguments)
        {
            yield return argument;
        }
    }
}
