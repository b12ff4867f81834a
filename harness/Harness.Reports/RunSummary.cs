using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Harness.Campaigns;
using Harness.Campaigns.Evidence;
using Harness.Model;
using Harness.Verification.Explaining;
using Harness.Verification.Pictures;

namespace Harness.Reports;

/// <summary>The counts of a cell or of a whole run.</summary>
public sealed record CellSummary(
    string Cell, long Programs, long Executions, long SplitsForced, long FaultsInjected, long Probes, long FramesChecked,
    long ResourcesAcquired, long ResourcesReleased, double CompileSeconds, double ExecuteSeconds);

/// <summary>One distinct failure.</summary>
/// <param name="Family">The signature without the cell: most likely one defect.</param>
/// <param name="CasePath">Relative to the results folder.</param>
/// <param name="CorePath">Of the core that its worker left, relative to the results folder; empty: none was kept, and <paramref name="CoreMissing"/> may say why.</param>
/// <param name="InBatch">It failed again, but only in the company of its batch: <c>replay --batch</c>, unless the few programs that matter were found.</param>
/// <param name="Flake">It did not fail again in a fresh process.</param>
public sealed record FindingSummary(
    string Signature, string Family, string Cell, string Check, long Occurrences, int Reproduced, int Attempts, bool InBatch, bool Flake,
    string ReplayToken, string CasePath, int OriginalFunctions, int Functions, int ShrinkSteps, double ShrinkSeconds,
    string Expected, string Observed, StackPicture? Picture, string CorePath = "", string CoreMissing = "")
{
    /// <summary>What may vary freely about its case; null: it was not asked.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Explanation? Explanation { get; init; }

    /// <summary>How often its case failed with another signature in fresh processes: wild memory is seldom the same twice.</summary>
    public int Otherwise { get; init; }

    /// <summary>Programs of its batch that its case is compiled with, without which it does not fail; 0: none, or they were not found.</summary>
    public int Company { get; init; }

    /// <summary>How often it failed with them, in fresh processes.</summary>
    public int CompanyReproduced { get; init; }

    public int CompanyAttempts { get; init; }

    /// <summary>The command that runs it again.</summary>
    [JsonIgnore]
    public string Replay => $"scripts/harness replay {(InBatch && Company == 0 ? "--batch " : "")}{ReplayToken}";

    /// <summary>What earlier runs know of it, in words; empty: it is new.</summary>
    public string History { get; init; } = "";

    /// <summary>Whether it came back.</summary>
    [JsonIgnore]
    public string Again => this switch
    {
        { Attempts: 0 } => "not run again",
        { Flake: true } => $"a flake: 0 of {Attempts} in fresh processes, and not in its batch either",
        { Company: > 0 } => $"{(CompanyReproduced < CompanyAttempts ? "unsteady: " : "")}reproduced {CompanyReproduced}/{CompanyAttempts} in the company of {ConsoleReport.Count(Company, "other program")}, 0 of {Attempts} alone",
        { InBatch: true } => $"reproduced when its whole batch ran again, 0 of {Attempts} alone",
        _ when Reproduced + Otherwise < Attempts => $"unsteady: reproduced {Reproduced}/{Attempts} in fresh processes{Others}",
        _ => $"reproduced {Reproduced}/{Attempts}{Others}",
    };

    private string Others => Otherwise > 0 ? $", failed otherwise {Otherwise}/{Attempts}" : "";

    /// <summary>What shrinking did, as the rest of a sentence.</summary>
    [JsonIgnore]
    public string Shrunk => ShrinkSteps > 0 ? $", shrunk from {OriginalFunctions} to {Functions} functions in {ConsoleReport.Count(ShrinkSteps, "step")}" : "";
}

/// <summary>Findings that differ in the cell alone.</summary>
/// <param name="Head">The one that was shrunk, else the first.</param>
public sealed record FindingFamily(FindingSummary Head, IReadOnlyList<FindingSummary> Others)
{
    public static IReadOnlyList<FindingFamily> Of(IEnumerable<FindingSummary> findings) =>
    [
        .. findings.GroupBy(finding => finding.Family).Select(family =>
        {
            var head = family.MaxBy(finding => (finding.ShrinkSteps > 0, finding.Attempts > 0))!;
            return new FindingFamily(head, [.. family.Where(finding => finding != head)]);
        }),
    ];
}

public sealed record RegressionSummary(
    string Name, string Cell, string Check, bool Holds, bool Conclusive, string CasePath, string ReplayToken, string Detail);

public sealed record CoverageSummary(string Label, long Count, long Required, bool Met)
{
    /// <summary>Of a label that a share of the programs must have: that share, and what was seen says of the true one. Null: a count.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ShareGoal? Share { get; init; }
}

