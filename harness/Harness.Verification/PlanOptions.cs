using Harness.Model;

namespace Harness.Verification;

/// <summary>Budgets of a program's plan. Every probability and cap that shapes a plan is here.</summary>
public sealed record PlanOptions
{
    public static readonly PlanOptions Default = new();

    /// <summary>What the model that plans errs in; only <c>mutants</c> asks for that.</summary>
    internal ModelDefect Model { get; init; }

    /// <summary>What everything random is derived from.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Most rows of one program.</summary>
    public int RowCap { get; init; } = 2000;

    /// <summary>
    /// Logical entries that the executions of one program may make, all together: its energy, as fuzzers say (Böhme et al., Coverage-based Greybox
    /// Fuzzing as Markov Chain, CCS 2016). Long programs get fewer rows, because one of them costs as much as many others and finds no more
    /// than they (docs/THROUGHPUT.md has what planted defects say of that).
    /// </summary>
    public int EntryBudget { get; init; } = 40_000;

    /// <summary>What an execution costs besides its entries, in entries (measured).</summary>
    public int EntriesPerExecution { get; init; } = 12;

    /// <summary>Fewest rows of a program, however long it is: some splits, faults and placements, and the others in other programs.</summary>
    public int DeepRowFloor { get; init; } = 16;

    /// <summary>Logical entries that the model may execute for one program's plan, all its scenarios together.</summary>
    public int ModelEntries { get; init; } = 400_000;

    /// <summary>Entries sampled for each fault kind that is not swept: cancel, panic, segfault.</summary>
    public int SampledFaults { get; init; } = 8;

    /// <summary>Seeded schedules beside FIFO, for programs of several fibers.</summary>
    public int ScheduleSeeds { get; init; } = 3;

    /// <summary>Of the row budget, per cent for the execution without a fault.</summary>
    public int NoFaultPercent { get; init; } = 40;

    /// <summary>Every set of splits with every fault (<see cref="ExhaustivePlan"/>): budgets of rows do not apply.</summary>
    public bool Exhaustive { get; init; }

    /// <summary>Take traces at all.</summary>
    public bool Observe { get; init; } = true;

    /// <summary>At most so many per cent of the rows take traces (a program's first few rows excepted).</summary>
    public int ObservedPercent { get; init; } = 20;

    /// <summary>Frames that the DWARF observer may walk for one program.</summary>
    public long ObservedFrames { get; init; } = 100_000;

    /// <summary>Placements to rotate through.</summary>
    public EquatableArray<Placement> Placements { get; init; } = [.. Enum.GetValues<Placement>()];

    public EquatableArray<ReleasePolicy> Policies { get; init; } = [ReleasePolicy.Cache, ReleasePolicy.Poison, ReleasePolicy.Unmap];

    /// <summary>
    /// How often each of <see cref="Policies"/> is taken, beside the rows that are made with all of them. A released segment costs nothing when
    /// cached, a fill and a scan when poisoned (measured: executions 2 to 6 times as dear) and system calls when unmapped (up to 50 times).
    /// </summary>
    public EquatableArray<int> PolicyWeights { get; init; } = [240, 30, 1];

    /// <summary>
    /// One in so many of the rows that split runs under a storm of signals; 0: none. Rare, because such an execution costs fifteen times as much
    /// as others (measured: about 50 µs for a signal, its timer included): the storms of a program take a tenth of its worker's time.
    /// </summary>
    public int SignalsEvery { get; init; } = 120;

    /// <summary>One in so many of the rows that split has its fibers resumed by two OS threads in turns; 0: none. Some rows have both.</summary>
    public int ThreadsEvery { get; init; } = 80;

    /// <summary>Step through one execution of the smallest program of a batch.</summary>
    public bool Stepped { get; init; }

    /// <summary>Splits can be forced; false: stacks grow by themselves alone, because the runtime is one that nothing can be forced of (docs/RUNTIMES.md).</summary>
    public bool Forces { get; init; } = true;

    /// <summary>
    /// First segments of drawn sizes, for runtimes of which no split can be forced at a prologue: so many of them, which differ by as little as
    /// <see cref="SplitMenu.EdgeBytes"/>, bring the edge to any prologue.
    /// </summary>
    public int DrawnNaturals { get; init; }

    /// <summary>Segment sizes of <see cref="SplitKind.Natural"/>.</summary>
    public EquatableArray<int> NaturalBytes { get; init; } = [1 << 10, 2 << 10, 4 << 10, 16 << 10, 64 << 10];

    /// <summary>Stack budgets tried.</summary>
    public EquatableArray<long> StackBudgets { get; init; } = [2 << 10, 8 << 10, 32 << 10, 128 << 10, 1 << 20];

    /// <summary>Which segment allocation fails.</summary>
    public EquatableArray<int> FailingAllocations { get; init; } = [1, 2, 3, 5, 9];
}
