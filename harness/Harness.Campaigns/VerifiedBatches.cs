using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Harness.Model;
using Harness.Toolchain;
using Harness.Verification;

namespace Harness.Campaigns;

/// <summary>What is built once for a compiler: the launcher and the runtime's objects.</summary>
public interface IPreparation
{
    Task PrepareAsync(IReadOnlyList<Cell> cells, CancellationToken ct);
}

/// <summary>The verification room behind the campaign's interface.</summary>
/// <param name="root">Of the checkout; does not appear in what is stored.</param>
public sealed class VerifiedBatches(
    IUnitFactory factory, IUnitRunner runner, IPreparation preparation, PlanOptions options, string root) : IBatchChecker
{
    /// <summary>Enough for every kind of fault and split.</summary>
    private const int LightRows = 160;

    /// <summary>Of long programs, such a part of the executions.</summary>
    private const int LightShare = 4;

    /// <summary>With the parameter that tracing adds, functions have another convention: most batches go without, as most programs do.</summary>
    private const int TracedShare = 3;

    private readonly BatchChecker _checker = new(factory, runner);

    public Task PrepareAsync(IReadOnlyList<Cell> cells, CancellationToken ct) =>
        Environments.TranslateAsync(async () =>
        {
            await preparation.PrepareAsync(cells, ct).ConfigureAwait(false);
            return true;
        });

    public async Task<BatchOutcome> CheckAsync(
        IReadOnlyList<FiberProgram> programs, Cell cell, PlanChoice plans, string scratchDirectory, CancellationToken ct, CancellationToken windUp = default)
    {
        var seeded = options with { Seed = plans.Seed, Observe = plans.Observe, Exhaustive = plans.Exhaustive, Stepped = plans.Stepped };
        var chosen = plans.Light ? seeded with { RowCap = LightRows, EntryBudget = options.EntryBudget / LightShare, ObservedFrames = options.ObservedFrames / 10 } : seeded;
        cell = Drawn(programs, cell);
        var result = await Environments.TranslateAsync(
            () => _checker.CheckAsync(programs, cell, chosen, scratchDirectory, ct, windUp)).ConfigureAwait(false);
        return new BatchOutcome(
            result.Counters, result.Unfinished.ToEquatableArray(), result.Coverage,
            [.. result.Findings.Select(finding => Failure(finding, programs, new PathScrubber(scratchDirectory, root)))], Inconclusive(result), Seconds(result.Timings), result.Arrivals, result.Traces)
        {
            Covered = result.Covered,
            WorkerTime = TimeSpan.FromTicks(result.Programs.Sum(program => program.Elapsed?.Ticks ?? 0)),
        };
    }

    /// <summary>The cell as this batch is compiled there.</summary>
    public static Cell Drawn(IReadOnlyList<FiberProgram> programs, Cell cell) => cell with { ErrorTracing = DrawsErrorTracing(programs, cell) };

    /// <summary>
    /// Whether a batch of a release mode keeps error return traces: one in <see cref="TracedShare"/>, by its first program, so that a campaign of
    /// the same programs draws the same. Debug keeps them unasked.
    /// </summary>
    private static bool DrawsErrorTracing(IReadOnlyList<FiberProgram> programs, Cell cell)
    {
        if (programs.Count == 0 || cell.Mode is OptimizeMode.Debug)
        {
            return false;
        }

        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(cell + ProgramJson.Write(programs[0])));
        return BinaryPrimitives.ReadUInt32LittleEndian(hash) % TracedShare == 0;
    }

    private static Failure Failure(Finding finding, IReadOnlyList<FiberProgram> programs, PathScrubber scrubber)
    {
        var (expected, observed) = ObservationText.Of(finding.Observation);
        observed = scrubber.Scrub(observed);
        var program = Enumerable.Range(0, programs.Count).First(i => programs[i] == finding.Case.Program);
        var (signature, family) = (finding.Signature.ToString(), $"{finding.Signature.Check}.{finding.Signature.Event}.{finding.Signature.Site}");
        return new Failure(signature, family, finding.Case, program, finding.Signature.Check, expected, observed) { Picture = finding.Observation.Picture };
    }

    private static Dictionary<string, long> Inconclusive(BatchResult result)
    {
        var reasons = result.RowsSkipped.ToDictionary(skipped => $"executions not run: {skipped.Key}", skipped => skipped.Value);
        foreach (var program in result.Programs.Where(program => program.Unusable is not null))
        {
            var reason = $"programs without a plan: {program.Unusable}";
            reasons[reason] = reasons.GetValueOrDefault(reason) + 1;
        }

        if (result.Judged.OverflowsUnjudged > 0)
        {
            reasons["overflowing executions beyond the model's caps"] = result.Judged.OverflowsUnjudged;
        }

        return reasons;
    }

    private static PhaseSeconds Seconds(BatchTimings timings) => new(
        timings.Model.TotalSeconds, timings.Compile.TotalSeconds, timings.Link.TotalSeconds,
        timings.Execute.TotalSeconds + timings.Record.TotalSeconds);
}

/// <summary>Takes this machine's folders out of what compilers and workers say, so that stored cases read the same everywhere.</summary>
public sealed class PathScrubber(string scratchDirectory, string root)
{
    public string Scrub(string text) => text
        .Replace(Path.GetFullPath(scratchDirectory), "scratch", StringComparison.Ordinal)
        .Replace(Path.GetFullPath(root) + Path.DirectorySeparatorChar, "", StringComparison.Ordinal);
}

/// <summary>Turns the toolchain's complaint about the set-up into the campaign's.</summary>
internal static class Environments
{
    public static async Task<T> TranslateAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (ToolchainException e)
        {
            throw new EnvironmentUnusableException(e.Message.Split('\n')[0], e);
        }
    }
}
