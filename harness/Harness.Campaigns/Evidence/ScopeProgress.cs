namespace Harness.Campaigns.Evidence;

/// <summary>How far a campaign came with the programs of the small scope that it checks before random ones: the fold of their batches.</summary>
public sealed class ScopeProgress
{
    private readonly Dictionary<(int Size, string Cell), HashSet<long>> _checked = [];

    /// <summary>Programs checked, all cells together; one of a smaller size is in every larger one's scope too, and counts in each.</summary>
    public long Programs => _checked.Values.Sum(ordinals => (long)ordinals.Count);

    public void Apply(JournalRecord.BatchChecked batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.Scope is not { } size)
        {
            return;
        }

        if (!_checked.TryGetValue((size, batch.Cell), out var ordinals))
        {
            _checked[(size, batch.Cell)] = ordinals = [];
        }

        ordinals.UnionWith(Enumerable.Range(0, batch.Count).Except(batch.Unfinished).Select(i => batch.Start + ((long)i * batch.Stride)));
    }

    /// <summary>What was enumerated to the end; null: no size in any cell.</summary>
    /// <param name="tally">The run that this is of.</param>
    public ScopeReached? Reached(Tally tally)
    {
        ArgumentNullException.ThrowIfNull(tally);
        var cells = tally.Cells.Select(cell => cell.Cell).ToList();
        var complete = _checked.Where(pair => pair.Value.Count >= (tally.Start?.Settings.Part() ?? Shards.Whole).Of(Scope.ProgramsOf(pair.Key.Size)))
            .Select(pair => pair.Key).ToLookup(key => key.Size, key => key.Cell);
        var everywhere = complete.Where(size => cells.All(size.Contains)).Select(size => size.Key).DefaultIfEmpty(0).Max();
        var largest = complete.Select(size => size.Key).DefaultIfEmpty(0).Max();
        return largest == 0 ? null : new ScopeReached(everywhere, largest, complete[largest].Count(), cells.Count, Scope.ProgramsOf(largest), Programs);
    }
}

/// <summary>How far the small scope was enumerated.</summary>
/// <param name="Everywhere">Every program of up to so many statements ran in every cell; 0: of no size.</param>
/// <param name="Largest">The largest size whose programs all ran in some cell.</param>
/// <param name="LargestCells">In so many cells.</param>
/// <param name="Cells">Of so many.</param>
/// <param name="Programs">So many programs has that size.</param>
/// <param name="Checked">Programs checked, all sizes and cells together.</param>
public sealed record ScopeReached(int Everywhere, int Largest, int LargestCells, int Cells, long Programs, long Checked);
