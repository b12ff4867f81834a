using Harness.Model;

namespace Harness.Binary;

/// <summary>How functions get their checks, and which do not.</summary>
public sealed record InjectionOptions
{
    public static readonly InjectionOptions Default = new();

    /// <summary>Functions left alone: exact names, or prefixes that end in <c>*</c>.</summary>
    public IReadOnlyList<string> Excluded { get; init; } = ["hs_*", "builtin.returnError", "__zig_probe_stack"];

    /// <summary>
    /// Functions that ask for their return address get no check: behind one that split, the answer is the stub's. False plants a defect.
    /// </summary>
    public bool SparesReturnAddress { get; init; } = true;

    /// <summary>
    /// A function that asks and has a larger frame gets its check all the same, because it would not fit below the limit: <c>std.debug</c>'s capturing of
    /// traces, allocators that note who allocates. At a split it is told the stub's address, which is the second of a walk's: a trace that
    /// begins there begins with the stub's frame.
    /// </summary>
    public long SparedFrameBytes { get; init; } = 1024;

    /// <summary>Functions that ask and are known to be larger, by exact name.</summary>
    public IReadOnlySet<string> TooLarge { get; init; } = new HashSet<string>();

    /// <summary>
    /// Bytes of stack arguments that morestack copies where neither the function's code nor its caller's frame tells; more than
    /// any generated function takes.
    /// </summary>
    public int ArgumentBytes { get; init; } = 1024;

    /// <summary>The most that <see cref="ArgumentBytes"/> may be.</summary>
    public const int MaxArgumentBytes = ThunkCode.MaxArgumentBytes;

    /// <summary>The frame assumed of a function whose code does not tell.</summary>
    public int UnknownFrameBytes { get; init; } = 16 << 10;

    /// <summary>With what a planted defect does to checks.</summary>
    public static InjectionOptions With(PlantedDefect? defect) => defect is { Seat: DefectSeat.Injection, Name: "return_address" }
        ? Default with { Excluded = [.. Default.Excluded.Where(name => name != "builtin.returnError")], SparesReturnAddress = false }
        : Default;

    public LimitSlot LimitSlot { get; init; } = LimitSlot.Glibc;

    public bool Excludes(string name) => Excluded.Any(
        pattern => pattern.EndsWith('*') ? name.StartsWith(pattern[..^1], StringComparison.Ordinal) : name == pattern);
}
