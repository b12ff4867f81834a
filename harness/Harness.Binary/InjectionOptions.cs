namespace Harness.Binary;

/// <summary>How functions get their checks, and which do not.</summary>
public sealed record InjectionOptions
{
    public static readonly InjectionOptions Default = new();

    /// <summary>Functions left alone: exact names, or prefixes that end in <c>*</c>.</summary>
    public IReadOnlyList<string> Excluded { get; init; } = ["hs_*", "builtin.returnError", "__zig_probe_stack"];

    /// <summary>Bytes of stack arguments that morestack copies; more than any generated function takes.</summary>
    public int ArgumentBytes { get; init; } = 1024;

    /// <summary>The frame assumed of a function whose code does not tell.</summary>
    public int UnknownFrameBytes { get; init; } = 16 << 10;

    /// <summary>Offset from fs of the stack limit.</summary>
    public int LimitSlot { get; init; } = 0x70;

    public bool Excludes(string name) => Excluded.Any(
        pattern => pattern.EndsWith('*') ? name.StartsWith(pattern[..^1], StringComparison.Ordinal) : name == pattern);
}
