using Harness.Campaigns;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli.Tests;

/// <summary>Which runtime a run, a case and a report are of.</summary>
public sealed class RuntimeChoiceTests
{
    private static Case Foreign(string runtime) => Sample.Case() with { Cell = new Cell(Route.Attribute, OptimizeMode.Debug, Backend.Llvm) { Runtime = runtime } };

    [Fact]
    public void A_cells_name_says_its_runtime_and_is_read_again()
    {
        var ours = CellMatrix.All.Select(cell => cell.ToString()).ToList();
        foreach (var cell in CellMatrix.Of("libgcc", [Route.Attribute], []).Concat(CellMatrix.Of("mine", [Route.Command], [OptimizeMode.Debug])))
        {
            Assert.Equal(cell, CellMatrix.Parse(cell.ToString()));
            Assert.DoesNotContain(cell.ToString(), ours);
        }

        Assert.Equal(4, CellMatrix.Of("libgcc", [Route.Attribute], []).Count);
        Assert.Null(CellMatrix.Parse("a/libgcc/attribute/Debug/llvm/x86_64-linux-gnu"));
    }

    [Fact]
    public void A_case_says_its_runtime_in_its_document_and_its_token()
    {
        var document = Sample.Document() with { Case = Foreign("libgcc") };
        Assert.Equal(document.Case, CaseDocument.Read(document.Write()).Case);
        Assert.Equal("libgcc", ReplayToken.Read(ReplayToken.Write(document)).Case.Cell.Runtime);
        Assert.Null(CaseDocument.Read(Sample.Document().Write()).Case.Cell.Runtime);
        Assert.DoesNotContain("runtime", Sample.Document().Write(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_case_is_run_with_the_runtime_that_it_was_found_with()
    {
        Assert.Null(ChosenRuntime.Of(Sample.Case(), null));
        Assert.Null(ChosenRuntime.Of(Sample.Case(), "ours"));
        Assert.Equal("libgcc", ChosenRuntime.Of(Foreign("libgcc"), null)?.Runtime.Name);
        Assert.Contains("leave the option out", Assert.Throws<UsageException>(() => ChosenRuntime.Of(Sample.Case(), "libgcc")).Message, StringComparison.Ordinal);
        Assert.Contains("give its folder", Assert.Throws<UsageException>(() => ChosenRuntime.Of(Foreign("mine"), null)).Message, StringComparison.Ordinal);
        Assert.Contains("--runtime names example", Assert.Throws<UsageException>(() => ChosenRuntime.Of(Foreign("libgcc"), "example")).Message, StringComparison.Ordinal);
        Assert.Contains("--runtime names ours", Assert.Throws<UsageException>(() => ChosenRuntime.Of(Foreign("libgcc"), "ours")).Message, StringComparison.Ordinal);
    }

    /// <summary>What is not done is in the journal, so every report that is drawn from it has it.</summary>
    [Fact]
    public void Every_report_says_what_was_left_out()
    {
        var settings = new RunSettings(7, null, 60, null, ["example/attribute/Debug/llvm/x86_64-linux-gnu"], ["pool"], 1, "x") { Runtime = ChosenRuntime.Find("example")!.Settings() };
        var started = new JournalRecord.RunStarted(JournalRecord.FormatVersion, "1", DateTimeOffset.UnixEpoch, settings, Sample.Versions);
        var summary = RunSummary.Of(Tally.Of(Reread(started)));
        Assert.Equal(settings.Runtime, summary.Runtime);
        foreach (var report in (string[])[ConsoleReport.Render(summary, "run"), HtmlReport.Render(summary), Harness.Reports.Forms.MarkdownReport.Render(summary), summary.ToJson()])
        {
            Assert.All(settings.Runtime.LeftOut, left => Assert.Contains(left.What.Split('(')[0].Trim(), report, StringComparison.Ordinal));
        }

        Assert.EndsWith("--runtime example", summary.Repeat, StringComparison.Ordinal);
        Assert.DoesNotContain(summary.Coverage, line => line.Required > 0 && line.Label is "fault/stack-budget" or "placement/ascending");
        Assert.DoesNotContain("runtime\":", RunSummary.Of(Tally.Of([started with { Settings = settings with { Runtime = null } }])).ToJson(), StringComparison.Ordinal);
    }

    /// <summary>Through a journal's file.</summary>
    private static IEnumerable<JournalRecord> Reread(JournalRecord record)
    {
        var folder = Directory.CreateTempSubdirectory("harness-tests-");
        try
        {
            var path = Path.Combine(folder.FullName, "journal.jsonl");
            using (var writer = JournalWriter.Open(path, TimeProvider.System))
            {
                writer.Append(record);
            }

            return JournalReader.Read(path).Records;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Stored_cases_of_other_runtimes_are_complete_and_say_their_cause()
    {
        var root = Path.Combine(Repository.Root(), "results", "runtimes");
        var folders = Directory.EnumerateDirectories(root).SelectMany(Directory.EnumerateDirectories).ToList();
        Assert.NotEmpty(folders);
        foreach (var folder in folders)
        {
            Assert.All(CaseStore.Files.Append("CAUSE.md"), file => Assert.True(File.Exists(Path.Combine(folder, file)), $"{folder} lacks {file}"));
            var document = CaseStore.Read(folder).Document;
            Assert.Equal(CaseStore.FolderName(document.Signature), Path.GetFileName(folder));
            Assert.Equal(Path.GetFileName(Path.GetDirectoryName(folder)), document.Case.Cell.Runtime);
        }

        Assert.All(CaseStore.Folders(new ResultsLayout(Path.Combine(Repository.Root(), "results")).Regressions), folder => Assert.Null(CaseStore.Read(folder).Document.Case.Cell.Runtime));
    }
}
