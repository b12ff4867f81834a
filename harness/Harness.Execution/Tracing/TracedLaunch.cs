using System.Globalization;

namespace Harness.Execution.Tracing;

/// <summary>Starts a command as any other, under limits and the launcher's eyes, and hands it to a thread of its own that traces it.</summary>
public static class TracedLaunch
{
    /// <summary>
    /// A shell that says who it is, stops, and becomes the command. (The launcher waits for ends only, not for stops; and the kernel lets a process trace
    /// its descendants.)
    /// </summary>
    private const string Shell = "/bin/sh";
    private const string Script = "echo $$; kill -STOP $$; exec \"$0\" \"$@\"";

    /// <summary>Runs <paramref name="work"/> on the traced command; it is ended when that returns, unless it has ended.</summary>
    /// <returns>What the work gave, and how the command ended; its standard output without the first line, which is ours.</returns>
    /// <exception cref="TraceException">It cannot be traced here.</exception>
    public static async Task<(T Result, ProcessOutcome Outcome)> RunAsync<T>(
        ChildProcess processes, ProcessRequest request, Func<TracedProcess, T> work, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(processes);
        ArgumentNullException.ThrowIfNull(request);
        var started = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var running = processes.StreamAsync(
            request with { File = Shell, Arguments = ["-c", Script, request.File, .. request.Arguments] },
            line =>
            {
                if (!started.Task.IsCompleted)
                {
                    started.SetResult(int.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var process) ? process : -1);
                }

                return ValueTask.CompletedTask;
            },
            stop.Token);
        if (await Task.WhenAny(started.Task, running).ConfigureAwait(false) == running || await started.Task.ConfigureAwait(false) < 0)
        {
            await stop.CancelAsync().ConfigureAwait(false);
            throw new TraceException($"{request.File} could not be started for tracing: {await running.ConfigureAwait(false)}");
        }

        var result = await OnThreadAsync(await started.Task.ConfigureAwait(false), work).ConfigureAwait(false);
        return (result, await running.ConfigureAwait(false));
    }

    /// <summary>A tracee answers to one thread.</summary>
    private static Task<T> OnThreadAsync<T>(int process, Func<TracedProcess, T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                using var traced = TracedProcess.AttachToExec(process);
                done.SetResult(work(traced));
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                done.SetException(e);
            }
        })
        { IsBackground = true, Name = "tracer" };
        thread.Start();
        return done.Task;
    }
}
