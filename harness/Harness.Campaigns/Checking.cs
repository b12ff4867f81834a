using Harness.Model;
using Harness.Verification.Explaining;
using Harness.Verification.Interactions;
using Harness.Verification.Pictures;

namespace Harness.Campaigns;

/// <summary>What the generators need to make one program again.</summary>
/// <param name="Ordinal">Its place in the stream of the campaign's seed.</param>
/// <param name="Profile">The text of the generators' profile.</param>
public sealed record ProgramRecipe(long Ordinal, ulong Seed, int Size, string Profile);

/// <summary>A program with where it came from.</summary>
public sealed record GeneratedProgram(ProgramRecipe Recipe, FiberProgram Program);

/// <summary>Makes programs. Pure: the same recipe gives the same program for one <see cref="Version"/>.</summary>
public interface IProgramSource
{
    /// <summary>Changes whenever a recipe may mean another program.</summary>
    string Version { get; }

    /// <summary>The profiles that have a name.</summary>
    IReadOnlyList<string> Profiles { get; }

    /// <summary>The profile with every feature.</summary>
    string DefaultProfile { get; }

    /// <summary>The text of a profile with a random half of its features off.</summary>
    string Swarm(ulong seed);

    /// <summary>The text of a profile whose programs are rich in calls of this make, and otherwise have a random half of the features.</summary>
    string Steered(ulong seed, CallTarget target) => Swarm(seed);

    FiberProgram Generate(ProgramRecipe recipe);

    /// <summary>The program's descent, by which a corpus keeps it; null: it cannot be kept.</summary>
    string? Kept(ProgramRecipe recipe) => null;

    /// <summary>The profile of a change of a kept program; what change, the recipe's seed says.</summary>
    string Changed(string kept) => throw new NotSupportedException("these programs cannot be kept");

    /// <exception cref="FormatException">The text is no descent.</exception>
    void RequireKept(string kept) => throw new FormatException("these programs cannot be kept");

    /// <summary>What a program contains, as labels, each once.</summary>
    IReadOnlyCollection<string> Labels(FiberProgram program);
}

/// <summary>Seconds spent per phase of a batch; compile and execute are the ones that reports show.</summary>
public sealed record PhaseSeconds(double Model, double Compile, double Link, double Execute)
{
    public static readonly PhaseSeconds Zero = new(0, 0, 0, 0);

    public static PhaseSeconds operator +(PhaseSeconds a, PhaseSeconds b) =>
        new(a.Model + b.Model, a.Compile + b.Compile, a.Link + b.Link, a.Execute + b.Execute);
}

/// <summary>A row that failed: one program, one cell, one plan.</summary>
/// <param name="Signature">What two occurrences of one defect share; names its folder after <see cref="CaseStore.FolderName"/>.</param>
/// <param name="Family">The signature without the cell.</param>
/// <param name="Program">Index of the program in its batch.</param>
/// <param name="Check">The check that failed, in PROTOCOL.md's words (<c>digest</c>, <c>trace-fp</c>, <c>crash</c> …).</param>
public sealed record Failure(string Signature, string Family, Case Case, int Program, string Check, string Expected, string Observed)
{
    /// <summary>Null when nothing was recorded.</summary>
    public StackPicture? Picture { get; init; }
}

/// <summary>What one batch came to in one cell. Whatever programs did is in here; nothing is thrown for it.</summary>
/// <param name="Unfinished">Indices of the programs whose planned executions did not all run.</param>
/// <param name="Coverage">How often each label was met, for example <c>fault/panic</c>.</param>
/// <param name="Inconclusive">What was neither pass nor fail, such as executions killed for memory, and how many.</param>
/// <param name="Arrivals">What disturbances came to; null: there were none.</param>
/// <param name="Traces">What was compared of stack traces besides the counters; null: nothing.</param>
public sealed record BatchOutcome(
    Counters Counters,
    EquatableArray<int> Unfinished,
    IReadOnlyDictionary<string, long> Coverage,
    IReadOnlyList<Failure> Failures,
    IReadOnlyDictionary<string, long> Inconclusive,
    PhaseSeconds Seconds,
    Arrivals? Arrivals = null,
    TraceWork? Traces = null)
{
    /// <summary>What each program's executions met; null of one that is not complete, or of which nothing was told. Shorter than the batch: likewise.</summary>
    public IReadOnlyList<ProgramInteractions?> Covered { get; init; } = [];

    /// <summary>Processor time of workers for the programs that are complete.</summary>
    public TimeSpan WorkerTime { get; init; }
}

