using System.Runtime.CompilerServices;
using Harness.Emit;
using Harness.Execution;
using Harness.Toolchain;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

namespace Harness.Binary.Tests;

/// <summary>What tests need of the machine, and scratch directories that vanish.</summary>
internal static class Tools
{
    public static string Repository { get; } = FixtureLayout.FindRepository(Here());

    public static FixtureLayout Fixtures { get; } = FixtureLayout.Find(Repository);

    public static ZigLocation Zig { get; } = ZigLocator.LocateAsync(
        null, Repository, CancellationToken.None).GetAwaiter().GetResult();

    private static readonly Lazy<ToolCache> _cache = new(
        () => new ToolCache(Zig.Require(), Fixtures, Path.Combine(Repository, ".cache")));

    public static ToolCache Cache => _cache.Value;

    /// <summary>A file in this project's <c>fixtures</c>.</summary>
    public static string Fixture(string name) => Path.Combine(Here(), "fixtures", name);

    /// <summary>A unit of hand-written source.</summary>
    public static EmittedUnit Unit(string source) => ZigEmitter.Emit([]) with { Source = source };

    /// <summary>
    /// Runs a program to its end and gives its standard output; anything but exit code 0 fails the test.
    /// </summary>
    public static async Task<string> RunAsync(string file, params string[] arguments)
    {
        var request = new ProcessRequest { File = file, Arguments = arguments, Timeout = TimeSpan.FromMinutes(1) };
        var outcome = await ChildProcess.Bare.RunAsync(request, CancellationToken.None);
        return outcome is ProcessOutcome.Exited { Code: 0 } exited
            ? exited.Output.Stdout
            : throw new Xunit.Sdk.XunitException($"{request} came to {outcome}");
    }

    private static string Here([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}

/// <summary>A temporary directory.</summary>
internal sealed class Scratch : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("harness-binary-").FullName;

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

/// <summary>Skipped, visibly, where there is no Zig or no readelf to compare with.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ReadelfTheoryAttribute : TheoryAttribute
{
    public ReadelfTheoryAttribute()
    {
        if (Tools.Zig is ZigLocation.Missing missing)
        {
            Skip = missing.Reason;
        }
        else if (ExecutablePath.Resolve("readelf") is null)
        {
            Skip = "readelf (binutils) is not installed: nothing to compare with";
        }
    }
}
