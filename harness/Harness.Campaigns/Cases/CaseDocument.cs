using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Harness.Model;

namespace Harness.Campaigns;

/// <summary>
/// A case with where it came from: what case.json holds and what a replay token carries. The program itself is inside, so
/// it means the same after the generators have changed.
/// </summary>
/// <param name="Versions">Of the run that found it.</param>
/// <param name="Signature">Of the failure; empty for a case that holds.</param>
public sealed record CaseDocument(ProgramRecipe Recipe, ToolVersions Versions, string Signature, string Check, Case Case)
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
                header.Recipe, header.Versions, header.Signature, header.Check, CaseJson.Read(header.Case.GetRawText()));
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
            ["case"] = JsonNode.Parse(CaseJson.Write(Case)),
        };
        return json;
    }

    private static string FirstLine(string text) => text.Split('\n')[0];

    private sealed record Header(
        int Format, ProgramRecipe Recipe, ToolVersions Versions, string Signature, string Check, JsonElement Case);
}