/// <summary>The planted defect that the run had to find. <paramref name="Check"/> is empty when it did not.</summary>
public sealed record CanarySummary(string Defect, string Cell, bool Found, string Check, string Detail, double Seconds);

/// <summary>How sure one may be: with <paramref name="Level"/> confidence, fewer than <paramref name="UpperBound"/> of such programs fail.</summary>
public sealed record ConfidenceSummary(double Level, double? UpperBound)
{
    /// <summary>All programs, then those of each cell, each with its own bounds.</summary>
    public IReadOnlyList<Stratum> Strata { get; init; } = [];

    /// <summary>Of the programs of a cell that have a feature: how many such strata there are, and those of which least is known.</summary>
    public int FeatureStrata { get; init; }

    public IReadOnlyList<Stratum> LeastKnown { get; init; } = [];

    /// <summary>The stratum of which least is known; null when nothing ran.</summary>
    [JsonIgnore]
    public Stratum? Worst => LeastKnown.Concat(Strata.Skip(1)).MaxBy(stratum => stratum.Bound95);
}

public sealed record TimingSummary(
    double WallSeconds, double PrepareSeconds, double ModelSeconds, double CompileSeconds, double LinkSeconds, double ExecuteSeconds);

public sealed record ThroughputSummary(double ProgramsPerSecond, double ExecutionsPerSecond)
{
    /// <summary>Empty: no batch has come to its end.</summary>
    public IReadOnlyList<PaceSpan> OverTime { get; init; } = [];
}

