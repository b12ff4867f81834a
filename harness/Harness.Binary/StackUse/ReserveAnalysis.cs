using System.Collections.Immutable;

namespace Harness.Binary.StackUse;

/// <summary>What one function needs of a fiber's stack.</summary>
/// <param name="IsChecked">It has a check of its own, or is only meant to be entered by its thunk (then the thunk's entry is the one to look at).</param>
/// <param name="BelowLimit">What it may use below the limit, until the next check; of one without a check, all until the next check.</param>
/// <param name="Whole">All it may use, callees included, where it never splits.</param>
/// <param name="Reserve">
/// What must be left of the reserve when it is the first to need it, wherever splits come: what runs until each way's first checkpoint, and what
/// splits waste.
/// </param>
public sealed record EntryNeed(
    string Name, bool IsChecked, StackBound BelowLimit, StackBound Whole, StackBound Reserve);

/// <summary>What a program or object needs.</summary>
/// <param name="Functions">Looked at.</param>
/// <param name="Checked">Those with a check.</param>
/// <param name="SlackBytes">The most that is used below the limit without asking; null: something has no bound.</param>
/// <param name="ReserveBytes">The reserve that suffices whatever runs on it; null: something has no bound.</param>
/// <param name="Unbounded">What has no bound, each once.</param>
public sealed record ReserveReport(
    int Functions, int Checked, long? SlackBytes, long? ReserveBytes,
    ImmutableArray<EntryNeed> Entries, ImmutableArray<Unbounded> Unbounded);

/// <summary>How much stack the functions of a file need, from its call graph: for <c>harness reserve</c>.</summary>
public sealed class ReserveAnalysis
{
    private readonly BelowLimit _below;
    private readonly StackBounds _untilCheck;
    private readonly StackBounds _whole;
    private readonly StackBounds _reserve;

    private ReserveAnalysis(StackGraph graph, IReadOnlyCollection<ulong>? pointers)
    {
        _untilCheck = new StackBounds(graph, BoundScope.UntilCheck, pointers);
        _below = new BelowLimit(_untilCheck);
        _whole = new StackBounds(graph, BoundScope.Whole, pointers);
        _reserve = new StackBounds(graph, BoundScope.Reserve, pointers);
    }

    /// <summary>The limit's place, as the file has it: the runtime's own variable where there is one.</summary>
    public static LimitSlot LimitOf(ElfFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return file.Symbols.Any(symbol => symbol.Name == LimitSlot.Own.Variable) ? LimitSlot.Own : LimitSlot.Glibc;
    }

    /// <param name="entries">Names of functions; none: every function with a check, or every function where none has one.</param>
    /// <param name="pointers">Names of functions to which calls by pointer may go; none: in a file with a unit, any of it whose address is taken.</param>
    /// <exception cref="InvalidDataException">The file is malformed or stripped, or has no function of a name.</exception>
    public static ReserveReport Run(ElfFile file, IReadOnlyCollection<string> entries, IReadOnlyCollection<string>? pointers = null, StackRules? rules = null)
    {
        ArgumentNullException.ThrowIfNull(entries);
        var image = CodeImage.Of(file);
        var graph = new StackGraph(image, (rules ?? StackRules.Default) with { Limit = LimitOf(file) });
        var number = image.ObjectDefining(SlackAudit.UnitSymbol);
        var own = image.Functions.Where(f => number == 0 || f.Object == number).ToList();
        var chosen = entries.Count > 0 ? EntryNames.Of(image, entries) : own;
        var uses = chosen.Select(function => graph.Of(function.Start)).ToList();
        if (entries.Count == 0 && uses.Any(use => use.HasCheck))
        {
            uses.RemoveAll(use => !use.HasCheck);
        }

        // Where a unit is, pointers lead to its functions; elsewhere nobody knows where they lead.
        var targets = pointers is { Count: > 0 } ? [.. EntryNames.Of(image, pointers).Select(function => function.Start)]
            : number == 0 ? null : graph.PointerTargets(own);
        return new ReserveAnalysis(graph, targets).Report(uses);
    }

    private ReserveReport Report(List<FunctionUse> uses)
    {
        var entries = uses.Select(Need).ToImmutableArray();
        var without = entries.SelectMany(e => e.BelowLimit.Without.Concat(e.Reserve.Without)).Distinct().ToImmutableArray();
        return new ReserveReport(
            uses.Count, uses.Count(use => use.HasCheck),
            Most(entries, entry => entry.BelowLimit), Most(entries, entry => entry.Reserve),
            entries, without);
    }

    private static long? Most(ImmutableArray<EntryNeed> entries, Func<EntryNeed, StackBound> bound) =>
        entries.IsEmpty ? 0 : entries.All(entry => bound(entry).Holds) ? entries.Max(entry => bound(entry).Bytes) : null;

    private EntryNeed Need(FunctionUse use)
    {
        var address = use.Function.Start;
        return new EntryNeed(
            use.Name, use.HasCheck, use.HasCheck ? _below.Bound(use) : _untilCheck.Of(address), _whole.Of(address),
            OnReserve(use));
    }

    private StackBound OnReserve(FunctionUse use)
    {
        var bound = _reserve.Of(use.Function.Start);
        return use.HasCheck ? bound with { Bytes = _reserve.FirstOnReserve(use).Bytes } : bound;
    }
}
