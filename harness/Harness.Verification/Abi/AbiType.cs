using System.Collections.Immutable;

namespace Harness.Verification.Abi;

/// <summary>A function's convention, as Zig writes it.</summary>
public enum AbiConvention
{
    Auto,
    C,
}

/// <summary>A type that arguments and results are probed with.</summary>
/// <param name="Zig">As Zig writes it, of the declarations in <see cref="AbiType.Declarations"/>.</param>
/// <param name="InC">C's convention allows it.</param>
/// <param name="InAuto">It is probed in Zig's own convention; not where it stands for one that is (extern structs).</param>
/// <param name="Legal">Bytes that a value of it cannot choose freely.</param>
/// <param name="IsResultOnly">It cannot be an argument.</param>
public sealed record AbiType(string Zig, bool InC, bool InAuto, ImmutableArray<LegalByte> Legal, bool IsResultOnly = false)
{
    /// <summary>What the types below are made of.</summary>
    public const string Declarations = """
        const E = error{ A, B, C, D };
        const S8 = struct { a: u32, b: u32 };
        const S16 = struct { a: u64, b: u64 };
        const S24 = struct { a: u64, b: u64, c: u64 };
        const S72 = struct { a: [9]u64 };
        const Mixed = struct { a: u8, b: u32, c: u16 };
        const Floats = struct { a: f64, b: f64 };
        const C8 = extern struct { a: u32, b: u32 };
        const C16 = extern struct { a: u64, b: u64 };
        const C24 = extern struct { a: u64, b: u64, c: u64 };
        const CMixed = extern struct { a: f64, b: u64 };
        const Word = enum(u32) { zero, _ };
        const Bits = packed struct { a: u7, b: u9, c: u16 };
        """;

    private static readonly LegalByte _normalExponent = new(9, 0x3F, 0x40);
    private static readonly LegalByte _integerBit = new(7, 0x7F, 0x80);

    /// <summary>Every class of values that conventions tell apart.</summary>
    public static ImmutableArray<AbiType> All { get; } =
    [
        Both("bool", new LegalByte(0, 1, 0)), Both("u8"), Both("i16"), Both("u32"), Both("u64"), Both("i64"), Both("usize"), Both("*u8"), Both("?*u8", new LegalByte(0, 0xFF, 1)),
        Both("f32"), Both("f64"), Both("u128"), Both("i128"), Both("@Vector(4, f32)"), Both("@Vector(2, u64)"), Both("Word"),
        Both("f16"), Both("f80", _integerBit, _normalExponent), Both("f128"), Auto("Bits"),
        Auto("@Vector(8, f32)"), Auto("@Vector(16, u8)"), Auto("u192"), Auto("[]const u8"), Auto("[3]u8"), Auto("[4]u64"),
        Auto("S8"), Auto("S16"), Auto("S24"), Auto("S72"), Auto("Mixed"), Auto("Floats"),
        Auto("?u8", new LegalByte(1, 0, 1)), Auto("?u32", new LegalByte(4, 0, 1)), Auto("?u64", new LegalByte(8, 0, 1)), Auto("?[]const u8", new LegalByte(16, 0, 1)), Auto("?f64", new LegalByte(8, 0, 1)),
        Auto("E", new LegalByte(0, 1, 1), new LegalByte(1, 0, 0)), Auto("anyerror", new LegalByte(0, 1, 1), new LegalByte(1, 0, 0)),
        Auto("E!void", new LegalByte(0, 0, 0), new LegalByte(1, 0, 0)), Auto("E!u8", new LegalByte(0, 0, 0), new LegalByte(1, 0, 0)),
        Auto("E!u32", new LegalByte(4, 0, 0), new LegalByte(5, 0, 0)), Auto("E!u64", new LegalByte(8, 0, 0), new LegalByte(9, 0, 0)),
        Auto("anyerror!u64", new LegalByte(8, 0, 0), new LegalByte(9, 0, 0)), Auto("E!u128", new LegalByte(16, 0, 0), new LegalByte(17, 0, 0)),
        Auto("E![]const u8", new LegalByte(16, 0, 0), new LegalByte(17, 0, 0)), Auto("E!f64", new LegalByte(8, 0, 0), new LegalByte(9, 0, 0)),
        C("C8"), C("C16"), C("C24"), C("CMixed"),
    ];

