using Harness.Execution;
using Harness.Model;
using Harness.Reports;
using Harness.Toolchain;

namespace Harness.Cli.RuntimeBench;

/// <summary>Builds and runs the benchmark programs; tests put a fake in its place.</summary>
public interface IWorkshop
{
    string ZigVersion { get; }

    /// <param name="contender">One of <see cref="BenchContender"/>.</param>
    /// <param name="scratch">Programs of one workshop share it: libgcc's uses the object of the attribute route's.</param>
    /// <exception cref="ToolchainException">It does not build although all it needs is there.</exception>
    Task<BenchmarkProgram> BuildAsync(string contender, string scratch, CancellationToken ct);

    Task<ProcessOutcome> RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken ct);

    /// <summary>Bytes that programs can have without others losing theirs.</summary>
    long AvailableMemory();
}

public sealed class RealWorkshop(BenchmarkBuilder builder, ChildProcess processes, string zigVersion) : IWorkshop
{
    private static readonly TimeSpan _timeout = TimeSpan.FromMinutes(45);

    /// <summary>No RLIMIT_AS: the runtime reserves a terabyte of addresses, and Zig's own fibers 60 MiB each.</summary>
    private static readonly ResourceLimits _limits = new() { CpuSeconds = 600, FileSizeBytes = 1 << 20, OpenFiles = 256 };

    public string ZigVersion => zigVersion;

    public async Task<BenchmarkProgram> BuildAsync(string contender, string scratch, CancellationToken ct)
    {
        string In(string name) => Path.Combine(scratch, name);
        switch (contender)
        {
            case BenchContender.Attribute:
                return await builder.ProductAsync(Route.Attribute, In(contender), ct).ConfigureAwait(false);
            case BenchContender.Thunk:
                return await builder.ProductAsync(Route.Thunk, In(contender), ct).ConfigureAwait(false);
            case BenchContender.Assembly:
                return await builder.ProductAsync(Route.Assembly, In(contender), ct).ConfigureAwait(false);
            case BenchContender.Libgcc:
                return await builder.LibgccAsync(In(BenchContender.Attribute), In(contender), ct).ConfigureAwait(false);
            case BenchContender.Go:
                return await builder.GoAsync(In(contender), ct).ConfigureAwait(false);
            case BenchContender.Fcontext:
                return await builder.FcontextAsync(In(contender), ct).ConfigureAwait(false);
            case BenchContender.StandardIo:
                return await builder.StandardIoAsync(In(contender), ct).ConfigureAwait(false);
            default:
                throw new ArgumentOutOfRangeException(nameof(contender), contender, "no program of that name");
        }
    }

    public Task<ProcessOutcome> RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken ct) => processes.RunAsync(
        new ProcessRequest { File = program, Arguments = arguments, Timeout = _timeout, Limits = _limits, OutputCapBytes = 64 << 10 }, ct);

    public long AvailableMemory()
    {
        const string Name = "MemAvailable:";
        var line = File.ReadLines("/proc/meminfo").FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal));
        return line is not null && long.TryParse(line[Name.Length..].Replace("kB", "", StringComparison.Ordinal), out var kilobytes)
            ? kilobytes << 10
            : 0;
    }
}
