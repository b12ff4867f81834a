using System.CommandLine;
using Harness.Campaigns;
using Harness.Reports;

namespace Harness.Cli.Verbs;

/// <summary><c>report DIR</c>: draws the reports of a run again from its journal.</summary>
internal static class ReportVerb
{
    public static Command Create(VerbContext context)
    {
        var directory = new Argument<string>("DIR") { Description = "The folder of a run, as in results/runs" };
        var json = Options.Json();
        var command = new Command("report", "Draw the reports of a run again from its journal; ends with the run's exit code") { directory, json };
        command.SetAction(result => Run(context.Terminal, result.GetRequiredValue(directory), result.GetValue(json)));
        return command;
    }

    private static int Run(Terminal terminal, string directory, bool json)
    {
        var run = new RunDirectory(Path.GetFullPath(directory));
        if (!File.Exists(run.Journal))
        {
            throw new UsageException(Directory.Exists(directory)
                ? $"{directory} holds no journal.jsonl; name the folder of one run, as in results/runs"
                : $"there is no folder {directory}; name the folder of one run, as in results/runs");
        }

        var journal = JournalReader.Read(run.Journal);
        var summary = RunSummary.Of(Tally.Of(journal.Records));
        if (journal.TornLastLine)
        {
            terminal.Complain("the journal's last line is torn (the run was killed while writing it) and is left out");
        }

        ReportWriter.Write(run, summary);
        terminal.Out.Write(json ? summary.ToJson() : ConsoleReport.Render(summary, Repository.Shown(run.Path)));
        return summary.ExitCode;
    }
}
