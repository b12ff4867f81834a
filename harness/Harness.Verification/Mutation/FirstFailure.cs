using System.Diagnostics;
using Harness.Execution;

namespace Harness.Verification.Mutation;

/// <summary>Runs a plan up to the first failure: a planted defect that is found need not be found again.</summary>
internal sealed class FirstFailure(WorkerSession session)
{
    /// <summary>A crash ends the session, and so does a hang: each would come again at every other row.</summary>
    private static readonly WorkerLimits _limits = WorkerLimits.Default with
    {
        RowTimeout = TimeSpan.FromSeconds(4), SessionTimeout = TimeSpan.FromSeconds(60), MaxRestarts = 1, MaxTimeouts = 1,
    };

    public async Task<UnitRun> RunAsync(BuiltUnit unit, UnitPlan plan, string directory, CancellationToken ct)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var collector = new RowCollector(unit, plan);
        var clock = Stopwatch.StartNew();
        try
        {
            var whole = await session.RunAsync(unit.WorkerPath, unit.Told(plan.Worker), directory, _limits, Accept, enough.Token).ConfigureAwait(false);
            return collector.Finish(whole);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            var reached = StatusPage.Read(Path.Combine(directory, WorkerSession.StatusName))?.PlantedReached ?? 0;
            return collector.Finish(new SessionResult([], [], Model.Counters.Zero, 1, clock.Elapsed) { PlantedReached = reached });
        }

        void Accept(WorkerMessage message)
        {
            collector.Accept(message);
            if (collector.Failures.Count > 0 && !enough.IsCancellationRequested)
            {
                enough.Cancel();
            }
        }
    }
}
