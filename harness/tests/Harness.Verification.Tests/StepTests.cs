using System.Globalization;
using Harness.Binary.Unwind.Stepping;
using Harness.Model;
using Harness.Tests;
using Harness.Toolchain;
using Harness.Verification.Stepping;
using Xunit.Abstractions;

namespace Harness.Verification.Tests;

/// <summary>Generated programs under the stepper: unwind rows at every instruction of whole executions, on every placement.</summary>
public sealed class StepTests(ITestOutputHelper output)
{
    private static readonly Placement[] _placements = Enum.GetValues<Placement>();

    [ZigTheory(Timeout = 600_000)]
    [InlineData(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted)]
    [InlineData(Route.Assembly, OptimizeMode.ReleaseSafe, Backend.Llvm)]
    public async Task Every_instruction_of_an_execution_unwinds(Route route, OptimizeMode mode, Backend backend)
    {
        using var scratch = new Scratch();
        var stepped = await StepAsync([Samples.EveryService(), Samples.Joining()], new Cell(route, mode, backend), null, scratch.Path);
        Assert.Empty(stepped.Run.Report.Findings);
        Assert.Empty(stepped.Complaints);
        Assert.True(stepped.Run.IsComplete);
        Assert.True(stepped.Run.Report is { Checked: > 50_000, Splits: > 30, Switches: > 50, Signals: > 0, Whole: > 1000 }, stepped.Run.Report.ToString());
        var missed = stepped.Run.Report.Coverage.Where(stub => _worker.Contains(stub.Function) && (backend is Backend.SelfHosted || !_selfHosted.Contains(stub.Function)))
            .SelectMany(stub => stub.Missed.Where(m => m.Text != "ud2").Select(m => $"{stub.Function}: {m.Text}"));
        Assert.Equal("", string.Join('\n', missed));
    }

    /// <summary>The defect is a row of morestack that begins behind its ninth instruction: that one is named, and none before it.</summary>
    [ZigFact(Timeout = 600_000)]
    public async Task A_wrong_row_of_morestack_is_named_where_it_begins()
    {
        using var scratch = new Scratch();
        var cell = new Cell(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm);
        var stepped = await StepAsync([Samples.Recursive(3)], cell, PlantedDefect.Named("cfi"), scratch.Path);
        var findings = stepped.Run.Report.Findings.Where(f => f is { Stub: true, Fault: not StepFault.WrongChain }).OrderBy(f => f.Pc).ToList();
        Assert.True(findings is [{ Fault: StepFault.WrongCfa, Instruction: "mov [rbp-8],r10" }, ..], string.Join('\n', findings.Take(3)));
        Assert.All(findings, f => Assert.StartsWith("__morestack+", f.Place, StringComparison.Ordinal));
    }

    /// <summary>The worker's own assembly, and the stubs as it uses them.</summary>
    private static readonly string[] _worker =
    [
        "hs_resume", "hs_to_scheduler", "hs_fault_landing", .. StubSources.Functions(Tools.Fixtures, ["worker/gates.S"]),
    ];

    /// <summary>What only units of that backend call (support/values.zig, by_calls).</summary>
    private static readonly string[] _selfHosted = ["hs_mix", "hs_mix_twice"];

    private async Task<StepOutcome.Stepped> StepAsync(FiberProgram[] programs, Cell cell, PlantedDefect? defect, string directory)
    {
        var (factory, processes) = await EndToEndTests.OpenFactoryAsync(defect);
        var stepper = new UnitStepper(factory, EndToEndTests.Runner(processes));
        var outcome = await stepper.RunAsync(
            programs, p => UnitStepper.Executions(p, _placements), cell, directory, new StepOptions(), CancellationToken.None);
        var stepped = Assert.IsType<StepOutcome.Stepped>(outcome);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{stepped.Run.Report.Steps} steps, {stepped.Run.Report.Splits} splits, {stepped.Run.StepsPerSecond:0} per second; {stepped.Run.Outcome}"));
        stepped.Run.Report.Findings.Take(20).ToList().ForEach(finding => output.WriteLine(finding.ToString()));
        return stepped;
    }
}
