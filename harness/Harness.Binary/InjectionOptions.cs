using Harness.Model;

namespace Harness.Binary;

/// <summary>How functions get their checks, and which do not.</summary>
public sealed record InjectionOptions
{
    public static readonly InjectionOptions Default = new();

    /// <summary>Functions left alone: exact names, or prefixes that end in <c>*</c>.</summary>
    public IReadOnlyList<string> Excluded { get; init; } = ["hs_*", "builtin.returnError", "__zig_probe_stack"];

    /// <summary>
    /// Functions that ask for their return address get no check: behind one that split, the answer is the stub's.
    /// </summary>
    public bool SparesReturnAddress => Defect is not InjectionDefect.ReturnAddress;

    public InjectionDefect Defect { get; init; }

    /// <summary>
    /// The largest frame of a function without a check. What such functions need together, in a chain of calls, is proven of the linked
    /// program (<see cref="StackUse.SlackAudit"/>); this one says early which function is to blame. One that asks for its return address and has a larger
    /// frame gets its check all the same (<c>std.debug</c>'s capturing of traces, allocators that note who allocates): at a split it is told the stub's
    /// address, and a trace that begins there begins with the stub's frame.
    /// </summary>
    public long MaxUnsplitFrameBytes { get; init; } = 1024;

    /// <summary>Functions that ask and are known to be larger, by exact name.</summary>
    public IReadOnlySet<string> TooLarge { get; init; } = new HashSet<string>();

    /// <summary>
    /// Bytes of stack arguments that morestack copies where neither the function's code nor its caller's frame tells; more than
    /// any generated function takes.
    /// </summary>
    public int ArgumentBytes { get; init; } = 1024;

    /// <summary>The most that <see cref="ArgumentBytes"/> may be.</summary>
    public const int MaxArgumentBytes = ThunkCode.MaxArgumentBytes;

    /// <summary>Whether a function of so large a frame, −1: not known, could not go without a check.</summary>
    public bool IsTooLarge(long frameBytes) => (frameBytes < 0 ? UnknownFrameBytes : frameBytes) > MaxUnsplitFrameBytes;

    /// <summary>The frame assumed of a function whose code does not tell.</summary>
    public int UnknownFrameBytes { get; init; } = 16 << 10;

    /// <summary>With what a planted defect does to checks.</summary>
    public static InjectionOptions With(PlantedDefect? defect)
    {
        if (defect is not { Seat: DefectSeat.Injection })
        {
            return Default;
        }

        var options = Default with { Defect = Enum.Parse<InjectionDefect>(defect.Name.Replace("_", "", StringComparison.Ordinal), ignoreCase: true) };
        return options.SparesReturnAddress ? options : options with { Excluded = [.. Default.Excluded.Where(name => name != "builtin.returnError")] };
    }

    /// <summary>
    /// Every thunk in a section of its own, also where it could stand in front of its function: for programs that look for how a function was entered
    /// (zig-fixtures/programs/hidden_return).
    /// </summary>
    public bool ThunksApart { get; init; }

    public LimitSlot LimitSlot { get; init; } = LimitSlot.Glibc;

    public bool Excludes(string name) => Excluded.Any(
        pattern => pattern.EndsWith('*') ? name.StartsWith(pattern[..^1], StringComparison.Ordinal) : name == pattern);
}
