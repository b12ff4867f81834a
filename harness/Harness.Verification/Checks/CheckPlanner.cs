using Harness.Model;

namespace Harness.Verification.Checks;

/// <summary>How many plans there are at most; what is left out is said.</summary>
/// <param name="Singles">Single splits of the run without fault.</param>
/// <param name="SinglesPerFault">The same with each fault.</param>
/// <param name="FaultPoints">Checkpoints that fail in each way, and allocations that fail.</param>
public sealed record CheckCaps(int Singles, int SinglesPerFault, int FaultPoints)
{
    public static readonly CheckCaps Default = new(1000, 16, 64);
}

/// <summary>The plans for a program of which checkpoints, allocations and prologues have been counted.</summary>
public static class CheckPlanner
{
    /// <summary>Prologues beyond which not each splits but every n-th, so many in all; fewer where each release fills the segment.</summary>
    private const long MaxSplits = 500_000;
    private const long MaxPoisonedSplits = 20_000;

    /// <summary>Those that single splits are spread over.</summary>
    private static readonly CheckMemory[] _memories = [CheckMemory.Descending, CheckMemory.Ascending, CheckMemory.Interleaved, CheckMemory.Pool];

    /// <summary>An error, a cancellation, an overflow and a panic at checkpoints; refused allocations. None is not among them.</summary>
    public static IReadOnlyList<CheckFault> Faults(long checkpoints, long allocations, CheckCaps caps)
    {
        ArgumentNullException.ThrowIfNull(caps);
        var at = Spread(checkpoints, caps.FaultPoints);
        return
        [
            .. at.Select(k => CheckFault.Deliver.At(k, (int)ErrorName.Injected)), .. at.Select(k => new CheckFault.Cancel(k)), .. at.Select(k => new CheckFault.Overflow(k)),
            .. at.Select(k => CheckFault.Deliver.At(k, CheckFault.PanicCode)), .. Spread(allocations, caps.FaultPoints).Select(n => new CheckFault.Allocation(n)),
        ];
    }

    /// <summary>Every prologue splits, in every memory.</summary>
    public static IEnumerable<CheckPlan> Every(CheckFault fault, long prologues) => Enum.GetValues<CheckMemory>().Select(memory =>
        new CheckPlan(fault, new CheckSplits.Nth(1 + (prologues / (memory is CheckMemory.Ascending ? MaxPoisonedSplits : MaxSplits))), memory));

    /// <summary>One prologue splits: each in turn, or so many of them.</summary>
    public static IEnumerable<CheckPlan> Singles(CheckFault fault, long prologues, int most) =>
        Spread(prologues, most).Select((prologue, i) => new CheckPlan(fault, new CheckSplits.At([prologue]), _memories[i % _memories.Length]));

    /// <summary>The numbers from 1 to <paramref name="count"/>, or <paramref name="most"/> of them, the first and the last included, at equal distances.</summary>
    public static IReadOnlyList<long> Spread(long count, int most) => count <= most
        ? [.. Enumerable.Range(1, (int)Math.Max(count, 0)).Select(n => (long)n)]
        : most <= 1 ? [count] : [.. Enumerable.Range(0, most).Select(i => 1 + (long)((Int128)(count - 1) * i / (most - 1)))];
}
