using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Harness.Verification.Abi;

/// <summary>Fingerprints as files: the order of everything is fixed, so that two of the same compiler are equal byte for byte.</summary>
public static class AbiJson
{
    private const int MaxCharacters = 8 << 20;
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

    internal static JsonFingerprint Document(AbiFingerprint fingerprint) => new(
        AbiFingerprint.Schema, fingerprint.Zig,
        [.. fingerprint.Cells.Select(cell => new JsonCell(cell.Cell, cell.Problem, [.. cell.Facts.Select(fact => new JsonFact(fact.Topic.ToString(), fact.Convention, fact.Subject, fact.Value))]))]);

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
            : cells.Sum(cell => cell?.Facts?.Length ?? 0) > MaxFacts
            ? throw new InvalidDataException($"it has more than {MaxFacts:N0} facts")
            : new AbiFingerprint(zig, [.. cells.Select(Cell)]);
    }

    private static AbiCellFacts Cell(JsonCell? cell) => cell is { Cell: { Length: > 0 } name, Facts: { } facts }
        ? new AbiCellFacts(name, cell.Problem, [.. facts.Select(Fact)])
        : throw new InvalidDataException("a cell lacks `cell` or `facts`");

    private static AbiFact Fact(JsonFact? fact) => fact is { Topic: { } topic, Convention: { } convention, Subject: { } subject, Value: { } value }
        && char.IsAsciiLetter(topic.FirstOrDefault()) && Enum.TryParse<AbiTopic>(topic, out var known)
        ? new AbiFact(known, convention, subject, value)
        : throw new InvalidDataException($"a fact lacks something, or is about an unknown topic {fact?.Topic}");

    internal sealed record JsonFingerprint(int Schema, string? Zig, JsonCell?[]? Cells);

    internal sealed record JsonCell(string? Cell, string? Problem, JsonFact?[]? Facts);

    internal sealed record JsonFact(string? Topic, string? Convention, string? Subject, string? Value);
}
