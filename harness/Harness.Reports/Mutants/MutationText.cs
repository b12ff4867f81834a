using System.Globalization;
using System.Text;

namespace Harness.Reports.Mutants;

/// <summary>The mutation score for people: as text, and as a page of its own.</summary>
public static class MutationText
{
    public static string Headline(MutationReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        var equivalent = report.Mutants.Count(mutant => mutant.Status is MutantStatus.Equivalent);
        return string.Create(CultureInfo.InvariantCulture, $"{report.Killed} of {report.Valid} planted defects killed{(equivalent > 0 ? $", {equivalent} equivalent" : "")}, {report.Seconds:0} s");
    }

    public static string Render(MutationReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{(report.Holds ? "HELD" : "INCONCLUSIVE")}: {Headline(report)}\n\n");
        foreach (var family in report.Families)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {family.Family,-18}{family.Killed,4} of {family.Valid,3}\n");
        }

        if (ShrinkSentence(report) is { } shrinking)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n  {shrinking}\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"\n  {"defect",-24}{"family",-16}{"verdict",-13}{"by",-22}{"time",8}{"reached",14}{"statements",12}\n");
        foreach (var mutant in report.Mutants)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {mutant.Name,-24}{mutant.Family,-16}{Word(mutant.Status),-13}{mutant.Check,-22}{mutant.Seconds,6:0.0} s{Reached(mutant),14}{Statements(mutant),12}\n");
        }

        foreach (var mutant in report.Mutants.Where(mutant => mutant.Status is not MutantStatus.Killed))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n  {mutant.Name}: {mutant.What}\n    {Word(mutant.Status)} in {mutant.Cell}: {mutant.Detail}\n");
            if (mutant.EquivalentBecause.Length > 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"    {(mutant.Status is MutantStatus.Equivalent ? "as argued" : "though it was argued")}: {mutant.EquivalentBecause}\n");
            }
        }

        return text.ToString();
    }

    /// <summary>How fast counterexamples became small; null: none was shrunk.</summary>
    public static string? ShrinkSentence(MutationReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return report.Shrinking is not { } score ? null : string.Create(
            CultureInfo.InvariantCulture,
            $"shrinking: {score.Small} of {score.Shrunk} counterexamples came to at most {MutationReport.SmallStatements} statements, {(score.MedianSeconds is { } median ? $"median {median:0.0} s after the first failure" : "fewer than half of them")}; in the end median {score.MedianStatements} statements");
    }

    /// <summary>A page that asks nothing of the network.</summary>
    public static string Html(MutationReport report)
    {
        var page = new HtmlWriter();
        page.Literal("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n")
            .Literal("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .Element("title", Headline(report)).Literal(HtmlAssets.Style).Literal("</head><body><main>\n")
            .Open("header", report.Holds ? "held" : "inconclusive").Element("h1", Headline(report))
            .Element("p", "Each is a small mistake put there on purpose, one at a time, in the runtime, the programs, the model or the checker. A verdict of the harness is worth as much as it finds of them.")
            .Close("header");
        Section(page, report);
        page.Literal("</main>").Literal(HtmlAssets.Script).Literal("</body></html>\n");
        return page.ToString();
    }

    /// <summary>The tables alone.</summary>
    internal static void Section(HtmlWriter page, MutationReport report)
    {
        page.Open("section").Element("h2", "Planted defects by family");
        page.Table(["family", "killed", "of"], report.Families.Select(family => (string[])[family.Family, $"{family.Killed}", $"{family.Valid}"]));
        if (ShrinkSentence(report) is { } shrinking)
        {
            page.Element("p", shrinking);
        }

        page.Element("h2", "Planted defects");
        page.Table(["defect", "verdict", "by", "seconds", "reached", "statements", "what is wrong"], report.Mutants.Select(mutant => (string[])
        [
            mutant.Name, Word(mutant.Status), mutant.Check, mutant.Seconds.ToString("0.0", CultureInfo.InvariantCulture), Reached(mutant), Statements(mutant), mutant.What,
        ]));
        foreach (var mutant in report.Mutants.Where(mutant => mutant.Token.Length > 0))
        {
            page.Open("details").Element("summary", $"{mutant.Name}: the counterexample, {mutant.Statements} statements").Command($"scripts/harness replay --defect {mutant.Name} {mutant.Token}").Close("details");
        }

        page.Close("section");
    }

    public static string Word(MutantStatus status) => status switch
    {
        MutantStatus.NotReached => "not reached",
        MutantStatus.NotBuilt => "not built",
        MutantStatus.EquivalentKilled => "killed after all",
        _ => status.ToString().ToLowerInvariant(),
    };

    private static string Reached(MutantLine mutant) => mutant.Reached is { } times ? times.ToString("N0", CultureInfo.InvariantCulture) : "";

    private static string Statements(MutantLine mutant) => mutant.Statements == 0 ? "" : $"{mutant.Statements}{(mutant.Shrunk ? "" : " (whole)")}";
}
