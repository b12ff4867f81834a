using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Harness.Model;

/// <summary>Scalars, conditions, arguments and return values in JSON. A constant is a plain number.</summary>
internal static class ScalarJson
{
    public static JsonNode Write(Scalar scalar) => scalar switch
    {
        Scalar.Const word => word.Value,
        Scalar.Fold fold => new JsonObject { ["fold"] = fold.Local },
        Scalar.LoopIndex index => new JsonObject { ["index"] = index.Local },
        Scalar.Add sum => new JsonObject { ["add"] = new JsonArray(Write(sum.Left), Write(sum.Right)) },
        _ => throw new UnreachableException(scalar.GetType().Name),
    };

    public static Scalar Read(JsonPart part)
    {
        if (part.TryWord(out var word))
        {
            return new Scalar.Const(word);
        }

        if (!part.IsObject)
        {
            throw part.Wrong("a number from 0 to 2^64 - 1, or an object, is expected");
        }

        return part.OnlyProperty() switch
        {
            "fold" => new Scalar.Fold(part["fold"].Int()),
            "index" => new Scalar.LoopIndex(part["index"].Int()),
            "add" => Sum(part["add"]),
            var other => throw part.Wrong($"unknown scalar \"{JsonPart.Shown(other)}\""),
        };
    }

    public static JsonNode Write(Condition condition) => new JsonObject
    {
        ["value"] = Write(condition.Value),
        ["modulus"] = condition.Modulus,
        ["remainder"] = condition.Remainder,
    };

    public static Condition ReadCondition(JsonPart part)
    {
        part.Having("value", "modulus", "remainder");
        return new(Read(part["value"]), part["modulus"].Int(1), part["remainder"].Int());
    }

    public static JsonNode Write(Argument argument) => argument switch
    {
        Argument.Made made => new JsonObject { ["made"] = Write(made.Seed) },
        Argument.Local local => new JsonObject { ["local"] = local.Index },
        _ => throw new UnreachableException(argument.GetType().Name),
    };

    public static Argument ReadArgument(JsonPart part) => part.OnlyProperty() switch
    {
        "made" => new Argument.Made(Read(part["made"])),
        "local" => new Argument.Local(part["local"].Int()),
        var other => throw part.Wrong($"unknown argument \"{JsonPart.Shown(other)}\""),
    };

    public static JsonNode Write(ReturnValue value) => value switch
    {
        ReturnValue.Made made => new JsonObject { ["made"] = Write(made.Seed) },
        ReturnValue.Local local => new JsonObject { ["local"] = local.Index },
        _ => throw new UnreachableException(value.GetType().Name),
    };

    public static ReturnValue ReadReturnValue(JsonPart part) => part.OnlyProperty() switch
    {
        "made" => new ReturnValue.Made(Read(part["made"])),
        "local" => new ReturnValue.Local(part["local"].Int()),
        var other => throw part.Wrong($"unknown return value \"{JsonPart.Shown(other)}\""),
    };

    private static Scalar.Add Sum(JsonPart part)
    {
        var summands = part.List(Read);
        return summands.Count == 2
            ? new(summands[0], summands[1])
            : throw part.Wrong("two summands are expected");
    }
}
