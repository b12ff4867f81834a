using System.Text.Json;
using Harness.Campaigns;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli.Tests;

/// <summary>From a planted defect that kills a worker nobody expected to die, to the chain that its core shows: with the real rooms.</summary>
public sealed class CoreCampaignTests : IDisposable
{
    private readonly Cli _cli = new();

    public void Dispose() => _cli.Dispose();

    /// <summary>The worker's values are wrong where a function came back over a segment's edge: it dies by itself, of an address that was none.</summary>
    [Fact(Timeout = 300_000)]
    public async Task What_a_campaign_keeps_of_a_dead_worker_shows_its_chains()
    {
        var root = Repository.Root();
        using var stored = JsonDocument.Parse(File.ReadAllText(Path.Combine(
            root, "results", "regressions", "trace-dwarf-differs-from-baseline-probe-thunk-debug-selfhost-219618a8", CaseStore.CaseFile)));
        var @case = CaseJson.Read(stored.RootElement.GetProperty("case").GetRawText());
        var rooms = await new RealRooms().OpenAsync(new RoomOptions(root, null, [@case.Plan.Placement], 1, PlantedDefect.Named("return_register")), CancellationToken.None);
        var runner = rooms.Parts.Runner;
        var seen = await runner.RecordAsync(@case, Directory.CreateDirectory(_cli.PathOf("first")).FullName, CancellationToken.None);
        Assert.Equal(("crash", false), (seen.Check, seen.Holds));

        var results = new ResultsLayout(_cli.PathOf("results"));
        var run = results.CreateRun(DateTimeOffset.UnixEpoch, 1);
        var family = seen.Signature[..seen.Signature.LastIndexOf('.')];
        var found = (new ProgramRecipe(0, 1, 6, "default"), new Failure(seen.Signature, family, @case, 0, seen.Check, seen.Expected, seen.Observed));
        var records = new List<JournalRecord>();
        using (var journal = JournalWriter.Open(run.Journal, TimeProvider.System, observer: records.Add))
        {
            // Nothing is shrunk: what is kept is the case as it was met.
            var triage = new Triage(runner, journal, results, run, rooms.Versions, TriageLimits.Default with { Shrunk = 0 }, new Dictionary<string, string>(), new NoBatches(), TriageMemory.None);
            triage.Post(new WorkItem(0, @case.Cell, 0, 1), [found]);
            triage.Complete();
            await triage.RunAsync(CancellationToken.None);
        }

        var written = Assert.Single(records.OfType<JournalRecord.CoreWritten>());
        Assert.Equal("", written.Detail);
        Assert.InRange(written.Bytes, 1, TriageLimits.Default.CoreBytes);
        var core = Path.Combine(results.Root, written.CorePath);
        Assert.Equal(written.Bytes, new FileInfo(core).Length);

        // All that is needed lies beside it: no compiler is asked.
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("replay", "--core", core));
        Assert.Matches(@"died of +signal 11 ", _cli.Out);
        Assert.Matches(@"on it fiber \d+: the model's chain, \d+ frames", _cli.Out);
        Assert.Contains("↑ ", _cli.Out);
        Assert.Contains("hs_fiber_start", _cli.Out);
        Assert.Contains("WHOLE: ", _cli.Out);
    }

    /// <summary>Nothing to be compiled in company.</summary>
    private sealed class NoBatches : IBatchRerun
    {
        public BatchOrigin OriginOf(WorkItem item) => new(1, null, [], item.Start, item.Count, item.Light);

        public Task<bool> FailsAgainAsync(WorkItem item, Failure failure, string scratchDirectory, CancellationToken ct) => Task.FromResult(false);

        public IReadOnlyList<FiberProgram> ProgramsOf(WorkItem item) => [];
    }
}
