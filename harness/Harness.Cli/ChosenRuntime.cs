using System.CommandLine;
using Harness.Campaigns;
using Harness.Model;
using Harness.Toolchain;
using Harness.Toolchain.Runtimes;
using Harness.Verification.Foreign;

namespace Harness.Cli;

/// <summary>What <c>--runtime</c> names.</summary>
/// <param name="Given">As it was given.</param>
public sealed record ChosenRuntime(ForeignRuntime Runtime, string Given)
{
    /// <summary>Null: ours, said or not.</summary>
    /// <exception cref="InvalidDataException">There is none there, or its description is wrong.</exception>
    public static ChosenRuntime? Find(string? given) =>
        given is null or RuntimeFolder.Ours ? null : new ChosenRuntime(RuntimeFolder.Find(FixtureLayout.Find(Repository.Root()), given), given);

    /// <summary>The one that a case was found with.</summary>
    /// <param name="given">From <c>--runtime</c>; needed where it does not come with the harness.</param>
    /// <exception cref="UsageException">That is another one, or it has to be given.</exception>
    public static ChosenRuntime? Of(Case @case, string? given)
    {
        ArgumentNullException.ThrowIfNull(@case);
        if (@case.Cell.Runtime is not { } name)
        {
            return Find(given) is { } other
                ? throw new UsageException($"the case was found with our own runtime, and --runtime names {other.Runtime.Name}; leave the option out")
                : null;
        }

        if (given is null && RuntimeFolder.Shipped(FixtureLayout.Find(Repository.Root()), name) is null)
        {
            throw new UsageException($"the case was found with the runtime {name}, which does not come with the harness; give its folder with --runtime");
        }

        var found = Find(given ?? name);
        return found?.Runtime.Name == name ? found : throw new UsageException($"the case was found with the runtime {name}, and --runtime names {found?.Runtime.Name ?? RuntimeFolder.Ours}");
    }

    /// <summary>For the journal.</summary>
    public RuntimeSettings Settings() => new(Runtime.Name, Given, Runtime.About, Runtime.Can.Forces, [.. RuntimePlans.LeftOut(Runtime)]);

    /// <summary>The cells of the runtime among those that were asked for.</summary>
    /// <exception cref="UsageException">There are none.</exception>
    internal IReadOnlyList<Cell> Cells(IReadOnlyList<Route> routes, IReadOnlyList<OptimizeMode> modes)
    {
        var cells = CellMatrix.Of(Runtime.Name, Runtime.Routes, Runtime.Modes)
            .Where(cell => (routes.Count == 0 || routes.Contains(cell.Route)) && (modes.Count == 0 || modes.Contains(cell.Mode))).ToList();
        return cells.Count > 0
            ? cells
            : throw new UsageException(
                $"--runtime {Given} has no cell of these routes and modes; it has {string.Join(", ", CellMatrix.Of(Runtime.Name, Runtime.Routes, Runtime.Modes))}");
    }

    /// <summary>Options that say something about our own runtime.</summary>
    /// <exception cref="UsageException">One is given.</exception>
    internal void Refuse(params ReadOnlySpan<(Option Option, ParseResult Result)> options)
    {
        foreach (var (option, result) in options)
        {
            if (result.GetResult(option) is { Implicit: false })
            {
                throw new UsageException($"{option.Name} is about our own runtime; give it without --runtime {Given}");
            }
        }
    }
}
