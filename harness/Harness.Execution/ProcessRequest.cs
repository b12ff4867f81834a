namespace Harness.Execution;

/// <summary>What a child may not do (zig-fixtures/worker/confine.zig).</summary>
public enum Confinement
{
    None,

    /// <summary>No sockets, so no network: for compilers.</summary>
    Offline,

    /// <summary>No other process besides, no signal to one: for generated programs.</summary>
    Alone,
}

/// <summary>
/// What a child may use, enforced by the kernel through the launcher (ignored when a child is run without it).
/// <see langword="null"/> leaves the inherited limit. Core dumps are off unless <see cref="CoreBytes"/> says otherwise.
/// </summary>
public sealed record ResourceLimits
{
    /// <summary>RLIMIT_AS: allocations beyond it fail (nothing is killed).</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>RLIMIT_CPU: SIGXCPU at the limit, SIGKILL one second later.</summary>
    public int? CpuSeconds { get; init; }

    /// <summary>RLIMIT_NOFILE.</summary>
    public int? OpenFiles { get; init; }

    /// <summary>RLIMIT_FSIZE: SIGXFSZ when a file would grow beyond it.</summary>
    public long? FileSizeBytes { get; init; }

    /// <summary>RLIMIT_CORE.</summary>
    public long CoreBytes { get; init; }

    public Confinement Confinement { get; init; }
}

/// <summary>One command to run to its end. Its standard input is empty; its output is bounded.</summary>
public sealed record ProcessRequest
{
    public const int DefaultOutputCapBytes = 16 << 20;

    /// <summary>An executable: a path, or a bare name to be found on PATH.</summary>
    public required string File { get; init; }

    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Defaults to the harness's own.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>Added to the inherited environment; a null value removes the variable.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    /// <summary>Wall time; at its end the child's whole process group is killed.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>
    /// Bytes kept of each output stream. The rest is read and dropped, so a talkative child cannot block or fill
    /// memory.
    /// </summary>
    public int OutputCapBytes { get; init; } = DefaultOutputCapBytes;

    public ResourceLimits? Limits { get; init; }

    /// <summary>Is told the process, or the launcher above it, as soon as it is there.</summary>
    public Action<int>? Began { get; init; }

    /// <summary>The command as a person would type it.</summary>
    public override string ToString() => string.Join(' ', Arguments.Prepend(File).Select(Quote));

    private static string Quote(string argument) =>
        argument.Length > 0 && argument.All(c => char.IsAsciiLetterOrDigit(c) || "-_./=:,+@%".Contains(c))
            ? argument
            : $"'{argument.Replace("'", @"'\''")}'";
}
