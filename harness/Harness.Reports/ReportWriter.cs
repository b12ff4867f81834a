using Harness.Campaigns;

namespace Harness.Reports;

/// <summary>Writes summary.json and report.html beside a journal.</summary>
public static class ReportWriter
{
    /// <exception cref="ResultsUnwritableException"/>
    public static void Write(RunDirectory run, RunSummary summary)
    {
        try
        {
            Replace(run.Summary, summary.ToJson());
            Replace(run.Report, HtmlReport.Render(summary));
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
