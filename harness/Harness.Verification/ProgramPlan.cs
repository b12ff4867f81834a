using Harness.Execution;
using Harness.Model;

namespace Harness.Verification;

/// <summary>One fault plan and schedule of a program, and what the worker is told to expect.</summary>
/// <param name="Record">Its <see cref="PlanScenario.Program"/> is 0 until plans are joined.</param>
/// <param name="Expected">The model's run, its traces without its events, when the scenario's rows send traces; else null.</param>
public sealed record ScenarioPlan(FaultPlan Fault, Schedule Schedule, PlanScenario Record, ExpectedRun? Expected)
{
    /// <summary>The calls that its executions make, by their logical entries; empty where the worker has to tell what happened.</summary>
    public EquatableArray<CallProfile> Calls { get; init; } = [];
}

/// <summary>What a plan leaves out, and how dear it is.</summary>
/// <param name="Entries">Logical entries of the execution without a fault.</param>
/// <param name="SweptEntries">Entries at which an error is injected.</param>
/// <param name="SkippedEntries">Entries that the sweep leaves out.</param>
/// <param name="RowsDropped">Rows that the row budget left out.</param>
/// <param name="ObservedRows">Rows that take traces.</param>
/// <param name="UnusableScenarios">Fault plans under which the model reached a cap.</param>
public sealed record PlanFacts(
    int Entries, int SweptEntries, int SkippedEntries, int RowsDropped, int ObservedRows, int UnusableScenarios)
{
    /// <summary>Whether every fault was crossed with every set of splits, <see cref="RowsDropped"/> sets apart.</summary>
    public bool IsExhaustive { get; init; }
}

/// <summary>
/// All executions planned for one program. Rows are grouped by scenario, the one without a fault first;
/// <see cref="PlanRow.Scenario"/> is an index into <see cref="Scenarios"/>.
/// </summary>
public sealed record ProgramPlan(
    FiberProgram Program, int UnitIndex, IReadOnlyList<ScenarioPlan> Scenarios, PlanRow[] Rows, PlanFacts Facts)
{
    /// <summary>Why the program cannot be planned (the model did not finish it); then there are no rows.</summary>
    public string? Unusable { get; init; }

    /// <summary>What the model that planned errs in.</summary>
    internal ModelDefect Model { get; init; }

    public ExecutionPlan ExecutionOf(int row)
    {
        var planned = Rows[row];
        var scenario = Scenarios[planned.Scenario];
        return new ExecutionPlan(scenario.Fault, scenario.Schedule, planned.SplitPlan, planned.Placement, planned.Policy, planned.Disturbance);
    }

    internal static ProgramPlan Rejected(FiberProgram program, int unitIndex, string reason) =>
        new(program, unitIndex, [], [], new PlanFacts(0, 0, 0, 0, 0, 0)) { Unusable = reason };
}

/// <summary>The plans of a compile unit joined into what a worker reads.</summary>
public sealed class UnitPlan
{
    private readonly IReadOnlyList<ProgramPlan> _programs;
    private readonly int[] _firstRow;
    private readonly int[] _firstScenario;

    private UnitPlan(IReadOnlyList<ProgramPlan> programs, int[] firstRow, int[] firstScenario, WorkerPlan worker)
    {
        _programs = programs;
        _firstRow = firstRow;
        _firstScenario = firstScenario;
        Worker = worker;
    }

    public WorkerPlan Worker { get; }

    /// <summary>Usable programs only, in the order of the worker's program records.</summary>
    public IReadOnlyList<ProgramPlan> Programs => _programs;

    public static UnitPlan Join(IEnumerable<ProgramPlan> plans)
    {
        var programs = plans.Where(p => p.Rows.Length > 0).ToArray();
        var firstRow = new int[programs.Length];
        var firstScenario = new int[programs.Length];
        var scenarios = new List<PlanScenario>();
        var rows = new PlanRow[programs.Sum(p => p.Rows.Length)];
        var row = 0;
        for (var i = 0; i < programs.Length; i++)
        {
            firstRow[i] = row;
            firstScenario[i] = scenarios.Count;
            foreach (var scenario in programs[i].Scenarios)
            {
                scenarios.Add(scenario.Record with { Program = i });
            }

            foreach (var planned in programs[i].Rows)
            {
                rows[row++] = planned with { Scenario = planned.Scenario + firstScenario[i] };
            }
        }

        var records = programs.Select(p => PlanProgram.Of(p.Program, p.UnitIndex)).ToArray();
        return new UnitPlan(programs, firstRow, firstScenario, new WorkerPlan(records, scenarios, rows));
    }

    /// <summary>The program of a worker's row, and the row's number within that program.</summary>
    public (ProgramPlan Program, int Row) Locate(int row)
    {
        var program = Worker.ProgramOf(row);
        return (_programs[program], row - _firstRow[program]);
    }

    public ScenarioPlan ScenarioOf(int row)
    {
        var program = Worker.ProgramOf(row);
        return _programs[program].Scenarios[Worker.Rows[row].Scenario - _firstScenario[program]];
    }

    public ExecutionPlan ExecutionOf(int row)
    {
        var (program, local) = Locate(row);
        return program.ExecutionOf(local);
    }

    public Case CaseOf(int row, Cell cell) => new(Locate(row).Program.Program, cell, ExecutionOf(row));
}
