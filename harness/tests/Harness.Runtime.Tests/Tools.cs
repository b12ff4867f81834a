using Harness.Emit;
using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Tests;

internal static partial class Tools
{
    /// <summary>The nine cells that workers are built for.</summary>
    public static TheoryData<Route, OptimizeMode, Backend> Cells { get; } = new()
    {
        { Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted },
        { Route.Thunk, OptimizeMode.Debug, Backend.Llvm },
        { Route.Thunk, OptimizeMode.ReleaseSafe, Backend.Llvm },
        { Route.Thunk, OptimizeMode.ReleaseFast, Backend.Llvm },
        { Route.Thunk, OptimizeMode.ReleaseSmall, Backend.Llvm },
        { Route.Attribute, OptimizeMode.Debug, Backend.Llvm },
        { Route.Attribute, OptimizeMode.ReleaseSafe, Backend.Llvm },
        { Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm },
        { Route.Attribute, OptimizeMode.ReleaseSmall, Backend.Llvm },
    };

    /// <summary>A unit of hand-written source, relative to the fixtures.</summary>
    public static EmittedUnit Unit(string source) =>
        ZigEmitter.Emit([]) with { Source = File.ReadAllText(Fixtures.PathOf(source)) };

    /// <summary>Builds a unit for a cell and links it with a recipe's objects; anything else fails the test.</summary>
    public static async Task<BuildOutcome.Built> BuildAsync(
        EmittedUnit unit, Cell cell, RuntimeRecipe recipe, string directory, BuildOptions? options = null)
    {
        var outcome = await new WorkerBuilder(Fixtures, Cache, recipe, options).BuildAsync(
            unit, cell, directory, CancellationToken.None);
        return outcome as BuildOutcome.Built ?? throw new Xunit.Sdk.XunitException(outcome.ToString());
    }

    /// <summary>Runs a program of ours under limits, to whatever end.</summary>
    public static async Task<ProcessOutcome> RunAsync(string file, params string[] arguments) =>
        await (await Cache.ProcessesAsync(CancellationToken.None)).RunAsync(
            new ProcessRequest { File = file, Arguments = [.. arguments], Timeout = TimeSpan.FromMinutes(2) }, CancellationToken.None);

    /// <summary>Runs a trial and gives its lines; one that does not end with exit code 0 fails the test.</summary>
    public static async Task<string[]> PassAsync(string file, params string[] arguments)
    {
        var outcome = await RunAsync(file, arguments);
        return outcome is ProcessOutcome.Exited { Code: 0 } exited
            ? exited.Output.Stdout.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            : throw new Xunit.Sdk.XunitException($"{Path.GetFileName(file)} came to {outcome}");
    }
}
