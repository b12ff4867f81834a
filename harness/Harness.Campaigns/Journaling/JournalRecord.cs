using System.Text.Json.Serialization;
using Harness.Model;
using Harness.Verification.Explaining;
using Harness.Verification.Interactions;
using Harness.Verification.Pictures;

namespace Harness.Campaigns;

/// <summary>
/// What happened in a run, one line of its journal each. The journal is the only truth: every report is a fold of it.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(RunStarted), "run-started")]
[JsonDerivedType(typeof(RunResumed), "run-resumed")]
[JsonDerivedType(typeof(Prepared), "prepared")]
[JsonDerivedType(typeof(RegressionReplayed), "regression-replayed")]
[JsonDerivedType(typeof(BatchChecked), "batch-checked")]
[JsonDerivedType(typeof(FailureSeen), "failure-seen")]
[JsonDerivedType(typeof(CaseStored), "case-stored")]
[JsonDerivedType(typeof(FindingConfirmed), "finding-confirmed")]
[JsonDerivedType(typeof(CompanyFound), "company-found")]
[JsonDerivedType(typeof(ShrinkStep), "shrink-step")]
[JsonDerivedType(typeof(FindingShrunk), "finding-shrunk")]
[JsonDerivedType(typeof(FindingExplained), "finding-explained")]
[JsonDerivedType(typeof(FindingRecognised), "finding-recognised")]
[JsonDerivedType(typeof(FindingClosed), "finding-closed")]
[JsonDerivedType(typeof(CoreWritten), "core-written")]
[JsonDerivedType(typeof(CanaryFlown), "canary-flown")]
[JsonDerivedType(typeof(RunEnded), "run-ended")]
public abstract record JournalRecord
{
    public const int FormatVersion = 1;

    private JournalRecord()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <summary>Seconds since the run started (of a resumed run: seconds it has worked).</summary>
    [JsonPropertyOrder(-1)]
    public double At { get; init; }

    /// <summary>The first line.</summary>
    public sealed record RunStarted(
        int Format, string RunId, DateTimeOffset StartedAt, RunSettings Settings, ToolVersions Versions)
        : JournalRecord { internal override Sealed Seal => default; }

    /// <summary>A later process went on with the run.</summary>
    public sealed record RunResumed(DateTimeOffset ResumedAt) : JournalRecord { internal override Sealed Seal => default; }

    /// <summary>The toolchain is ready; the budget counts from here.</summary>
    public sealed record Prepared(double Seconds) : JournalRecord { internal override Sealed Seal => default; }

    /// <summary>A stored case was run again. <paramref name="Conclusive"/> false: it could not be judged.</summary>
    public sealed record RegressionReplayed(
        string Name, string Signature, string Cell, string Check, bool Holds, bool Conclusive, string CasePath, string Token, string Detail)
        : JournalRecord { internal override Sealed Seal => default; }

    /// <summary>A planted defect was looked for, beside the batches. <paramref name="Check"/> is empty when nothing found it.</summary>
    public sealed record CanaryFlown(string Defect, string Cell, string Check, string Detail, double Seconds) : JournalRecord { internal override Sealed Seal => default; }

    /// <summary>One batch in one cell is done: programs <paramref name="Start"/>, <paramref name="Start"/> + <paramref name="Stride"/> … of the stream.</summary>
    /// <param name="Features">How many of the programs that were checked to their end have each feature.</param>
    public sealed record BatchChecked(
        long Sequence, string Cell, long Start, int Count, EquatableArray<int> Unfinished, Counters Counters,
        IReadOnlyDictionary<string, long> Coverage, IReadOnlyDictionary<string, long> Inconclusive, PhaseSeconds Seconds, double Wall,
        Arrivals? Arrivals = null, SortedDictionary<string, long>? Features = null, int Stride = 1, TraceWork? Traces = null)
        : JournalRecord
    {
        /// <summary>With far fewer executions of each program; to run the batch again as it was.</summary>
        public bool Light { get; init; }

        /// <summary>What the programs met (docs/COVERAGE.md); null: nothing was told.</summary>
        public BatchInteractions? Interactions { get; init; }

        /// <summary>Of the small scope of this size, and not of the random stream; null: of the stream, or the whole run is over the small scope.</summary>
        public int? Scope { get; init; }

        internal override Sealed Seal => default;
    }

    /// <summary>A failing row. Only the first of a signature is stored, confirmed and shrunk; all are counted.</summary>
    /// <param name="Batch">The sequence number of its batch, whose record comes after it in the same write; null in journals of before that was so, and of merged runs.</param>
    public sealed record FailureSeen(string Signature, string Family, string Cell, long Ordinal, string Check, long? Batch = null)
        : JournalRecord { internal override Sealed Seal => default; }

    /// <summary>The first failing case of a signature is on disk, before it is confirmed or shrunk.</summary>
    public sealed record CaseStored(
        string Signature, string Cell, string Check, string CasePath, string Token, string Expected, string Observed, int Functions,
        StackPicture? Picture = null)
        : JournalRecord { internal override Sealed Seal => default; }

    /// <summary>It was run again in fresh processes. <paramref name="InBatch"/>: not alone, but when the whole batch was.
    /// <paramref name="Otherwise"/>: how often it failed with another signature.</summary>
    public sealed record FindingConfirmed(string Signature, int Reproduced, int Attempts, bool InBatch, int Otherwise = 0)
        : JournalRecord { internal override Sealed Seal => default; }

