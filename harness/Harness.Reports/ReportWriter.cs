using Harness.Campaigns;
using Harness.Reports.Forms;
using Harness.Reports.Mutants;

namespace Harness.Reports;

/// <summary>Writes a run's reports beside its journal: one summary, many forms.</summary>
public static class ReportWriter
{
    /// <exception cref="ResultsUnwritableException"/>
    public static void Write(RunDirectory run, RunSummary summary)
    {
        try
        {
            Replace(run.Summary, summary.ToJson());
            Replace(run.Report, HtmlReport.Render(summary, run.Results is { } results ? MutationReport.Newest(results, summary.ZigVersion) : null));
            Replace(run.JUnit, JUnitReport.Render(summary));
            Replace(run.Sarif, SarifReport.Render(summary));
            Replace(run.Markdown, MarkdownReport.Render(summary));
        }
        catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
        {
            throw new ResultsUnwritableException(run.Path, e);
        }
    }

    private static void Replace(string path, string text)
    {
        var temporary = $"{path}.{Environment.ProcessId}";
        File.WriteAllText(temporary, text);
        File.Move(temporary, path, overwrite: true);
    }
}
