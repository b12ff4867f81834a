using Harness.Model;

namespace Harness.Verification;

/// <summary>What to let go wrong: the lists that plans choose from.</summary>
internal static class FaultMenu
{
    /// <summary>An error at each of the entries: one-shot and from there on.</summary>
    public static IEnumerable<FaultPlan> Sweep(int[] entries)
    {
        foreach (var entry in entries)
        {
            yield return new FaultPlan.ErrorAt(entry, ErrorName.Injected, Persistent: false);
            yield return new FaultPlan.ErrorAt(entry, ErrorName.Injected, Persistent: true);
        }
    }

    /// <summary>
    /// The kinds that are sampled, interleaved so that a cut list still has some of each, and begun with another one in each program, so that
    /// the shortest lists do not have the same ones.
    /// </summary>
    public static List<FaultPlan> Sampled(int entries, PlanOptions options, PlanRandom random)
    {
        var each = options.SampledFaults;
        var panics = random.Stratified(entries, each).Select(FaultPlan (e) => new FaultPlan.PanicAt(e));
        var segfaults = random.Stratified(entries, each).Select(FaultPlan (e) => new FaultPlan.SegfaultAt(e));
        var cancels = Errors(random.Stratified(entries, each), ErrorName.Canceled);
        var overflows = Errors(random.Stratified(entries, (each + 1) / 2), ErrorName.StackOverflow);
        var exhausted = Errors(random.Stratified(entries, (each + 1) / 2), ErrorName.OutOfStackSegments);
        var budgets = options.StackBudgets.Select(FaultPlan (b) => new FaultPlan.StackBudget(b));
        var allocations = options.FailingAllocations.Select(FaultPlan (n) => new FaultPlan.SegmentAllocationFails(n));
        IEnumerable<FaultPlan>[] kinds = [panics, budgets, segfaults, cancels, allocations, overflows, exhausted];
        var turn = random.Below(kinds.Length);
        return Interleave([.. kinds[turn..], .. kinds[..turn]]);
    }

    /// <summary>The entry at which the fault strikes; 0 when it has none.</summary>
    public static int EntryOf(FaultPlan fault) => fault switch
    {
        FaultPlan.ErrorAt e => e.Entry,
        FaultPlan.PanicAt p => p.Entry,
        FaultPlan.SegfaultAt s => s.Entry,
        _ => 0,
    };

    /// <summary>Whether the model can tell beforehand what happens.</summary>
    public static bool IsPredictable(FaultPlan fault) => fault is not (FaultPlan.StackBudget or FaultPlan.SegmentAllocationFails);

    private static IEnumerable<FaultPlan> Errors(int[] entries, ErrorName error) =>
        entries.Select(FaultPlan (entry, i) => new FaultPlan.ErrorAt(entry, error, Persistent: i % 2 == 1));

    private static List<FaultPlan> Interleave(IEnumerable<FaultPlan>[] lists)
    {
        var merged = new List<FaultPlan>();
        var arrays = lists.Select(l => l.ToArray()).ToArray();
        for (var i = 0; i < arrays.Max(a => a.Length); i++)
        {
            merged.AddRange(arrays.Where(a => i < a.Length).Select(a => a[i]));
        }

        return merged;
    }
}
