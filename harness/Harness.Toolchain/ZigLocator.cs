using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Harness.Execution;
using Harness.Toolchain.Compat;

namespace Harness.Toolchain;

/// <summary>
/// Finds the compiler: the one asked for, else <c>$HARNESS_ZIG</c>, else the repository's pinned npm install, else
/// <c>zig</c> on PATH if its release is supported. One that was asked for by name and does not work is not passed over.
/// </summary>
public static partial class ZigLocator
{
    public const string EnvironmentVariable = "HARNESS_ZIG";
    private const string LibVariable = "ZIG_LIB_DIR";
    private const string Install =
        "run `npm ci` at the repository's root, or name a compiler with --zig or HARNESS_ZIG";
    private static readonly TimeSpan _timeout = TimeSpan.FromSeconds(20);

    /// <param name="explicitPath">What the user named (<c>--zig</c>), if anything.</param>
    /// <param name="repositoryRoot">Where <c>node_modules</c> may be, if known.</param>
    /// <param name="environment">Reads an environment variable; for tests. Defaults to the process's own.</param>
    public static async Task<ZigLocation> LocateAsync(
        string? explicitPath, string? repositoryRoot, CancellationToken ct, Func<string, string?>? environment = null)
    {
        environment ??= Environment.GetEnvironmentVariable;
        if (!string.IsNullOrEmpty(explicitPath))
        {
            return await ProbeAsync(explicitPath, "--zig", environment, ct).ConfigureAwait(false);
        }

        if (environment(EnvironmentVariable) is { Length: > 0 } named)
        {
            return await ProbeAsync(named, EnvironmentVariable, environment, ct).ConfigureAwait(false);
        }

        if (PinnedPath(repositoryRoot) is { } pinned)
        {
            return await ProbeAsync(pinned, "node_modules", environment, ct).ConfigureAwait(false);
        }

        if (ExecutablePath.Resolve("zig") is not { } onPath)
        {
            return new ZigLocation.Missing($"no Zig compiler found; {Install}");
        }

        var location = await ProbeAsync(onPath, "PATH", environment, ct).ConfigureAwait(false);
        return location is ZigLocation.Found { Installation: { IsSupported: false, Version: var version } }
            ? new ZigLocation.Missing(
                $"zig on PATH is {version}, and {ZigRelease.Supported}x is needed; {Install}")
            : location;
    }

    private static string? PinnedPath(string? repositoryRoot)
    {
        if (repositoryRoot is null)
        {
            return null;
        }

        var system = OperatingSystem.IsMacOS() ? "darwin" : OperatingSystem.IsWindows() ? "win32" : "linux";
        var architecture = RuntimeInformation.OSArchitecture is Architecture.Arm64 ? "arm64" : "x64";
        var file = OperatingSystem.IsWindows() ? "zig.exe" : "zig";
        var path = Path.Combine(repositoryRoot, "node_modules", "@zigc", $"{system}-{architecture}", "bin", file);
        return File.Exists(path) ? path : null;
    }

    private static async Task<ZigLocation> ProbeAsync(
        string file, string source, Func<string, string?> environment, CancellationToken ct)
    {
        var path = ExecutablePath.Resolve(file);
        if (path is null)
        {
            return new ZigLocation.Missing($"{source} names {file}, which is not an executable file; {Install}");
        }

        var request =
            new ProcessRequest { File = path, Arguments = ["version"], Timeout = _timeout, OutputCapBytes = 4096 };
        var outcome = await ChildProcess.Bare.RunAsync(request, ct).ConfigureAwait(false);
        if (outcome is not ProcessOutcome.Exited { Code: 0, Output: var output }
            || !Version().IsMatch(output.Stdout.Trim()))
        {
            return new ZigLocation.Missing(
                $"{path} ({source}) is not a working Zig compiler: {Describe(outcome)}; {Install}");
        }

        var version = output.Stdout.Trim();
        var lib = LibDirectory(path, environment);
        return lib.Missing
            ? new ZigLocation.Missing(
                $"{path} ({source}) is Zig {version} without its lib directory; set {LibVariable} to it, or {Install}")
            : new ZigLocation.Found(new ZigInstallation(path, lib.Directory, version), source);
    }

    private static string Describe(ProcessOutcome outcome) => outcome switch
    {
        ProcessOutcome.Exited exited =>
            $"`zig version` exits with {exited.Code} and says \"{FirstLine(exited.Output)}\"",
        ProcessOutcome.Signaled signaled => $"`zig version` dies of signal {signaled.Signal}",
        ProcessOutcome.TimedOut => $"`zig version` does not end within {_timeout.TotalSeconds:0} s",
        ProcessOutcome.NotStarted notStarted => notStarted.Reason,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static string FirstLine(ProcessOutput output)
    {
        var text = (output.Stdout + output.Stderr).Trim();
        var line = text.Split('\n', 2)[0].Trim();
        return line.Length <= 80 ? line : line[..80] + "…";
    }

    /// <summary>
    /// As the compiler looks for it (in each directory above its own), then next to the npm package, then where the
    /// user says.
    /// </summary>
    private static (string? Directory, bool Missing) LibDirectory(string executable, Func<string, string?> environment)
    {
        var real = File.ResolveLinkTarget(executable, returnFinalTarget: true)?.FullName ?? executable;
        for (var directory = real; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            foreach (var candidate in new[] { Path.Combine(directory, "lib", "zig"), Path.Combine(directory, "lib") })
            {
                if (HasStandardLibrary(candidate))
                {
                    return (candidate, false);
                }
            }
        }

        return environment(LibVariable) is { Length: > 0 } named && HasStandardLibrary(named)
            ? (named, false)
            : (null, true);
    }

    private static bool HasStandardLibrary(string directory) => File.Exists(Path.Combine(directory, "std", "std.zig"));

    [GeneratedRegex(@"^\d+\.\d+\.\d+([-+.][0-9A-Za-z.+-]+)?$")]
    private static partial Regex Version();
}
