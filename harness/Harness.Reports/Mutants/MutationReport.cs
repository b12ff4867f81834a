using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization;

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
    double Seconds, long? Reached, int Programs, string EquivalentBecause, string Token, int Statements, bool Shrunk);

/// <summary>A family's part of the score.</summary>
public sealed record FamilyScore(string Family, int Killed, int Valid);

/// <summary>The mutation score: what <c>mutants</c> found out, in the order of the catalogue.</summary>
public sealed record MutationReport(ulong Seed, string ZigVersion, double Seconds, IReadOnlyList<MutantLine> Mutants)
{
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true, Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
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

    public string ToJson() => JsonSerializer.Serialize(this, _json) + "\n";
}
