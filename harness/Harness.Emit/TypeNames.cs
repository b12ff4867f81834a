using System.Diagnostics;
using Harness.Model;

namespace Harness.Emit;

/// <summary>
/// How types are written. Structs, enums and unions are declared once per unit: structurally equal types share the
/// declaration, so that <c>make</c> and <c>fold</c> are compiled once for them.
/// </summary>
internal sealed class TypeNames
{
    private readonly Dictionary<ZigType, string> _declared = [];
    private readonly List<(string Name, ZigType Type)> _order = [];

    public TypeNames(IEnumerable<FiberProgram> programs)
    {
        foreach (var type in programs.SelectMany(p => p.Functions).SelectMany(Mentioned))
        {
            Declare(type);
        }
    }

    /// <summary>The type as an expression.</summary>
    public string this[ZigType type] => type switch
    {
        ZigType.Void => "void",
        ZigType.Bool => "bool",
        ZigType.Int number => $"{(number.Signed ? 'i' : 'u')}{number.Bits}",
        ZigType.Float number => $"f{number.Bits}",
        ZigType.Vector vector => $"@Vector({vector.Lanes}, {this[vector.Element]})",
        ZigType.Optional optional => "?" + this[optional.Child],
        ZigType.Slice => "[]const u64",
        ZigType.CellPointer => "*u64",
        ZigType.Handle => "rt.Handle",
        ZigType.Struct or ZigType.Enum or ZigType.Union => _declared[type],
        _ => throw new UnreachableException(),
    };

    public void WriteDeclarations(SourceWriter writer)
    {
        foreach (var (name, type) in _order)
        {
            writer.Blank();
            switch (type)
            {
                case ZigType.Struct record:
                    WriteStruct(writer, name, record);
                    break;
                case ZigType.Enum tags:
                    var letters = Enumerable.Range(0, tags.Variants).Select(Letter);
                    writer.Line($"const {name} = enum {{ {string.Join(", ", letters)} }};");
                    break;
                case ZigType.Union choice:
                    WriteUnion(writer, name, choice);
                    break;
                default:
                    throw new UnreachableException();
            }
        }
    }

    /// <summary><c>{x}</c> or <c>{ x, y }</c>, as <c>zig fmt</c> spaces them.</summary>
    public static string Braced(IEnumerable<string> items)
    {
        var list = items.ToList();
        return list.Count <= 1 ? $"{{{string.Concat(list)}}}" : $"{{ {string.Join(", ", list)} }}";
    }

    private void WriteStruct(SourceWriter writer, string name, ZigType.Struct record)
    {
        var layout = record.Layout switch
        {
            StructLayout.Auto => "struct",
            StructLayout.Extern => "extern struct",
            StructLayout.Packed => "packed struct",
            _ => throw new UnreachableException(),
        };
        if (record.Fields.Count == 0)
        {
            writer.Line($"const {name} = {layout} {{}};");
            return;
        }

        writer.Open($"const {name} = {layout} {{");
        for (var i = 0; i < record.Fields.Count; i++)
        {
            var align = i == 0 && record.Align != 0 ? $" align({record.Align})" : "";
            writer.Line($"{Letter(i)}: {this[record.Fields[i]]}{align},");
        }

        writer.Close("};");
    }

    private void WriteUnion(SourceWriter writer, string name, ZigType.Union choice)
    {
        writer.Open($"const {name} = union(enum) {{");
        for (var i = 0; i < choice.Variants.Count; i++)
        {
            var payload = choice.Variants[i] is ZigType.Void ? "" : ": " + this[choice.Variants[i]];
            writer.Line($"{Letter(i)}{payload},");
        }

        writer.Close("};");
    }

    private void Declare(ZigType type)
    {
        if (_declared.ContainsKey(type)) return;
        foreach (var part in Parts(type))
        {
            Declare(part);
        }

        if (Word(type) is { } word)
        {
            var name = $"{word}{_order.Count + 1}";
            _declared.Add(type, name);
            _order.Add((name, type));
        }
    }

    private static string? Word(ZigType type) => type switch
    {
        ZigType.Struct { Layout: StructLayout.Auto } => "Record",
        ZigType.Struct { Layout: StructLayout.Extern } => "Wire",
        ZigType.Struct { Layout: StructLayout.Packed } => "Flags",
        ZigType.Enum => "Tag",
        ZigType.Union => "Choice",
        _ => null,
    };

    private static IEnumerable<ZigType> Parts(ZigType type) => type switch
    {
        ZigType.Vector vector => [vector.Element],
        ZigType.Struct record => record.Fields,
        ZigType.Union choice => choice.Variants,
        ZigType.Optional optional => [optional.Child],
        _ => [],
    };

    private static IEnumerable<ZigType> Mentioned(Function function) =>
    [
        .. function.Parameters,
        function.Payload,
        .. StatementTree.All(function.Body).OfType<Statement.Let>().Select(let => let.Type),
    ];

    private static string Letter(int index)
    {
        var letter = (char)('a' + (index % 26));
        return index < 26 ? letter.ToString() : $"{letter}{(index / 26) + 1}";
    }
}
