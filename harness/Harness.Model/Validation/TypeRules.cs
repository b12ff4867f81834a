namespace Harness.Model;

/// <summary>Rules of types.</summary>
internal static class TypeRules
{
    /// <summary>What is wrong with a type whose values are made from seeds; null: nothing.</summary>
    public static string? MakeableFault(ZigType type) => type switch
    {
        ZigType.Void => "void is only a payload or a union's variant",
        { IsMakeable: false } => $"{Name(type)} cannot be made from a seed",
        _ => Fault(type, 1),
    };

    /// <summary>What is wrong with a parameter's type.</summary>
    public static string? ParameterFault(ZigType type) => type switch
    {
        ZigType.CellPointer => null,
        ZigType.Handle => "a handle is only a payload",
        _ => MakeableFault(type),
    };

    /// <summary>What is wrong with a payload's type.</summary>
    public static string? PayloadFault(ZigType type, bool fallible) => type switch
    {
        ZigType.Void => null,
        ZigType.CellPointer => "a cell pointer is only a parameter",
        ZigType.Handle => fallible ? null : "a handle is only the payload of a fallible function",
        _ => MakeableFault(type),
    };

    private static string? Fault(ZigType type, int depth)
    {
        if (depth > ProgramLimits.MaxTypeNesting)
        {
            return $"types nest deeper than {ProgramLimits.MaxTypeNesting}";
        }

        return type switch
        {
            ZigType.Int { Bits: < 1 or > 256 } integer => $"an integer of {integer.Bits} bits (1 to 256)",
            ZigType.Float { Bits: not (16 or 32 or 64 or 80 or 128) } real => $"a float of {real.Bits} bits",
            ZigType.Vector vector => VectorFault(vector, depth),
            ZigType.Struct record => StructFault(record, depth),
            ZigType.Enum { Variants: < 1 or > 32 } tags => $"an enum of {tags.Variants} tags (1 to 32)",
            ZigType.Union { Variants.Count: < 1 or > 8 } u => $"a union of {u.Variants.Count} variants (1 to 8)",
            ZigType.Union union => PartsFault(union.Variants, depth, voidToo: true),
            ZigType.Optional { Child: ZigType.Optional or ZigType.Void } => "an optional of void or of an optional",
            ZigType.Optional optional => PartsFault([optional.Child], depth),
            _ => null,
        };
    }

    private static string? VectorFault(ZigType.Vector vector, int depth)
    {
        if (vector.Lanes is < 1 or > ProgramLimits.MaxTypeParts)
        {
            return $"a vector of {vector.Lanes} lanes (1 to {ProgramLimits.MaxTypeParts})";
        }

        return vector.Element is ZigType.Int or ZigType.Float
            ? Fault(vector.Element, depth + 1)
            : $"a vector of {Name(vector.Element)} (only of integers and floats)";
    }

    private static string? StructFault(ZigType.Struct record, int depth)
    {
        if (record.Fields.Count is < 1 or > ProgramLimits.MaxTypeParts)
        {
            return $"a struct of {record.Fields.Count} fields (1 to {ProgramLimits.MaxTypeParts})";
        }

        if (record.Align is not (0 or 32 or 64) || (record is { Layout: StructLayout.Packed, Align: not 0 }))
        {
            return $"a {record.Layout} struct of alignment {record.Align}";
        }

        var odd = record.Layout switch
        {
            StructLayout.Packed => record.Fields.FirstOrDefault(field => field is not (ZigType.Bool or ZigType.Int)),
            StructLayout.Extern => record.Fields.FirstOrDefault(field => !IsExtern(field)),
            _ => null,
        };
        if (odd is not null)
        {
            return $"a field of {Name(odd)} in a {record.Layout} struct";
        }

        var bits = record.Fields.Sum(field => field is ZigType.Int integer ? integer.Bits : 1);
        return record.Layout is StructLayout.Packed && bits > 128
            ? $"a packed struct of {bits} bits (at most 128)"
            : PartsFault(record.Fields, depth);
    }

    private static bool IsExtern(ZigType type) =>
        type is ZigType.Bool or ZigType.Int { Bits: 8 or 16 or 32 or 64 } or ZigType.Float { Bits: 32 or 64 };

    private static string? PartsFault(EquatableArray<ZigType> parts, int depth, bool voidToo = false)
    {
        foreach (var part in parts)
        {
            if (!part.IsMakeable || (part is ZigType.Void && !voidToo))
            {
                return $"{Name(part)} inside a type";
            }

            if (Fault(part, depth + 1) is { } fault)
            {
                return fault;
            }
        }

        return null;
    }

    /// <summary>The kind of a type, for messages.</summary>
    public static string Name(ZigType type) => type.GetType().Name;
}
