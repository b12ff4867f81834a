using Harness.Model;

namespace Harness.Campaigns;

/// <summary>Programs <paramref name="Start"/> … <paramref name="Start"/> + <paramref name="Count"/> − 1 of the stream, in one cell.</summary>
/// <param name="Sequence">Order of dispatch, from 0.</param>
/// <param name="Light">With far fewer executions of each program.</param>
public sealed record WorkItem(long Sequence, Cell Cell, long Start, int Count, bool Light = false)
{
    /// <summary>Not of the random stream, but of every program of up to so many statements (docs/EXHAUSTIVE.md).</summary>
    public int? Scope { get; init; }

    public long End => Start + Count;
}

/// <summary>Hands out the work of a campaign. Safe to call from several lanes at once.</summary>
public interface IWorkScheduler
{
    /// <summary>The next item, or null when there is none for the time that is left.</summary>
    WorkItem? TryTake(TimeSpan remaining);

    void Complete(WorkItem item, TimeSpan elapsed);
}
