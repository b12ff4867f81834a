using Harness.Binary;
using Harness.Campaigns;
using Harness.Campaigns.Evidence;
using Harness.Execution;
using Harness.Generators;
using Harness.Model;
using Harness.Toolchain;
using Harness.Verification;
using Harness.Verification.Mutation;

namespace Harness.Cli.Tests;

/// <summary>
/// The harness against planted defects: each must be found, shrunk to a handful of statements, and replayed from its
/// token — where it fails with the defect and holds without. A harness that misses one of these proves nothing by "held". A sample of those
/// that are found within seconds; all of them are <c>mutants</c>'s.
/// </summary>
public abstract class CanaryHunt : IDisposable
{
    private const int Programs = 12;
    private const int HandfulOfStatements = 12;
    private static readonly TimeSpan _shrinkCap = TimeSpan.FromSeconds(90);
    private readonly string _scratch = Directory.CreateTempSubdirectory("canary-").FullName;

    public void Dispose()
    {
        Directory.Delete(_scratch, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected async Task FindAsync(
        string name, Route route, OptimizeMode mode, string[] checks)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(8));
        var ct = timeout.Token;
        var defect = PlantedDefect.Named(name)!;
        var cell = new Cell(route, mode, route is Route.Thunk ? Backend.SelfHosted : Backend.Llvm);
        var (planted, runner) = await OpenAsync(defect, ct);
        var (sound, _) = await OpenAsync(null, ct);

        var (found, shrunk) = await FindAsync(planted, runner, cell, checks, ct);
        var statements = Statements(shrunk.Program);
        Assert.True(statements <= HandfulOfStatements, $"{found.Signature}: still {statements} statements");

        var token = ReplayToken.Write(new CaseDocument(
            new ProgramRecipe(0, 0, 0, ""), new ToolVersions("", "", ""), found.Signature.ToString(), found.Signature.Check, shrunk));
        var replayed = ReplayToken.Read(token).Case;
        Assert.Equal(shrunk, replayed);
        var failing = Assert.IsType<ReplayResult.Failed>(await new CaseReplay(planted, runner).RunAsync(replayed, Folder("with"), ct));
        Assert.Equal(found.Signature, failing.Finding.Signature);
        var without = await new CaseReplay(sound, runner).RunAsync(replayed, Folder("without"), ct);
        Assert.True(without is ReplayResult.Held, $"without the defect: {without}; {token}");
    }

    /// <summary>The first finding by one of the checks that shows in fresh processes again and again, before and after shrinking.</summary>
    private async Task<(Finding Found, Case Shrunk)> FindAsync(
        IUnitFactory factory, IUnitRunner runner, Cell cell, string[] checks, CancellationToken ct)
    {
        var checker = new BatchChecker(factory, runner);
        var seen = new List<string>();
        for (ulong batch = 0; batch < 4; batch++)
        {
            var profile = Profile.Named(batch % 2 == 0 ? "small" : "abi");
            var programs = Enumerable.Range(0, Programs).Select(i => ProgramGenerator.Generate((batch * 100) + (ulong)i + 1, 25, profile)).ToList();
            var options = PlanOptions.Default with { RowCap = 400 };
            var result = await checker.CheckAsync(programs, cell, options, Folder($"find-{batch}"), ct);
            seen.AddRange(result.Findings.Select(finding => finding.Signature.ToString()));
            var candidates = result.Findings.Where(f => checks.Contains(f.Signature.Check)).OrderBy(f => Statements(f.Case.Program)).Take(4);
            foreach (var finding in candidates)
            {
                if (!await IsSteadyAsync(factory, runner, finding.Case, finding.Signature, ct))
                {
                    continue;
                }

                var shrinker = new Shrinker(
                    ProgramShrinker.Candidates, new CandidateRunner(factory, runner), ShrinkOptions.Default with { TimeCap = _shrinkCap });
                var shrunk = await shrinker.ShrinkAsync(finding.Case, new FailureForms([finding.Signature]), Folder("shrink"), _ => ValueTask.CompletedTask, ct);
                if (await IsSteadyAsync(factory, runner, shrunk.Smallest, finding.Signature, ct))
                {
                    return (finding, shrunk.Smallest);
                }
            }
        }

        throw new Xunit.Sdk.XunitException($"not found among {4 * Programs} programs; seen: {string.Join(", ", seen)}");
    }

    private async Task<bool> IsSteadyAsync(IUnitFactory factory, IUnitRunner runner, Case @case, Signature signature, CancellationToken ct)
    {
        var again = await new Confirmer(factory, runner).ConfirmAsync(@case, signature, Folder("confirm"), ct);
        return again.Reproduced == again.Attempts;
    }

    private static int Statements(FiberProgram program) => program.Functions.Sum(f => StatementTree.All(f.Body).Count());

    private static async Task<(IUnitFactory Factory, IUnitRunner Runner)> OpenAsync(PlantedDefect? defect, CancellationToken ct)
    {
        var root = FixtureLayout.FindRepository(AppContext.BaseDirectory);
        var zig = (await ZigLocator.LocateAsync(null, root, ct)).Require();
        var fixtures = FixtureLayout.Find(root);
        var cache = new ToolCache(zig, fixtures, Path.Combine(root, ".cache"));
        var builder = new WorkerBuilder(
            fixtures, cache, RuntimeRecipe.Standard.With(defect), BuildOptions.Default with { Injection = InjectionOptions.With(defect) });
        var session = new WorkerSession(await cache.ProcessesAsync(ct));
        return (new UnitFactory(builder, defect), new UnitRunner(session, WorkerLimits.Default));
    }

