using Harness.Execution;

namespace Harness.Toolchain;

/// <summary>How one run of the compiler ended.</summary>
public abstract record ZigResult(TimeSpan Elapsed)
{
    internal abstract Sealed Seal { get; }

    public sealed record Done(TimeSpan Elapsed) : ZigResult(Elapsed) { internal override Sealed Seal => default; }

    /// <summary>It says what is wrong with its input.</summary>
    public sealed record Diagnosed(TimeSpan Elapsed, string Diagnostics)
        : ZigResult(Elapsed) { internal override Sealed Seal => default; }

    /// <summary>The compiler itself failed.</summary>
    public sealed record Crashed(TimeSpan Elapsed, string Detail)
        : ZigResult(Elapsed) { internal override Sealed Seal => default; }

    public sealed record TimedOut(TimeSpan Elapsed, string Command)
        : ZigResult(Elapsed) { internal override Sealed Seal => default; }
}

/// <summary>Runs the compiler and tells its refusals from its crashes.</summary>
public sealed class ZigCommand(ZigInstallation installation, ChildProcess processes, string globalCache)
{
    private const int MaxTextCharacters = 64 << 10;

    /// <summary>Far above what any unit needs; a compiler that runs away fails before the machine does.</summary>
    private static readonly ResourceLimits _limits = new() { MemoryBytes = 24L << 30, FileSizeBytes = 4L << 30, Confinement = Confinement.Offline };

    /// <summary>What Zig, LLVM and clang say when it is their own fault.</summary>
    private static readonly string[] _crashMarks =
    [
        "LLVM ERROR", "PLEASE submit a bug report", "Segmentation fault", "reached unreachable code",
        "thread panic", "panic:",
        "Stack dump:", "unable to execute command", "clang frontend command failed", "Bus error", "Illegal instruction",
    ];

    public ZigInstallation Installation => installation;

    /// <summary>Directory of what all compilations share.</summary>
    public string GlobalCache => globalCache;

    /// <summary>
    /// Runs a subcommand that compiles: with a local cache of its own, and the shared global one (libc, compiler-rt).
    /// </summary>
    public Task<ZigResult> CompileAsync(
        IEnumerable<string> arguments, string directory, TimeSpan timeout, CancellationToken ct) =>
        RunAsync(
            [.. arguments, "--cache-dir", Path.Combine(directory, "zig-cache"), "--global-cache-dir", globalCache],
            directory, timeout, ct);

    /// <summary>Runs any subcommand.</summary>
    public Task<ZigResult> RunAsync(
        IEnumerable<string> arguments, string directory, TimeSpan timeout, CancellationToken ct) =>
        RunToolAsync([installation.Executable, .. arguments], directory, timeout, ct);

    /// <summary>Runs another compiler, which may call this one: in the same environment, under the same limits.</summary>
    public async Task<ZigResult> RunToolAsync(IReadOnlyList<string> command, string directory, TimeSpan timeout, CancellationToken ct)
    {
        var request = new ProcessRequest
        {
            File = command[0],
            Arguments = [.. command.Skip(1)],
            WorkingDirectory = directory,
            Timeout = timeout,
            OutputCapBytes = 1 << 20,
            Limits = _limits,
            Environment = new Dictionary<string, string?>
            {
                ["ZIG_LIB_DIR"] = installation.LibDirectory,
                ["ZIG_LOCAL_CACHE_DIR"] = Path.Combine(directory, "zig-cache"),
                ["ZIG_GLOBAL_CACHE_DIR"] = globalCache,
                ["ZIG_VERBOSE_LINK"] = null,
                ["ZIG_VERBOSE_CC"] = null,
                ["NO_COLOR"] = "1",
            },
        };
        return await processes.RunAsync(request, ct).ConfigureAwait(false) switch
        {
            ProcessOutcome.Exited { Code: 0 } exited => new ZigResult.Done(exited.Output.Elapsed),
            ProcessOutcome.Exited exited => Judge(exited, request),
            ProcessOutcome.Signaled signaled => new ZigResult.Crashed(
                signaled.Output.Elapsed, $"signal {signaled.Signal} in `{request}`\n{Text(signaled.Output)}"),
            ProcessOutcome.TimedOut timedOut => new ZigResult.TimedOut(timedOut.Output.Elapsed, request.ToString()),
            ProcessOutcome.NotStarted notStarted =>
                throw new ToolchainException($"the compiler cannot be run: {notStarted.Reason}"),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    private static ZigResult Judge(ProcessOutcome.Exited exited, ProcessRequest request)
    {
        var text = Text(exited.Output);
        var crashed = !text.Contains("error", StringComparison.Ordinal)
            || _crashMarks.Any(mark => text.Contains(mark, StringComparison.Ordinal));
        return crashed
            ? new ZigResult.Crashed(exited.Output.Elapsed, $"exit code {exited.Code} of `{request}`\n{text}")
            : new ZigResult.Diagnosed(exited.Output.Elapsed, text);
    }

    private static string Text(ProcessOutput output)
    {
        var text = (output.Stderr + output.Stdout).Trim();
        return text.Length <= MaxTextCharacters ? text : text[..MaxTextCharacters] + "\n… (cut)";
    }
}
