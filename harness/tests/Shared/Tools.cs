using System.Runtime.CompilerServices;
using Harness.Toolchain;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

namespace Harness.Tests;

/// <summary>What tests need of the machine. Part of each project that links this file, which adds what it alone needs.</summary>
internal static partial class Tools
{
    public static string Repository { get; } = FixtureLayout.FindRepository(Here());

    public static FixtureLayout Fixtures { get; } = FixtureLayout.Find(Repository);

    public static ZigLocation Zig { get; } = ZigLocator.LocateAsync(
        null, Repository, CancellationToken.None).GetAwaiter().GetResult();

    private static readonly Lazy<ToolCache> _cache = new(
        () => new ToolCache(Zig.Require(), Fixtures, Path.Combine(Repository, ".cache")));

    public static ToolCache Cache => _cache.Value;

    private static string Here([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}

/// <summary>A temporary directory.</summary>
internal sealed class Scratch : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("harness-tests-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>Skipped, visibly, where there is no Zig.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ZigFactAttribute : FactAttribute
{
    public ZigFactAttribute()
    {
        if (Tools.Zig is ZigLocation.Missing missing)
        {
            Skip = missing.Reason;
        }
    }
}

/// <summary>Skipped, visibly, where there is no Zig.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ZigTheoryAttribute : TheoryAttribute
{
    public ZigTheoryAttribute()
    {
        if (Tools.Zig is ZigLocation.Missing missing)
        {
            Skip = missing.Reason;
        }
    }
}
