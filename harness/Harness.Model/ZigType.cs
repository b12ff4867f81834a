namespace Harness.Model;

/// <summary>How a generated struct is laid out in Zig: <c>struct</c>, <c>extern struct</c> or <c>packed struct</c>.</summary>
public enum StructLayout
{
    Auto,
    Extern,
    Packed,
}

/// <summary>
/// The closed family of value types that a generated program passes and returns. Structural: two equal types are one
/// Zig declaration. A value of every type but <see cref="CellPointer"/> and <see cref="Handle"/> is fully determined
/// by the type and one 64-bit seed (see <c>docs/VALUES.md</c>): <c>make(T, seed)</c> builds it, <c>fold(T, value)</c>
/// reads every byte of it back into 64 bits.
/// </summary>
public abstract record ZigType
{
    private ZigType()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <summary>No value at all; only as a payload or union variant.</summary>
    public sealed record Void : ZigType { internal override Sealed Seal => default; }

    public sealed record Bool : ZigType { internal override Sealed Seal => default; }

    /// <summary><paramref name="Bits"/>: 1 to 256.</summary>
    public sealed record Int(int Bits, bool Signed) : ZigType { internal override Sealed Seal => default; }

    /// <summary><paramref name="Bits"/>: 16, 32, 64, 80 or 128.</summary>
    public sealed record Float(int Bits) : ZigType { internal override Sealed Seal => default; }

    /// <summary>A SIMD vector of <see cref="Int"/> or <see cref="Float"/> lanes.</summary>
    public sealed record Vector(int Lanes, ZigType Element) : ZigType { internal override Sealed Seal => default; }

    /// <summary>
    /// Packed: only <see cref="Bool"/> and <see cref="Int"/> fields, at most 128 bits together. Extern: only bools,
    /// ints of 8, 16, 32, 64 bits, f32 and f64. <paramref name="Align"/>: 0 natural, else 32 or 64 (put on field 0;
    /// not for packed).
    /// </summary>
    public sealed record Struct(StructLayout Layout, EquatableArray<ZigType> Fields, int Align = 0) : ZigType { internal override Sealed Seal => default; }

    /// <summary>An enum of <paramref name="Variants"/> (1 to 32) tags.</summary>
    public sealed record Enum(int Variants) : ZigType { internal override Sealed Seal => default; }

    /// <summary><c>union(enum)</c> with 1 to 8 variants, each of its own payload type.</summary>
    public sealed record Union(EquatableArray<ZigType> Variants) : ZigType { internal override Sealed Seal => default; }

    /// <summary>An optional of a makeable type other than <see cref="Void"/> and <see cref="Optional"/>.</summary>
    public sealed record Optional(ZigType Child) : ZigType { internal override Sealed Seal => default; }

    /// <summary><c>[]const u64</c>: into the support library's static table, or into a caller's buffer.</summary>
    public sealed record Slice : ZigType { internal override Sealed Seal => default; }

    /// <summary><c>*u64</c> into some caller's frame; only as a parameter (never a payload, never inside a type).</summary>
    public sealed record CellPointer : ZigType { internal override Sealed Seal => default; }

    /// <summary><c>rt.Handle</c>: an owned resource; only as the payload of a fallible function.</summary>
    public sealed record Handle : ZigType { internal override Sealed Seal => default; }

    /// <summary>Whether a value can be made from a seed alone.</summary>
    public bool IsMakeable => this is not (CellPointer or Handle);
}
