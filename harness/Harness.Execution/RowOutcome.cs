using Harness.Model;

namespace Harness.Execution;

/// <summary>A row that ended its process, or that left the protocol. Rows that just ran have none.</summary>
public abstract record RowOutcome
{
    private RowOutcome(int row) => Row = row;

    /// <summary>The row in the status page when it happened.</summary>
    public int Row { get; }

    internal abstract Sealed Seal { get; }

    /// <summary>A signal that the worker could not turn into a fault of one fiber. Address, pc and fiber are 0 when unknown.</summary>
    public sealed record Crashed(int Row, int Signal, ulong Address, ulong Pc, int Fiber, string Stderr)
        : RowOutcome(Row) { internal override Sealed Seal => default; }

    /// <summary>It got no further (or the session's time was over): killed.</summary>
    /// <param name="Limit">After so long; <paramref name="How"/> says of what.</param>
    public sealed record TimedOut(int Row, TimeSpan Limit, Standstill How = Standstill.Silent) : RowOutcome(Row)
    {
        internal override Sealed Seal => default;

        public string Words => How switch
        {
            Standstill.Silent => $"nothing for {Limit.TotalSeconds:0.#} s",
            Standstill.Busy => $"nothing for {Limit.TotalSeconds:0.#} s of a processor's time",
            Standstill.Asleep => $"asleep for {Limit.TotalSeconds:0.#} s",
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    /// <summary>Killed from outside, as the kernel does when memory runs out: neither pass nor fail.</summary>
    public sealed record MemoryExceeded(int Row) : RowOutcome(Row) { internal override Sealed Seal => default; }

    /// <summary>A limit of the worker or of the machine, such as descriptors, and it said so: neither pass nor fail.</summary>
    public sealed record LimitReached(int Row, string Reason) : RowOutcome(Row) { internal override Sealed Seal => default; }

    /// <summary>It ended itself, but not by finishing.</summary>
    public sealed record Exited(int Row, int Code, string Stderr) : RowOutcome(Row) { internal override Sealed Seal => default; }

    /// <summary>It said something that is not in the protocol, or not all of what is.</summary>
    public sealed record ProtocolViolation(int Row, string Detail) : RowOutcome(Row) { internal override Sealed Seal => default; }
}

/// <summary>Rows [Start, End) that were not run, and why.</summary>
public readonly record struct SkippedRows(int Start, int End, string Reason)
{
    public int Count => End - Start;
}

/// <summary>What a session did with a plan. <see cref="Counters"/> is the sum of its processes' status pages.</summary>
public sealed record SessionResult(
    IReadOnlyList<RowOutcome> Outcomes, IReadOnlyList<SkippedRows> Skipped, Counters Counters, int Processes, TimeSpan Elapsed)
{
    /// <summary>How often code ran that a planted defect has changed, in finished rows.</summary>
    public long PlantedReached { get; init; }

    /// <summary>It was told to wind up before all rows had run.</summary>
    public bool WoundUp { get; init; }
}

/// <summary>Limits on a worker and on a session of workers.</summary>
public sealed record WorkerLimits
{
    public static readonly WorkerLimits Default = new();

    /// <summary>Processor time that a row may take, some twenty times what whole programs take: one that spins is told by this long before <see cref="RowTimeout"/>.</summary>
    public TimeSpan RowProcessorTime { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Time for which all threads of a worker may sleep in a row, while nobody is busy with what it said.</summary>
    public TimeSpan RowSleep { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Longest time without a row finishing, on a machine that may have no processor to spare.</summary>
    public TimeSpan RowTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Longest time until the first row starts.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>For the whole plan, restarts included; rows left over are skipped.</summary>
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromMinutes(10);

    public TimeSpan PollInterval { get; init; } = TimeSpan.FromMilliseconds(25);

    /// <summary>Address space. The worker reserves some 2 GiB of it at its start; null: unlimited.</summary>
    public long? MemoryBytes { get; init; } = 16L << 30;

    public int? OpenFiles { get; init; } = 1 << 16;

    /// <summary>Of one process, its threads together; far beyond what a session's time allows.</summary>
    public int? CpuSeconds { get; init; } = 1500;

    /// <summary>Of any file: the status page is all that a worker writes.</summary>
    public long? FileSizeBytes { get; init; } = 1 << 20;

    /// <summary>What generated programs may use and do; whatever they are run for.</summary>
    public ResourceLimits Resources => new()
    {
        MemoryBytes = MemoryBytes, OpenFiles = OpenFiles, CpuSeconds = CpuSeconds, FileSizeBytes = FileSizeBytes, Confinement = Confinement.Alone,
    };

    /// <summary>Processes started beyond the first.</summary>
    public int MaxRestarts { get; init; } = 48;

    /// <summary>After this many timeouts the rest of the plan is not run: each costs its time, and the program that it befell.</summary>
    public int MaxTimeouts { get; init; } = 4;

    /// <summary>A program that ends this many processes is not run further.</summary>
    public int MaxOutcomesPerProgram { get; init; } = 6;

    /// <summary>Standard output of one process.</summary>
    public int OutputBytes { get; init; } = 512 << 20;
}
