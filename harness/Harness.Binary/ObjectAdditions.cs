namespace Harness.Binary;

/// <summary>A section to be added to an object.</summary>
public sealed record NewSection(
    string Name, ElfSectionType Type, ElfSectionFlags Flags, ulong Alignment, byte[] Data, ulong EntrySize = 0);

/// <summary>A local symbol to be added, in a section that the object has or that was added.</summary>
public sealed record NewSymbol(string Name, ElfSymbolType Type, int Section, ulong Value, ulong Size);

/// <summary>A symbol of the object being rewritten: one it came with, or one that was added.</summary>
public readonly record struct SymbolReference
{
    private SymbolReference(SymbolOrigin origin, int index) => (Origin, Index) = (origin, index);

    internal SymbolOrigin Origin { get; }

    internal int Index { get; }

    public static SymbolReference Existing(int index) => new(SymbolOrigin.Existing, index);

    internal static SymbolReference AddedLocal(int ordinal) => new(SymbolOrigin.AddedLocal, ordinal);

    internal static SymbolReference AddedGlobal(int ordinal) => new(SymbolOrigin.AddedGlobal, ordinal);
}

internal enum SymbolOrigin : byte
{
    Existing,
    AddedLocal,
    AddedGlobal,
}

/// <summary>A relocation to be added.</summary>
public readonly record struct NewRelocation(ulong Offset, RelocationType Type, SymbolReference Symbol, long Addend);
