using System.Globalization;
using Harness.Campaigns;
using Harness.Generators.Exhaustive;
using Harness.Model;

namespace Harness.Reports;

/// <summary>The command that repeats a run.</summary>
public static class RepeatLine
{
    public static string Of(RunSettings settings)
    {
        var words = new List<string> { "scripts/harness" };
        var scope = SmallScopeProfile.SizeOf(settings.Profile);
        words.AddRange(scope is { } size
            ? ["exhaust", "--size", size.ToString(CultureInfo.InvariantCulture)]
            : ["run", "--seed", settings.Seed.ToString(CultureInfo.InvariantCulture)]);
        if (scope is null && settings.Programs is { } programs)
        {
            words.AddRange(["--programs", programs.ToString(CultureInfo.InvariantCulture)]);
        }
        else if (settings.BudgetSeconds is { } seconds)
        {
            words.AddRange(["--budget", string.Create(CultureInfo.InvariantCulture, $"{seconds:0.###}s")]);
        }

        if (scope is null && settings.Profile is { } profile)
        {
            words.AddRange(["--profile", profile]);
        }

        words.AddRange(Cells(settings));
        if (settings.Runtime is { } runtime)
        {
            words.AddRange(["--runtime", Shell.Quote(runtime.Given)]);
        }

        if (settings is { Runtime: null, Placements.Count: > 0 and var chosen } && chosen < Enum.GetValues<Placement>().Length)
        {
            words.AddRange(settings.Placements.SelectMany(placement => new[] { "--placement", placement }));
        }

        if (settings is { Shard: { } shard, Merged: false })
        {
            words.AddRange(["--shard", shard]);
        }

        if (settings.Defect is { } defect)
        {
            words.AddRange(["--defect", defect]);
        }

        return string.Join(' ', words);
    }

    /// <summary>The routes, modes and targets that select exactly these cells; nothing for those of a run without options.</summary>
    private static IEnumerable<string> Cells(RunSettings settings)
    {
        var cells = settings.Cells.Select(CellMatrix.Parse).OfType<Cell>().ToList();
        if (cells.SequenceEqual(CellMatrix.Default))
        {
            return [];
        }

        var routes = cells.Select(cell => cell.Route).Distinct().ToList();
        var modes = cells.Select(cell => cell.Mode).Distinct().ToList();
        var targets = cells.Select(cell => cell.Target).Distinct().ToList();
        var named = routes.Count == CellMatrix.Default.Select(cell => cell.Route).Distinct().Count() ? Modes() : Routes().Concat(Modes());
        return targets is [Cell.LinuxGnu] ? named : named.Concat(targets.SelectMany(target => new[] { "--target", target }));

        IEnumerable<string> Routes() => routes.SelectMany(route => new[] { "--route", route.ToString().ToLowerInvariant() });

        IEnumerable<string> Modes() => modes.Count == Enum.GetValues<OptimizeMode>().Length
            ? []
            : modes.SelectMany(mode => new[] { "--mode", mode.ToString() });
    }
}
