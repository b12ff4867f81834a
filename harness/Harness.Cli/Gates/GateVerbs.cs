using System.Diagnostics;
using System.Globalization;
using Harness.Campaigns;
using Harness.Model;
using Harness.Reports;
using Harness.Reports.Gates;
using Harness.Verification.TestFiles;

namespace Harness.Cli.Gates;

/// <summary>The phases that other verbs do: each is the verb itself, as a person would call it, its JSON read.</summary>
internal sealed class GateVerbs(Terminal terminal, IRoomOpener rooms, GateRequest request)
{
    /// <summary>Below it not even programs of one statement fit.</summary>
    private static readonly TimeSpan _smallBudget = TimeSpan.FromMinutes(10);

    /// <summary>What stepping was measured to do in a second on two cores, in all cells together, building included.</summary>
    private const double StepsPerSecond = 10_000;

    /// <summary>What a round of <c>bench runtime</c> takes with all its work, with room for contenders that are not everywhere, and what building takes before.</summary>
    private static readonly TimeSpan _benchRound = TimeSpan.FromSeconds(12);
    private static readonly TimeSpan _benchBuilding = TimeSpan.FromSeconds(30);

    /// <summary>Two tell whether a figure can be had again; more than these tell nothing more.</summary>
    private const int FewestRounds = 2;
    private const int MostRounds = 8;

    /// <summary>How often it is said how far the library's tests are.</summary>
    private const int TestsOfOneLine = 250;

    public async Task<GatePhaseResult> ExhaustAsync(string phase, Stopwatch clock, CancellationToken ct)
    {
        var (code, json) = await VerbAsync(["exhaust", "--size", request.Budget < _smallBudget ? "0" : "1", .. Results()], ct).ConfigureAwait(false);
        return Checked(GateReading.Campaign(phase, json, clock.Elapsed.TotalSeconds), code, json, ct);
    }

    public async Task<GatePhaseResult> CampaignAsync(string phase, TimeSpan budget, Stopwatch clock, CancellationToken ct)
    {
        var (code, json) = await VerbAsync(["run", "--budget", Seconds(budget), "--seed", request.Seed.ToString(CultureInfo.InvariantCulture), .. Results()], ct).ConfigureAwait(false);
        return Checked(GateReading.Campaign(phase, json, clock.Elapsed.TotalSeconds), code, json, ct);
    }

    public async Task<GatePhaseResult> StepAsync(string phase, TimeSpan budget, Stopwatch clock, CancellationToken ct)
    {
        var steps = Math.Max(1000, (long)(budget.TotalSeconds * StepsPerSecond / CellMatrix.Default.Count));
        var (code, json) = await VerbAsync(["step", "--size", "3", "--steps", steps.ToString(CultureInfo.InvariantCulture), "--placement", "interleaved"], ct).ConfigureAwait(false);
        return Checked(GateReading.Stepping(phase, json, clock.Elapsed.TotalSeconds), code, json, ct);
    }

    public async Task<GatePhaseResult> MutantsAsync(string phase, TimeSpan budget, Stopwatch clock, CancellationToken ct)
    {
        var (code, json) = await VerbAsync(["mutants", "--budget", Seconds(budget), .. Results()], ct).ConfigureAwait(false);
        return Checked(GateReading.Mutation(phase, json, clock.Elapsed.TotalSeconds, (int)budget.TotalSeconds), code, json, ct);
    }

    public async Task<GatePhaseResult> RuntimeAsync(string phase, TimeSpan budget, Stopwatch clock, CancellationToken ct)
    {
        var rounds = (budget - _benchBuilding) / _benchRound;
        var effort = Math.Clamp(rounds / FewestRounds, 0.0002, 1);
        var (code, json) = await VerbAsync(["bench", "runtime", "--rounds", $"{Math.Clamp((int)rounds, FewestRounds, MostRounds)}", "--effort", effort.ToString("0.####", CultureInfo.InvariantCulture), .. Results()], ct).ConfigureAwait(false);
        return Checked(GateReading.Runtime(phase, json, clock.Elapsed.TotalSeconds), code, json, ct);
    }

