using Harness.Campaigns;
using Harness.Model;

namespace Harness.Cli;

/// <summary>What the verbs that run a single case share.</summary>
internal static class OneCase
{
    /// <exception cref="EnvironmentUnusableException"/>
    public static async Task<Rooms> OpenAsync(
        VerbContext context, string? zig, PlantedDefect? defect, CaseDocument document, CancellationToken ct, string? runtime = null)
    {
        var chosen = ChosenRuntime.Of(document.Case, runtime);
        var options = new RoomOptions(Repository.Root(), zig, [document.Case.Plan.Placement], Environment.ProcessorCount, defect, chosen?.Runtime);
        var rooms = await context.Rooms.OpenAsync(options, ct).ConfigureAwait(false);
        await rooms.Parts.Checker.PrepareAsync([document.Case.Cell], ct).ConfigureAwait(false);
        return rooms;
    }

    /// <summary>Runs with a folder for build products that is gone afterwards.</summary>
    public static async Task<T> WithScratchAsync<T>(Func<string, Task<T>> work)
    {
        using var scratch = ScratchFolder.Create(Path.GetTempPath());
        return await work(scratch.Path).ConfigureAwait(false);
    }
}
