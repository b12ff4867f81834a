namespace Harness.Campaigns;

/// <summary>How far an earlier process of the run came with failures.</summary>
/// <param name="Closed">Signatures that all is done about.</param>
/// <param name="Families">Those that were shrunk.</param>
/// <param name="Shrinking">Time that took.</param>
/// <param name="Cores">Cores that were kept.</param>
/// <param name="Pending">Batches with the first failure of a signature that is not closed, in order: only running them again brings the failing case back.</param>
public sealed record TriageMemory(
    IReadOnlySet<string> Closed, IReadOnlySet<string> Families, TimeSpan Shrinking, int Cores, IReadOnlyList<JournalRecord.BatchChecked> Pending)
{
    public static readonly TriageMemory None = Of([]);

    public static TriageMemory Of(IReadOnlyList<JournalRecord> before)
    {
        ArgumentNullException.ThrowIfNull(before);
        var closed = before.OfType<JournalRecord.FindingClosed>().Select(record => record.Signature).ToHashSet();
        var seen = before.OfType<JournalRecord.FailureSeen>().ToList();
        var families = seen.Select(failure => (failure.Signature, failure.Family)).Distinct().ToLookup(pair => pair.Signature, pair => pair.Family);
        var shrunk = before.OfType<JournalRecord.FindingShrunk>().Where(record => closed.Contains(record.Signature)).ToList();
        var pending = seen.Where(failure => failure.Batch is not null && !closed.Contains(failure.Signature))
            .GroupBy(failure => failure.Signature).Select(group => group.Min(failure => failure.Batch!.Value)).ToHashSet();
        return new TriageMemory(
            closed,
            shrunk.SelectMany(record => families[record.Signature]).ToHashSet(),
            TimeSpan.FromSeconds(shrunk.Sum(record => record.Seconds)),
            before.OfType<JournalRecord.CoreWritten>().Count(record => record.Bytes > 0),
            [.. before.OfType<JournalRecord.BatchChecked>().Where(batch => pending.Contains(batch.Sequence)).OrderBy(batch => batch.Sequence)]);
    }
}
