using Harness.Model;

namespace Harness.Execution;

/// <summary>What a worker is asked to do (<see cref="PlanFile"/>). Rows refer to scenarios, scenarios to programs.</summary>
public sealed record WorkerPlan(
    IReadOnlyList<PlanProgram> Programs, IReadOnlyList<PlanScenario> Scenarios, PlanRow[] Rows)
{
    /// <summary>The planted defect to wake, by its number; 0: none. Only workers made for defects take others.</summary>
    public uint Planted { get; init; }

    /// <summary>A second one.</summary>
    public uint PlantedSecond { get; init; }

    /// <summary>The index after the last row of the scenario that <paramref name="row"/> belongs to.</summary>
    public int EndOfScenario(int row)
    {
        var end = row + 1;
        while (end < Rows.Length && Rows[end].Scenario == Rows[row].Scenario)
        {
            end++;
        }

        return end;
    }

    /// <summary>The index after the last row of the program that <paramref name="row"/> belongs to.</summary>
    public int EndOfProgram(int row)
    {
        var end = row + 1;
        while (end < Rows.Length && ProgramOf(end) == ProgramOf(row))
        {
            end++;
        }

        return end;
    }

    /// <summary><see cref="EndOfProgram"/> of each program's rows; 0 where it has none.</summary>
    public int[] EndsOfPrograms()
    {
        var ends = new int[Programs.Count];
        for (var row = 0; row < Rows.Length; row++)
        {
            ends[ProgramOf(row)] = row + 1;
        }

        return ends;
    }

    /// <summary>Index (in <see cref="Programs"/>) of the row's program.</summary>
    public int ProgramOf(int row) => Scenarios[Rows[row].Scenario].Program;

    /// <summary>Whether the row is the first of its scenario.</summary>
    public bool IsBaseline(int row) => row == 0 || Rows[row - 1].Scenario != Rows[row].Scenario;

    /// <summary>Whether the row is the first of its program.</summary>
    public bool IsFirstOfProgram(int row) => row == 0 || ProgramOf(row - 1) != ProgramOf(row);
}

/// <summary>A program of the compile unit.</summary>
/// <param name="Fuel">One entry per fiber, at most <see cref="ProgramLimits.MaxFibers"/>.</param>
public sealed record PlanProgram(
    int UnitIndex, int Fibers, int Mutexes, int EntryCap, EquatableArray<uint> Fuel, uint StartMask, int EventCap)
{
    /// <summary>The record of the <paramref name="unitIndex"/>-th program of a unit.</summary>
    public static PlanProgram Of(FiberProgram program, int unitIndex)
    {
        ArgumentNullException.ThrowIfNull(program);
        var startMask = 0u;
        for (var fiber = 0; fiber < program.Fibers.Count; fiber++)
        {
            startMask |= program.Fibers[fiber].StartsAtLaunch ? 1u << fiber : 0;
        }

        return new PlanProgram(
            unitIndex,
            program.Fibers.Count,
            program.Mutexes,
            ProgramLimits.MaxEntries,
            program.Fibers.Select(f => (uint)f.Fuel).ToEquatableArray(),
            startMask,
            ProgramLimits.MaxEvents);
    }
}

