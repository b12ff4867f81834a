namespace Harness.Execution;

/// <summary>
/// What a child wrote, at most <see cref="ProcessRequest.OutputCapBytes"/> of each stream, and how long it took.
/// </summary>
/// <param name="Stdout">Empty when the lines were streamed.</param>
/// <param name="Usage">Known when the child ran under the launcher to its own end.</param>
public sealed record ProcessOutput(
    string Stdout, string Stderr, bool StdoutTruncated, bool StderrTruncated, TimeSpan Elapsed, ProcessUsage? Usage);

/// <summary>What the kernel accounted to the child and its reaped children.</summary>
public readonly record struct ProcessUsage(TimeSpan User, TimeSpan System, long MaxResidentBytes);

/// <summary>
/// How a child ended: <see cref="Exited"/>, <see cref="Signaled"/>, <see cref="TimedOut"/> or <see cref="NotStarted"/>.
/// </summary>
public abstract record ProcessOutcome
{
    private ProcessOutcome()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <summary>It ended by itself, with any exit code.</summary>
    public sealed record Exited(int Code, ProcessOutput Output)
        : ProcessOutcome { internal override Sealed Seal => default; }

    /// <summary>A signal ended it. Without the launcher this is guessed from exit codes above 128.</summary>
    public sealed record Signaled(int Signal, ProcessOutput Output)
        : ProcessOutcome { internal override Sealed Seal => default; }

    /// <summary>The request's timeout passed and its process group was killed.</summary>
    public sealed record TimedOut(ProcessOutput Output) : ProcessOutcome { internal override Sealed Seal => default; }

    /// <summary>There never was a process: missing or unusable executable, working directory, or limits.</summary>
    public sealed record NotStarted(string Reason) : ProcessOutcome { internal override Sealed Seal => default; }
}
