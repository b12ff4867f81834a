using System.Diagnostics;
using System.Globalization;
using Harness.Execution;

namespace Harness.Cli.Comparing;

/// <summary>What a comparison came to; null where the tool is not there.</summary>
/// <param name="Programs">Compared to their end.</param>
/// <param name="Unjudged">Programs that did not end in time on a side.</param>
public sealed record CsmithResult(int Programs, int Unjudged, int Different, double Seconds)
{
    public double ProgramsPerMinute => Programs / Seconds * 60;
}

/// <summary>
/// The established way for C: csmith makes a program, gcc compiles it with -O0 and with -O2, both are run, the checksums that they print are compared. As
/// csmith's own driver does it: a program at a time, on as many lanes as ours has.
/// </summary>
public sealed class Csmith(ChildProcess processes)
{
    private const int RunSeconds = 5;

    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);
    private static readonly string[] _includes = ["/usr/include/csmith", "/usr/include/csmith-2.3.0", "/usr/local/include/csmith"];

    /// <summary>Why it cannot be measured here; null: it can.</summary>
    public static string? Missing =>
        ExecutablePath.Resolve("csmith") is null ? "csmith is not installed (Debian: csmith)"
        : ExecutablePath.Resolve("gcc") is null ? "gcc is not installed"
        : Include is null ? "csmith.h is not installed (Debian: libcsmith-dev)"
        : null;

    private static string? Include => _includes.FirstOrDefault(folder => File.Exists(Path.Combine(folder, "csmith.h")));

    public async Task<CsmithResult> MeasureAsync(int programs, int lanes, ulong seed, string scratch, CancellationToken ct)
    {
        var started = Stopwatch.GetTimestamp();
        var verdicts = new bool?[programs];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, programs), new ParallelOptions { MaxDegreeOfParallelism = lanes, CancellationToken = ct },
            async (i, cancel) => verdicts[i] = await AgreesAsync(seed + (ulong)i, Path.Combine(scratch, $"{i}"), cancel).ConfigureAwait(false)).ConfigureAwait(false);
        return new CsmithResult(
            verdicts.Count(verdict => verdict is not null), verdicts.Count(verdict => verdict is null), verdicts.Count(verdict => verdict is false),
            Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>Whether both levels print the same; null: one of them did not end, or did not compile.</summary>
    private async Task<bool?> AgreesAsync(ulong seed, string folder, CancellationToken ct)
    {
        Directory.CreateDirectory(folder);
        var source = Path.Combine(folder, "program.c");
        await RunAsync("csmith", ["--seed", seed.ToString(CultureInfo.InvariantCulture), "--output", source], folder, _patience, ct).ConfigureAwait(false);
        var printed = new List<string?>();
        foreach (var level in (string[])["-O0", "-O2"])
        {
            var binary = Path.Combine(folder, "program" + level);
            await RunAsync("gcc", ["-w", level, "-I", Include!, source, "-o", binary], folder, _patience, ct).ConfigureAwait(false);
            printed.Add(File.Exists(binary) ? await RunAsync(binary, [], folder, TimeSpan.FromSeconds(RunSeconds), ct).ConfigureAwait(false) : null);
        }

        return printed.Contains(null) ? null : printed[0] == printed[1];
    }

    private async Task<string?> RunAsync(string file, string[] arguments, string folder, TimeSpan patience, CancellationToken ct)
    {
        var request = new ProcessRequest { File = file, Arguments = arguments, WorkingDirectory = folder, Timeout = patience, Limits = new ResourceLimits { FileSizeBytes = 64 << 20 } };
        return await processes.RunAsync(request, ct).ConfigureAwait(false) is ProcessOutcome.Exited { Code: 0 } exited ? exited.Output.Stdout : null;
    }
}
