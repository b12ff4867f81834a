using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Harness.Model;

/// <summary>Types in JSON: a word if without parts ("u7", "f80", "slice"), else an object with a "type".</summary>
internal static class TypeJson
{
    private static readonly NameTable<StructLayout> Layouts = new();

    public static JsonNode Write(ZigType type) => type switch
    {
        ZigType.Void => "void",
        ZigType.Bool => "bool",
        ZigType.Int integer => $"{(integer.Signed ? 'i' : 'u')}{integer.Bits}",
        ZigType.Float real => $"f{real.Bits}",
        ZigType.Slice => "slice",
        ZigType.CellPointer => "cellPointer",
        ZigType.Handle => "handle",
        ZigType.Vector vector => new JsonObject
        {
            ["type"] = "vector",
            ["lanes"] = vector.Lanes,
            ["element"] = Write(vector.Element),
        },
        ZigType.Struct record => new JsonObject
        {
            ["type"] = "struct",
            ["layout"] = Layouts[record.Layout],
            ["align"] = record.Align,
            ["fields"] = Write(record.Fields),
        },
        ZigType.Enum tags => new JsonObject { ["type"] = "enum", ["variants"] = tags.Variants },
        ZigType.Union union => new JsonObject { ["type"] = "union", ["variants"] = Write(union.Variants) },
        ZigType.Optional optional => new JsonObject { ["type"] = "optional", ["child"] = Write(optional.Child) },
        _ => throw new UnreachableException(type.GetType().Name),
    };

    public static ZigType Read(JsonPart part)
    {
        if (part.TryText(out var word))
        {
            return Leaf(word) ?? throw part.Wrong($"unknown type \"{JsonPart.Shown(word)}\"");
        }

        switch (part["type"].Text())
        {
            case "vector":
                part.Having("type", "lanes", "element");
                return new ZigType.Vector(part["lanes"].Int(1, ProgramLimits.MaxTypeParts), Read(part["element"]));
            case "struct":
                part.Having("type", "layout", "align", "fields");
                return new ZigType.Struct(
                    part["layout"].Named(Layouts), part["fields"].List(Read), part["align"].Int(0, 4096));
            case "enum":
                part.Having("type", "variants");
                return new ZigType.Enum(part["variants"].Int(1, ProgramLimits.MaxTypeParts));
            case "union":
                part.Having("type", "variants");
                return new ZigType.Union(part["variants"].List(Read));
            case "optional":
                part.Having("type", "child");
                return new ZigType.Optional(Read(part["child"]));
            case var other:
                throw part.Wrong($"unknown type \"{JsonPart.Shown(other)}\"");
        }
    }

    private static ZigType? Leaf(string word) => word switch
    {
        "void" => new ZigType.Void(),
        "bool" => new ZigType.Bool(),
        "slice" => new ZigType.Slice(),
        "cellPointer" => new ZigType.CellPointer(),
        "handle" => new ZigType.Handle(),
        "f16" or "f32" or "f64" or "f80" or "f128" => new ZigType.Float(Number(word)!.Value),
        ['u', ..] when Number(word) is { } bits => new ZigType.Int(bits, Signed: false),
        ['i', ..] when Number(word) is { } bits => new ZigType.Int(bits, Signed: true),
        _ => null,
    };

    /// <summary>The number behind the first letter: 1 to 256, written the one way.</summary>
    private static int? Number(string word) =>
        int.TryParse(word.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var bits)
        && bits is >= 1 and <= 256 && word[1] != '0'
            ? bits
            : null;

    private static JsonArray Write(EquatableArray<ZigType> types) => new([.. types.Select(Write)]);
}