    private string Folder(string name)
    {
        for (var number = 0; ; number++)
        {
            var folder = Path.Combine(_scratch, $"{name}-{number}");
            if (!Directory.Exists(folder))
            {
                return Directory.CreateDirectory(folder).FullName;
            }
        }
    }
}

/// <summary>The defect that each campaign plants beside its batches.</summary>
public sealed class CampaignCanaryTests : IDisposable
{
    private readonly string _scratch = Directory.CreateTempSubdirectory("canary-").FullName;

    public void Dispose() => Directory.Delete(_scratch, recursive: true);

    /// <summary>The first programs of this seed release nothing out of turn, so the broken list was never used: a run with it was called inconclusive.</summary>
    [Fact]
    public async Task a_canary_whose_first_programs_do_not_come_to_it_is_tried_on_others()
    {
        var root = FixtureLayout.FindRepository(AppContext.BaseDirectory);
        var fixtures = FixtureLayout.Find(root);
        var cache = new ToolCache((await ZigLocator.LocateAsync(null, root, CancellationToken.None)).Require(), fixtures, Path.Combine(root, ".cache"));
        var lab = new MutantLab(fixtures, cache, new WorkerSession(await cache.ProcessesAsync(CancellationToken.None)));
        var cell = new Cell(Route.Thunk, OptimizeMode.ReleaseSmall, Backend.Llvm);
        var flight = await new MutantCanary(lab, new RealRooms().Programs).FlyAsync("ledger_link", cell, 1077470310, _scratch, CancellationToken.None);
        Assert.True(flight.Check.Length > 0, flight.Detail);
    }
}

/// <summary>Defects in LLVM's cells. Apart from the others because tests of one class run one after another, and these are half of the time.</summary>
public sealed class CanaryTests : CanaryHunt
{
    /// <summary>The cell in which the defect is looked for, and the checks that may find it.</summary>
    public static TheoryData<string, Route, OptimizeMode, string[]> Defects() => new()
    {
        { "return_register", Route.Attribute, OptimizeMode.ReleaseFast, ["digest", "overflow"] },
        { "cfi", Route.Attribute, OptimizeMode.ReleaseSmall, ["stub-frames", "trace-dwarf"] },
        { "prologue_arguments", Route.Assembly, OptimizeMode.ReleaseSmall, ["digest", "crash", "overflow"] },
        { "argument_copy", Route.Attribute, OptimizeMode.ReleaseSmall, ["digest", "crash", "overflow"] },
    };

    [Fact]
    public void each_way_to_plant_a_defect_is_gone_from_its_planting_to_its_token() => Assert.Equal(
        [DefectSeat.Zig, DefectSeat.Assembly, DefectSeat.EmittedProgram, DefectSeat.Injection],
        Defects().Concat(SelfHostedCanaryTests.Defects()).Select(row => PlantedDefect.Named((string)row[0])!.Seat).Distinct().Order());

    [Theory]
    [MemberData(nameof(Defects))]
    public Task a_planted_defect_is_found_shrunk_and_replayed_from_its_token(string name, Route route, OptimizeMode mode, string[] checks) =>
        FindAsync(name, route, mode, checks);
}

/// <summary>Defects in the cell of Zig's own backend.</summary>
public sealed class SelfHostedCanaryTests : CanaryHunt
{
    /// <summary>The cell in which the defect is looked for, and the checks that may find it.</summary>
    public static TheoryData<string, Route, OptimizeMode, string[]> Defects() => new()
    {
        { "warm_limit", Route.Thunk, OptimizeMode.Debug, ["limit"] },
        { "budget_silent", Route.Thunk, OptimizeMode.Debug, ["budget"] },
        { "reserve_once", Route.Thunk, OptimizeMode.Debug, ["budget"] },
        { "allocation_silent", Route.Thunk, OptimizeMode.Debug, ["allocation"] },
        { "limit_restore", Route.Thunk, OptimizeMode.Debug, ["limit"] },
        { "segment_release", Route.Thunk, OptimizeMode.Debug, ["segments"] },
        { "ledger_order", Route.Thunk, OptimizeMode.Debug, ["digest"] },
        { "ledger_forgets", Route.Thunk, OptimizeMode.Debug, ["digest"] },
        { "thread_limit", Route.Thunk, OptimizeMode.Debug, ["limit"] },
        { "second_opinion", Route.Thunk, OptimizeMode.Debug, ["opinion"] },
        { "errdefer_order", Route.Thunk, OptimizeMode.Debug, ["digest", "overflow"] },
        { "return_address", Route.Thunk, OptimizeMode.Debug, ["trace-errors"] },
    };

    [Theory]
    [MemberData(nameof(Defects))]
    public Task a_planted_defect_is_found_shrunk_and_replayed_from_its_token(string name, Route route, OptimizeMode mode, string[] checks) =>
        FindAsync(name, route, mode, checks);
}
