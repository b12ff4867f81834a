using System.Runtime.CompilerServices;
using Harness.Emit;
using Harness.Execution;
using Harness.Toolchain;

namespace Harness.Tests;

internal static partial class Tools
{
    /// <summary>A file in this project's <c>fixtures</c>.</summary>
    public static string Fixture(string name) => Path.Combine(Own(), "fixtures", name);

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

    private static string Own([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}

/// <summary>Skipped, visibly, where there is no Zig or not the tool to compare with.</summary>
internal abstract class ToolTheoryAttribute : TheoryAttribute
{
    protected ToolTheoryAttribute(string tool, string without)
    {
        if (Tools.Zig is ZigLocation.Missing missing)
        {
            Skip = missing.Reason;
        }
        else if (ExecutablePath.Resolve(tool) is null)
        {
            Skip = without;
        }
    }
}

/// <summary>Skipped, visibly, where there is no Zig or no readelf to compare with.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ReadelfTheoryAttribute() : ToolTheoryAttribute("readelf", "readelf (binutils) is not installed: nothing to compare with");

/// <summary>Skipped, visibly, where there is no Zig or no Python.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PythonTheoryAttribute() : ToolTheoryAttribute("python3", "python3 is not installed: nobody else tries system calls one by one");
