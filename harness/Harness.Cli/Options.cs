using System.CommandLine;
using Harness.Campaigns;
using Harness.Model;

namespace Harness.Cli;

/// <summary>The options that several verbs share; one definition, one meaning.</summary>
internal static class Options
{
    public static Option<string?> Zig() => new("--zig") { Description = "The Zig compiler to use; otherwise $HARNESS_ZIG, the pinned one, or one on PATH", HelpName = "PATH" };

    public static Option<string?> Results() => new("--results") { Description = "The results folder (default: results in the checkout)", HelpName = "DIR" };

    public static Option<string?> Defect() => new("--defect")
    {
        Description = "Plant this defect first (see zig-fixtures/mutants); the harness must find it", HelpName = "NAME",
    };

    /// <exception cref="UsageException"/>
    public static PlantedDefect? Defect(string? name) =>
        name is null ? null : PlantedDefect.Named(name) switch
        {
            { Seat: DefectSeat.Product } => throw new UsageException($"--defect {name} is one that no campaign has, but the product's own tests; try it with mutants --only {name}"),
            { } defect => defect,
            null => throw new UsageException(
                $"--defect {name} is unknown; known: {string.Join(", ", PlantedDefect.All.Where(d => d.Seat is not DefectSeat.Product).Select(d => d.Name))}"),
        };

    public static Option<string?> Runtime() => new("--runtime")
    {
        Description = "Another split-stack runtime in place of ours: libgcc, or a folder with a runtime.json (harness/docs/RUNTIMES.md)", HelpName = "NAME|PATH",
    };

    /// <summary>With <see cref="Modes"/> and <see cref="Targets"/> what chooses the cells of a campaign (<see cref="Cells"/>).</summary>
    public static Option<string[]> Routes() => Words("--route", "Only this route: attribute, thunk or assembly", "ROUTE");

    public static Option<string[]> Modes() => Words("--mode", "Only this mode: Debug, ReleaseSafe, ReleaseFast or ReleaseSmall", "MODE");

    public static Option<string?> Shard() => new("--shard")
    {
        Description = "Only this part of the programs: 2/4 is the second of four; merge joins the parts' results", HelpName = "I/N",
    };

    /// <exception cref="UsageException"/>
    public static Shards? Shard(string? text) => text is null ? null : Shards.Parse(text) is { Indices.Count: 1 } shard
        ? shard
        : throw new UsageException($"--shard {text} is not a part; give 1/N to N/N, with N up to {Shards.MaxCount}");

    public static Option<bool> Json() => new("--json") { Description = "Print the result as JSON" };

    public static Option<int> Jobs() => new("--jobs")
    {
        Description = "Batches under way at once (default: the number of cores)", HelpName = "N", DefaultValueFactory = _ => Environment.ProcessorCount,
    };

    public static Option<string[]> Words(string name, string description, string help) => new(name)
    {
        Description = description, HelpName = help, AllowMultipleArgumentsPerToken = true, Arity = ArgumentArity.ZeroOrMore,
    };

    /// <summary>Of <c>--cell</c>.</summary>
    /// <exception cref="UsageException"/>
    public static Cell? CellNamed(string? text) => text is null ? null
        : CellMatrix.All.FirstOrDefault(cell => cell.ToString() == text)
            ?? throw new UsageException($"--cell {text} is unknown; known: {string.Join(", ", CellMatrix.All)}");

    public static Argument<string> Case() => new("CASE") { Description = "A case folder, its case.json, or a replay token" };

    /// <summary>The words as values of an enum, however they are capitalised; commas separate too.</summary>
    /// <exception cref="UsageException"/>
    public static IReadOnlyList<T> Parse<T>(string option, string[]? words)
        where T : struct, Enum
    {
        var result = new List<T>();
        foreach (var word in (words ?? []).SelectMany(word => word.Split(',')))
        {
            if (!char.IsAsciiLetter(word.FirstOrDefault()) || !Enum.TryParse<T>(word, ignoreCase: true, out var value))
            {
                var known = string.Join(", ", Enum.GetNames<T>().Select(name => typeof(T) == typeof(OptimizeMode) ? name : name.ToLowerInvariant()));
                throw new UsageException($"{option} {word} is unknown; known: {known}");
            }

            if (!result.Contains(value))
            {
                result.Add(value);
            }
        }

        return result;
    }

    public static Option<string[]> Targets() =>
        Words("--target", $"Only this target: {string.Join(" or ", CellMatrix.Targets)} (default: the first)", "TARGET");

    /// <summary>The cells that <c>--route</c>, <c>--mode</c> and <c>--target</c> name.</summary>
    /// <exception cref="UsageException"/>
    public static IReadOnlyList<Cell> Cells(string[]? routes, string[]? modes, string[]? targets)
    {
        var wanted = (targets ?? []).SelectMany(word => word.Split(',')).ToList();
        if (wanted.Find(target => !CellMatrix.Targets.Contains(target)) is { } unknown)
        {
            throw new UsageException($"--target {unknown} is unknown; known: {string.Join(", ", CellMatrix.Targets)}");
        }

        var cells = CellMatrix.Select(Parse<Route>("--route", routes), Parse<OptimizeMode>("--mode", modes), wanted);
        return cells.Count > 0
            ? cells
            : throw new UsageException(
                $"--route {string.Join(' ', routes ?? [])} has no cells for --target {string.Join(' ', wanted)}; choose another of them");
    }

    /// <summary>For somebody's own file; unless told otherwise the two cells that differ most: Zig's own backend by thunks, LLVM's prologues optimised.</summary>
    /// <exception cref="UsageException"/>
    public static IReadOnlyList<Cell> CellsOrTwo(string[]? routes, string[]? modes) => routes is { Length: > 0 } || modes is { Length: > 0 }
        ? Cells(routes, modes, null)
        : TwoCells;

    /// <summary>The two that differ most: Zig's own backend by thunks, LLVM's prologues optimised.</summary>
    public static IReadOnlyList<Cell> TwoCells { get; } =
        [new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted), new Cell(Route.Attribute, OptimizeMode.ReleaseSafe, Backend.Llvm)];

    /// <exception cref="UsageException"/>
    public static int AtLeastOne(string option, int value) =>
        value >= 1 ? value : throw new UsageException($"{option} {value} is too small; give at least 1");

    public static ResultsLayout Layout(string root, string? results) =>
        new(Path.GetFullPath(results ?? Path.Combine(root, "results")));
}