    public static AbiType Named(string zig) => All.First(type => type.Zig == zig);

    private static AbiType Both(string zig, params LegalByte[] legal) => new(zig, true, true, [.. legal]);

    private static AbiType Auto(string zig, params LegalByte[] legal) => new(zig, false, true, [.. legal]);

    private static AbiType C(string zig) => new(zig, true, false, []);

    public bool Allows(AbiConvention convention) => convention is AbiConvention.C ? InC : InAuto;

    /// <summary>The bits of a byte that hold something: of a flag the lowest alone.</summary>
    public byte MaskOf(int offset) => Legal.FirstOrDefault(legal => legal.Offset == offset) is { Keep: 0 or 1, IsFlag: true } ? (byte)1 : (byte)0xFF;

    public override string ToString() => Zig;
}

/// <summary>A byte of a value becomes <c>byte &amp; Keep | Set</c>.</summary>
public sealed record LegalByte(int Offset, byte Keep, byte Set)
{
    /// <summary>It is a bool, or says whether an optional has a value.</summary>
    public bool IsFlag => (Keep, Set) is (1, 0) or (0, 1);
}

/// <summary>The types of a function.</summary>
/// <param name="Result">Null: nothing.</param>
public sealed record AbiSignature(AbiConvention Convention, ImmutableArray<AbiType> Arguments, AbiType? Result)
{
    private static readonly (string[] Types, int Times)[] _lists =
    [
        (["u64"], 12), (["u32"], 10), (["u8"], 12), (["bool"], 10), (["f64"], 10), (["f32"], 10), (["u128"], 5), (["*u8"], 9), (["@Vector(4, f32)"], 10),
        (["u64", "f64"], 5), (["u8", "i16", "u32", "u64"], 3), (["f32", "u32"], 5), (["i16", "f64", "u128"], 3), (["[]const u8"], 6), (["S16"], 4), (["?u32"], 6), (["E!u64"], 4), (["S72", "u64"], 2),
        (["C16"], 4), (["C24", "u64"], 3), (["CMixed", "f64"], 4),
    ];

    /// <summary>Every type alone, between two words, and many of a kind: until registers run out.</summary>
    public static ImmutableArray<AbiSignature> WithArguments { get; } = [.. Enum.GetValues<AbiConvention>().SelectMany(ArgumentsOf)];

    /// <summary>Every type as a result.</summary>
    public static ImmutableArray<AbiSignature> WithResults { get; } =
        [.. Enum.GetValues<AbiConvention>().SelectMany(convention => AbiType.All.Where(type => type.Allows(convention)).Select(type => new AbiSignature(convention, [], type)))];

    private static IEnumerable<AbiSignature> ArgumentsOf(AbiConvention convention)
    {
        var word = AbiType.Named("u64");
        var types = AbiType.All.Where(type => type.Allows(convention) && !type.IsResultOnly).ToList();
        return types.Select(type => new AbiSignature(convention, [type], null))
            .Concat(types.Select(type => new AbiSignature(convention, [word, type, word], null)))
            .Concat(_lists.Select(list => (Types: list.Types.Select(AbiType.Named).ToList(), list.Times))
                .Where(list => list.Types.TrueForAll(type => type.Allows(convention)))
                .Select(list => new AbiSignature(convention, [.. Enumerable.Repeat(list.Types, list.Times).SelectMany(t => t)], null)));
    }

    public override string ToString() => $"({string.Join(", ", Arguments)}) {Result?.Zig ?? "void"}";
}