/// <summary>A fault plan and schedule of a program, with what the model expects of it.</summary>
public sealed record PlanScenario(
    int Program,
    FaultCode FaultKind,
    uint FaultEntry,
    uint FaultError,
    ulong ScheduleSeed,
    ulong StackBudget,
    ulong ExpectedDigest,
    uint LaunchMask,
    uint IsolatedMask,
    uint ExpectedAcquired,
    uint ExpectedProbes,
    uint ExpectedEntries,
    ScenarioFlags Flags)
{
    /// <summary>What the injected panic does to the whole process instead.</summary>
    public Death Death { get; init; }

    /// <summary>A scenario of which nothing is expected yet.</summary>
    /// <exception cref="ArgumentException">The model-only <see cref="FaultPlan.Delivered"/>.</exception>
    public static PlanScenario Of(int program, FaultPlan fault, Schedule schedule)
    {
        ArgumentNullException.ThrowIfNull(fault);
        ArgumentNullException.ThrowIfNull(schedule);
        var (kind, entry, error, budget) = fault switch
        {
            FaultPlan.None => (FaultCode.None, 0, ErrorName.None, 0L),
            FaultPlan.ErrorAt e => (FaultCode.Error, e.Entry, e.Error, 0L),
            FaultPlan.PanicAt p => (FaultCode.Panic, p.Entry, ErrorName.None, 0L),
            FaultPlan.SegfaultAt s => (FaultCode.Segfault, s.Entry, ErrorName.None, 0L),
            FaultPlan.StackBudget b => (FaultCode.StackBudget, 0, ErrorName.None, b.Bytes),
            FaultPlan.SegmentAllocationFails f => (FaultCode.SegmentAllocation, f.Nth, ErrorName.None, 0L),
            _ => throw new ArgumentException($"a worker cannot run {fault}", nameof(fault)),
        };
        return new PlanScenario(
            program, kind, checked((uint)entry), (uint)error, schedule.Seed, checked((ulong)budget), 0,
            schedule.LaunchMask, 0, 0, 0, 0,
            fault is FaultPlan.ErrorAt { Persistent: true } ? ScenarioFlags.Persistent : ScenarioFlags.None);
    }
}

/// <summary>Kinds of fault in the plan file.</summary>
public enum FaultCode : uint
{
    None = 0,
    Error = 1,
    Panic = 2,
    Segfault = 3,
    StackBudget = 4,
    SegmentAllocation = 5,
}

/// <summary>Ways for a worker to die on purpose, at the entry of an injected panic.</summary>
public enum Death : uint
{
    None = 0,

    /// <summary>A panic that nobody isolates: the worker writes a line and exits.</summary>
    Panic = 1,

    /// <summary>A write to an address that nobody maps, by the fiber's code.</summary>
    Segfault = 2,

    /// <summary>The stack pointer runs off into a page that gives no access.</summary>
    Guard = 3,

    /// <summary>SIGABRT from a service, on the system stack.</summary>
    Abort = 4,

    /// <summary>SIGABRT in the handler of a segfault, on the signal stack.</summary>
    Handler = 5,
}

[Flags]
public enum ScenarioFlags : uint
{
    None = 0,

    /// <summary>Digest, entries, probes and acquisitions are known and compared by the worker.</summary>
    DigestKnown = 1,
    Persistent = 2,
}

[Flags]
public enum RowFlags : byte
{
    None = 0,
    FramePointers = 1,
    Dwarf = 2,

    /// <summary>Sends events, traces and deliveries.</summary>
    Record = 4,

    /// <summary>Sends the traces.</summary>
    SendTraces = 8,

    /// <summary>Timer signals during the execution (<see cref="Disturbance.Signals"/>).</summary>
    Signals = 16,

    /// <summary>Fibers are resumed by two OS threads in turns (<see cref="Disturbance.Threads"/>).</summary>
    Threads = 32,
    BothObservers = FramePointers | Dwarf,
}

/// <summary>One execution.</summary>
public readonly record struct PlanRow(
    int Scenario, SplitKind Split, Placement Placement, ReleasePolicy Policy, RowFlags Flags, ulong SplitA, ulong SplitB)
{
    private const int DisturbanceShift = 4;

    public SplitPlan SplitPlan => new(Split, SplitA, SplitB);

    public Disturbance Disturbance => (Disturbance)((byte)(Flags & (RowFlags.Signals | RowFlags.Threads)) >> DisturbanceShift);

    /// <summary>Of those that the worker makes.</summary>
    public static RowFlags FlagsOf(Disturbance disturbance) =>
        (RowFlags)((byte)(disturbance & (Disturbance.Signals | Disturbance.Threads)) << DisturbanceShift);

    public static PlanRow Of(int scenario, SplitPlan split, Placement placement, ReleasePolicy policy, RowFlags flags)
    {
        ArgumentNullException.ThrowIfNull(split);
        return new PlanRow(scenario, split.Kind, placement, policy, flags, split.A, split.B);
    }
}
