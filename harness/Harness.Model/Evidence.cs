namespace Harness.Model;

/// <summary>What the static check of unwind rows compared (docs/TRACES.md). The seconds are no more repeatable than any.</summary>
/// <param name="Workers">Linked workers, each in full.</param>
/// <param name="Entries">FDEs.</param>
/// <param name="Instructions">Of machine code, with the row that covers each.</param>
/// <param name="Excused">Contradictions that a known shortcoming has a reason for, by that.</param>
public sealed record RowCounts(long Workers, long Entries, long Instructions, IReadOnlyDictionary<string, long> Excused, double Seconds)
{
    public static readonly RowCounts None = new(0, 0, 0, new Dictionary<string, long>(), 0);

    public static RowCounts operator +(RowCounts a, RowCounts b) => new(
        a.Workers + b.Workers, a.Entries + b.Entries, a.Instructions + b.Instructions, Sums.Of(a.Excused, b.Excused), a.Seconds + b.Seconds);
}

/// <summary>What stepping through a sample of the executions came to, and the signals that were sent meanwhile.</summary>
/// <param name="Batches">That one program of was stepped through.</param>
/// <param name="Steps">Instructions.</param>
/// <param name="Checked">Rows compared in full, at the place before the first step too.</param>
/// <param name="Signals">Real ones, each at another instruction; the handler took two traces each.</param>
/// <param name="InStubs">Of them, those inside the runtime's assembly.</param>
/// <param name="Frames">Of traces that handlers took.</param>
/// <param name="Traces">Traces by how they compare, <c>dwarf/whole</c> for one.</param>
/// <param name="Refused">Batches that could not be stepped through, by reason.</param>
public sealed record StepCounts(
    long Batches, long Steps, long Checked, long Signals, long InStubs, long Frames, IReadOnlyDictionary<string, long> Traces,
    IReadOnlyDictionary<string, long> Refused, double Seconds)
{
    public static readonly StepCounts None = new(0, 0, 0, 0, 0, 0, new Dictionary<string, long>(), new Dictionary<string, long>(), 0);

    public static StepCounts operator +(StepCounts a, StepCounts b) => new(
        a.Batches + b.Batches, a.Steps + b.Steps, a.Checked + b.Checked, a.Signals + b.Signals, a.InStubs + b.InStubs, a.Frames + b.Frames,
        Sums.Of(a.Traces, b.Traces), Sums.Of(a.Refused, b.Refused), a.Seconds + b.Seconds);
}

/// <summary>What a batch, or a run, shows of stack traces beyond its counters.</summary>
/// <param name="Observed">Executions that took traces at their probes: the others' probes are counted, and looked at by nobody.</param>
public sealed record TraceWork(long Observed, RowCounts Rows, StepCounts Steps)
{
    public static readonly TraceWork None = new(0, RowCounts.None, StepCounts.None);

    public static TraceWork operator +(TraceWork a, TraceWork b) => new(a.Observed + b.Observed, a.Rows + b.Rows, a.Steps + b.Steps);
}

/// <summary>Sums of counts by name.</summary>
internal static class Sums
{
    public static IReadOnlyDictionary<string, long> Of(IReadOnlyDictionary<string, long> a, IReadOnlyDictionary<string, long> b) =>
        a.Concat(b).GroupBy(pair => pair.Key).OrderBy(group => group.Key, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Sum(pair => pair.Value));
}
