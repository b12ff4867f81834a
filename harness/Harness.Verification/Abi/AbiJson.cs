using System.Text.Encodings.Web;
using System.Text.Json;
using Harness.Binary;

namespace Harness.Verification.Abi;

/// <summary>Fingerprints as files: the order of everything is fixed, so that two of the same compiler are equal byte for byte.</summary>
public static class AbiJson
{
    private const int MaxCharacters = 8 << 20;

    /// <summary>A character is one byte here, mostly.</summary>
    private const int MaxFileBytes = 2 * MaxCharacters;
    private const int MaxFacts = 100_000;
    private static readonly JsonSerializerOptions _options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 16,
    };

    public static string Write(AbiFingerprint fingerprint)
    {
        ArgumentNullException.ThrowIfNull(fingerprint);
        return JsonSerializer.Serialize(Document(fingerprint), _options) + "\n";
    }

    private static JsonFingerprint Document(AbiFingerprint fingerprint) => new(
        AbiFingerprint.Schema, fingerprint.Zig,
        [.. fingerprint.Cells.Select(cell => new JsonCell(cell.Cell, cell.Problem, cell.Facts.GroupBy(Group).ToDictionary(
            group => group.Key, Dictionary<string, string?>? (group) => group.ToDictionary(fact => fact.Subject, string? (fact) => fact.Value))))]);

    /// <summary>Facts of one topic and convention stand together.</summary>
    private static string Group(AbiFact fact) => fact.Convention.Length == 0 ? fact.Topic.ToString() : $"{fact.Topic} {fact.Convention}";

    /// <inheritdoc cref="Read"/>
    /// <exception cref="IOException">It cannot be read, as <see cref="UnauthorizedAccessException"/>.</exception>
    public static AbiFingerprint ReadFile(string path) => Read(BoundedFile.ReadText(path, MaxFileBytes));

    /// <exception cref="InvalidDataException">It is no fingerprint, or of another version.</exception>
    public static AbiFingerprint Read(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        if (json.Length > MaxCharacters)
        {
            throw new InvalidDataException($"it has more than {MaxCharacters:N0} characters");
        }

        try
        {
            return Fingerprint(JsonSerializer.Deserialize<JsonFingerprint>(json, _options));
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"it is no JSON of a fingerprint: {e.Message}", e);
        }
    }

    private static AbiFingerprint Fingerprint(JsonFingerprint? document)
    {
        if (document is not { Zig: { Length: > 0 } zig, Cells: { } cells })
        {
            throw new InvalidDataException("it lacks `zig` or `cells`");
        }

        return document.Schema != AbiFingerprint.Schema
            ? throw new InvalidDataException($"it has schema {document.Schema}, and {AbiFingerprint.Schema} is needed; measure that compiler again with `harness abi`")
            : cells.Sum(cell => cell?.Facts?.Values.Sum(group => group?.Count ?? 0) ?? 0) > MaxFacts
            ? throw new InvalidDataException($"it has more than {MaxFacts:N0} facts")
            : new AbiFingerprint(zig, [.. cells.Select(Cell)]);
    }

    private static AbiCellFacts Cell(JsonCell? cell) => cell is { Cell: { Length: > 0 } name, Facts: { } groups }
        ? new AbiCellFacts(name, cell.Problem, [.. groups.SelectMany(group => Facts(group.Key, group.Value))])
        : throw new InvalidDataException("a cell lacks `cell` or `facts`");

    private static IEnumerable<AbiFact> Facts(string group, Dictionary<string, string?>? facts)
    {
        var words = group.Split(' ');
        if (facts is null || words.Length > 2 || !char.IsAsciiLetter(group.FirstOrDefault()) || !Enum.TryParse<AbiTopic>(words[0], out var topic))
        {
            throw new InvalidDataException($"its facts about '{group}' cannot be read");
        }

        return facts.Select(fact => new AbiFact(topic, words.Length == 2 ? words[1] : "", fact.Key, fact.Value ?? throw new InvalidDataException($"a fact about '{group}' is null")));
    }

    private sealed record JsonFingerprint(int Schema, string? Zig, JsonCell?[]? Cells);

    private sealed record JsonCell(string? Cell, string? Problem, Dictionary<string, Dictionary<string, string?>?>? Facts);
}
