using FsCheck;
using FsCheck.Fluent;
using Harness.Model;

namespace Harness.Generators.Building;

/// <summary>Generators of the types whose values can be made from a seed, weighted by a profile.</summary>
internal sealed class TypeGen
{
    private static readonly ZigType Word = new ZigType.Int(64, false);
    private static readonly Gen<ZigType> AnyWord =
        from bits in Gen.Elements(8, 16, 32, 64, 64, 64)
        from signed in Gen.Elements(false, false, true)
        select (ZigType)new ZigType.Int(bits, signed);

    private static readonly Gen<ZigType> OddInt =
        from bits in Gen.Elements(1, 2, 3, 5, 7, 9, 12, 15, 17, 24, 31, 33, 40, 47, 48, 56, 63)
        from signed in Gen.Elements(false, true)
        select (ZigType)new ZigType.Int(bits, signed);

    private static readonly Gen<ZigType> Int128 =
        from bits in Gen.Elements(65, 96, 127, 128, 128, 128)
        from signed in Gen.Elements(false, true)
        select (ZigType)new ZigType.Int(bits, signed);

    private static readonly Gen<ZigType> HugeInt =
        from bits in Gen.Elements(192, 193, 200, 224, 255, 256, 256)
        from signed in Gen.Elements(false, true)
        select (ZigType)new ZigType.Int(bits, signed);

    private static readonly Gen<ZigType> ExternField = Gen.Elements<ZigType>(
        new ZigType.Bool(),
        new ZigType.Int(8, false),
        new ZigType.Int(16, true),
        new ZigType.Int(32, false),
        new ZigType.Int(64, false),
        new ZigType.Float(32),
        new ZigType.Float(64)
    );

    private static readonly Gen<ZigType> Enumeration = Gen.Choose(1, 32)
        .Select(variants => (ZigType)new ZigType.Enum(variants));

    private static readonly (Feature Feature, Gen<ZigType> Gen)[] Scalars =
    [
        (Feature.TypeBool, Gen.Constant<ZigType>(new ZigType.Bool())),
        (Feature.TypeWord, AnyWord),
        (Feature.TypeOddInt, OddInt),
        (Feature.TypeInt128, Int128),
        (Feature.TypeHugeInt, HugeInt),
        (Feature.TypeFloat16, Float(16)),
        (Feature.TypeFloat32, Float(32)),
        (Feature.TypeFloat64, Float(64)),
        (Feature.TypeFloat80, Float(80)),
        (Feature.TypeFloat128, Float(128)),
        (Feature.TypeEnum, Enumeration),
    ];

    private static readonly (Feature Feature, Gen<ZigType> Gen)[] Vectors =
    [
        (Feature.TypeVector128, Vector(128)),
        (Feature.TypeVector256, Vector(256)),
        (Feature.TypeVector512, Vector(512)),
    ];

    public TypeGen(Profile profile)
    {
        var scalar = Weighted(profile, Scalars);
        var field = Gen.Frequency(
            (6, scalar),
            (1, Weighted(profile, Vectors)),
            (1, Optional(scalar)),
            (1, Struct(StructLayout.Auto, scalar, 1, 3)),
            (profile[Feature.TypeSlice] > 0 ? 1 : 0, Gen.Constant<ZigType>(new ZigType.Slice()))
        );
        Any = Weighted(
            profile,
            [
                .. Scalars,
                .. Vectors,
                (Feature.TypeSmallStruct, Struct(StructLayout.Auto, scalar, 1, 3)),
                (Feature.TypeLargeStruct, LargeStruct(field)),
                (Feature.TypePackedStruct, PackedStruct()),
                (Feature.TypeExternStruct, Struct(StructLayout.Extern, ExternField, 1, 6)),
                (Feature.TypeOverAligned, OverAligned(scalar)),
                (Feature.TypeUnion, Union(profile, field)),
                (Feature.TypeOptional, Optional(field)),
                (Feature.TypeSlice, Gen.Constant<ZigType>(new ZigType.Slice())),
            ]
        );
        Small = Weighted(profile, [.. Scalars.Where(s => s.Feature is not Feature.TypeHugeInt)]);
    }

