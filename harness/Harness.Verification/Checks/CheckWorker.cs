using System.Collections.Immutable;
using System.Globalization;
using Harness.Execution;
using Harness.Verification.TestFiles;

namespace Harness.Verification.Checks;

/// <param name="RunSeconds">Of a processor, for one run; three times as many by the clock. One that takes longer hangs.</param>
/// <param name="OutputBytes">That a run may write to standard output, to standard error, or to any file.</param>
public sealed record CheckLimits(int RunSeconds, int OutputBytes)
{
    public static readonly CheckLimits Default = new(10, 1 << 20);

    /// <summary>Of the processes that runs are forked from; each run has less.</summary>
    public ResourceLimits Resources { get; init; } = new() { MemoryBytes = 8L << 30, FileSizeBytes = 1L << 30, OpenFiles = 1024 };
}

/// <summary>One run of a program under one plan.</summary>
public sealed record CheckRun(CheckPlan Plan, CheckObservation Seen, long Prologues, long Splits, long Checkpoints, long Allocations, bool Exhausted);

/// <summary>A program that check_host.zig was linked into, with checks or without.</summary>
public sealed class CheckWorker(ChildProcess processes, string program, string directory, CheckLimits limits)
{
    /// <summary>All that the runs of one process say; with logs of 1 MiB that is more than a batch has.</summary>
    private const int OutputCapBytes = 1 << 30;
    private const string PlanFile = "plans.txt";
    private readonly LineProcess _processes = new(processes, limits.Resources, TimeSpan.FromSeconds((3 * limits.RunSeconds) + 30));
    private readonly Lazy<CheckFrames> _frames = new(() => CheckFrames.Load(program));

    /// <summary>Each plan once, in their order, in a process of its own that is forked from one for all.</summary>
    /// <exception cref="InvalidDataException">The program is none of ours, or cannot work here.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; what ran is killed.</exception>
    public async Task<ImmutableArray<CheckRun>> RunAsync(IReadOnlyList<CheckPlan> plans, CancellationToken ct)
    {
        var file = Path.Combine(directory, PlanFile);
        var lines = plans.Select((plan, i) => string.Create(CultureInfo.InvariantCulture, $"{i + 1} {plan}\n"));
        await File.WriteAllTextAsync(file, string.Concat(lines), ct).ConfigureAwait(false);
        var runs = ImmutableArray.CreateBuilder<CheckRun>(plans.Count);
        var known = new Dictionary<string, CheckObservation>(StringComparer.Ordinal);
        var details = new List<string>();
        string[] arguments = [file, $"{limits.RunSeconds}", $"{limits.OutputBytes}"];
        var ending = await _processes.RunAsync(program, directory, arguments, Take, OutputCapBytes, ct).ConfigureAwait(false);
        return ending is null && runs.Count == plans.Count
            ? runs.ToImmutable()
            : throw new InvalidDataException($"{program} ended after {runs.Count} of {plans.Count} runs: {ending?.How ?? "done"}");

        void Take(string text)
        {
            switch (CheckLine.Parse(text))
            {
                case CheckLine.Started:
                    details.Clear();
                    break;
                case CheckLine.Detail detail:
                    details.Add(detail.Text);
                    break;
                case CheckLine.Ended ended when ended.Number == runs.Count + 1 && runs.Count < plans.Count:
                    if (!known.TryGetValue(ended.Hash, out var seen) || details.Count > 0)
                    {
                        seen = CheckObservation.Of(details, _frames.Value, ended.Dropped);
                        known[ended.Hash] = seen;
                    }

                    runs.Add(new CheckRun(plans[runs.Count], seen, ended.Prologues, ended.Splits, ended.Checkpoints, ended.Allocations, ended.Exhausted));
                    break;
                case CheckLine.Ended ended:
                    throw new InvalidDataException($"{program} ended run {ended.Number} out of turn");
            }
        }
    }
}
