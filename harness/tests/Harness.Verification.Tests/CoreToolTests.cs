using Harness.Execution;
using Harness.Model;
using Harness.Tests;
using Harness.Verification.Cores;
using Xunit.Abstractions;

namespace Harness.Verification.Tests;

/// <summary>Second opinions on the same cores, where they are installed: every chain, every fiber, or a shortcoming that is known.</summary>
[Collection(DeadWorkersCollection.Name)]
public sealed class CoreToolTests(DeadWorkers workers, ITestOutputHelper output)
{
    private const int Timeout = 600_000;

    [CoreToolFact(CoreTool.EuStack, Timeout = Timeout)]
    public async Task Libdw_has_every_chain_as_we_have_it()
    {
        foreach (var placement in new[] { Placement.Ascending, Placement.Interleaved })
        {
            using var worker = await workers.GetAsync(placement is Placement.Ascending ? DeadWorkers.Fast : DeadWorkers.Debug);
            foreach (var death in placement is Placement.Ascending ? new[] { Death.Segfault, Death.Panic } : [Death.Abort, Death.Handler])
            {
                var compared = await AskAsync(worker, CoreTool.EuStack, death, placement);
                Assert.Equal("", string.Join('\n', compared.Findings));
                Assert.Empty(compared.Known);
                Assert.Equal(2, compared.Chains);
            }
        }
    }

    /// <summary>When gdb learns to go from a stack to one below it in another frame than __morestack's, this says so.</summary>
    [CoreToolFact(CoreTool.Gdb, Timeout = Timeout)]
    public async Task Gdb_has_every_chain_but_where_a_service_was_called()
    {
        using var worker = await workers.GetAsync(DeadWorkers.Debug);
        foreach (var (death, inner) in new[] { (Death.Segfault, 0), (Death.Handler, 0), (Death.Panic, 1) })
        {
            var compared = await AskAsync(worker, CoreTool.Gdb, death, Placement.Ascending);
            Assert.Equal("", string.Join('\n', compared.Findings));
            Assert.Equal(inner, compared.Known.GetValueOrDefault(ToolShortcoming.InnerFrame));
        }
    }

    [Fact]
    public void A_chain_that_a_tool_has_otherwise_is_a_finding()
    {
        var frame = new CoreFrame(0x1000, true, default, 0, "f", null, 0, 0, false);
        var ours = new Dictionary<int, CoreChain>
        {
            [7] = new([frame, frame with { Pc = 0x2000, IsExact = false }], new Harness.Binary.Unwind.TraceEnd.ZeroReturnAddress()),
        };
        Assert.Empty(Of(0x1000, 0x2000).Findings);
        // As libdw has it.
        Assert.Empty(Of(0x1000, 0x1fff).Findings);
        Assert.Equal("ToolDiffers in thread 7: EuStack has 1 frames, we have 2; frame 1 is none there, 2000 here", Assert.Single(Of(0x1000).Findings).ToString());
        Assert.Equal("ToolDiffers in thread 7: EuStack has 3 frames, we have 2; frame 2 is 5 there, none here", Assert.Single(Of(0x1000, 0x2000, 5).Findings).ToString());
        Assert.Equal(CoreFault.ToolDiffers, Assert.Single(ToolComparison.Of(CoreTool.Gdb, ours, []).Findings).Fault);

        ToolComparison Of(params ulong[] addresses) => ToolComparison.Of(CoreTool.EuStack, ours, [new ToolChain(7, addresses)]);
    }

    private async Task<ToolComparison> AskAsync(DeadWorker worker, CoreTool tool, Death death, Placement placement)
    {
        var died = await worker.DieAsync(death, placement);
        Assert.Empty(died.Report.Findings);
        var (kept, fibers) = (Path.Combine(worker.Kept, CoreReplay.WorkerName), Path.Combine(worker.Kept, "fibers"));
        var ours = FiberCore.Write(died.CorePath, kept, fibers);
        var answer = await new CoreTools(await Tools.Cache.ProcessesAsync(CancellationToken.None)).AskAsync(tool, fibers, kept, CancellationToken.None);
        Assert.NotNull(answer);
        var compared = ToolComparison.Of(tool, ours, answer);
        output.WriteLine($"{tool}, {death}, {placement}: {compared.Chains} chains, {compared.Frames} frames the same");
        return compared;
    }
}

/// <summary>Skipped, visibly, where the tool is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CoreToolFactAttribute : FactAttribute
{
    public CoreToolFactAttribute(CoreTool tool)
    {
        Tool = tool;
        Skip = Tools.Zig is Toolchain.ZigLocation.Missing missing ? missing.Reason
            : CoreTools.IsInstalled(tool) ? null
            : $"{tool} is not installed";
    }

    public CoreTool Tool { get; }
}
