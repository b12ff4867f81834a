using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization;
using Harness.Binary;
using Harness.Campaigns;
using Harness.Model;
using Harness.Verification;

namespace Harness.Reports.Mutants;

/// <summary>What became of a planted defect; a timeout is never a kill.</summary>
public enum MutantStatus
{
    Killed,
    Survived,

    /// <summary>An execution did not end, and nothing complained.</summary>
    Timeout,

    /// <summary>The changed code never ran.</summary>
    NotReached,

    /// <summary>It does not compile, link, or its ground does not hold.</summary>
    NotBuilt,

    /// <summary>Nothing can tell it from no defect, and nothing did.</summary>
    Equivalent,

    /// <summary>It was said to be equivalent, and something told it from none.</summary>
    EquivalentKilled,
}

/// <summary>One planted defect in the report.</summary>
/// <param name="Check">What killed it; empty when nothing did.</param>
/// <param name="Seconds">Of the trials until it was killed, their own building included.</param>
/// <param name="Reached">How often its code ran in finished executions; null where nobody counts.</param>
/// <param name="Token">Replays the (shrunk) counterexample with <c>--defect</c>; empty when there is none.</param>
/// <param name="Statements">Of the counterexample; 0 when there is none.</param>
public sealed record MutantLine(
    string Name, string Family, string Seat, string What, string Cell, MutantStatus Status, string Check, string Detail,
    double Seconds, long? Reached, int Programs, string EquivalentBecause, string Token, int Statements, bool Shrunk)
{
    /// <summary>Spent shrinking.</summary>
    public double ShrinkSeconds { get; init; }

    /// <summary>From the first failure to a counterexample of at most <see cref="MutationReport.SmallStatements"/>; null: it never was as small, or was not shrunk.</summary>
    public double? SmallAfterSeconds { get; init; }
}

/// <summary>How fast counterexamples became small.</summary>
/// <param name="Shrunk">Defects whose counterexample was shrunk.</param>
/// <param name="Small">Of them, those that became small enough.</param>
/// <param name="MedianSeconds">To become so; null: fewer than half of them did.</param>
/// <param name="MedianStatements">In the end.</param>
public sealed record ShrinkScore(int Shrunk, int Small, double? MedianSeconds, int MedianStatements);

/// <summary>A family's part of the score.</summary>
public sealed record FamilyScore(string Family, int Killed, int Valid);

/// <summary>The mutation score: what <c>mutants</c> found out, in the order of the catalogue.</summary>
public sealed record MutationReport(ulong Seed, string ZigVersion, double Seconds, IReadOnlyList<MutantLine> Mutants)
{
    /// <summary>A counterexample of at most so many statements is small.</summary>
    public const int SmallStatements = Shrinker.SmallStatements;

    private const int MaxBytes = 16 << 20;

    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true, RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true, Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private static readonly FrozenSet<MutantStatus> _equivalents = [MutantStatus.Equivalent];

    /// <summary>Version and commit.</summary>
    public string HarnessVersion { get; init; } = "";

    public int Killed => Mutants.Count(mutant => mutant.Status is MutantStatus.Killed);

    /// <summary>All but those that are argued to be equivalent and were not refuted.</summary>
    public int Valid => Mutants.Count(mutant => !_equivalents.Contains(mutant.Status));

    /// <summary>Every valid defect was killed.</summary>
    public bool Holds => Valid > 0 && Killed == Valid;

    public IReadOnlyList<FamilyScore> Families => [.. Mutants.GroupBy(mutant => mutant.Family).Select(family => new FamilyScore(
        family.Key, family.Count(mutant => mutant.Status is MutantStatus.Killed), family.Count(mutant => !_equivalents.Contains(mutant.Status))))];

    /// <summary>Null: nothing was shrunk.</summary>
    public ShrinkScore? Shrinking
    {
        get
        {
            var shrunk = Mutants.Where(mutant => mutant.Shrunk).ToList();
            if (shrunk.Count == 0)
            {
                return null;
            }

            var median = shrunk.Select(mutant => mutant.SmallAfterSeconds ?? double.PositiveInfinity).Order().ElementAt(shrunk.Count / 2);
            return new ShrinkScore(
                shrunk.Count, shrunk.Count(mutant => mutant.SmallAfterSeconds is not null), double.IsFinite(median) ? median : null,
                shrunk.Select(mutant => mutant.Statements).Order().ElementAt(shrunk.Count / 2));
        }
    }

    /// <exception cref="InvalidDataException">It is no report of ours; one line for people.</exception>
    public static MutationReport Read(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            var report = JsonSerializer.Deserialize<MutationReport>(json, _json);
            return report is not null && report.Mutants.All(mutant => mutant is not null)
                ? report
                : throw new InvalidDataException("the mutation report is empty");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new InvalidDataException($"the mutation report is damaged: {e.Message.Split('\n')[0]}", e);
        }
    }

    /// <summary>The newest under a results folder that was made with this Zig and tried the whole catalogue, with its folder's name; null: there is none.</summary>
    public static (string Id, MutationReport Report)? Newest(ResultsLayout results, string zig) =>
        Newest(results, report => report.ZigVersion == zig && report.Mutants.Count >= PlantedDefect.All.Count);

    /// <summary>The newest under a results folder that is wanted, with its folder's name; null: there is none.</summary>
    public static (string Id, MutationReport Report)? Newest(ResultsLayout results, Func<MutationReport, bool> isWanted)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(isWanted);
        foreach (var folder in Directory.Exists(results.Mutants) ? Directory.GetDirectories(results.Mutants).OrderDescending(StringComparer.Ordinal).ToArray() : [])
        {
            try
            {
                var report = Read(BoundedFile.ReadText(Path.Combine(folder, "mutants.json"), MaxBytes));
                if (isWanted(report))
                {
                    return (Path.GetFileName(folder), report);
                }
            }
            catch (Exception e) when (e is InvalidDataException || ResultsUnwritableException.IsAboutStorage(e))
            {
                // Half written, or of another version: an older one may do.
            }
        }

        return null;
    }

    public string ToJson() => JsonSerializer.Serialize(this, _json) + "\n";
}
