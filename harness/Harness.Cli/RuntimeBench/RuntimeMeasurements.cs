using System.Globalization;
using Harness.Reports;

namespace Harness.Cli.RuntimeBench;

/// <summary>One run of one program in a round.</summary>
/// <param name="Contender">Whose figures it gives.</param>
/// <param name="Program">The program's contender, when it is another's with other arguments.</param>
/// <param name="MemoryBytes">What it takes at its peak; 0: little.</param>
public sealed record BenchRun(string Contender, string Program, IReadOnlyList<string> Arguments, long MemoryBytes = 0);

/// <summary>What <c>--only</c> names: runs that are compared with each other.</summary>
/// <param name="Once">In one round only: it takes gigabytes, and varies little.</param>
public sealed record BenchMeasurement(string Name, IReadOnlyList<BenchRun> Runs, bool Once = false);

/// <summary>All measurements. Amounts of work are of one turn of the programs' eight or sixteen (kit.zig), chosen to take a few milliseconds.</summary>
public static class RuntimeMeasurements
{
    public static IReadOnlyList<string> Names { get; } = ["hot", "deep", "prologue", "switch", "upfront", "idle"];

    /// <param name="effort">What the amounts of work are multiplied with.</param>
    public static IReadOnlyList<BenchMeasurement> All(double effort)
    {
        string Count(double count) => Math.Max(1, Math.Round(count * effort)).ToString(CultureInfo.InvariantCulture);
        // The recursion's work is exponential in its argument.
        var fib = Math.Max(1, 28 + (int)Math.Round(Math.Log(effort) / Math.Log(1.618))).ToString(CultureInfo.InvariantCulture);
        IEnumerable<BenchRun> Routes(params string[] arguments) => BenchContender.Routes.Select(route => Own(route, arguments));
        // At least ten levels: figures are per level.
        var levels = Math.Max(10, Math.Round(10_000 * effort)).ToString(CultureInfo.InvariantCulture);
        const long KiB = 1 << 10;
        return
        [
            new("hot",
            [
                .. Routes("hot", Count(500_000)), Own(BenchContender.Libgcc, "hot", Count(2_000)),
                new(BenchContender.LibgccUnblocked, BenchContender.Libgcc, ["hot", Count(100_000), "unblocked"]),
            ]),
            new("deep",
            [
                .. Routes("deep", levels), Own(BenchContender.Libgcc, "deep", levels),
                new(BenchContender.LibgccUnblocked, BenchContender.Libgcc, ["deep", levels, "unblocked"]),
                Own(BenchContender.Go, "deep", levels),
            ]),
            new("prologue", [.. Routes("fib", fib), .. Routes("calls", Count(40))]),
            new("switch", [Own(BenchContender.Attribute, "switch", Count(300_000)), Own(BenchContender.Fcontext, "switch", Count(300_000))]),
            new("upfront", [.. Routes("upfront", Count(2_000))]),
            // A goroutine that has been deep takes 16 KiB until it is collected, a fiber of std.Io 28 KiB with its page tables: as many as say the same.
            new("idle",
            [
                Own(BenchContender.Attribute, "idle", Count(1_000_000)) with { MemoryBytes = (long)(6 * KiB * 1_000_000 * effort) },
                Own(BenchContender.Go, "idle", Count(100_000)) with { MemoryBytes = (long)(24 * KiB * 100_000 * effort) },
                Own(BenchContender.StandardIo, "idle", Count(5_000)) with { MemoryBytes = (long)(48 * KiB * 5_000 * effort) },
            ], Once: true),
        ];
    }

    private static BenchRun Own(string contender, params string[] arguments) => new(contender, contender, arguments);
}