/// <summary>What summary.json holds; every report is drawn from it.</summary>
public sealed record RunSummary(
    string Verdict, IReadOnlyList<string> Reasons, int ExitCode, string RunId, DateTimeOffset StartedAt, string Ending, string EndingDetail,
    ulong Seed, string Command, string Repeat, string ZigVersion, string HarnessVersion, string GeneratorVersion,
    long Programs, long Executions, long SplitsForced, long FaultsInjected, long Probes, long FramesChecked,
    long ResourcesAcquired, long ResourcesReleased, long Failures,
    IReadOnlyList<CellSummary> Cells, IReadOnlyList<FindingSummary> Findings, IReadOnlyList<RegressionSummary> Regressions,
    IReadOnlyDictionary<string, long> Inconclusive, IReadOnlyList<CoverageSummary> Coverage, ConfidenceSummary Confidence,
    TimingSummary Timings, ThroughputSummary Throughput, Arrivals Disturbances, TraceWork Traces)
{
    /// <summary>How many strata of features are told of.</summary>
    private const int LeastKnownShown = 20;

    /// <summary>The split-stack runtime that was verified in place of ours, and what was not done with it; null: ours.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RuntimeSettings? Runtime { get; init; }

    /// <summary>Null: the run had none.</summary>
    public CanarySummary? Canary { get; init; }

    public const double ConfidenceLevel = 0.95;

    /// <summary>What was known of the mutation score when the run began; null: not measured for this Zig and this harness.</summary>
    public MutationScore? Mutation { get; init; }

    /// <summary>How far the small scope was enumerated before the random programs; null: no size in any cell.</summary>
    public ScopeReached? Enumerated { get; init; }

    /// <summary>Which combinations the executions met (docs/COVERAGE.md); null: nothing is known of it, or the programs were of a profile.</summary>
    public InteractionCoverage? Interactions { get; init; }

    /// <summary>Of a run over every program up to a size; null of others.</summary>
    public Scope? Scope { get; init; }

    private static readonly JsonSerializerOptions _options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public string ToJson() => JsonSerializer.Serialize(this, _options) + "\n";

    /// <exception cref="InvalidDataException">The journal has no first line, so there is nothing to report.</exception>
    public static RunSummary Of(Tally tally)
    {
        var start = tally.Start ?? throw new InvalidDataException("the journal is empty: the run ended before it began");
        var judgement = Judgement.Of(tally);
        var total = tally.Total;
        var working = Math.Max(tally.WallSeconds - tally.PreparedSeconds, 1e-3);
        return new RunSummary(
            Word(judgement.Verdict), judgement.Reasons, ExitCodes.Of(judgement.Verdict, tally.Ending), start.RunId, start.StartedAt,
            Camel(tally.Ending.ToString()), tally.EndingDetail, start.Settings.Seed, start.Settings.Command, RepeatLine.Of(start.Settings),
            start.Versions.Zig, start.Versions.Harness, start.Versions.Generator,
            total.Programs, total.Executions, total.SplitsForced, total.FaultsInjected, total.Probes, total.FramesChecked,
            total.ResourcesAcquired, total.ResourcesReleased, tally.Findings.Sum(finding => finding.Occurrences),
            [.. tally.Cells.Select(Cell)], [.. tally.Findings.Select(Finding)],
            [.. tally.Regressions.OrderBy(replay => replay.Name, StringComparer.Ordinal).Select(Regression)],
            tally.Inconclusive, [.. CoverageGoals.Of(tally).Select(line => new CoverageSummary(line.Label, line.Count, line.Required, line.Met) { Share = line.Share })],
            Bound(judgement.Verdict, total.Programs, tally),
            new TimingSummary(
                Round(tally.WallSeconds), Round(tally.PreparedSeconds), Round(tally.Seconds.Model), Round(tally.Seconds.Compile),
                Round(tally.Seconds.Link), Round(tally.Seconds.Execute)),
            new ThroughputSummary(Round(total.Programs / working), Round(total.Executions / working)) { OverTime = tally.Pace.Over(tally.WallSeconds) }, tally.Arrivals,
            tally.Traces with
            {
                Rows = tally.Traces.Rows with { Seconds = Round(tally.Traces.Rows.Seconds) },
                Steps = tally.Traces.Steps with { Seconds = Round(tally.Traces.Steps.Seconds) },
            })
        {
            Runtime = start.Settings.Runtime, Scope = Scope.Of(tally), Canary = CanaryOf(tally), Mutation = start.Settings.Mutation, Enumerated = tally.Scopes.Reached(tally),
            Interactions = InteractionCoverage.Of(tally),
        };
    }

    private static CellSummary Cell(CellTally cell) => new(
        cell.Cell, cell.Counters.Programs, cell.Counters.Executions, cell.Counters.SplitsForced, cell.Counters.FaultsInjected,
        cell.Counters.Probes, cell.Counters.FramesChecked, cell.Counters.ResourcesAcquired, cell.Counters.ResourcesReleased,
        Round(cell.Seconds.Compile), Round(cell.Seconds.Execute));

    private static FindingSummary Finding(FindingTally finding) => new(
        finding.Signature, finding.Family, finding.Cell, finding.Check, finding.Occurrences, finding.Reproduced, finding.Attempts, finding.InBatch, finding.IsFlake,
        finding.Token, finding.CasePath, finding.OriginalFunctions, finding.Functions, finding.ShrinkSteps, finding.ShrinkSeconds,
        finding.Expected, finding.Observed, finding.Picture, finding.CorePath, finding.CoreMissing)
    {
        Explanation = finding.Explanation, History = History(finding.Recognised), Otherwise = finding.Otherwise,
        Company = finding.Company?.Programs ?? 0, CompanyReproduced = finding.Company?.Reproduced ?? 0, CompanyAttempts = finding.Company?.Attempts ?? 0,
    };

    private static string History(JournalRecord.FindingRecognised? known) => known switch
    {
        null => "",
        { WasFixed: true } => $"it has come back: its stored case held meanwhile{Since(known)}",
        { Runs: 0 } => "its case is stored",
        _ => $"known{Since(known)}",
    };

    private static string Since(JournalRecord.FindingRecognised known) => known.FirstSeen is { } first
        ? string.Create(CultureInfo.InvariantCulture, $", first seen {first.UtcDateTime:yyyy-MM-dd} by {known.FirstRun}, in {known.Runs} earlier {(known.Runs == 1 ? "run" : "runs")}")
        : "";

    private static RegressionSummary Regression(JournalRecord.RegressionReplayed replay) => new(
        replay.Name, replay.Cell, replay.Check, replay.Holds, replay.Conclusive, replay.CasePath, replay.Token, replay.Detail);

    /// <summary>
    /// The exact one-sided bound for n passing programs: the failure rate that n programs would all pass with probability
    /// 1 − level (about 3/n). No bound without a pass.
    /// </summary>
    private static ConfidenceSummary Bound(Verdict verdict, long programs, Tally tally)
    {
        var features = Campaigns.Evidence.Strata.Features(tally);
        return new(ConfidenceLevel, verdict is Campaigns.Verdict.Falsified || programs == 0 ? null : Bounds.Exact(programs, 0, ConfidenceLevel))
        {
            Strata = [Campaigns.Evidence.Strata.Whole(tally), .. Campaigns.Evidence.Strata.Cells(tally)],
            FeatureStrata = features.Count,
            LeastKnown = [.. features.OrderBy(stratum => stratum.Programs).Take(LeastKnownShown)],
        };
    }

    private static CanarySummary? CanaryOf(Tally tally) => tally.Canary is { } flown
        ? new CanarySummary(flown.Defect, flown.Cell, flown.Check.Length > 0, flown.Check, flown.Detail, flown.Seconds)
        : tally.Start?.Settings.Canary is { } planned ? new CanarySummary(planned, tally.Start.Settings.CanaryCell ?? "", Found: false, "", "not tried", 0) : null;

    private static string Word(Verdict verdict) => Camel(verdict.ToString());

    private static string Camel(string name) => JsonNamingPolicy.CamelCase.ConvertName(name);

    private static double Round(double value) => Math.Round(value, 3);
}
