using Harness.Model;

namespace Harness.Campaigns;

/// <summary>The cells that a campaign knows, and the names people use for them.</summary>
public static class CellMatrix
{
    private static readonly OptimizeMode[] _modes =
        [OptimizeMode.Debug, OptimizeMode.ReleaseSafe, OptimizeMode.ReleaseSmall, OptimizeMode.ReleaseFast];

    /// <summary>All nine, in the order in which reports show them.</summary>
    public static IReadOnlyList<Cell> All { get; } =
    [
        new(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted),
        .. _modes.Select(mode => new Cell(Route.Attribute, mode, Backend.Llvm)),
        .. _modes.Select(mode => new Cell(Route.Thunk, mode, Backend.Llvm)),
    ];

    /// <summary>The cells of these routes and modes; null or empty selects every one.</summary>
    public static IReadOnlyList<Cell> Select(IReadOnlyCollection<Route>? routes, IReadOnlyCollection<OptimizeMode>? modes) =>
        [.. All.Where(cell =>
            (routes is null or { Count: 0 } || routes.Contains(cell.Route)) &&
            (modes is null or { Count: 0 } || modes.Contains(cell.Mode)))];

    /// <summary>The cell that <see cref="Cell.ToString"/> wrote.</summary>
    public static Cell? Parse(string name) => name.Split('/') switch
    {
        [var route, var mode, var backend, var target]
            when Enum.TryParse<Route>(route, ignoreCase: true, out var r) && Enum.TryParse<OptimizeMode>(mode, out var m) &&
                new Cell(r, m, backend is "llvm" ? Backend.Llvm : Backend.SelfHosted, target) is var cell &&
                cell.ToString() == name => cell,
        _ => null,
    };
}
