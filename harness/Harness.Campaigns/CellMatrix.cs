using Harness.Model;

namespace Harness.Campaigns;

/// <summary>The cells that a campaign knows, and the names people use for them.</summary>
public static class CellMatrix
{
    private static readonly OptimizeMode[] _modes =
        [OptimizeMode.Debug, OptimizeMode.ReleaseSafe, OptimizeMode.ReleaseSmall, OptimizeMode.ReleaseFast];

    private static readonly string[] _targets = [Cell.LinuxGnu, Cell.LinuxMusl];

    /// <summary>Every one, in the order in which reports show them.</summary>
    public static IReadOnlyList<Cell> All { get; } = [.. _targets.SelectMany(CellsOf)];

    /// <summary>What a campaign checks unless told otherwise: those that are linked with glibc.</summary>
    public static IReadOnlyList<Cell> Default { get; } = Select(null, null, null);

    /// <summary>The targets that have cells.</summary>
    public static IReadOnlyList<string> Targets => _targets;

    /// <summary>
    /// The cells of these routes, modes and targets; null or empty selects every route and mode, and the target of
    /// <see cref="Default"/>.
    /// </summary>
    public static IReadOnlyList<Cell> Select(
        IReadOnlyCollection<Route>? routes, IReadOnlyCollection<OptimizeMode>? modes, IReadOnlyCollection<string>? targets) =>
        [.. All.Where(cell =>
            (routes is null or { Count: 0 } || routes.Contains(cell.Route)) &&
            (modes is null or { Count: 0 } || modes.Contains(cell.Mode)) &&
            (targets is null or { Count: 0 } ? cell.Target == Cell.LinuxGnu : targets.Contains(cell.Target)))];

    /// <summary>The cells of these routes and modes under another runtime than ours. A command of its own makes whatever it makes with LLVM or without.</summary>
    public static IReadOnlyList<Cell> Of(string runtime, IReadOnlyCollection<Route> routes, IReadOnlyCollection<OptimizeMode> modes) =>
        [.. All.Concat(_modes.Select(mode => new Cell(Route.Command, mode, Backend.Llvm)))
            .Where(cell => cell is { Target: Cell.LinuxGnu, Backend: Backend.Llvm } && routes.Contains(cell.Route) && (modes.Count == 0 || modes.Contains(cell.Mode)))
            .Select(cell => cell with { Runtime = runtime })];

    /// <summary>The cell that <see cref="Cell.ToString"/> wrote.</summary>
    public static Cell? Parse(string name) => name.Split('/') switch
    {
        [var runtime, .. { Length: 4 } rest] when Parse(string.Join('/', rest)) is { Runtime: null } ours => ours with { Runtime = runtime },
        [var route, var mode, var backend, var target]
            when Enum.TryParse<Route>(route, ignoreCase: true, out var r) && Enum.TryParse<OptimizeMode>(mode, out var m) &&
                new Cell(r, m, backend is "llvm" ? Backend.Llvm : Backend.SelfHosted, target) is var cell &&
                cell.ToString() == name => cell,
        _ => null,
    };

    /// <summary>LLVM's checks need a place for the limit that only glibc keeps free.</summary>
    private static IEnumerable<Cell> CellsOf(string target) =>
    [
        new(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted, target),
        .. (target == Cell.LinuxGnu ? _modes : []).Select(mode => new Cell(Route.Attribute, mode, Backend.Llvm, target)),
        .. _modes.Select(mode => new Cell(Route.Thunk, mode, Backend.Llvm, target)),
        .. _modes.Select(mode => new Cell(Route.Assembly, mode, Backend.Llvm, target)),
    ];
}
