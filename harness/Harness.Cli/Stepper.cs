using Harness.Execution.Tracing;
using Harness.Model;
using Harness.Verification.Stepping;

namespace Harness.Cli;

/// <summary>Steps through programs, for <c>step</c>.</summary>
public interface IStepper
{
    /// <exception cref="Campaigns.EnvironmentUnusableException">The system does not allow tracing.</exception>
    Task<StepOutcome> StepAsync(
        IReadOnlyList<FiberProgram> programs, Func<FiberProgram, IReadOnlyList<ExecutionPlan>> executions, Cell cell, string directory, StepOptions options,
        CancellationToken ct);
}

/// <summary>The real one.</summary>
internal sealed class RealStepper(UnitStepper stepper) : IStepper
{
    public async Task<StepOutcome> StepAsync(
        IReadOnlyList<FiberProgram> programs, Func<FiberProgram, IReadOnlyList<ExecutionPlan>> executions, Cell cell, string directory, StepOptions options,
        CancellationToken ct)
    {
        try
        {
            return await stepper.RunAsync(programs, executions, cell, directory, options, ct).ConfigureAwait(false);
        }
        catch (TraceException e)
        {
            throw new Campaigns.EnvironmentUnusableException(e.Message, e);
        }
    }
}
