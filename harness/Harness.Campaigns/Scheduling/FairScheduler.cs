using Harness.Model;

namespace Harness.Campaigns;

/// <summary>
/// Work without end under a time budget. Every cell gets the same share of time: the one that has used least goes next,
/// and goes through the stream at its own pace, so a slow cell neither starves the others nor is starved by them. Batches
/// start small and light, so that a short budget reaches every cell, and grow to a few seconds each.
/// </summary>
public sealed class FairScheduler : IWorkScheduler
{
    public const int FirstBatch = 4;
    public const int LargestBatch = 256;

    /// <summary>How long a batch should take at least: long enough to spread the fixed costs, short enough to stop in time.</summary>
    private static readonly TimeSpan _shortest = TimeSpan.FromSeconds(6);

    /// <summary>
    /// And at most, where there is time: what programs share is compiled once. The compiler takes 0.92 (ReleaseFast) and 0.83 times (self-hosted) as long for
    /// a program in batches of 256 as in batches of 128, and 0.86 and 0.68 times as long as in batches of 64 (THROUGHPUT.md).
    /// </summary>
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(20);

    /// <summary>Of the time that is left, what one batch may take.</summary>
    private const double Part = 1 / 40.0;

    private readonly Lock _lock = new();
    private readonly CellAccount[] _accounts;
    private readonly Dictionary<long, TimeSpan> _charged = [];
    private long _sequence;

    /// <param name="start">Where each cell continues; 0 unless a run is resumed.</param>
    public FairScheduler(IReadOnlyList<Cell> cells, Func<Cell, long>? start = null, long firstSequence = 0)
    {
        _accounts = [.. cells.Select(cell => new CellAccount(cell) { Next = start?.Invoke(cell) ?? 0 })];
        _sequence = firstSequence;
    }

    public WorkItem? TryTake(TimeSpan remaining)
    {
        lock (_lock)
        {
            foreach (var account in _accounts.OrderBy(account => account.Used))
            {
                if (account.BatchFor(remaining) is { } count)
                {
                    return Dispatch(account, count);
                }
            }

            return null;
        }
    }

    public void Complete(WorkItem item, TimeSpan elapsed)
    {
        lock (_lock)
        {
            var account = _accounts.First(account => account.Cell == item.Cell);
            _charged.Remove(item.Sequence, out var charged);
            account.Used += elapsed - charged;
            account.Learn(item.Count, elapsed);
        }
    }

    private WorkItem Dispatch(CellAccount account, int count)
    {
        var item = new WorkItem(_sequence++, account.Cell, account.Next, count, Light: account.IsNew);
        account.Next += count;
        // Charged now and corrected at the end: otherwise idle lanes would all pick the same cell.
        var charge = account.Estimate(count) ?? TimeSpan.FromSeconds(1);
        account.Used += charge;
        _charged[item.Sequence] = charge;
        return item;
    }

    /// <summary>What a cell has used, and what it has been seen to cost.</summary>
    private sealed class CellAccount(Cell cell)
    {
        private const double Smoothing = 0.5;

        private double? _secondsPerProgram;
        private int _largestSeen;

        public Cell Cell { get; } = cell;

        public TimeSpan Used { get; set; }

        /// <summary>Nothing has come back yet.</summary>
        public bool IsNew => _secondsPerProgram is null;

        public long Next { get; set; }

        public TimeSpan? Estimate(int count) =>
            _secondsPerProgram is { } seconds ? TimeSpan.FromSeconds(seconds * count) : null;

        /// <summary>How many programs to take, or null when even the smallest batch would overrun.</summary>
        public int? BatchFor(TimeSpan remaining)
        {
            if (remaining <= TimeSpan.Zero)
            {
                return null;
            }

            if (_secondsPerProgram is not { } seconds)
            {
                return FirstBatch;
            }

            if (seconds > remaining.TotalSeconds)
            {
                return null;
            }

            var target = Math.Clamp(remaining.TotalSeconds * Part, _shortest.TotalSeconds, _longest.TotalSeconds);
            var affordable = Math.Min(target, remaining.TotalSeconds) / Math.Max(seconds, 1e-6);
            // At most doubling: the cost of a program falls as batches grow, and the first ones pay for caches.
            var largest = Math.Min(LargestBatch, Math.Max(FirstBatch, _largestSeen * 2));
            return Math.Clamp((int)Math.Min(affordable, largest), 1, LargestBatch);
        }

        public void Learn(int count, TimeSpan elapsed)
        {
            var seconds = elapsed.TotalSeconds / count;
            _secondsPerProgram = _secondsPerProgram is { } old ? (old * (1 - Smoothing)) + (seconds * Smoothing) : seconds;
            _largestSeen = Math.Max(_largestSeen, count);
        }
    }
}
