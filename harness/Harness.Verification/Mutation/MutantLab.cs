using System.Diagnostics;
using Harness.Binary;
using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Verification.Mutation;

/// <summary>What mutants are tried on: programs that were built and planned once, and hold without a defect.</summary>
/// <param name="Unit">With every defect of Zig in its worker, asleep.</param>
/// <param name="Recording">What its worker said, for the defects of the checker.</param>
public sealed record MutantGround(
    BuiltUnit Unit, UnitPlan Plan, PlanOptions Options, BuildOutcome.Built Built, string Directory, IReadOnlyList<WorkerMessage> Recording)
{
    /// <summary>What the check of unwind rows says of this worker without a defect: it kills none.</summary>
    internal IReadOnlySet<Signature> KnownRows { get; init; } = new HashSet<Signature>();
}

/// <summary>What all programs of a ground came to.</summary>
/// <param name="Programs">Numbers of those whose executions failed.</param>
/// <param name="Processor">The worker's time for executions.</param>
public sealed record MutantFinders(IReadOnlySet<int> Programs, TimeSpan Processor);

/// <summary>
/// Tries planted defects. What a defect needs of its own is built for it alone: nothing for one of Zig, of the model or of the checker, another link for one
/// of assembly, another compilation for one of emitted programs. Several threads may use one, each with a ground of its own.
/// </summary>
public sealed class MutantLab(FixtureLayout fixtures, ToolCache cache, WorkerSession session)
{
    private static readonly BuildOptions _keeping = BuildOptions.Default with { KeepIntermediates = true };
    private readonly ProductTests _product = new(fixtures, cache);
    private readonly SemaphoreSlim _oneProduct = new(1);
    private bool? _productHolds;
    private int _serial;

    /// <summary>Builds and plans programs, and runs them without a defect.</summary>
    /// <param name="judges">For defects of the checker and of unwind rows too, which need a recording and a look at the worker.</param>
    /// <returns>The ground, or why there is none: the programs do not build, or do not hold.</returns>
    public async Task<(MutantGround? Ground, string Problem)> PrepareAsync(
        IReadOnlyList<FiberProgram> programs, Cell cell, PlanOptions options, string directory, CancellationToken ct, bool judges = true)
    {
        var builder = new WorkerBuilder(fixtures, cache, RuntimeRecipe.Standard.WithAllDefects(), _keeping);
        var planning = Task.Run(() => UnitPlan.Join(programs.Select((program, i) => new PlanBuilder(options).Build(program, i, PlanRandom.Derive(options.Seed, (ulong)i)))), ct);
        var (outcome, unit) = await new UnitFactory(builder).BuildAsync(programs, cell, directory, ct).ConfigureAwait(false);
        if (unit is null || outcome is not BuildOutcome.Built built)
        {
            return (null, Words(outcome));
        }

        var plan = await planning.ConfigureAwait(false);
        var run = await new FirstFailure(session).RunAsync(unit, plan, Path.Combine(directory, "sound"), ct).ConfigureAwait(false);
        if (run.Failures.Count > 0)
        {
            return (null, $"without a defect {programs.Count} programs do not hold in {cell}: {run.Failures[0].Check}, {run.Failures[0].Detail}");
        }

        if (!judges)
        {
            return (new MutantGround(unit, plan, options, built, directory, []), "");
        }

        var recording = await Recordings.TakeAsync(session, unit, plan, Path.Combine(directory, "recorded"), ct).ConfigureAwait(false);
        var rows = (await UnwindFindings.OfAsync(unit).ConfigureAwait(false)).Select(found => found.Finding.Signature).ToHashSet();
        return (new MutantGround(unit, plan, options, built, directory, recording) { KnownRows = rows }, "");
    }

    /// <summary>The same ground for another thread.</summary>
    public static MutantGround Again(MutantGround ground) =>
        ground with { Unit = BuiltUnit.Load(ground.Unit.Programs, ground.Unit.Map, ground.Unit.Cell, ground.Built) };

    public async Task<MutantTrial> TryAsync(MutantGround ground, PlantedDefect defect, CancellationToken ct)
    {
        var clock = Stopwatch.StartNew();
        var (verdict, reached) = defect switch
        {
            { Seat: DefectSeat.Checker } => (Recordings.Judge(ground, DefectOf<CheckerDefect>(defect)), null),
            { Seat: DefectSeat.Product } => (await ProductAsync(ground, defect, ct).ConfigureAwait(false), null),
            { MustSee: { } beside } => await BlindAsync(ground, defect, PlantedDefect.Named(beside.Defect)!, beside.Check, ct).ConfigureAwait(false),
            _ => await PlantedAsync(ground, defect, ct).ConfigureAwait(false),
        };
        return new MutantTrial(defect, verdict, reached, clock.Elapsed);
    }

