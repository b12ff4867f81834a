using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Harness.Model;

namespace Harness.Campaigns;

/// <summary>The batch of a campaign in which a case was found: programs of a seed's stream and how their plans were chosen.</summary>
/// <param name="Profile">That the campaign was run with, if any.</param>
/// <param name="Stride">From one program to the next; more than 1 where the run was a shard.</param>
public sealed record BatchOrigin(ulong Seed, string? Profile, EquatableArray<string> Placements, long Start, int Count, bool Light, int Stride = 1)
{
    /// <summary>What the batch's changed programs were changes of, in order; null: it had none.</summary>
    public EquatableArray<string>? Kept { get; init; }
}

/// <summary>
/// A case with where it came from: what case.json holds and what a replay token carries. The program itself is inside, so
/// it means the same after the generators have changed.
/// </summary>
/// <param name="Versions">Of the run that found it.</param>
/// <param name="Signature">Of the failure; empty for a case that holds.</param>
/// <param name="Batch">Where it was found; some failures need the company they were found in.</param>
public sealed record CaseDocument(
    ProgramRecipe Recipe, ToolVersions Versions, string Signature, string Check, Case Case, BatchOrigin? Batch = null)
{
    public const int FormatVersion = 1;

    /// <summary>One line, the same text for equal documents.</summary>
    public string Write() => ToJson().ToJsonString(JournalJson.Options);

    /// <summary>The same for people to read.</summary>
    public string WriteIndented() => ToJson().ToJsonString(JournalJson.Indented) + "\n";

    /// <exception cref="InvalidDataException">It is not a case document that this harness can read.</exception>
    public static CaseDocument Read(string json)
    {
        try
        {
            var header = JsonSerializer.Deserialize<Header>(json, JournalJson.Options) ?? throw new JsonException("nothing there");
            if (header.Format != FormatVersion)
            {
                throw new InvalidDataException($"it is of format {header.Format}; this harness reads format {FormatVersion}");
            }

            return new CaseDocument(
                header.Recipe, header.Versions, header.Signature, header.Check, CaseJson.Read(header.Case.GetRawText()), header.Batch);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or DecoderFallbackException)
        {
            throw new InvalidDataException($"it is not a case document: {FirstLine(e.Message)}", e);
        }
    }

    private JsonObject ToJson()
    {
        var json = new JsonObject
        {
            ["format"] = FormatVersion,
            ["recipe"] = JsonSerializer.SerializeToNode(Recipe, JournalJson.Options),
            ["versions"] = JsonSerializer.SerializeToNode(Versions, JournalJson.Options),
            ["signature"] = Signature,
            ["check"] = Check,
            ["batch"] = Batch is null ? null : JsonSerializer.SerializeToNode(Batch, JournalJson.Options),
            ["case"] = JsonNode.Parse(CaseJson.Write(Case)),
        };
        return json;
    }

    private static string FirstLine(string text) => text.Split('\n')[0];

    private sealed record Header(
        int Format, ProgramRecipe Recipe, ToolVersions Versions, string Signature, string Check, JsonElement Case, BatchOrigin? Batch = null);
}
