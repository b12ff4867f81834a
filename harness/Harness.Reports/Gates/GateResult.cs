using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Harness.Reports.Gates;

/// <summary>How a phase ended.</summary>
public enum GateStatus
{
    Finished,

    /// <summary>Its time was up, or somebody stopped it: what it found counts, what it did not reach is unknown.</summary>
    Unfinished,

    /// <summary>It could not do its work: the compiler or the environment.</summary>
    Failed,
}

/// <summary>What an item means.</summary>
public enum GateItemKind
{
    /// <summary>Something that must hold does not.</summary>
    Failure,

    /// <summary>Something that the harness relies on, or works around, is not as it was: a person has to look.</summary>
    Change,
}

/// <summary>Something that a phase found.</summary>
/// <param name="Signature">What makes it the same thing in two gates.</param>
/// <param name="Repeat">A command that shows it; empty: none does alone.</param>
public sealed record GateItem(string Signature, GateItemKind Kind, string Detail, string Repeat = "");

/// <summary>A figure of a phase, in words.</summary>
public sealed record GateFigure(string Name, string Value);

/// <summary>What a phase came to.</summary>
/// <param name="Detail">One line: why it did not finish; empty when it did.</param>
/// <param name="Thin">Why its evidence is too thin; empty: it is not.</param>
public sealed record GatePhaseResult(
    string Phase, GateStatus Status, double Seconds, string Detail, IReadOnlyList<GateItem> Items, IReadOnlyList<GateFigure> Figures, IReadOnlyList<string> Thin);

/// <summary>A gate: the phases that were run, in order.</summary>
/// <param name="Schema">Of the file.</param>
public sealed record GateResult(int Schema, string Zig, string Harness, DateTimeOffset StartedAt, double BudgetSeconds, IReadOnlyList<GatePhaseResult> Phases)
{
    public const int CurrentSchema = 1;
    private const int MaxCharacters = 16 << 20;

    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 16, RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true, Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public string ToJson() => JsonSerializer.Serialize(this, _json) + "\n";

    /// <exception cref="InvalidDataException">It is no gate, or of another version of the format.</exception>
    public static GateResult Read(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return Read<GateResult>(json) is { Schema: CurrentSchema } gate ? gate : throw new InvalidDataException($"it is not of schema {CurrentSchema}; run that gate again");
    }

    public static string PartToJson(GatePhaseResult part) => JsonSerializer.Serialize(part, _json) + "\n";

    /// <exception cref="InvalidDataException">It is no phase of a gate.</exception>
    public static GatePhaseResult ReadPart(string json) => Read<GatePhaseResult>(json);

    private static T Read<T>(string json)
    {
        try
        {
            return json.Length > MaxCharacters ? throw new InvalidDataException($"it has more than {MaxCharacters:N0} characters")
                : JsonSerializer.Deserialize<T>(json, _json) ?? throw new InvalidDataException("it is empty");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"it is no gate: {e.Message}", e);
        }
    }
}
