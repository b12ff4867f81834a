using Harness.Execution;

namespace Harness.Toolchain;

/// <summary>The optional tools of benchmarks, by path; null: not installed.</summary>
/// <param name="BoostContext">Boost.Context's static library.</param>
public sealed record BenchmarkTools(string? Gcc, string? Go, string? BoostContext)
{
    public static readonly BenchmarkTools None = new(null, null, null);

    private static readonly string[] _libraries = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"];

    public static BenchmarkTools Find() => new(
        ExecutablePath.Resolve("gcc"), ExecutablePath.Resolve("go"),
        _libraries.Select(directory => Path.Combine(directory, "libboost_context.a")).FirstOrDefault(File.Exists));
}
