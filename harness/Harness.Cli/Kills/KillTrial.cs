using System.Diagnostics;
using Harness.Campaigns;
using Harness.Execution;

namespace Harness.Cli.Kills;

/// <summary>Starts the command line as a process of its own.</summary>
public interface IHarnessProcess
{
    /// <summary>Runs it to its end, or kills it (SIGKILL) after the time. True: it ended by itself.</summary>
    Task<bool> RunAsync(IReadOnlyList<string> arguments, TimeSpan? killAfter, CancellationToken ct);
}

/// <summary>This very program.</summary>
internal sealed class OwnProcess(string root) : IHarnessProcess
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(30);

    public async Task<bool> RunAsync(IReadOnlyList<string> arguments, TimeSpan? killAfter, CancellationToken ct)
    {
        using var kill = CancellationTokenSource.CreateLinkedTokenSource(ct);
        if (killAfter is { } time)
        {
            kill.CancelAfter(time);
        }

        var request = new ProcessRequest
        {
            File = Environment.ProcessPath ?? throw new EnvironmentUnusableException("this process has no executable to start again"),
            Arguments = [typeof(OwnProcess).Assembly.Location, .. arguments],
            Environment = new Dictionary<string, string?> { [Repository.RootVariable] = root }, Timeout = _patience,
        };
        try
        {
            var outcome = await ChildProcess.Bare.RunAsync(request, kill.Token).ConfigureAwait(false);
            return outcome is ProcessOutcome.Exited { Code: 0 or 1 or 4 }
                ? true
                : throw new EnvironmentUnusableException($"`{request}` did not run: {outcome}");
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return false;
        }
    }
}

/// <summary>What came of a campaign that was killed again and again.</summary>
/// <param name="Differences">To the same campaign undisturbed; empty: none.</param>
public sealed record KilledCampaign(ulong Seed, string? Defect, int Kills, IReadOnlyList<string> Differences);

/// <summary>
/// Campaigns that are killed at random moments and gone on with, until so many kills have happened; each must come to what the same campaign comes to
/// when nobody disturbs it. One in four has a planted defect, so that there are failures to lose; its shrinking makes it ten times as long as the others.
/// </summary>
public sealed class KillTrial(IHarnessProcess harness, int programs, ulong seed, TextWriter progress)
{
    private const string Defect = "segment_release";

    /// <summary>A process that is killed before it has checked a batch gets the run no further: give up beyond this.</summary>
    private const int MaxKillsPerCampaign = 400;

    private const int CampaignsPerDefect = 4;

    private ulong _random;

    public async Task<IReadOnlyList<KilledCampaign>> RunAsync(int kills, string scratch, CancellationToken ct)
    {
        var campaigns = new List<KilledCampaign>();
        _random = seed;
        for (var number = 0; campaigns.Sum(campaign => campaign.Kills) < kills; number++)
        {
            var campaign = await CampaignAsync(seed + (ulong)number, number % CampaignsPerDefect == 1 ? Defect : null, kills - campaigns.Sum(c => c.Kills), Path.Combine(scratch, $"{number}"), ct).ConfigureAwait(false);
            campaigns.Add(campaign);
            progress.WriteLine($"campaign {number + 1}, seed {campaign.Seed}{(campaign.Defect is null ? "" : $", {campaign.Defect} planted")}: killed {campaign.Kills} times, {(campaign.Differences.Count == 0 ? "the same" : $"{campaign.Differences.Count} differences")}");
        }

        return campaigns;
    }

    private async Task<KilledCampaign> CampaignAsync(ulong campaignSeed, string? defect, int atMost, string folder, CancellationToken ct)
    {
        string[] run =
        [
            "run", "--seed", $"{campaignSeed}", "--programs", $"{programs}", "--route", "thunk", "--mode", "Debug", "--jobs", "2",
            .. defect is null ? (string[])[] : ["--defect", defect],
        ];
        var (undisturbed, killed) = (Path.Combine(folder, "undisturbed"), Path.Combine(folder, "killed"));
        var clock = Stopwatch.StartNew();
        await harness.RunAsync([.. run, "--results", undisturbed], null, ct).ConfigureAwait(false);
        var whole = clock.Elapsed;
        var kills = 0;
        for (var ended = false; !ended;)
        {
            // A run whose first line was never written is none: there is nothing to go on with yet.
            string[] next = Journal(killed) is { Count: > 0 } ? ["run", "--resume", "--results", killed] : [.. run, "--results", killed];
            ended = await harness.RunAsync(next, kills < Math.Min(atMost, MaxKillsPerCampaign) ? whole * Fraction() : null, ct).ConfigureAwait(false);
            kills += ended ? 0 : 1;
            // Killed after its last line: that is no less an end.
            ended |= Journal(killed) is [.., JournalRecord.RunEnded];
        }

        return new KilledCampaign(campaignSeed, defect, kills, RunComparison.Differences(Journal(undisturbed)!, Journal(killed)!));
    }

    /// <summary>Of the only run there; null: there is none.</summary>
    private static IReadOnlyList<JournalRecord>? Journal(string results)
    {
        var runs = new ResultsLayout(results).Runs;
        return (Directory.Exists(runs) ? Directory.GetDirectories(runs) : [])
            .Select(path => new RunDirectory(path).Journal).Where(File.Exists).Select(journal => JournalReader.Read(journal).Records).FirstOrDefault(records => records.Count > 0);
    }

    /// <summary>In [0, 1), early moments more often: a campaign is killed more often before it ends. The random numbers are our own, so that a seed means the same everywhere.</summary>
    private double Fraction()
    {
        _random = unchecked((_random * 6364136223846793005) + 1442695040888963407);
        var even = (_random >> 11) / (double)(1UL << 53);
        return even * even;
    }
}
