using System.Globalization;
using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;
using Harness.Verification.Stepping;
using Xunit.Abstractions;

namespace Harness.Runtime.Tests;

/// <summary>
/// Unwind rows at every instruction of the product's stubs and gates, while they run: the workload of <c>programs/signals</c> under the stepper.
/// </summary>
public sealed class StepTests(ITestOutputHelper output) : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigTheory(Timeout = 300_000)]
    [InlineData(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm)]
    public async Task Every_instruction_of_the_stubs_unwinds(Route route, OptimizeMode mode, Backend backend)
    {
        var run = await StepAsync(await BuildAsync(new Cell(route, mode, backend), RuntimeRecipe.Product));
        Say(run);
        Assert.Equal("", string.Join('\n', run.Report.Findings));
        Assert.True(run.IsComplete);
        foreach (var stub in run.Report.Coverage)
        {
            output.WriteLine($"{stub.Function}: {stub.Visited} of {stub.Instructions} {string.Join("; ", stub.Missed)}");
        }
    }

    private void Say(SteppedRun run)
    {
        var report = run.Report;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Steps} steps, {report.Checked} checked, {report.Whole} chains, {report.Frames} frames, {report.Splits} splits, {report.Switches} switches, {report.Signals} signals, {run.StepsPerSecond:0}/s, {run.Outcome}"));
        foreach (var finding in report.Findings.Take(40))
        {
            output.WriteLine(finding.ToString());
        }

        foreach (var (known, count) in report.Known)
        {
            output.WriteLine($"known: {known.Where}: {count}");
        }
    }

    private static async Task<SteppedRun> StepAsync(string program)
    {
        var stepper = new SteppedProgram(
            await Tools.Cache.ProcessesAsync(CancellationToken.None), StubSources.Functions(Tools.Fixtures, StubSources.All));
        return await stepper.RunAsync(
            new ProcessRequest { File = program, Timeout = TimeSpan.FromMinutes(4) }, new StepOptions(), CancellationToken.None);
    }

    private async Task<string> BuildAsync(Cell cell, RuntimeRecipe recipe)
    {
        var options = Product.Importing(cell, ("workload", "programs/signals/workload.zig"));
        recipe = recipe.And(new RuntimePart("steps", "programs/signals/steps.S", OptimizeMode.ReleaseFast, [], []));
        return (await Tools.BuildAsync(Tools.Unit("programs/signals/stepped.zig"), cell, recipe, _scratch.Path, options)).WorkerPath;
    }
}
