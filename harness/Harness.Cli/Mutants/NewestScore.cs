using System.Text.Json;
using Harness.Campaigns;
using Harness.Model;

namespace Harness.Cli.Mutants;

/// <summary>The mutation score that a run's report may tell of: of the newest <c>mutants</c> run over all planted defects, with this Zig and this harness.</summary>
public static class NewestScore
{
    /// <summary>A report of all defects has a few hundred KiB.</summary>
    private const long MaxBytes = 32 << 20;

    /// <returns>Null: it was not measured, or nothing that can be read says so.</returns>
    public static MutationScore? Of(ResultsLayout results, ToolVersions versions)
    {
        if (!Directory.Exists(results.Mutants))
        {
            return null;
        }

        foreach (var folder in Directory.GetDirectories(results.Mutants).OrderDescending(StringComparer.Ordinal))
        {
            if (Read(Path.Combine(folder, "mutants.json"), versions) is { } score)
            {
                return score with { Run = Path.GetFileName(folder) };
            }
        }

        return null;
    }

    private static MutationScore? Read(string path, ToolVersions versions)
    {
        try
        {
            var file = new FileInfo(path);
            if (!file.Exists || file.Length > MaxBytes)
            {
                return null;
            }

            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = document.RootElement;
            return root.GetProperty("zigVersion").GetString() == versions.Zig && root.GetProperty("harnessVersion").GetString() == versions.Harness
                && root.GetProperty("mutants").GetArrayLength() == PlantedDefect.All.Count
                ? new MutationScore(root.GetProperty("killed").GetInt32(), root.GetProperty("valid").GetInt32(), "")
                : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            // An older or damaged report measures nothing; the next one may.
            return null;
        }
    }
}
