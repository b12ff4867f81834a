using Harness.Model;

namespace Harness.Campaigns;

/// <summary>
/// The small scope before random programs: every program of up to one statement in each cell, then of up to two, and so on, as far as a share of the budget
/// goes; then what another scheduler hands out. A size is begun in all cells before the next one, the cheapest cells first, so that what a short budget
/// reaches is whole.
/// </summary>
public sealed class SmallScopeFirst : IWorkScheduler
{
    /// <summary>Of the lanes' time.</summary>
    public const double Share = 0.05;

    /// <summary>What a first batch is taken to cost: about what it does on a machine of two cores.</summary>
    private static readonly TimeSpan _guess = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly IWorkScheduler _then;
    private readonly TimeSpan _allowance;
    /// <summary>Made as they are taken: the programs of a larger size take seconds to count.</summary>
    private readonly IEnumerator<WorkItem> _items;
    private readonly Dictionary<long, TimeSpan> _charged = [];
    /// <summary>As the other scheduler numbers them.</summary>
    private readonly Dictionary<long, WorkItem> _others = [];
    private long _sequence;
    private TimeSpan _used;
    private TimeSpan _dearest;

    /// <param name="allowance">Of all lanes together.</param>
    /// <param name="used">Of it, by earlier processes of a resumed run.</param>
    /// <param name="isDone">Whether an earlier process has finished the batch of this size that starts there.</param>
    /// <param name="firstSequence">Items are numbered from here on, those of <paramref name="then"/> too.</param>
    public SmallScopeFirst(
        IWorkScheduler then, IReadOnlyList<Cell> cells, Shards part, TimeSpan allowance, TimeSpan used, Func<Cell, int, long, bool> isDone, long firstSequence)
    {
        (_then, _allowance, _used) = (then, allowance, used);
        _items = Items(cells, part).Where(item => !isDone(item.Cell, item.Scope!.Value, item.Start)).GetEnumerator();
        _sequence = firstSequence;
    }

    public WorkItem? TryTake(TimeSpan remaining)
    {
        lock (_lock)
        {
            // Until it is known what a batch costs here, one at a time: on a busy machine it may be the whole share.
            var isKnown = _dearest > TimeSpan.Zero;
            var cost = isKnown ? _dearest : _guess;
            if ((isKnown || _charged.Count == 0) && _used + cost <= _allowance && cost < remaining && _items.MoveNext())
            {
                var item = _items.Current with { Sequence = _sequence++ };
                _used += cost;
                _charged[item.Sequence] = cost;
                return item;
            }

            if (_then.TryTake(remaining) is not { } next)
            {
                return null;
            }

            _others[_sequence] = next;
            return next with { Sequence = _sequence++ };
        }
    }

    public void Complete(WorkItem item, TimeSpan elapsed)
    {
        lock (_lock)
        {
            if (_others.Remove(item.Sequence, out var own))
            {
                _then.Complete(own, elapsed);
                return;
            }

            _charged.Remove(item.Sequence, out var charged);
            _used += elapsed - charged;
            _dearest = elapsed > _dearest ? elapsed : _dearest;
        }
    }

    private static IEnumerable<WorkItem> Items(IReadOnlyList<Cell> cells, Shards part)
    {
        for (var size = 1; size <= Scope.MaxSizeInCampaigns; size++)
        {
            var programs = part.Of(Scope.ProgramsOf(size));
            foreach (var cell in cells.OrderBy(cell => cell.Backend is Backend.Llvm).ThenBy(cell => cell.Mode))
            {
                for (var start = 0L; start < programs; start += Scope.ProgramsPerBatch)
                {
                    yield return new WorkItem(0, cell, start, (int)Math.Min(Scope.ProgramsPerBatch, programs - start)) { Scope = size };
                }
            }
        }
    }
}
