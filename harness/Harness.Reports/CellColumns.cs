namespace Harness.Reports;

/// <summary>What is counted of a cell, in the order in which every form of the report has it.</summary>
internal static class CellColumns
{
    /// <summary>For narrow places.</summary>
    public static IReadOnlyList<(string Title, Func<CellSummary, long> Value)> Counted { get; } =
    [
        ("programs", cell => cell.Programs),
        ("executions", cell => cell.Executions),
        ("splits", cell => cell.SplitsForced),
        ("faults", cell => cell.FaultsInjected),
        ("probes", cell => cell.Probes),
        ("frames", cell => cell.FramesChecked),
    ];

    public static IReadOnlyList<(string Title, Func<CellSummary, long> Value)> All { get; } =
    [
        .. Counted,
        ("acquired", cell => cell.ResourcesAcquired),
        ("released", cell => cell.ResourcesReleased),
    ];
}