    /// <summary>A makeable type other than void.</summary>
    public Gen<ZigType> Any { get; }

    /// <summary>A type of at most 16 bytes.</summary>
    public Gen<ZigType> Small { get; }

    private static Gen<ZigType> Float(int bits) => Gen.Constant<ZigType>(new ZigType.Float(bits));

    private static Gen<ZigType> Vector(int bits) =>
        from element in Gen.Elements<ZigType>(
            new ZigType.Int(8, false),
            new ZigType.Int(16, true),
            new ZigType.Int(32, false),
            new ZigType.Int(64, false),
            new ZigType.Float(32),
            new ZigType.Float(64)
        )
        select (ZigType)
            new ZigType.Vector(bits / (element is ZigType.Int i ? i.Bits : ((ZigType.Float)element).Bits), element);

    private static Gen<ZigType> Struct(StructLayout layout, Gen<ZigType> field, int low, int high, int align = 0) =>
        from count in Gen.Choose(low, high)
        from fields in field.ArrayOf(count)
        select (ZigType)new ZigType.Struct(layout, fields.ToEquatableArray(), align);

    private static Gen<ZigType> LargeStruct(Gen<ZigType> field) =>
        Gen.Frequency(
            (3, Struct(StructLayout.Auto, field, 4, 10)),
            (
                2,
                from words in Gen.Elements(9, 12, 17, 32, 33)
                select (ZigType)new ZigType.Struct(StructLayout.Auto, Enumerable.Repeat(Word, words).ToEquatableArray())
            )
        );

    private static Gen<ZigType> PackedStruct() =>
        from widths in Gen.Elements(1, 2, 3, 4, 5, 7, 8, 11, 16, 21, 32).ArrayOf(6)
        from count in Gen.Choose(1, 6)
        select (ZigType)
            new ZigType.Struct(
                StructLayout.Packed,
                widths
                    .Take(count)
                    .Select(bits => bits == 1 ? new ZigType.Bool() : (ZigType)new ZigType.Int(bits, bits % 2 == 1))
                    .Aggregate(
                        (Fields: new List<ZigType>(), Bits: 0),
                        (sum, type) => Fits(sum.Fields, sum.Bits, type),
                        sum => sum.Fields.ToEquatableArray()
                    )
            );

    private static (List<ZigType> Fields, int Bits) Fits(List<ZigType> fields, int bits, ZigType type)
    {
        var width = type is ZigType.Int i ? i.Bits : 1;
        if (bits + width > 128)
        {
            return (fields, bits);
        }

        fields.Add(type);
        return (fields, bits + width);
    }

    private static Gen<ZigType> OverAligned(Gen<ZigType> scalar) =>
        from align in Gen.Elements(32, 64)
        from type in Gen.Frequency(
            (2, Struct(StructLayout.Auto, scalar, 1, 3, align)),
            (1, Struct(StructLayout.Extern, ExternField, 1, 4, align))
        )
        select type;

    private static Gen<ZigType> Optional(Gen<ZigType> child) =>
        child.Select(type => type is ZigType.Optional ? type : new ZigType.Optional(type));

    private static Gen<ZigType> Union(Profile profile, Gen<ZigType> field)
    {
        var variant = Gen.Frequency(
            (profile[Feature.TypeVoid] > 0 ? 1 : 0, Gen.Constant<ZigType>(new ZigType.Void())),
            (4, field)
        );
        return from count in Gen.Choose(1, 5)
            from variants in variant.ArrayOf(count)
            select (ZigType)new ZigType.Union(variants.ToEquatableArray());
    }

    private static Gen<ZigType> Weighted(Profile profile, IReadOnlyList<(Feature Feature, Gen<ZigType> Gen)> families)
    {
        var on = families
            .Where(family => profile.Has(family.Feature))
            .Select(family => (profile[family.Feature], family.Gen))
            .ToArray();
        return on.Length == 0 ? AnyWord : Gen.Frequency(on);
    }
}