/// <summary>The machine cannot do the work: no compiler, no runtime sources, a build that fails for no program's sake.</summary>
public sealed class EnvironmentUnusableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>What chooses the executions of a batch.</summary>
/// <param name="Seed">The same for every cell.</param>
/// <param name="Light">Far fewer executions of each program: to reach every cell early under a time budget.</param>
/// <param name="Observe">Whether any execution takes stack traces; only benchmarks do without.</param>
/// <param name="Exhaustive">Every set of splits with every fault, instead of a choice: for programs of few entries.</param>
/// <param name="Stepped">Whether one execution is stepped through.</param>
public readonly record struct PlanChoice(ulong Seed, bool Light, bool Observe = true, bool Exhaustive = false, bool Stepped = false);

/// <summary>Compiles a batch of programs for a cell, runs all its planned executions and compares them with the model.</summary>
public interface IBatchChecker
{
    /// <summary>Builds what all batches share (runtime, worker), so that the budget pays for programs only.</summary>
    /// <exception cref="EnvironmentUnusableException"/>
    Task PrepareAsync(IReadOnlyList<Cell> cells, CancellationToken ct);

    /// <param name="windUp">Ends the batch where it is: with what failed until then, or, when nothing did, as <paramref name="ct"/> does.</param>
    /// <exception cref="EnvironmentUnusableException"/>
    Task<BatchOutcome> CheckAsync(
        IReadOnlyList<FiberProgram> programs, Cell cell, PlanChoice plans, string scratchDirectory, CancellationToken ct, CancellationToken windUp = default);
}

/// <summary>One recorded execution of a case, in text that two runs can be compared by.</summary>
/// <param name="Holds">Every check passed.</param>
/// <param name="Signature">Of the failure; empty when it holds.</param>
/// <param name="Conclusive">False when the run was neither pass nor fail; then <paramref name="Observed"/> says why.</param>
public sealed record Recording(bool Holds, string Signature, string Check, string Expected, string Observed, bool Conclusive = true)
{
    /// <summary>Null when no stack was recorded.</summary>
    public StackPicture? Picture { get; init; }
}

/// <summary>How often a failure came back in fresh processes.</summary>
/// <param name="Otherwise">How often the case failed with another signature.</param>
public sealed record Confirmation(int Reproduced, int Attempts, int Otherwise = 0)
{
    /// <summary>The other signatures.</summary>
    public EquatableArray<string> Others { get; init; } = [];

    /// <summary>The case fails by itself, in whatever way.</summary>
    public bool FailsAlone => Reproduced + Otherwise > 0;
}

/// <summary>What became of a core that was wanted.</summary>
/// <param name="Bytes">0: there is none, and <paramref name="Detail"/> says why.</param>
public sealed record CoreKept(long Bytes, string Detail);

/// <summary>Runs single cases, each in fresh processes.</summary>
public interface ICaseRunner
{
    /// <summary>The Zig source that the case's unit is compiled from.</summary>
    string Emit(Case @case);

    /// <exception cref="EnvironmentUnusableException"/>
    Task<Recording> RecordAsync(Case @case, string scratchDirectory, CancellationToken ct);

    /// <summary>Runs the case again, several times, and counts the failures with this signature, and the others.</summary>
    /// <exception cref="EnvironmentUnusableException"/>
    Task<Confirmation> ConfirmAsync(Case @case, string signature, string scratchDirectory, CancellationToken ct);

    /// <summary>
    /// Of a case whose company is the batch that it failed in: the same with the few programs without which it does not fail, at most <see cref="Case.MaxCompany"/>;
    /// null when it does not fail with all of them, when more matter or time is up, or where nobody can say.
    /// </summary>
    /// <exception cref="EnvironmentUnusableException"/>
    Task<Case?> FindCompanyAsync(Case @case, string signature, TimeSpan cap, string scratchDirectory, CancellationToken ct) => Task.FromResult<Case?>(null);

    /// <summary>
    /// Runs the case once more, until its worker dies, and leaves the core and the worker in <paramref name="folder"/>; null where nobody can. No core of more
    /// than <paramref name="maxBytes"/> is written.
    /// </summary>
    /// <exception cref="EnvironmentUnusableException"/>
    Task<CoreKept?> KeepCoreAsync(Case @case, string folder, long maxBytes, string scratchDirectory, CancellationToken ct) => Task.FromResult<CoreKept?>(null);

    /// <summary>What may vary freely about the case that fails, and what may not, looked for until the time is up; null where nobody can say.</summary>
    /// <exception cref="EnvironmentUnusableException"/>
    Task<Explanation?> ExplainAsync(Case @case, string signature, TimeSpan cap, string scratchDirectory, CancellationToken ct) => Task.FromResult<Explanation?>(null);

    /// <summary>
    /// Smaller cases that still fail with one of <paramref name="signatures"/>, each smaller than the one before; ends when
    /// nothing smaller was found. Cancellation throws as usual; what was yielded before stands.
    /// </summary>
    IAsyncEnumerable<Case> ShrinkAsync(Case @case, IReadOnlyCollection<string> signatures, string scratchDirectory, CancellationToken ct);
}
