using Harness.Model;
using Harness.Verification.Interactions;

namespace Harness.Verification;

/// <summary>Where the time of a batch went. Model time runs beside compile time; the rest one after another.</summary>
public sealed record BatchTimings(TimeSpan Model, TimeSpan Compile, TimeSpan Link, TimeSpan Execute, TimeSpan Record, TimeSpan Wall)
{
    public static readonly BatchTimings Zero = new(default, default, default, default, default, default);
}

/// <summary>One program of a batch.</summary>
/// <param name="RowsPlanned">Executions planned; 0 when the program could not be built or planned.</param>
/// <param name="RowsRun">Executions run, those included that ended their process.</param>
/// <param name="Unusable">Why there is no plan, or null.</param>
/// <param name="Elapsed">In the worker; unknown when its process was restarted.</param>
public sealed record ProgramStats(
    int Index, int RowsPlanned, int RowsRun, int Scenarios, PlanFacts Facts, string? Unusable, TimeSpan? Elapsed)
{
    /// <summary>Every planned execution has run: a checked program.</summary>
    public bool IsComplete => RowsPlanned > 0 && RowsRun == RowsPlanned;
}

/// <summary>What one batch came to in one cell. Whatever programs did is in here; nothing is thrown for it.</summary>
/// <param name="Counters"><see cref="Counters.Programs"/> counts complete programs only.</param>
/// <param name="Programs">All of them, in the order given.</param>
/// <param name="Findings">First per signature per program, recorded where they failed again.</param>
/// <param name="FailedRows">Executions that failed some check.</param>
/// <param name="RowsSkipped">Executions that were not run, by reason.</param>
/// <param name="Traces">What was compared of stack traces, and how many executions took any.</param>
/// <param name="Judged">What was judged against the model on this side of the worker.</param>
/// <param name="Arrivals">What disturbances came to.</param>
/// <param name="Coverage">Executions by label, see <see cref="Verification.Coverage"/>.</param>
/// <param name="Inconclusive">What was neither pass nor fail, in words.</param>
public sealed record BatchResult(
    Cell Cell,
    Counters Counters,
    IReadOnlyList<ProgramStats> Programs,
    IReadOnlyList<Finding> Findings,
    long FailedRows,
    IReadOnlyDictionary<string, long> RowsSkipped,
    TraceWork Traces,
    JudgeCounts Judged,
    Arrivals Arrivals,
    IReadOnlyDictionary<string, long> Coverage,
    IReadOnlyList<string> Inconclusive,
    BatchTimings Timings)
{
    /// <summary>What each program's executions met; null of one that is not complete, or of which nothing was told.</summary>
    public IReadOnlyList<ProgramInteractions?> Covered { get; init; } = [];

    /// <summary>Programs whose planned executions did not all run.</summary>
    public IEnumerable<int> Unfinished => Programs.Where(p => !p.IsComplete).Select(p => p.Index);
}
