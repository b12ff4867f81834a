using Harness.Model;

namespace Harness.Campaigns;

/// <summary>A fixed number of programs, each in every cell. The order depends on nothing but the arguments.</summary>
public sealed class FixedScheduler : IWorkScheduler
{
    public const int ProgramsPerBatch = 32;

    private readonly Lock _lock = new();
    private readonly Queue<WorkItem> _items;

    /// <param name="isDone">Whether an earlier part of a resumed run has finished the batch that starts there.</param>
    /// <param name="perBatch">Programs that are compiled together.</param>
    public FixedScheduler(
        IReadOnlyList<Cell> cells, int programs, long firstSequence = 0, Func<Cell, long, bool>? isDone = null, int perBatch = ProgramsPerBatch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(programs);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(perBatch);
        var items = Items(cells, programs, perBatch).Where(item => isDone is null || !isDone(item.Cell, item.Start));
        _items = new Queue<WorkItem>(items.Select((item, i) => item with { Sequence = firstSequence + i }));
    }

    public WorkItem? TryTake(TimeSpan remaining)
    {
        lock (_lock)
        {
            return _items.TryDequeue(out var item) ? item : null;
        }
    }

    public void Complete(WorkItem item, TimeSpan elapsed)
    {
    }

    /// <summary>Batch after batch, the slow cells of each first, so that no slow one is left alone at the end.</summary>
    private static IEnumerable<WorkItem> Items(IReadOnlyList<Cell> cells, int programs, int perBatch)
    {
        for (var start = 0; start < programs; start += perBatch)
        {
            var count = Math.Min(perBatch, programs - start);
            foreach (var cell in cells.OrderByDescending(cell => cell.Backend is Backend.Llvm).ThenByDescending(cell => cell.Mode))
            {
                yield return new WorkItem(0, cell, start, count);
            }
        }
    }
}