    /// <summary>All programs of the ground with the defect, not only up to the first that finds it.</summary>
    /// <param name="defect">Null: without any.</param>
    /// <returns>Null when it cannot be said of every program: nothing could be built, too many executions ended their process, or one did not end.</returns>
    public async Task<MutantFinders?> FindersAsync(MutantGround ground, PlantedDefect? defect, CancellationToken ct)
    {
        var unit = defect is null ? ground.Unit : (await VariantAsync(ground, defect, ct).ConfigureAwait(false)).Unit;
        if (unit is null)
        {
            return null;
        }

        var run = await new UnitRunner(session, WorkerLimits.Default).RunAsync(unit, ground.Plan, Folder(ground, "finders"), ct).ConfigureAwait(false);
        var found = run.Failures.Where(Kills).Select(failure => ground.Plan.Worker.ProgramOf(failure.Row)).ToHashSet();
        return Enumerable.Range(0, ground.Plan.Programs.Count).All(program => found.Contains(program) || run.ProgramsDone.ContainsKey(program))
            ? new MutantFinders(found, run.ProgramsDone.Values.Aggregate(TimeSpan.Zero, (sum, done) => sum + done.Elapsed))
            : null;
    }

    /// <summary>What builds programs with the defect in them, for shrinking and confirming.</summary>
    public IUnitFactory FactoryOf(PlantedDefect defect) => new UnitFactory(
        new WorkerBuilder(fixtures, cache, RuntimeRecipe.Standard.With(defect), BuildOptions.Default with { Injection = InjectionOptions.With(defect) }), defect);

    private async Task<(MutantVerdict Verdict, long? Reached)> PlantedAsync(MutantGround ground, PlantedDefect defect, CancellationToken ct)
    {
        var (unit, problem) = await VariantAsync(ground, defect, ct).ConfigureAwait(false);
        if (unit is null)
        {
            return (problem, null);
        }

        var run = await new FirstFailure(session).RunAsync(unit, PlanOf(ground, defect), Folder(ground, defect.Name), ct).ConfigureAwait(false);
        long? reached = defect.Seat is DefectSeat.Zig or DefectSeat.Assembly ? run.Session.PlantedReached : null;
        if (run.Failures.Any(Kills))
        {
            return (await KilledAsync(unit, run, defect, Folder(ground, defect.Name), ct).ConfigureAwait(false), reached);
        }

        (int, Finding Finding)[] rows = defect.Seat is DefectSeat.Assembly or DefectSeat.Injection
            ? [.. (await UnwindFindings.OfAsync(unit).ConfigureAwait(false)).Where(found => !ground.KnownRows.Contains(found.Finding.Signature))]
            : [];
        return (
            rows.Length > 0 ? new MutantVerdict.Killed(UnwindFindings.Check, rows[0].Finding.Case, null)
            : run.Failures.Count > 0 ? new MutantVerdict.TimedOut()
            : reached is 0 ? new MutantVerdict.NotReached()
            : new MutantVerdict.Survived($"{ground.Plan.Worker.Rows.Length:N0} executions of {ground.Plan.Programs.Count} programs passed"),
            reached);
    }

    /// <summary>A defect that its check sees must not be seen any more: else the check does not depend on what the blindness takes from it.</summary>
    private async Task<(MutantVerdict Verdict, long? Reached)> BlindAsync(
        MutantGround ground, PlantedDefect blindness, PlantedDefect beside, string check, CancellationToken ct)
    {
        var (unit, problem) = await VariantAsync(ground, beside, ct).ConfigureAwait(false);
        if (unit is null)
        {
            return (problem, null);
        }

        var runner = new UnitRunner(session, WorkerLimits.Default);
        var seeing = await runner.RunAsync(unit with { Defect = beside }, ground.Plan, Folder(ground, "seeing"), ct).ConfigureAwait(false);
        if (!IsTold(seeing))
        {
            return (new MutantVerdict.NotReached(), 0);
        }

        var blind = await runner.RunAsync(unit with { Defect = blindness }, ground.Plan, Folder(ground, "blind"), ct).ConfigureAwait(false);
        return (
            IsTold(blind) ? new MutantVerdict.Survived($"{check} finds {beside.Name} all the same") : new MutantVerdict.Killed($"{beside.Name} without {check}", null, null),
            blind.Session.PlantedReached);

        // The worker's own word: what is judged here has other defects.
        bool IsTold(UnitRun run) => run.Failures.Any(failure => failure.Check == check && failure.Trace is null);
    }

