using Harness.Execution;

namespace Harness.Verification.TestFiles;

/// <summary>
/// Runs the processes of zig-fixtures/testing, which say a line per event, <c>@done</c> when all is done and <c>@broken</c> when they cannot work; whatever else
/// ends one is its test's or program's doing.
/// </summary>
/// <param name="processes">Under whose launcher they run.</param>
/// <param name="limits">Of each.</param>
/// <param name="silence">A process that says nothing for so long hangs, and is ended.</param>
/// <param name="environment">For each of them.</param>
internal sealed class LineProcess(ChildProcess processes, ResourceLimits limits, TimeSpan silence, params (string Name, string Value)[] environment)
{
    private const string Done = "@done";
    private const string Broken = "@broken ";

    /// <summary>What ends a process whose processor time, as it has limited that itself, is used up (setitimer(2), ITIMER_PROF).</summary>
    private const int ProcessorTimeSignal = 27;

    /// <summary>A whole process; tests of a large library run for long.</summary>
    private static readonly TimeSpan _longest = TimeSpan.FromHours(6);

    /// <summary>How it ended before all was done.</summary>
    public sealed record Ending(bool Hung, string How);

    /// <summary>Null: it did all that it was asked for.</summary>
    /// <exception cref="InvalidDataException">It cannot be started, or cannot work here, or what <paramref name="onLine"/> threw.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; what ran is killed.</exception>
    public async Task<Ending?> RunAsync(string worker, string directory, IReadOnlyList<string> arguments, Action<string> onLine, int outputCapBytes, CancellationToken ct)
    {
        var request = new ProcessRequest
        {
            File = worker, Arguments = arguments, WorkingDirectory = directory, Timeout = _longest, OutputCapBytes = outputCapBytes, Limits = limits,
            Environment = environment.Append(("NO_COLOR", "1")).ToDictionary(variable => variable.Item1, variable => (string?)variable.Item2),
        };
        using var quiet = CancellationTokenSource.CreateLinkedTokenSource(ct);
        quiet.CancelAfter(silence);
        var done = false;
        try
        {
            var outcome = await processes.StreamAsync(request, text =>
            {
                quiet.CancelAfter(silence);
                if (text.StartsWith(Broken, StringComparison.Ordinal))
                {
                    throw new InvalidDataException($"{worker} cannot work here: {text[Broken.Length..]}");
                }

                if (text == Done)
                {
                    done = true;
                }
                else
                {
                    onLine(text);
                }

                return ValueTask.CompletedTask;
            }, quiet.Token).ConfigureAwait(false);
            return outcome switch
            {
                ProcessOutcome.NotStarted not => throw new InvalidDataException($"{worker} cannot be started: {not.Reason}"),
                _ when done => null,
                ProcessOutcome.Exited exited => Ended($"exit code {exited.Code}", exited.Output),
                ProcessOutcome.Signaled { Signal: ProcessorTimeSignal } => new Ending(true, "none within its processor time"),
                ProcessOutcome.Signaled signaled => Ended($"signal {signaled.Signal}", signaled.Output),
                ProcessOutcome.TimedOut => new Ending(true, "none"),
                _ => throw new System.Diagnostics.UnreachableException(),
            };
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new Ending(true, $"none within {silence.TotalSeconds:0} s");
        }
    }

    private static Ending Ended(string how, ProcessOutput output)
    {
        var said = output.Stderr.Trim();
        return new Ending(false, said.Length > 0 ? $"{how}: {said.Split('\n')[^1]}" : how);
    }
}
