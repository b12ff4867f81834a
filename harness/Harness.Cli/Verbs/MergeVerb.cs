using System.CommandLine;
using Harness.Campaigns;
using Harness.Reports;

namespace Harness.Cli.Verbs;

/// <summary><c>merge DIR…</c>: one run out of the shards of a campaign.</summary>
internal static class MergeVerb
{
    public static Command Create(VerbContext context)
    {
        var directories = new Argument<string[]>("DIR") { Description = "The folders of the shards' runs, in any order", Arity = ArgumentArity.OneOrMore };
        var results = Options.Results();
        var json = Options.Json();
        var command = new Command("merge", "Join the runs of a campaign's shards (run --shard I/N) into one; ends with its exit code") { directories, results, json };
        command.SetAction(result => Run(
            context.Terminal, result.GetRequiredValue(directories), Options.Layout(Repository.Root(), result.GetValue(results)), result.GetValue(json)));
        return command;
    }

    private static int Run(Terminal terminal, string[] directories, ResultsLayout results, bool json)
    {
        var runs = directories.Select(Read).ToList();
        // Refused before anything is written.
        var trial = Merge.Of(runs, "", (_, _) => "");
        var started = (JournalRecord.RunStarted)trial[0];
        var merged = results.CreateRun(started.StartedAt, started.Settings.Seed);
        JournalWriter.Replace(merged.Journal, Merge.Of(runs, merged.Id, (run, signature) => Case(run, signature, merged, results)));
        var summary = RunSummary.Of(Tally.Of(JournalReader.Read(merged.Journal).Records));
        ReportWriter.Write(merged, summary);
        terminal.Out.Write(json ? summary.ToJson() : ConsoleReport.Render(summary, Repository.Shown(merged.Path)));
        return summary.ExitCode;
    }

    private static MergedRun Read(string directory)
    {
        var run = new RunDirectory(Path.GetFullPath(directory));
        return File.Exists(run.Journal)
            ? new MergedRun(run, JournalReader.Read(run.Journal))
            : throw new UsageException($"{directory} holds no journal.jsonl; name the folder of one run, as in results/runs");
    }

    /// <summary>Copies the case, if it is still there.</summary>
    private static string Case(RunDirectory run, string signature, RunDirectory merged, ResultsLayout results)
    {
        var name = CaseStore.FolderName(signature);
        var folder = Path.Combine(run.Cases, name);
        if (!File.Exists(Path.Combine(folder, CaseStore.CaseFile)))
        {
            return "";
        }

        var copy = Path.Combine(merged.Cases, name);
        CaseStore.Copy(folder, copy);
        return Path.GetRelativePath(results.Root, copy);
    }
}
