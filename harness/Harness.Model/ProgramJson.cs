using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Harness.Model;

/// <summary>
/// Programs as versioned JSON. Reading checks the form of the document (and throws <see cref="InvalidDataException"/>,
/// one line, for anything else); whether the program obeys the static rules is <see cref="Validator"/>'s to say.
/// </summary>
public static class ProgramJson
{
    /// <summary>The first property of every document.</summary>
    public const string Format = "fiber-program 1";

    private static readonly NameTable<FunctionKind> Kinds = new();

    public static string Write(FiberProgram program) => JsonLayout.Render(ToNode(program));

    public static FiberProgram Read(string json) => JsonPart.Read(json, "program", FromPart);

    internal static JsonObject ToNode(FiberProgram program) => new()
    {
        ["format"] = Format,
        ["mutexes"] = program.Mutexes,
        ["fibers"] = new JsonArray([.. program.Fibers.Select(Write)]),
        ["functions"] = new JsonArray([.. program.Functions.Select(Write)]),
    };

    internal static FiberProgram FromPart(JsonPart part)
    {
        part.RequireFormat(Format).Having("format", "mutexes", "fibers", "functions");
        return new(part["functions"].List(ReadFunction), part["fibers"].List(ReadFiber), part["mutexes"].Int());
    }

    private static JsonNode Write(Fiber fiber) => new JsonObject
    {
        ["function"] = fiber.Function,
        ["arguments"] = new JsonArray([.. fiber.Arguments.Select(seed => (JsonNode)seed)]),
        ["fuel"] = fiber.Fuel,
        ["startsAtLaunch"] = fiber.StartsAtLaunch,
    };

    private static Fiber ReadFiber(JsonPart part)
    {
        part.Having("function", "arguments", "fuel", "startsAtLaunch");
        return new(
            part["function"].Int(),
            part["arguments"].List(seed => seed.Word()),
            part["fuel"].Int(),
            part["startsAtLaunch"].Bool());
    }

    private static JsonNode Write(Function function) => new JsonObject
    {
        ["id"] = function.Id,
        ["kind"] = Kinds[function.Kind],
        ["errors"] = Write(function.Errors),
        ["payload"] = TypeJson.Write(function.Payload),
        ["parameters"] = new JsonArray([.. function.Parameters.Select(TypeJson.Write)]),
        ["noInline"] = function.NoInline,
        ["body"] = StatementJson.Write(function.Body),
    };

    private static Function ReadFunction(JsonPart part)
    {
        part.Having("id", "kind", "errors", "payload", "parameters", "noInline", "body");
        return new(
            part["id"].Int(),
            part["kind"].Named(Kinds),
            ReadErrors(part["errors"]),
            TypeJson.Read(part["payload"]),
            part["parameters"].List(TypeJson.Read),
            part["noInline"].Bool(),
            StatementJson.ReadBody(part["body"]));
    }

    private static JsonNode Write(ErrorSet errors) => errors switch
    {
        ErrorSet.Infallible => "infallible",
        ErrorSet.Inferred => "inferred",
        ErrorSet.AnyError => "anyerror",
        ErrorSet.Explicit listed => new JsonArray([.. listed.Errors.Select(e => (JsonNode)HandlingJson.Errors[e])]),
        _ => throw new UnreachableException(errors.GetType().Name),
    };

    private static ErrorSet ReadErrors(JsonPart part)
    {
        if (!part.TryText(out var word))
        {
            return new ErrorSet.Explicit(part.List(error => error.Named(HandlingJson.Errors)));
        }

        return word switch
        {
            "infallible" => new ErrorSet.Infallible(),
            "inferred" => new ErrorSet.Inferred(),
            "anyerror" => new ErrorSet.AnyError(),
            _ => throw part.Wrong($"unknown error set \"{JsonPart.Shown(word)}\""),
        };
    }
}
