using System.Globalization;
using Harness.Reports.Mutants;
using Harness.Reports.Pictures;

namespace Harness.Reports;

/// <summary>report.html: one file that asks nothing of the network, in light and dark, on a phone too.</summary>
public static class HtmlReport
{
    private const int MaxFindingsInFull = 50;

    /// <param name="mutants">The newest mutation score of the same Zig, and its folder's name; null: there is none.</param>
    public static string Render(RunSummary summary, (string Id, MutationReport Report)? mutants = null)
    {
        var page = new HtmlWriter();
        page.Literal("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n")
            .Literal("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .Element("title", $"{summary.Verdict}: {summary.RunId}")
            .Literal(HtmlAssets.Style).Literal(PictureHtml.Style).Literal(CoverageHtml.Style).Literal(CellsHtml.Style).Literal(ThroughputHtml.Style).Literal("</head><body><main>\n");
        Verdict(page, summary);
        Counters(page, summary);
        Scope(page, summary);
        Runtime(page, summary);
        CellsHtml.Write(page, summary);
        Findings(page, summary);
        Regressions(page, summary);
        CoverageHtml.Write(page, summary);
        Traces(page, summary);
        if (summary.Scope is null)
        {
            Confidence(page, summary);
        }

        if (mutants is { } score)
        {
            page.Open("section").Element("h2", $"Mutation score: {MutationText.Headline(score.Report)}")
                .Element("p", $"From {score.Id}, apart from this run, with the same Zig.", "quiet").Close("section");
            MutationText.Section(page, score.Report);
        }

        ThroughputHtml.Write(page, summary);
        Timings(page, summary);
        page.Literal("</main>").Literal(HtmlAssets.Script).Literal("</body></html>\n");
        return page.ToString();
    }

    private static void Verdict(HtmlWriter page, RunSummary summary)
    {
        page.Open("header", summary.Verdict).Element("h1", ConsoleReport.Headline(summary));
        page.Element("p", EvidenceText.Paragraph(summary));
        page.Element("p", Paragraph(summary));
        if (summary.Reasons.Count > 0)
        {
            page.Open("ul");
            foreach (var reason in summary.Reasons)
            {
                page.Element("li", reason);
            }

            page.Close("ul");
        }

        page.Element("p", $"Run {summary.RunId}, started {summary.StartedAt.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC, Zig {summary.ZigVersion}, " +
            $"harness {summary.HarnessVersion}, generators {summary.GeneratorVersion}, seed {summary.Seed}. Run it again:", "quiet");
        page.Command(summary.Repeat).Close("header");
    }

    private static string Paragraph(RunSummary summary)
    {
        var did = string.Create(
            CultureInfo.InvariantCulture,
            $"{summary.Programs:N0} {(summary.Scope is null ? "random" : "small")} fiber programs ran {summary.Executions:N0} times in {summary.Cells.Count(cell => cell.Executions > 0)} of {summary.Cells.Count} cells, " +
            $"with {summary.SplitsForced:N0} forced splits and {summary.FaultsInjected:N0} injected faults. " +
            $"{summary.ResourcesAcquired:N0} resources were acquired and {summary.ResourcesReleased:N0} released; " +
            $"{summary.FramesChecked:N0} frames were checked in the stack traces of {summary.Probes:N0} probes. ");
        return did + summary.Verdict switch
        {
            "held" => $"Every execution did what the model says. As evidence: {ConsoleReport.ConfidenceSentence(summary)}.",
            "falsified" => "Some executions did not do what the model says; each distinct failure is below, with the line that replays it.",
            _ => "That is not enough to conclude from; what is missing is listed here.",
        };
    }

    private static void Counters(HtmlWriter page, RunSummary summary)
    {
        (string Name, long Value)[] counters =
        [
            ("programs", summary.Programs), ("executions", summary.Executions), ("splits forced", summary.SplitsForced),
            ("faults injected", summary.FaultsInjected), ("probes", summary.Probes), ("frames checked", summary.FramesChecked),
            ("resources acquired", summary.ResourcesAcquired), ("resources released", summary.ResourcesReleased),
        ];
        page.Open("section", "tiles");
        foreach (var (name, value) in counters)
        {
            page.Open("div", "tile").Element("b", ConsoleReport.Number(value)).Element("span", name).Close("div");
        }

        page.Close("section");
        foreach (var (reason, count) in summary.Inconclusive)
        {
            page.Element("p", $"Neither pass nor fail, {ConsoleReport.Count(count, "time")}: {reason}", "warn");
        }
    }

    private static void Scope(HtmlWriter page, RunSummary summary)
    {
        if (ConsoleReport.ScopeSentence(summary) is { } sentence)
        {
            page.Open("section").Element("h2", "Scope").Element("p", sentence + ". Left out:").Open("ul");
            foreach (var left in summary.Scope!.Excludes)
            {
                page.Element("li", left);
            }

            page.Close("ul").Close("section");
        }
    }

    private static void Runtime(HtmlWriter page, RunSummary summary)
    {
        if (summary.Runtime is { } runtime)
        {
            page.Open("section").Element("h2", $"Runtime {runtime.Name}").Element("p", $"{runtime.About} It takes the place of the harness's own. Done without:").Open("ul");
            foreach (var (what, why) in runtime.LeftOut)
            {
                page.Element("li", $"{what}: {why}");
            }

            page.Close("ul").Close("section");
        }
    }

    private static void Findings(HtmlWriter page, RunSummary summary)
    {
        var families = FindingFamily.Of(summary.Findings);
        page.Open("section").Element("h2", $"Findings: {families.Count}");
        if (families.Count == 0)
        {
            page.Element("p", "No execution failed a check.");
        }

        foreach (var family in families.Take(MaxFindingsInFull))
        {
            page.Open("article").Element("h3", family.Head.Family);
            Finding(page, family.Head);
            foreach (var other in family.Others)
            {
                page.Open("details").Element("summary", $"also in {other.Cell}, {other.Again}");
                Finding(page, other);
                page.Close("details");
            }

            page.Close("article");
        }

        if (families.Count > MaxFindingsInFull)
        {
            page.Element("p", $"{families.Count - MaxFindingsInFull} more are in summary.json.");
        }

        page.Close("section");
    }

    private static void Finding(HtmlWriter page, FindingSummary finding)
    {
        page.Element("p", $"Check {finding.Check} in {finding.Cell}; {ConsoleReport.Count(finding.Occurrences, "occurrence")}, {finding.Again}{finding.Shrunk}; {(finding.History.Length > 0 ? finding.History : "new")}.");
        if (finding.ReplayToken.Length > 0)
        {
            page.Command(finding.Replay);
        }

        if (finding.CorePath.Length > 0)
        {
            page.Command($"scripts/harness replay --core {Shell.Quote("results/" + finding.CorePath)}");
        }

        if (finding.Picture is { } picture)
        {
            PictureHtml.Write(page, picture);
        }

        Explanation(page, finding);
        Comparison(page, finding.Expected, finding.Observed);
    }

    private static void Explanation(HtmlWriter page, FindingSummary finding)
    {
        if (finding.Explanation is { } explanation)
        {
            page.Element("p", "What it depends on, each part varied by itself:").Open("ul");
            foreach (var sentence in explanation.Sentences())
            {
                page.Element("li", sentence);
            }

            page.Close("ul");
        }
    }

    private static void Comparison(HtmlWriter page, string expected, string observed)
    {
        var (before, lines, after) = SideBySide.Window(expected, observed);
        if (lines.Count == 0)
        {
            return;
        }

        page.Open("div", "scroll").Open("table", "diff").Open("thead").Open("tr").Element("th", "expected").Element("th", "observed").Close("tr").Close("thead").Open("tbody");
        foreach (var line in lines)
        {
            page.Open("tr", line.IsFirstDifference ? "first" : line.Differs ? "differs" : "")
                .Element("td", line.Expected ?? "").Element("td", line.Observed ?? "").Close("tr");
        }

        page.Close("tbody").Close("table").Close("div");
        if (before + after > 0)
        {
            page.Element("p", $"Left out: {before} equal lines before and {after} lines after; all of it is in the case's folder.", "quiet");
        }
    }

    private static void Regressions(HtmlWriter page, RunSummary summary)
    {
        if (summary.Regressions.Count == 0)
        {
            return;
        }

        page.Open("section").Element("h2", "Stored cases");
        page.Table(["case", "cell", "check", "now"], summary.Regressions.Select(regression => (string[])
        [
            regression.Name, regression.Cell, regression.Check,
            regression switch { { Conclusive: false } => regression.Detail, { Holds: true } => "holds", _ => "fails" },
        ]));
        page.Close("section");
    }

    private static void Confidence(HtmlWriter page, RunSummary summary)
    {
        page.Open("section").Element("h2", "Confidence");
        page.Element("p", $"Exact one-sided bounds (Clopper and Pearson) of the share of programs that fail, for all and for each cell, and for those of the {summary.Confidence.FeatureStrata} kinds of program (a cell and a feature) of which least is known.");
        page.Table(["programs of", "drawn", "failed", "95 %", "99 %"], summary.Confidence.Strata.Concat(summary.Confidence.LeastKnown).Select(stratum => (string[])
        [
            stratum.Name, ConsoleReport.Number(stratum.Programs), ConsoleReport.Number(stratum.Failed), EvidenceText.OneIn(stratum.Bound95), EvidenceText.OneIn(stratum.Bound99),
        ]));
        page.Close("section");
    }

    private static void Traces(HtmlWriter page, RunSummary summary)
    {
        page.Open("section").Element("h2", "Stack traces");
        page.Element("p", $"Taken {TraceText.Observed(summary)}. Unwind rows: {TraceText.Rows(summary)}. Stepped through: {TraceText.Steps(summary)}.");
        page.Element("p", $"Other unwinders that were asked about the same stacks: {ConsoleReport.OpinionsSentence(summary)}.");
        page.Table(["of stack traces", ""], TraceText.Table(summary));
        page.Close("section");
    }

    private static void Timings(HtmlWriter page, RunSummary summary)
    {
        var timings = summary.Timings;
        page.Open("section").Element("h2", "Timings");
        page.Table(["seconds of", ""],
        [
            (string[])["wall clock", Fixed(timings.WallSeconds)], ["of it preparing the toolchain", Fixed(timings.PrepareSeconds)],
            ["model (all lanes)", Fixed(timings.ModelSeconds)], ["compile (all lanes)", Fixed(timings.CompileSeconds)],
            ["link (all lanes)", Fixed(timings.LinkSeconds)], ["execute (all lanes)", Fixed(timings.ExecuteSeconds)],
            ["programs per second", Fixed(summary.Throughput.ProgramsPerSecond)], ["executions per second", Fixed(summary.Throughput.ExecutionsPerSecond)],
        ]);
        page.Element("p", $"Disturbed {ConsoleReport.DisturbedSentence(summary)}.");
        page.Close("section");
    }

    private static string Fixed(double value) => value.ToString("N1", CultureInfo.InvariantCulture);
}
