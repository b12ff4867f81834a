using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Harness.Campaigns;
using Harness.Model;
using Harness.Reports.Mutants;
using Harness.Verification;
using Harness.Verification.Mutation;

namespace Harness.Cli.Mutants;

/// <summary>What <c>mutants</c> is to do.</summary>
/// <param name="Cell">Instead of each defect's own; null: that.</param>
/// <param name="ShrinkCap">For each counterexample; null: none is shrunk.</param>
internal sealed record MutationRequest(
    IReadOnlyList<PlantedDefect> Defects, ulong Seed, TimeSpan Budget, Cell? Cell, TimeSpan? ShrinkCap, int Jobs);

/// <summary>
/// Tries planted defects in rounds: in each, every cell that is needed gets new programs, which are built once for all defects, and those that are killed
/// drop out. The lanes of a round share nothing but the lab.
/// </summary>
internal sealed class MutationRun(MutantRooms rooms, IProgramSource programs, MutationRequest request, TextWriter progress)
{
    private const int Rounds = 8;
    private const int ProgramsPerRound = 14;
    private const int ProgramSize = 25;

    private const int RowsFirst = 300;
    private const int RowsMore = 300;

    /// <summary>What one kind of program cannot show another does; those first that differ most from each other.</summary>
    private static readonly string[] _profiles = ["small", "deep", "abi", "fibers", "cleanup"];

    private readonly Dictionary<string, Standing> _standings = request.Defects.ToDictionary(defect => defect.Name, defect => new Standing(defect));
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    /// <summary>What is known of a defect so far.</summary>
    private sealed class Standing(PlantedDefect defect)
    {
        public PlantedDefect Defect => defect;

        /// <summary>Null: not tried.</summary>
        public MutantVerdict? Tried { get; set; }

        public MutantVerdict Verdict => Tried ?? new MutantVerdict.Survived("there was no time to try it");

        public long? Reached { get; set; }

        public double Seconds { get; set; }

        public int Programs { get; set; }

        /// <summary>The programs of the round that it was tried in last.</summary>
        public IReadOnlyList<FiberProgram> Made { get; set; } = [];

        public Case? Shrunk { get; set; }

        public double ShrinkSeconds { get; set; }

        public double? SmallAfter { get; set; }
    }

    public async Task<MutationReport> RunAsync(string scratch, CancellationToken ct)
    {
        for (var round = 0; round < Rounds && _clock.Elapsed < request.Budget; round++)
        {
            var open = _standings.Values.Where(standing => standing.Verdict is not MutantVerdict.Killed).ToLookup(standing => CellOf(standing.Defect));
            foreach (var cell in open.Select(group => group.Key).ToArray())
            {
                if (_clock.Elapsed < request.Budget)
                {
                    await TryAsync([.. open[cell]], cell, round, Path.Combine(scratch, $"{round}-{cell.Route}-{cell.Mode}"), ct).ConfigureAwait(false);
                }
            }
        }

        if (request.ShrinkCap is { } cap)
        {
            await ShrinkAsync(cap, scratch, ct).ConfigureAwait(false);
        }

        return new MutationReport(request.Seed, rooms.ZigVersion, _clock.Elapsed.TotalSeconds, [.. request.Defects.Select(defect => Line(_standings[defect.Name]))]) { HarnessVersion = rooms.Versions.Harness };
    }

    private async Task TryAsync(IReadOnlyList<Standing> standings, Cell cell, int round, string directory, CancellationToken ct)
    {
        var profile = _profiles[round % _profiles.Length];
        var made = Enumerable.Range(0, ProgramsPerRound)
            .Select(i => programs.Generate(new ProgramRecipe(i, request.Seed + ((ulong)round * 1000) + (ulong)i, ProgramSize, profile))).ToArray();
        foreach (var standing in standings)
        {
            standing.Made = made;
        }

        var options = PlanOptions.Default with { RowCap = RowsFirst + (round * RowsMore), ThreadsEvery = 20, SignalsEvery = 30 };
        var (ground, problem) = await rooms.Lab.PrepareAsync(made, cell, options, directory, ct).ConfigureAwait(false);
        if (ground is null)
        {
            foreach (var standing in standings)
            {
                standing.Tried = new MutantVerdict.NotBuilt(problem);
            }

            progress.WriteLine($"{cell}: {problem}");
            return;
        }

        var queue = new ConcurrentQueue<Standing>(standings);
        await Task.WhenAll(Enumerable.Range(0, request.Jobs).Select(lane => Task.Run(() => LaneAsync(lane == 0 ? ground : MutantLab.Again(ground), queue, ct), ct))).ConfigureAwait(false);
        progress.WriteLine($"round {round + 1}, {cell}: {standings.Count(standing => standing.Verdict is MutantVerdict.Killed)} of {standings.Count} killed");
    }

