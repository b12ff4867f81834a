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
    /// <param name="layout">Below <see cref="LayoutsOf"/>: which of the programs that differ in where their code lies.</param>
    /// <param name="scratch">Programs of one workshop share it: libgcc's uses the object of the attribute route's.</param>
    /// <exception cref="ToolchainException">It does not build although all it needs is there.</exception>
    Task<BenchmarkProgram> BuildAsync(string contender, int layout, string scratch, CancellationToken ct);

    /// <summary>How many programs there are of a contender: of those that run the routes' code several.</summary>
    int LayoutsOf(string contender);

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

    public int LayoutsOf(string contender) =>
        contender is BenchContender.Libgcc || BenchContender.Routes.Contains(contender) ? BenchmarkBuilder.Layouts : 1;

    public async Task<BenchmarkProgram> BuildAsync(string contender, int layout, string scratch, CancellationToken ct)
    {
        string In(string name) => Path.Combine(scratch, $"{name}-{layout}");
        return await (contender switch
        {
            BenchContender.Attribute => builder.ProductAsync(Route.Attribute, layout, In(contender), ct),
            BenchContender.Thunk => builder.ProductAsync(Route.Thunk, layout, In(contender), ct),
            BenchContender.Assembly => builder.ProductAsync(Route.Assembly, layout, In(contender), ct),
            BenchContender.Libgcc => builder.LibgccAsync(In(BenchContender.Attribute), In(contender), ct),
            BenchContender.Go => builder.GoAsync(In(contender), ct),
            BenchContender.Fcontext => builder.FcontextAsync(In(contender), ct),
            BenchContender.StandardIo => builder.StandardIoAsync(In(contender), ct),
            _ => throw new ArgumentOutOfRangeException(nameof(contender), contender, "no program of that name"),
        }).ConfigureAwait(false);
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
