using Harness.Campaigns;
using Harness.Execution;
using Harness.Execution.Tracing;
using Harness.Model;
using Harness.Verification.Cores;

namespace Harness.Cli;

/// <summary>Runs cases until their workers die, for <c>replay --core</c>.</summary>
public interface ICores
{
    /// <exception cref="EnvironmentUnusableException">The system does not allow tracing.</exception>
    Task<CoreOutcome> RunAsync(Case @case, Death death, string scratch, string keep, CancellationToken ct);

    /// <summary>Asks the tools that are installed.</summary>
    Task<IReadOnlyList<(CoreTool Tool, ToolComparison? Comparison)>> AskToolsAsync(string core, string worker, string scratch, CancellationToken ct);
}

/// <summary>The real one.</summary>
internal sealed class RealCores(CoreReplay replay, CoreTools tools) : ICores
{
    public async Task<CoreOutcome> RunAsync(Case @case, Death death, string scratch, string keep, CancellationToken ct)
    {
        try
        {
            return await replay.RunAsync(@case, death, scratch, keep, ct).ConfigureAwait(false);
        }
        catch (TraceException e)
        {
            throw new EnvironmentUnusableException(e.Message, e);
        }
    }

    public Task<IReadOnlyList<(CoreTool Tool, ToolComparison? Comparison)>> AskToolsAsync(string core, string worker, string scratch, CancellationToken ct) =>
        tools.CompareAsync(core, worker, scratch, ct);
}
