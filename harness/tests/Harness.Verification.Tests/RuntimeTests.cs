using Harness.Model;
using Harness.Tests;
using Harness.Toolchain;
using Harness.Toolchain.Runtimes;
using Harness.Verification.Foreign;

namespace Harness.Verification.Tests;

/// <summary>Other runtimes than ours: those that come with the harness, with real compilers and workers.</summary>
public class RuntimeTests
{
    private const int Timeout = 600_000;

    /// <summary>Enough of everything that the reduced plans have.</summary>
    private static readonly PlanOptions _options = PlanOptions.Default with { RowCap = 150, SignalsEvery = 12, ThreadsEvery = 12 };

    private static readonly ZigType _word = new ZigType.Int(64, Signed: false);

    /// <summary>A function with more parameters than there are registers for, which logs each, so that what is not copied shows.</summary>
    private static FiberProgram Wide() => new(
        [
            Samples.Function(0, Samples.Call(30, 1) with { Arguments = [.. Enumerable.Range(1, 12).Select(i => new Argument.Made(new Scalar.Const((ulong)i * 1_000_003)))] }),
            Samples.Function(1, [.. Enumerable.Range(0, 12).Select(i => new Statement.Log(1 + i, new Scalar.Fold(i))), new Statement.Probe(20)])
                with { Parameters = [.. Enumerable.Repeat(_word, 12)] },
        ],
        [new Fiber(0, [], 0, true)], 0);

    [ZigTheory(Timeout = Timeout)]
    [InlineData("example", Route.Attribute, true)]
    [InlineData("example-pass", Route.Command, false)]
    public async Task A_minimal_runtime_holds(string name, Route route, bool forces)
    {
        var (runtime, result) = await CheckAsync(name, route, OptimizeMode.ReleaseSafe, Wide(), Samples.Nested(fibers: 3), Samples.Recursive(300));
        Assert.True(result.Findings.Count == 0, string.Join("\n", result.Findings.Select(f => $"{f.Signature}: {f.Observation.Detail}")));
        Assert.Empty(result.Unfinished);
        Assert.Equal(forces, runtime.Can.Forces);
        Assert.True(result.Counters is { Programs: 3, SplitsForced: > 40, FaultsInjected: > 50, FramesChecked: > 100 }, $"{result.Counters}");
        Assert.True(result.Arrivals is { Signals: > 0, Moves: > 0, Handlers: 0 }, $"{result.Arrivals}");
        Assert.DoesNotContain(result.Coverage.Keys, label => label is "fault/stack-budget" or "fault/segment-allocation" || label is "placement/ascending");
        Assert.Equal(forces, result.Coverage.ContainsKey("split/every-entry"));
    }

    [ZigFact(Timeout = Timeout)]
    public async Task The_defect_of_the_broken_example_is_found()
    {
        var (_, result) = await CheckAsync("example-broken", Route.Attribute, OptimizeMode.Debug, Wide());
        var finding = result.Findings.First(f => f.Signature.Check == "digest");
        Assert.Equal("example-broken/attribute/Debug/llvm/x86_64-linux-gnu", finding.Case.Cell.ToString());
        Assert.NotEqual(SplitKind.None, finding.Case.Plan.Split.Kind);
        Assert.Equal(finding.Case, CaseJson.Read(CaseJson.Write(finding.Case)));
    }

    /// <summary>What is known of libgcc (docs/RUNTIMES.md): frame pointers lead past the caller of what has split, and nothing else is wrong.</summary>
    [LibGccFact(Timeout = Timeout)]
    public async Task Libgcc_cleans_up_and_loses_a_frame_to_frame_pointers()
    {
        var (_, result) = await CheckAsync("libgcc", Route.Attribute, OptimizeMode.ReleaseSafe, Wide(), Samples.Nested(fibers: 3), Samples.Failures(36));
        Assert.All(result.Findings, finding => Assert.Equal("trace-fp", finding.Signature.Check));
        Assert.NotEmpty(result.Findings);
        Assert.True(result.Counters is { SplitsForced: > 100, FaultsInjected: > 50 }, $"{result.Counters}");
        Assert.Equal(result.Counters.ResourcesAcquired, result.Counters.ResourcesReleased);
    }

    [Fact]
    public void What_a_runtime_cannot_do_is_left_out_and_said()
    {
        var can = RuntimeFolder.Find(Tools.Fixtures, "example");
        var cannot = can with { Can = new RuntimeAbilities(false, false, false, 0) };
        Assert.Equal((PlanOptions.Default.SignalsEvery, PlanOptions.Default.ThreadsEvery), (RuntimePlans.Of(can, PlanOptions.Default).SignalsEvery, RuntimePlans.Of(can, PlanOptions.Default).ThreadsEvery));
        var options = RuntimePlans.Of(cannot, PlanOptions.Default);
        Assert.Equal((0, 0, false), (options.SignalsEvery, options.ThreadsEvery, options.Forces));
        Assert.True(RuntimePlans.LeftOut(cannot).Count > RuntimePlans.LeftOut(can).Count);
        Assert.Contains(RuntimePlans.LeftOut(cannot), left => left.What == "forced splits");

        var plan = new PlanBuilder(options).Build(Samples.Nested(fibers: 3), 0, 1);
        Assert.Equal([SplitKind.None, SplitKind.Natural], plan.Rows.Select(row => row.Split).Distinct().Order());
        Assert.Equal([Placement.Pool], plan.Rows.Select(row => row.Placement).Distinct());
        Assert.Equal([ReleasePolicy.Cache], plan.Rows.Select(row => row.Policy).Distinct());
        Assert.DoesNotContain(plan.Scenarios, s => s.Fault is FaultPlan.StackBudget or FaultPlan.SegmentAllocationFails);
    }

    private static async Task<(ForeignRuntime Runtime, BatchResult Result)> CheckAsync(string name, Route route, OptimizeMode mode, params FiberProgram[] programs)
    {
        using var scratch = new Scratch();
        var runtime = RuntimeFolder.Find(Tools.Fixtures, name);
        var processes = await Tools.Cache.ProcessesAsync(CancellationToken.None);
        var build = BuildOptions.Default with { Runtime = runtime, Libraries = await RuntimeLibraries.ResolveAsync(runtime, processes, CancellationToken.None) };
        var factory = new UnitFactory(new WorkerBuilder(Tools.Fixtures, Tools.Cache, RuntimeRecipe.Over(runtime, Tools.Fixtures), build));
        var cell = new Cell(route, mode, Backend.Llvm) { Runtime = runtime.Name };
        return (runtime, await new BatchChecker(factory, EndToEndTests.Runner(processes))
            .CheckAsync(programs, cell, RuntimePlans.Of(runtime, _options), scratch.Path, CancellationToken.None));
    }
}

/// <summary>Skipped, visibly, where there is no Zig, or gcc's libgcc.a without split stacks.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LibGccFactAttribute : FactAttribute
{
    public LibGccFactAttribute()
    {
        if (Tools.Zig is ZigLocation.Missing missing)
        {
            Skip = missing.Reason;
            return;
        }

        try
        {
            _ = RuntimeLibraries.ResolveAsync(RuntimeFolder.Find(Tools.Fixtures, "libgcc"), Execution.ChildProcess.Bare, CancellationToken.None).GetAwaiter().GetResult();
        }
        catch (ToolchainException e)
        {
            Skip = e.Message;
        }
    }
}
