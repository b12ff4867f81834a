namespace Harness.Model;

/// <summary>Everything that chooses one execution of a program.</summary>
public sealed record ExecutionPlan(
    FaultPlan Fault, Schedule Schedule, SplitPlan Split, Placement Placement, ReleasePolicy Policy, Disturbance Disturbance = Disturbance.None)
{
    public static readonly ExecutionPlan Baseline =
        new(new FaultPlan.None(), Schedule.Fifo, SplitPlan.None, Placement.Descending, ReleasePolicy.Cache);
}

/// <summary>A program with the cell and the plan of one of its executions: what a replay runs.</summary>
public sealed record Case(FiberProgram Program, Cell Cell, ExecutionPlan Plan)
{
    /// <summary>Of a case's company.</summary>
    public const int MaxCompany = 16;

    /// <summary>
    /// Programs that are compiled with it and not run. A compiler treats code otherwise in company (what two programs share is called and not inlined, for
    /// example), so some failures show only there.
    /// </summary>
    public EquatableArray<FiberProgram> Company { get; init; } = [];

    /// <summary>In the company of the other programs that it was compiled among.</summary>
    /// <param name="batch">Its own program is one of them.</param>
    public Case Among(IReadOnlyList<FiberProgram> batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var own = Enumerable.Range(0, batch.Count).FirstOrDefault(i => batch[i] == Program, -1);
        return this with { Company = [.. batch.Where((_, i) => i != own)] };
    }

    /// <summary>The programs of its unit, its own first.</summary>
    public IReadOnlyList<FiberProgram> Unit => [Program, .. Company];
}

/// <summary>What was done; each counts exactly what its name says (DESIGN: "Counters count these and nothing else").</summary>
public sealed record Counters(
    long Programs,
    long Executions,
    long SplitsForced,
    long FaultsInjected,
    long Probes,
    long FramesChecked,
    long ResourcesAcquired,
    long ResourcesReleased)
{
    public static readonly Counters Zero = new(0, 0, 0, 0, 0, 0, 0, 0);

    public static Counters operator +(Counters a, Counters b) => new(
        a.Programs + b.Programs,
        a.Executions + b.Executions,
        a.SplitsForced + b.SplitsForced,
        a.FaultsInjected + b.FaultsInjected,
        a.Probes + b.Probes,
        a.FramesChecked + b.FramesChecked,
        a.ResourcesAcquired + b.ResourcesAcquired,
        a.ResourcesReleased + b.ResourcesReleased);
}
