using System.Collections.Immutable;
using System.Globalization;

namespace Harness.Reports.Gates;

/// <summary>What an item is, seen from the baseline.</summary>
public enum GateRowState
{
    /// <summary>Not in the baseline, which looked.</summary>
    New,

    /// <summary>In both.</summary>
    Same,

    /// <summary>In the baseline alone, and this gate looked to the end.</summary>
    Fixed,

    /// <summary>In this gate; there is no baseline that looked.</summary>
    First,

    /// <summary>In the baseline; this gate did not look to the end.</summary>
    NotJudged,
}

/// <summary>A row of the verdict table.</summary>
public sealed record GateRow(string Phase, GateItem Item, GateRowState State)
{
    /// <summary>It is there in this gate.</summary>
    public bool IsOpen => State is GateRowState.New or GateRowState.Same or GateRowState.First;
}

/// <summary>What a gate says, against a baseline or none.</summary>
/// <param name="Reasons">Why it does not simply hold, in words.</param>
public sealed record GateVerdict(ImmutableArray<GateRow> Rows, ImmutableArray<string> Reasons, int ExitCode)
{
    public static GateVerdict Of(GateResult gate, GateResult? baseline)
    {
        ArgumentNullException.ThrowIfNull(gate);
        var rows = GatePhase.All.SelectMany(phase => RowsOf(phase.Name, Part(gate, phase), baseline is null ? null : Part(baseline, phase))).ToImmutableArray();
        var reasons = WhyNot(gate, rows).ToImmutableArray();
        return new GateVerdict(rows, reasons, Code(gate, rows, reasons));
    }

    /// <summary>In a word.</summary>
    public string Word => ExitCode switch
    {
        ExitCodes.Held => "HELD",
        ExitCodes.Falsified => "FALSIFIED",
        ExitCodes.Environment => "NOT JUDGED",
        _ => "TO LOOK AT",
    };

    private static GatePhaseResult? Part(GateResult gate, GatePhase phase) => gate.Phases.FirstOrDefault(part => part.Phase == phase.Name);

    private static IEnumerable<GateRow> RowsOf(string phase, GatePhaseResult? now, GatePhaseResult? before)
    {
        var old = before?.Items.ToLookup(item => item.Signature);
        var found = (now?.Items ?? []).Select(item => new GateRow(phase, item, State(item, before, old)));
        var signatures = (now?.Items ?? []).Select(item => item.Signature).ToHashSet();
        // A phase that was not run is said once, not row by row.
        var gone = (now is null ? [] : before?.Items ?? []).Where(item => !signatures.Contains(item.Signature))
            .Select(item => new GateRow(phase, item, now is { Status: GateStatus.Finished } ? GateRowState.Fixed : GateRowState.NotJudged));
        return found.Concat(gone);
    }

    private static GateRowState State(GateItem item, GatePhaseResult? before, ILookup<string, GateItem>? old) =>
        old?.Contains(item.Signature) is true ? GateRowState.Same
        // One that broke off may just not have come to it.
        : before is { Status: GateStatus.Finished } ? GateRowState.New
        : GateRowState.First;

    private static IEnumerable<string> WhyNot(GateResult gate, ImmutableArray<GateRow> rows)
    {
        foreach (var (kind, word) in ((GateItemKind, string)[])[(GateItemKind.Failure, "failure"), (GateItemKind.Change, "change")])
        {
            var open = rows.Where(row => row.IsOpen && row.Item.Kind == kind).ToList();
            if (open.Count > 0)
            {
                var known = open.Count(row => row.State is GateRowState.Same);
                yield return string.Create(CultureInfo.InvariantCulture, $"{open.Count} {word}{(open.Count == 1 ? "" : "s")}{(known > 0 ? $", {known} of them in the baseline too" : "")}");
            }
        }

        foreach (var phase in GatePhase.All)
        {
            var part = Part(gate, phase);
            if (part is null)
            {
                yield return $"{phase.Name} was not run";
            }
            else if (part.Status is not GateStatus.Finished)
            {
                yield return $"{phase.Name} {(part.Status is GateStatus.Failed ? "could not be done" : "was not finished")}: {part.Detail}";
            }

            foreach (var thin in part?.Thin ?? [])
            {
                yield return $"{phase.Name}: {thin}";
            }
        }
    }

    /// <summary>As everywhere: what failed before what could not be done before what is thin.</summary>
    private static int Code(GateResult gate, ImmutableArray<GateRow> rows, ImmutableArray<string> reasons) =>
        rows.Any(row => row.IsOpen && row.Item.Kind is GateItemKind.Failure) ? ExitCodes.Falsified
        : gate.Phases.Any(part => part.Status is GateStatus.Failed) ? ExitCodes.Environment
        : reasons.Length > 0 ? ExitCodes.Inconclusive
        : ExitCodes.Held;
}
