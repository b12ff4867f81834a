using Harness.Campaigns;
using Harness.Model;
using Harness.Reports.Mutants;

namespace Harness.Cli.Mutants;

/// <summary>The mutation score that a run's report may tell of: of the newest <c>mutants</c> run over all planted defects, with this Zig and this harness.</summary>
public static class NewestScore
{
    /// <returns>Null: it was not measured, or nothing that can be read says so.</returns>
    public static MutationScore? Of(ResultsLayout results, ToolVersions versions) =>
        MutationReport.Newest(results, report =>
            report.ZigVersion == versions.Zig && report.HarnessVersion == versions.Harness && report.Mutants.Count == PlantedDefect.All.Count) is var (run, whole)
            ? new MutationScore(whole.Killed, whole.Valid, run)
            : null;
}
