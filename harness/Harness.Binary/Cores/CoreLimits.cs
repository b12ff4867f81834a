namespace Harness.Binary.Cores;

/// <summary>Caps on what a core file may ask for. A file beyond one is refused, with a reason.</summary>
public sealed record CoreLimits
{
    public static readonly CoreLimits Default = new();

    /// <summary>Apparent size; a kernel's cores are mostly holes.</summary>
    public long MaxFileBytes { get; init; } = 256L << 30;

    /// <summary>Program headers. Two for each of the mappings that Linux allows a process by default.</summary>
    public int MaxSegments { get; init; } = 140_000;

    /// <summary>All notes together.</summary>
    public int MaxNoteBytes { get; init; } = 64 << 20;

    public int MaxThreads { get; init; } = 4096;

    public int MaxMappings { get; init; } = 140_000;

    /// <summary>Names of mapped files, together.</summary>
    public int MaxNameBytes { get; init; } = 16 << 20;

    public int MaxAuxiliary { get; init; } = 256;
}
