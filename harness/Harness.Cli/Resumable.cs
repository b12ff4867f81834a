using Harness.Campaigns;

namespace Harness.Cli;

/// <summary>A run that can be gone on with.</summary>
internal sealed record Resumable(RunDirectory Run, Journal Journal, RunSettings Settings)
{
    /// <param name="name">A run's name or folder; null takes the latest that has not completed.</param>
    /// <exception cref="UsageException"/>
    public static Resumable Find(ResultsLayout results, string? name)
    {
        if (name is not null)
        {
            var run = Directory.Exists(name) ? new RunDirectory(Path.GetFullPath(name)) : results.Run(name);
            return Open(run) ?? throw new UsageException($"run {run.Id} has completed; there is nothing to resume");
        }

        var runs = Directory.Exists(results.Runs) ? Directory.GetDirectories(results.Runs) : [];
        return runs.OrderDescending(StringComparer.Ordinal)
            .Select(path => new RunDirectory(path))
            .Where(run => File.Exists(run.Journal))
            .Select(Open)
            .FirstOrDefault(found => found is not null)
            ?? throw new UsageException($"no run under {results.Runs} is unfinished; start one without --resume");
    }

    private static Resumable? Open(RunDirectory run)
    {
        if (!File.Exists(run.Journal))
        {
            throw new UsageException($"there is no run at {run.Path}; name one of results/runs");
        }

        var journal = JournalReader.Read(run.Journal);
        var tally = Tally.Of(journal.Records);
        return tally.Ending is RunStop.Completed || tally.Start is null ? null : new Resumable(run, journal, tally.Start.Settings);
    }
}