    /// <summary>It fails in the company of so few programs of its batch, compiled with it and not run: the case on disk has them.</summary>
    /// <param name="Reproduced">How often with this company, in fresh processes.</param>
    public sealed record CompanyFound(string Signature, int Programs, int Reproduced, int Attempts, string Token, int Otherwise = 0)
        : JournalRecord { internal override Sealed Seal => default; }

    /// <summary>A smaller case that still fails the same way is on disk.</summary>
    public sealed record ShrinkStep(string Signature, int Step, string Token, int Functions)
        : JournalRecord { internal override Sealed Seal => default; }

    /// <summary>Shrinking ended. Expected, observed and the picture are those of the final case.</summary>
    public sealed record FindingShrunk(
        string Signature, int Steps, double Seconds, bool TimeCapHit, string Token, string Expected, string Observed, int Functions, StackPicture? Picture = null)
        : JournalRecord { internal override Sealed Seal => default; }

    /// <summary>What may vary freely about the (shrunk) case, and what may not.</summary>
    public sealed record FindingExplained(string Signature, Explanation Explanation) : JournalRecord { internal override Sealed Seal => default; }

    /// <summary>Earlier runs have seen the signature, or its case is stored.</summary>
    /// <param name="FirstRun">The first that saw it; empty: none here did.</param>
    /// <param name="Runs">How many did.</param>
    /// <param name="WasFixed">Its stored case held since then: it has come back.</param>
    public sealed record FindingRecognised(string Signature, string FirstRun, DateTimeOffset? FirstSeen, int Runs, bool WasFixed) : JournalRecord { internal override Sealed Seal => default; }

    /// <summary>All that is done about a signature is done. A later process of the run takes up those without.</summary>
    public sealed record FindingClosed(string Signature) : JournalRecord { internal override Sealed Seal => default; }

    /// <summary>The worker of a finding was run once more, until it died. <paramref name="Bytes"/> 0: without a core, and <paramref name="Detail"/> says why.</summary>
    /// <param name="CorePath">Relative to the results folder; beside it lie the worker and the case.</param>
    public sealed record CoreWritten(string Signature, string CorePath, long Bytes, string Detail) : JournalRecord { internal override Sealed Seal => default; }

    /// <summary>The last line of a run that ended by itself. Without it the run was killed.</summary>
    public sealed record RunEnded(RunStop Reason, string Detail) : JournalRecord { internal override Sealed Seal => default; }
}

/// <summary>Why a run stopped.</summary>
public enum RunStop
{
    /// <summary>No last line: the process was killed.</summary>
    Killed,

    /// <summary>All programs were checked, or the budget is used up.</summary>
    Completed,

    /// <summary>A signal asked it to stop.</summary>
    Interrupted,

    /// <summary>The toolchain failed.</summary>
    Failed,

    /// <summary>The results folder could not be written any more.</summary>
    Unwritable,
}

/// <summary>What a run was asked to do; enough to repeat or resume it.</summary>
/// <param name="BudgetSeconds">Null when the number of programs ends the run.</param>
/// <param name="Programs">Of the whole stream, of which a shard checks its part.</param>
/// <param name="Shard">As <see cref="Shards"/> is written; null: the whole stream.</param>
/// <param name="Merged">The journal was put together from those of its shards.</param>
public sealed record RunSettings(
    ulong Seed, double? BudgetSeconds, int? Programs, string? Profile, EquatableArray<string> Cells,
    EquatableArray<string> Placements, int Jobs, string Command, string? Defect = null, string? Shard = null, bool Merged = false)
{
    /// <exception cref="InvalidDataException">The text is no shard.</exception>
    public Shards Part() => Shard is null ? Shards.Whole : Shards.Parse(Shard) ?? throw new InvalidDataException($"the journal names a shard {Shard}");

    /// <summary>The planted defect that this run has to find besides; null: none, as in runs of before there were any, and where one is planted throughout.</summary>
    public string? Canary { get; init; }

    /// <summary>Where it is planted.</summary>
    public string? CanaryCell { get; init; }

    /// <summary>The split-stack runtime that the run is of, in place of ours; null: ours.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RuntimeSettings? Runtime { get; init; }

    /// <summary>The kept programs that some of the stream's are changes of, by their descents; null: none.</summary>
    public EquatableArray<string>? Corpus { get; init; }

    /// <summary>What was known of the mutation score when the run began; null: it was not measured for this Zig and this harness.</summary>
    public MutationScore? Mutation { get; init; }
}

/// <summary>Another split-stack runtime, and what is not done with it.</summary>
/// <param name="Given">As the user named it: one of those that come with the harness, or the path of a folder.</param>
/// <param name="Forces">Splits can be forced.</param>
public sealed record RuntimeSettings(string Name, string Given, string About, bool Forces, EquatableArray<Verification.Foreign.LeftOut> LeftOut);

/// <summary>Planted defects that were found, of those that can be.</summary>
/// <param name="Run">Its folder under results/mutants.</param>
public sealed record MutationScore(int Killed, int Valid, string Run);

/// <summary>What a seed's meaning and a result depend on.</summary>
public sealed record ToolVersions(string Harness, string Generator, string Zig);

/// <summary>Closes the families of this assembly (see Harness.Model).</summary>
internal readonly struct Sealed;
