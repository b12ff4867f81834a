using System.Diagnostics;
using System.Globalization;
using Harness.Campaigns;
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

    /// <summary>What <c>bench runtime</c> takes with all its work and two rounds, about, and what building takes before.</summary>
    private static readonly TimeSpan _wholeBench = TimeSpan.FromMinutes(20);
    private static readonly TimeSpan _benchBuilding = TimeSpan.FromMinutes(1);

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
        var effort = Math.Clamp((budget - _benchBuilding) / _wholeBench, 0.0002, 1);
        var (code, json) = await VerbAsync(["bench", "runtime", "--rounds", "2", "--effort", effort.ToString("0.####", CultureInfo.InvariantCulture), .. Results()], ct).ConfigureAwait(false);
        return Checked(GateReading.Runtime(phase, json, clock.Elapsed.TotalSeconds), code, json, ct);
    }

    /// <summary>In the two cells of <c>test --std</c>; what was found before the time was up counts.</summary>
    public async Task<GatePhaseResult> LibraryAsync(string phase, TimeSpan budget, string directory, Stopwatch clock, CancellationToken ct)
    {
        var files = await rooms.OpenTestFilesAsync(Repository.Root(), request.Zig, ct).ConfigureAwait(false);
        var found = await files.StandardAsync(directory, ct).ConfigureAwait(false);
        var items = new List<GateItem>();
        var figures = new List<GateFigure> { new("files left out", found.Without.Length.ToString(CultureInfo.InvariantCulture)) };
        var (thin, cut) = (new List<string>(), new List<string>());
        foreach (var (cell, index) in Options.TwoCells.Select((cell, index) => (cell, index)))
        {
            var results = new List<TestResult>();
            using var share = CancellationTokenSource.CreateLinkedTokenSource(ct);
            share.CancelAfter(budget * (index + 1) / Options.TwoCells.Count - clock.Elapsed is var left && left > TimeSpan.FromSeconds(5) ? left : TimeSpan.FromSeconds(5));
            try
            {
                if (await files.RunAsync(found.File, cell, Path.Combine(directory, $"{index}"), results.Add, share.Token).ConfigureAwait(false) is TestFileOutcome.Unusable unusable)
                {
                    items.Add(new GateItem($"the library's tests do not compile in {cell}", GateItemKind.Failure, unusable.Reason.Split('\n')[0], "scripts/harness test --std"));
                }
            }
            catch (OperationCanceledException)
            {
                cut.Add($"{cell} after {results.Count:N0} tests");
            }

            figures.Add(new GateFigure($"held in {cell}", string.Create(CultureInfo.InvariantCulture, $"{results.Count(result => result.Verdict is TestVerdict.Held):N0} of {results.Count:N0} tests, {results.Sum(result => result.Splits):N0} splits")));
            items.AddRange(results.Where(result => result.Verdict is TestVerdict.Broken).Select(result => new GateItem(
                $"{result.Name} is broken by splits in {cell}", GateItemKind.Failure, ((TestVerdict.Broken)result.Verdict).Differences.FirstOrDefault()?.ToString() ?? "", $"scripts/harness test --std --filter '{result.Name}'")));
            thin.AddRange(results.Exists(result => result.Verdict is TestVerdict.Held) || cut.Count > 0 ? [] : [$"nothing could be said of any test in {cell}"]);
        }

        return new GatePhaseResult(phase, cut.Count > 0 ? GateStatus.Unfinished : GateStatus.Finished, clock.Elapsed.TotalSeconds, cut.Count > 0 ? $"its time was up: {string.Join(", ", cut)}" : "", items, figures, thin);
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
