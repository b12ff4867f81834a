using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Harness.Model;

/// <summary>What a caller does with the outcome of a call, in JSON.</summary>
internal static class HandlingJson
{
    public static readonly NameTable<ErrorName> Errors = new(camel: false);

    public static JsonNode Write(Handling handling) => handling switch
    {
        Handling.Plain => "plain",
        Handling.Try => "try",
        Handling.CatchValue value => new JsonObject
        {
            ["on"] = "catchValue",
            ["fallback"] = ScalarJson.Write(value.Fallback),
        },
        Handling.CatchBlock block => new JsonObject
        {
            ["on"] = "catchBlock",
            ["site"] = block.Site,
            ["body"] = StatementJson.Write(block.Body),
            ["fallback"] = ScalarJson.Write(block.Fallback),
        },
        Handling.CatchSwitch choice => new JsonObject
        {
            ["on"] = "catchSwitch",
            ["site"] = choice.Site,
            ["cases"] = new JsonArray([.. choice.Cases.Select(Write)]),
            ["else"] = StatementJson.Write(choice.Else),
            ["fallback"] = ScalarJson.Write(choice.Fallback),
        },
        Handling.Map map => new JsonObject { ["on"] = "map", ["site"] = map.Site, ["to"] = Errors[map.To] },
        Handling.Rethrow rethrow => new JsonObject { ["on"] = "rethrow", ["site"] = rethrow.Site },
        Handling.IfElse branch => new JsonObject
        {
            ["on"] = "ifElse",
            ["site"] = branch.Site,
            ["then"] = StatementJson.Write(branch.Then),
            ["else"] = StatementJson.Write(branch.Else),
        },
        _ => throw new UnreachableException(handling.GetType().Name),
    };

    public static Handling Read(JsonPart part)
    {
        if (part.TryText(out var word))
        {
            return word switch
            {
                "plain" => new Handling.Plain(),
                "try" => new Handling.Try(),
                _ => throw part.Wrong($"unknown handling \"{JsonPart.Shown(word)}\""),
            };
        }

        return part["on"].Text() switch
        {
            "catchValue" => new Handling.CatchValue(
                ScalarJson.Read(part.Having("on", "fallback")["fallback"])),
            "catchBlock" => new Handling.CatchBlock(
                part.Having("on", "site", "body", "fallback")["site"].Int(),
                StatementJson.ReadBody(part["body"]),
                ScalarJson.Read(part["fallback"])),
            "catchSwitch" => new Handling.CatchSwitch(
                part.Having("on", "site", "cases", "else", "fallback")["site"].Int(),
                part["cases"].List(ReadCase),
                StatementJson.ReadBody(part["else"]),
                ScalarJson.Read(part["fallback"])),
            "map" => new Handling.Map(part.Having("on", "site", "to")["site"].Int(), part["to"].Named(Errors)),
            "rethrow" => new Handling.Rethrow(part.Having("on", "site")["site"].Int()),
            "ifElse" => new Handling.IfElse(
                part.Having("on", "site", "then", "else")["site"].Int(),
                StatementJson.ReadBody(part["then"]),
                StatementJson.ReadBody(part["else"])),
            var other => throw part.Wrong($"unknown handling \"{JsonPart.Shown(other)}\""),
        };
    }

    private static JsonNode Write(SwitchCase prong) => new JsonObject
    {
        ["error"] = Errors[prong.Error],
        ["body"] = StatementJson.Write(prong.Body),
    };

    private static SwitchCase ReadCase(JsonPart part)
    {
        part.Having("error", "body");
        return new(part["error"].Named(Errors), StatementJson.ReadBody(part["body"]));
    }
}
