namespace Harness.Binary.Unwind;

/// <summary>A CIE: what several FDEs share.</summary>
/// <param name="Offset">Of the entry in its section.</param>
/// <param name="CodeFactor">By which advances are multiplied.</param>
/// <param name="DataFactor">By which offsets are multiplied.</param>
/// <param name="ReturnColumn">Which column holds the return address.</param>
/// <param name="IsSignalFrame">Its frames were interrupted, not called: the address below them is exact.</param>
/// <param name="Personality">Address of the routine, or null.</param>
public sealed record CommonEntry(
    ulong Offset, int Version, string Augmentation, ulong CodeFactor, long DataFactor, int ReturnColumn, bool IsSignalFrame, ulong? Personality)
{
    internal PointerEncoding Addresses { get; init; }

    internal PointerEncoding Handlers { get; init; } = new(PointerEncoding.Omitted);

    /// <summary>Addresses in the FDEs are plain, of this many bytes (.debug_frame).</summary>
    internal bool HasAugmentationData { get; init; }

    internal ByteRange Program { get; init; }

    /// <summary>
    /// Written by Zig's self-hosted backend: nobody else begins with DW_CFA_def_cfa_sf.
    /// </summary>
    public bool IsSelfHosted { get; init; }
}

/// <summary>Bytes of a section.</summary>
internal readonly record struct ByteRange(int Offset, int Length);

/// <summary>An FDE: the rows of the code from <paramref name="Start"/> up to <paramref name="End"/>.</summary>
/// <param name="Section">Where it is written: .eh_frame or .debug_frame.</param>
/// <param name="Offset">Of the entry in that section.</param>
/// <param name="Handlers">Address of the language's own data (LSDA), or null.</param>
public sealed record FrameEntry(ElfSection Section, ulong Offset, CommonEntry Common, ulong Start, ulong End, ulong? Handlers)
{
    internal ByteRange Program { get; init; }

    /// <summary>Where the start address is written: offset in the section.</summary>
    internal int StartField { get; init; }

    public bool Covers(ulong address) => address >= Start && address < End;
}
