using Harness.Model;
using Harness.Toolchain.Runtimes;

namespace Harness.Verification.Foreign;

/// <summary>Something that is not done with a runtime, and why.</summary>
public sealed record LeftOut(string What, string Why);

/// <summary>What of plans and checks is left with another runtime than ours, and what is not.</summary>
public static class RuntimePlans
{
    private const int Edges = 60;

    /// <summary>The plans that a runtime can be put through.</summary>
    public static PlanOptions Of(ForeignRuntime runtime, PlanOptions options)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(options);
        return options with
        {
            Placements = [Placement.Pool], Policies = [ReleasePolicy.Cache], PolicyWeights = [1], StackBudgets = [], FailingAllocations = [],
            Forces = runtime.Can.Forces, DrawnNaturals = Edges,
            SignalsEvery = runtime.Can.Signals ? options.SignalsEvery : 0, ThreadsEvery = runtime.Can.Threads ? options.ThreadsEvery : 0,
        };
    }

    /// <summary>What a run says that it does without, in the order in which it matters.</summary>
    public static IReadOnlyList<LeftOut> LeftOut(ForeignRuntime runtime)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        return
        [
            runtime.Can.Forces
                ? new("splits forced at chosen prologues", "the limit can be set from outside at a checkpoint only, so the next prologue behind one splits; others split where a first segment of a drawn size ends; and splits are counted where the stack is looked at")
                : new("forced splits", "runtime.json says that the stub returns where there is room (forces); stacks grow as they will, from first segments of drawn sizes"),
            new("placements", "the runtime takes its memory where it will"),
            new("release policies (poison, unmap) and canaries below segments", "released segments are the runtime's own"),
            new("stack budgets and failing allocations", "the contract has no way to refuse a segment"),
            new("segments that no chain leads to", "nobody can count what the runtime keeps"),
            .. runtime.Can.Threads ? (LeftOut[])[] : [new("fibers that move between threads", "runtime.json says that they may not (threads)")],
            .. runtime.Can.Signals
                ? (LeftOut[])[new("signal handlers that are split code", "what a handler must do first is the runtime's own business; handlers are plain code")]
                : [new("signals", "runtime.json says that nothing may interrupt it (signals)")],
            .. runtime.Can.SlackBytes > 0 ? (LeftOut[])[] : [new("the proof that what runs below the limit fits there", "runtime.json promises no bytes there (slackBytes)")],
            .. runtime.Command.Length > 0 ? (LeftOut[])[new("the proof that every function asks", "the prologue command's checks are its own")] : [],
            new("single steps with signals at chosen instructions", "they follow our own stub's instructions"),
            new("the canary and the small scope", "planted defects and sets of splits are our own runtime's"),
        ];
    }
}