    private async Task LaneAsync(MutantGround ground, ConcurrentQueue<Standing> queue, CancellationToken ct)
    {
        while (_clock.Elapsed < request.Budget && queue.TryDequeue(out var standing))
        {
            var trial = await rooms.Lab.TryAsync(ground, standing.Defect, ct).ConfigureAwait(false);
            standing.Tried = MutantVerdict.After(standing.Tried, trial.Verdict);
            standing.Reached = trial.Reached is { } times ? times + (standing.Reached ?? 0) : standing.Reached;
            standing.Seconds += trial.After.TotalSeconds;
            standing.Programs += ground.Plan.Programs.Count;
        }
    }

    /// <summary>Counterexamples, several at once; each candidate batch is one compilation.</summary>
    private async Task ShrinkAsync(TimeSpan cap, string scratch, CancellationToken ct)
    {
        var queue = new ConcurrentQueue<Standing>(_standings.Values.Where(standing => standing.Verdict is MutantVerdict.Killed { Case: not null, Signature: not null }));
        await Task.WhenAll(Enumerable.Range(0, request.Jobs).Select(_ => Task.Run(async () =>
        {
            while (queue.TryDequeue(out var standing))
            {
                await ShrinkAsync(standing, (MutantVerdict.Killed)standing.Verdict, cap, Path.Combine(scratch, $"shrink-{standing.Defect.Name}"), ct).ConfigureAwait(false);
            }
        }, ct))).ConfigureAwait(false);
    }

    private async Task ShrinkAsync(Standing standing, MutantVerdict.Killed killed, TimeSpan cap, string directory, CancellationToken ct)
    {
        var clock = Stopwatch.StartNew();
        var (runner, signature) = (rooms.CounterexamplesOf(standing.Defect), killed.Signature!.ToString());
        var again = await runner.ConfirmAsync(killed.Case!, signature, directory, ct).ConfigureAwait(false);
        var start = again.FailsAlone ? killed.Case : await runner.FindCompanyAsync(killed.Case!.Among(standing.Made), signature, cap, directory, ct).ConfigureAwait(false);
        if (start is null)
        {
            standing.Shrunk = killed.Case;
            progress.WriteLine($"{standing.Defect.Name}: fails in the company of its unit only, and keeps its {Statements(killed.Case!)} statements");
            return;
        }

        double? small = null;
        var shrinking = new CaseShrinking(runner, cap, (smaller, _) => small ??= Statements(smaller) <= MutationReport.SmallStatements ? clock.Elapsed.TotalSeconds : null);
        var result = await shrinking.RunAsync(start, new Recording(false, signature, killed.Check, "", ""), again.Others, directory, ct).ConfigureAwait(false);
        (standing.Shrunk, standing.ShrinkSeconds) = (result.Case, Math.Round(result.Elapsed.TotalSeconds, 1));
        // What was small and did not fail by itself counts for nothing: then the end does, if that is small.
        small = Statements(result.Case) > MutationReport.SmallStatements ? null : result.SteppedBack || small is null ? clock.Elapsed.TotalSeconds : small;
        standing.SmallAfter = small is { } seconds ? Math.Round(seconds, 1) : null;
        progress.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{standing.Defect.Name}: {Statements(start)} statements shrunk to {Statements(result.Case)} in {result.Elapsed.TotalSeconds:0.0} s{(small is null ? "" : $", to {MutationReport.SmallStatements} in {small:0.0} s")} ({result.Steps} steps{(result.Case.Company.Count > 0 ? $", in the company of {result.Case.Company.Count}" : "")})"));
    }

    private Cell CellOf(PlantedDefect defect) => request.Cell ?? defect.Cell;

    private MutantLine Line(Standing standing)
    {
        var defect = standing.Defect;
        var argued = defect.EquivalentBecause is not null;
        var (status, check, detail) = standing.Verdict switch
        {
            MutantVerdict.Killed killed => (argued ? MutantStatus.EquivalentKilled : MutantStatus.Killed, killed.Check, ""),
            MutantVerdict.Survived survived => (argued ? MutantStatus.Equivalent : MutantStatus.Survived, "", survived.Detail),
            MutantVerdict.NotReached => (MutantStatus.NotReached, "", $"in {standing.Programs} programs its code never ran"),
            MutantVerdict.TimedOut => (MutantStatus.Timeout, "", "an execution did not end"),
            MutantVerdict.NotBuilt missing => (MutantStatus.NotBuilt, "", missing.Detail),
            _ => throw new UnreachableException(),
        };
        var example = standing.Shrunk ?? (standing.Verdict as MutantVerdict.Killed)?.Case;
        var token = example is null || (standing.Verdict as MutantVerdict.Killed)?.Signature is not { } signature ? ""
            : ReplayToken.Write(new CaseDocument(new ProgramRecipe(0, request.Seed, ProgramSize, "small"), rooms.Versions, signature.ToString(), signature.Check, example));
        return new MutantLine(
            defect.Name, defect.Family.ToString(), defect.Seat.ToString(), defect.What, CellOf(defect).ToString(), status, check, detail, standing.Seconds, standing.Reached,
            standing.Programs, defect.EquivalentBecause ?? "", token, example is null ? 0 : Statements(example), standing.Shrunk is not null)
        {
            ShrinkSeconds = standing.ShrinkSeconds, SmallAfterSeconds = standing.SmallAfter,
        };
    }

    private static int Statements(Case @case) => StatementTree.Count(@case);
}
