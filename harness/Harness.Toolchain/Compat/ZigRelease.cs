using System.Collections.Immutable;

namespace Harness.Toolchain.Compat;

/// <summary>
/// What the harness knows of releases of Zig: the one place that changes when another one is to be supported (docs/GATE.md). Constructs that releases differ in are
/// the files of <c>zig-fixtures/compat</c>.
/// </summary>
public static class ZigRelease
{
    /// <summary>How versions begin that the fixtures are written for.</summary>
    public const string Supported = "0.16.";

    /// <summary>
    /// What each observation (Harness.Verification/Observations) comes to in a supported release. The harness relies on these, or works around them; its documents
    /// say so: a change either way is news.
    /// </summary>
    private static readonly ImmutableDictionary<string, string> _observed = ImmutableDictionary<string, string>.Empty
        .Add("frame-pointer-walk", "of 8 frames finds 8 with callers above, 0 with callers below")
        .Add("probe-stack-rows", "contradict the code")
        .Add("split-varargs", "fatal error in LLVM")
        .Add("split-alloca-compare", "signed")
        .Add("split-alloca-slot-windows", "fs:0x70 beside gs:0x28")
        .Add("split-realigned-frame", "asks for 4088 bytes for 64 aligned to 4096")
        .Add("split-attribute-aarch64", "ignored in silence")
        .Add("hidden-return", "lost in 10 of 21 shapes in ReleaseFast")
        .Add("selfhosted-c-convention", "departs from LLVM's in 4 of 85 signatures");

    /// <summary>What an observation should come to; null: nothing is known of it for that release.</summary>
    public static string? Expected(string version, string observation)
    {
        ArgumentNullException.ThrowIfNull(version);
        return IsSupported(version) ? _observed.GetValueOrDefault(observation) : null;
    }

    public static bool IsSupported(string version)
    {
        ArgumentNullException.ThrowIfNull(version);
        return version.StartsWith(Supported, StringComparison.Ordinal);
    }
}