    /// <summary>The first failing execution, and its signature when it fails again.</summary>
    private async Task<MutantVerdict> KilledAsync(BuiltUnit unit, UnitRun run, PlantedDefect defect, string directory, CancellationToken ct)
    {
        var row = run.Failures.Where(Kills).Min(failure => failure.Row);
        var primary = ObservationBuilder.Primary(run.Failures.Where(failure => failure.Row == row));
        if (defect.Seat is DefectSeat.Model || defect.IsUnsteady)
        {
            return new MutantVerdict.Killed(primary.Check, run.Plan.CaseOf(row, unit.Cell), null);
        }

        var recorder = new FailureRecorder(new UnitRunner(session, WorkerLimits.Default));
        var place = run.Plan.Locate(row).Program.UnitIndex;
        var (finding, _) = await recorder.RecordAsync(unit, place, run.Plan.ExecutionOf(row), directory + "-again", ct).ConfigureAwait(false);
        return new MutantVerdict.Killed(primary.Check, run.Plan.CaseOf(row, unit.Cell), finding?.Signature);
    }

    /// <summary>The product's own tests must find it; two at once would build in one place.</summary>
    private async Task<MutantVerdict> ProductAsync(MutantGround ground, PlantedDefect defect, CancellationToken ct)
    {
        await _oneProduct.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            var directory = Path.Combine(ground.Directory, "product");
            _productHolds ??= (await _product.RunAsync(null, directory, ct).ConfigureAwait(false)).Passed;
            if (_productHolds is false)
            {
                return new MutantVerdict.NotBuilt("without a defect the product's tests do not pass; see scripts/test runtime");
            }

            var result = await _product.RunAsync(defect, directory, ct).ConfigureAwait(false);
            return result switch
            {
                { IsEndless: true } => new MutantVerdict.TimedOut(),
                { Passed: true } => new MutantVerdict.Survived("all tests of the product passed"),
                { FirstFailed: { } test } => new MutantVerdict.Killed($"test: {test}", null, null),
                _ => new MutantVerdict.NotBuilt(FirstLine(result.Said)),
            };
        }
        finally
        {
            _oneProduct.Release();
        }
    }

    /// <summary>The programs with the defect. Checks that are refused where sound ones were not are a defect that the audits have found.</summary>
    private async Task<(BuiltUnit? Unit, MutantVerdict Problem)> VariantAsync(MutantGround ground, PlantedDefect defect, CancellationToken ct)
    {
        var programs = ground.Unit.Programs;
        switch (defect.Seat)
        {
            case DefectSeat.Assembly:
                var linked = await new WorkerBuilder(fixtures, cache, RuntimeRecipe.Standard.With(defect), _keeping)
                    .LinkAgainAsync(ground.Built, ground.Unit.Cell, ground.Directory, $"worker-{Next()}", ct).ConfigureAwait(false);
                return linked is BuildOutcome.Built built
                    ? (BuiltUnit.Load(programs, ground.Unit.Map, ground.Unit.Cell, built) with { Defect = defect }, NotBuilt(linked))
                    : (null, NotBuilt(linked));
            case DefectSeat.EmittedProgram or DefectSeat.Injection:
                var (outcome, unit) = await FactoryOf(defect).BuildAsync(programs, ground.Unit.Cell, Folder(ground, defect.Name), ct).ConfigureAwait(false);
                var isRefused = outcome is BuildOutcome.Rejected && defect.Seat is DefectSeat.Injection;
                return (unit, isRefused ? new MutantVerdict.Killed("compile", null, null) : NotBuilt(outcome));
            default:
                return (ground.Unit with { Defect = defect }, new MutantVerdict.NotReached());
        }
    }

    /// <summary>Time that ran out says nothing of what was wrong.</summary>
    private static bool Kills(RowFailure failure) => failure.Check != "hang";

    private static MutantVerdict NotBuilt(BuildOutcome outcome) => new MutantVerdict.NotBuilt(Words(outcome));

    private static UnitPlan PlanOf(MutantGround ground, PlantedDefect defect)
    {
        if (defect.Seat is not DefectSeat.Model)
        {
            return ground.Plan;
        }

        var options = ground.Options with { Model = DefectOf<ModelDefect>(defect) };
        return UnitPlan.Join(ground.Unit.Programs.Select((program, i) => new PlanBuilder(options).Build(program, i, PlanRandom.Derive(options.Seed, (ulong)i))));
    }

    /// <summary>The member that a name in snake case, without the room's name in front, stands for.</summary>
    private static T DefectOf<T>(PlantedDefect defect)
        where T : struct, Enum => Enum.Parse<T>(string.Concat(defect.Name.Split('_')[1..]), ignoreCase: true);

    private string Folder(MutantGround ground, string name) => System.IO.Directory.CreateDirectory(Path.Combine(ground.Directory, $"{name}-{Next()}")).FullName;

    private int Next() => Interlocked.Increment(ref _serial);

    private static string Words(BuildOutcome outcome) => FirstLine(outcome is BuildOutcome.Rejected rejected ? rejected.Diagnostics : outcome.ToString());

    private static string FirstLine(string text) => text.Split('\n')[0];
}