    /// <summary>In the two cells of <c>test --std</c>; what was found before the time was up counts.</summary>
    public async Task<GatePhaseResult> LibraryAsync(string phase, TimeSpan budget, string directory, Stopwatch clock, CancellationToken ct)
    {
        var files = await rooms.OpenTestFilesAsync(Repository.Root(), request.Zig, ct).ConfigureAwait(false);
        var found = await files.StandardAsync(directory, ct).ConfigureAwait(false);
        var items = new List<GateItem>();
        var figures = new List<GateFigure> { new("files left out", found.Without.Length.ToString(CultureInfo.InvariantCulture)) };
        var results = Options.TwoCells.ToDictionary(cell => cell, _ => new List<TestResult>());
        var outcomes = new List<TestFileOutcome>();
        using var share = CancellationTokenSource.CreateLinkedTokenSource(ct);
        // In any case less than what the phase is cut off after: what was found counts.
        share.CancelAfter(budget * 1.5);
        try
        {
            outcomes.AddRange(await files.RunAsync(found.File, Options.TwoCells, directory, Take, share.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            ct.ThrowIfCancellationRequested();
        }

        var thin = new List<string>();
        foreach (var (cell, index) in Options.TwoCells.Select((cell, index) => (cell, index)))
        {
            var joined = TestResult.Joined(results[cell]).ToList();
            if (outcomes.ElementAtOrDefault(index) is TestFileOutcome.Unusable unusable)
            {
                items.Add(new GateItem($"the library's tests do not compile in {cell}", GateItemKind.Failure, unusable.Reason.Split('\n')[0], "scripts/harness test --std"));
            }

            figures.Add(new GateFigure($"held in {cell}", string.Create(CultureInfo.InvariantCulture, $"{joined.Count(result => result.Verdict is TestVerdict.Held):N0} of {joined.Count:N0} tests, {joined.Sum(result => result.Splits):N0} splits")));
            items.AddRange(joined.Where(result => result.Verdict is TestVerdict.Broken).Select(result => new GateItem(
                $"{result.Name} is broken by splits in {cell}", GateItemKind.Failure, ((TestVerdict.Broken)result.Verdict).Differences.FirstOrDefault()?.ToString() ?? "", $"scripts/harness test --std --filter '{result.Name}'")));
            thin.AddRange(joined.Exists(result => result.Verdict is TestVerdict.Held) || outcomes.Count == 0 ? [] : [$"nothing could be said of any test in {cell}"]);
        }

        return outcomes.Count > 0
            ? new GatePhaseResult(phase, GateStatus.Finished, clock.Elapsed.TotalSeconds, "", items, figures, thin)
            : new GatePhaseResult(
                phase, GateStatus.Unfinished, clock.Elapsed.TotalSeconds, $"its time was up: {string.Join(", ", results.Select(of => $"{of.Key} after {of.Value.Count:N0} tests"))}", items, figures, thin);

        void Take(Cell cell, TestResult result)
        {
            results[cell].Add(result);
            if (results.Sum(of => of.Value.Count) is var tests && tests % TestsOfOneLine == 0)
            {
                terminal.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {tests:N0} tests, {results.Sum(of => of.Value.Count(one => one.Verdict is TestVerdict.Broken)):N0} broken by splits"));
            }
        }
    }

    /// <summary>A verb of this command line, its result kept.</summary>
    private async Task<(int Code, string Json)> VerbAsync(string[] arguments, CancellationToken ct)
    {
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        string[] all = [.. arguments, "--json", .. request.Zig is { } zig ? (string[])["--zig", zig] : []];
        var code = await new Application(terminal with { Out = output }, rooms).RunAsync(all, ct).ConfigureAwait(false);
        return (code, output.ToString());
    }

    /// <summary>What the verb's end adds to its document.</summary>
    private static GatePhaseResult Checked(GatePhaseResult result, int code, string json, CancellationToken ct) =>
        ct.IsCancellationRequested ? result with { Status = GateStatus.Unfinished, Detail = "its time was up" }
        : json.Length == 0 ? result with { Status = GateStatus.Failed, Detail = $"it ended with exit code {code} and no result (what it said is above)" }
        : code == ExitCodes.Environment && result.Status is GateStatus.Finished ? result with { Status = GateStatus.Failed, Detail = "it ended with exit code 3" }
        : result;

    private string[] Results() => ["--results", request.Results.Root];

    private static string Seconds(TimeSpan budget) => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(1, (int)budget.TotalSeconds)}s");
}
