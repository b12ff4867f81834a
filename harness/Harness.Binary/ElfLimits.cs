namespace Harness.Binary;

/// <summary>
/// Caps on what a file may claim. Nothing a file says is believed beyond them, so a broken file costs a bounded amount.
/// </summary>
public sealed record ElfLimits
{
    public static readonly ElfLimits Default = new();

    public int MaxFileBytes { get; init; } = 1 << 30;

    /// <summary>Below SHN_LORESERVE: extended section numbering is not supported.</summary>
    public int MaxSections { get; init; } = 0xfeff;

    public int MaxSegments { get; init; } = 4096;

    public int MaxSymbols { get; init; } = 4_000_000;

    /// <summary>Per relocation section.</summary>
    public int MaxRelocations { get; init; } = 16_000_000;

    public int MaxNameBytes { get; init; } = 16 << 10;

    /// <summary>All symbol names together (a hostile file can make each symbol name the same long string).</summary>
    public long MaxNameBytesTotal { get; init; } = 256 << 20;

    /// <summary>Of one <c>.debug_line</c> header table.</summary>
    public int MaxLineFiles { get; init; } = 100_000;

    /// <summary>Of a whole file.</summary>
    public int MaxLineRows { get; init; } = 16_000_000;

    /// <summary>Of one table of <c>.debug_abbrev</c>.</summary>
    public int MaxAbbreviations { get; init; } = 100_000;

    /// <summary>Entries of <c>.debug_info</c> that are read, of a whole file.</summary>
    public int MaxDebugEntries { get; init; } = 32_000_000;

    /// <summary>Of all these entries together.</summary>
    public int MaxDebugRanges { get; init; } = 8_000_000;

    /// <summary>Instructions decoded of one function when its frame is measured.</summary>
    public int MaxFunctionInstructions { get; init; } = 4_000_000;
}
