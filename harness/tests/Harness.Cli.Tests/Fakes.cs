using Harness.Cli.Gates;
using System.Runtime.CompilerServices;
using Harness.Campaigns;
using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;
using Harness.Verification;
using Harness.Verification.Explaining;
using Harness.Verification.Standalone;

namespace Harness.Cli.Tests;

/// <summary>Small valid values.</summary>
internal static class Sample
{
    public static readonly Cell Cell = CellMatrix.All[0];

    public static readonly ToolVersions Versions = new("1.0.0", "g1", "0.16.0");

    /// <summary>One fiber that calls one function; <paramref name="value"/> tells programs apart.</summary>
    public static FiberProgram Program(ulong value = 7) => new(
        [
            new Function(0, FunctionKind.Plain, new ErrorSet.Explicit([]), new ZigType.Void(), [], NoInline: true,
                [new Statement.Log(0, new Scalar.Const(value)), new Statement.Probe(1)]),
        ],
        [new Fiber(0, [], 0, StartsAtLaunch: true)],
        Mutexes: 0);

    public static Case Case(ulong value = 7) => new(Program(value), Cell, ExecutionPlan.Baseline with { Split = SplitPlan.Every });

    public static CaseDocument Document(ulong value = 7) =>
        new(new ProgramRecipe(3, 99, 12, "default"), Versions, "digest/errdefer", "digest", Case(value));

    public static StoredCase Stored(ulong value = 7) =>
        new(Document(value), ReplayToken.Write(Document(value)), "const rt = 1;\n", "enter 0\nlog 7\n", "enter 0\nlog 8\n", "");

    public static readonly Counters Counters = new(0, 100, 50, 20, 10, 40, 8, 8);

    public static BatchOutcome Outcome(int programs, params Failure[] failures) => new(
        Counters with { Executions = 100 * programs, SplitsForced = 50 * programs, Probes = 10 * programs, FramesChecked = 40 * programs },
        [], CoverageGoals.Labels(["descending", "ascending", "interleaved", "pool"]).ToDictionary(label => label, _ => (long)programs), failures, new Dictionary<string, long>(), new PhaseSeconds(0.1, 1, 0.2, 0.3));
}

/// <summary>Programs that tell their recipe.</summary>
internal sealed class FakePrograms : IProgramSource
{
    public string Version => "g1";

    public IReadOnlyList<string> Profiles => ["default", "deep"];

    public string DefaultProfile => "default";

    public string Swarm(ulong seed) => $"default-{seed:x}";

    public IReadOnlyCollection<string> Labels(FiberProgram program) => ["fibers:1"];

    public FiberProgram Generate(ProgramRecipe recipe) => Sample.Program(recipe.Seed);
}

/// <summary>A checker that answers what the test wants, and remembers what it was asked.</summary>
internal sealed class FakeChecker : IBatchChecker
{
    private readonly List<(Cell Cell, IReadOnlyList<FiberProgram> Programs)> _asked = [];

    public Func<IReadOnlyList<FiberProgram>, Cell, CancellationToken, Task<BatchOutcome>> Answer { get; set; } =
        (programs, _, _) => Task.FromResult(Sample.Outcome(programs.Count));

    /// <summary>Asked instead where a batch has to wind up when it is told so; null: <see cref="Answer"/> is.</summary>
    public Func<IReadOnlyList<FiberProgram>, Cell, CancellationToken, Task<BatchOutcome>>? AnswerInTime { get; set; }

    public IReadOnlyList<(Cell Cell, IReadOnlyList<FiberProgram> Programs)> Asked
    {
        get
        {
            lock (_asked)
            {
                return [.. _asked];
            }
        }
    }

    public Task PrepareAsync(IReadOnlyList<Cell> cells, CancellationToken ct) => Task.CompletedTask;

    public Task<BatchOutcome> CheckAsync(IReadOnlyList<FiberProgram> programs, Cell cell, PlanChoice plans, string scratchDirectory, CancellationToken ct, CancellationToken windUp = default)
    {
        lock (_asked)
        {
            _asked.Add((cell, programs));
        }

        return AnswerInTime is { } inTime && windUp.CanBeCanceled ? inTime(programs, cell, windUp) : Answer(programs, cell, ct);
    }

    /// <summary>The first program of every batch in these cells fails.</summary>
    public void FailIn(params Cell[] cells) => FailIn("digest", cells);

    /// <summary>A check of it.</summary>
    public void FailIn(string check, params Cell[] cells) => Answer = (programs, asked, _) => Task.FromResult(cells.Contains(asked)
        ? Sample.Outcome(programs.Count, new Failure(cells.Length == 1 ? "digest/errdefer" : $"digest.{asked}", "digest", new Case(programs[0], asked, ExecutionPlan.Baseline), 0, check, "a\nb\n", "a\nc\n"))
        : Sample.Outcome(programs.Count));
}

/// <summary>A case runner that reproduces, or not, and shrinks as often as the test wants.</summary>
internal sealed class FakeRunner : ICaseRunner
{
    public Recording Recording { get; set; } = new(false, "digest/errdefer", "digest", "a\nb\n", "a\nc\n");

    /// <summary>Programs that hold when they are run alone.</summary>
    public Func<FiberProgram, bool> HoldsAlone { get; set; } = _ => false;

    public Confirmation Confirmation { get; set; } = new(10, 10);

    /// <summary>Instead, by the case.</summary>
    public Func<Case, Confirmation>? ConfirmationOf { get; set; }

    public int Shrinks { get; set; } = 2;

    /// <summary>What programs of its company come to in each step; null: they stay.</summary>
    public FiberProgram? CompanyStepsTo { get; set; }

    private EquatableArray<FiberProgram> CompanyOf(Case @case, int step) =>
        DropsCompany ? [.. @case.Company.TakeLast(@case.Company.Count - step)] : [.. @case.Company.Select(program => CompanyStepsTo ?? program)];

    /// <summary>The program of a step, instead of a sample.</summary>
    public Func<int, FiberProgram>? StepsTo { get; set; }

    /// <summary>Each step behind the first has one program less of company.</summary>
    public bool DropsCompany { get; set; }

    /// <summary>The signatures that smaller cases may have.</summary>
    public IReadOnlyCollection<string> ShrunkWith { get; private set; } = [];

    public Func<FiberProgram, string> Emitter { get; set; } = _ => "const rt = @import(\"rt\");\n";

    public string Emit(Case @case) => string.Concat(@case.Unit.Select(Emitter));

    /// <summary>How many programs of its batch's company a case needs; null: nobody finds out.</summary>
    public int? CompanyNeeded { get; set; }

    /// <summary>Cases whose company was looked for.</summary>
    public List<Case> Social { get; } = [];

    public Task<Case?> FindCompanyAsync(Case @case, string signature, TimeSpan cap, string scratchDirectory, CancellationToken ct)
    {
        Social.Add(@case);
        return Task.FromResult(CompanyNeeded is { } needed ? @case with { Company = [.. @case.Company.Take(needed)] } : null);
    }

    public Task<Recording> RecordAsync(Case @case, string scratchDirectory, CancellationToken ct) =>
        Task.FromResult(@case.Company.Count == 0 && HoldsAlone(@case.Program) ? new Recording(true, "", "", "", "") : Recording);

    public Task<Confirmation> ConfirmAsync(Case @case, string signature, string scratchDirectory, CancellationToken ct) =>
        Task.FromResult(ConfirmationOf?.Invoke(@case) ?? Confirmation);

    /// <summary>What cases depend on; null: nobody can say.</summary>
    public Explanation? Explanation { get; set; }

    public Task<Explanation?> ExplainAsync(Case @case, string signature, TimeSpan cap, string scratchDirectory, CancellationToken ct) => Task.FromResult(Explanation);

    /// <summary>Cores that were asked for; null: nobody can write any.</summary>
    public List<string>? Cores { get; set; }

    public Task<CoreKept?> KeepCoreAsync(Case @case, string folder, long maxBytes, string scratchDirectory, CancellationToken ct)
    {
        // The first one's is too large.
        var bytes = Cores is { Count: > 0 } ? 7 : 0;
        Cores?.Add(folder);
        return Task.FromResult(Cores is null ? null : new CoreKept(bytes, bytes > 0 ? "" : "it would have more than 128 MiB"));
    }

    public async IAsyncEnumerable<Case> ShrinkAsync(
        Case @case, IReadOnlyCollection<string> signatures, string scratchDirectory, [EnumeratorCancellation] CancellationToken ct)
    {
        ShrunkWith = signatures;
        for (var i = 0; i < Shrinks; i++)
        {
            await Task.Yield();
            yield return @case with { Program = StepsTo?.Invoke(i) ?? Sample.Program((ulong)i), Company = CompanyOf(@case, i) };
        }
    }
}

/// <summary>Rooms without a compiler.</summary>
internal sealed class FakeRooms : IRoomOpener
{
    public Task<ChildProcess> OpenProcessesAsync(string root, string? zig, CancellationToken ct) => Task.FromResult(ChildProcess.Bare);

    /// <summary>What a standalone file was asked to show, and how the answer is made.</summary>
    public Func<Case, string, StandaloneOutcome> Standalone { get; set; } = (_, check) => new StandaloneOutcome.Written($"//! {check}\n");

    public Task<StandaloneOutcome> WriteStandaloneAsync(string root, string? zig, PlantedDefect? defect, Case @case, string check, string name, CancellationToken ct) =>
        Task.FromResult(Standalone(@case, check));

    public Task<MutantRooms> OpenMutantsAsync(string root, string? zig, CancellationToken ct) => throw Unusable ?? new NotSupportedException("mutants are planted in real workers");

    public FakeChecker Checker { get; } = new();

    public FakeRunner Runner { get; } = new();

    public FakeCompiler Compiler { get; } = new();

    public FakeWorkshop Workshop { get; } = new();

    public FakeTraceCosts TraceCosts { get; } = new();

    public Exception? Unusable { get; set; }

    public IProgramSource Programs { get; } = new FakePrograms();

    public string Emit(Case @case) => Runner.Emit(@case);

    public Task<Diagnosis.Diagnosis> DiagnoseZigAsync(string root, string? zig, CancellationToken ct) =>
        Task.FromResult(new Diagnosis.Diagnosis("zig", Unusable is null, true, "0.16.0"));

    public Task<FileInjector> OpenInjectorAsync(string root, string? zig, BuildOptions options, CancellationToken ct) =>
        Task.FromException<FileInjector>(Unusable ?? new NotSupportedException("no compiler here"));

    public Task<Rooms> OpenAsync(RoomOptions options, CancellationToken ct) => Unusable is null
        ? Task.FromResult(new Rooms(new CampaignParts(Programs, Checker, Runner), Sample.Versions, Compiler))
        : Task.FromException<Rooms>(Unusable);

    public Task<IStepper> OpenStepperAsync(RoomOptions options, CancellationToken ct) =>
        Task.FromException<IStepper>(Unusable ?? new NotSupportedException("no compiler here"));

    public Task<ICores> OpenCoresAsync(RoomOptions options, CancellationToken ct) =>
        Task.FromException<ICores>(Unusable ?? new NotSupportedException("no compiler here"));

    public Task<ITraceCosts> OpenTraceCostsAsync(string root, string? zig, CancellationToken ct) => Unusable is null
        ? Task.FromResult<ITraceCosts>(TraceCosts)
        : Task.FromException<ITraceCosts>(Unusable);

    public IGateTools? Gate { get; set; }

    public Task<IGateTools> OpenGateAsync(string root, string? zig, CancellationToken ct) =>
        Gate is { } tools ? Task.FromResult(tools) : Task.FromException<IGateTools>(Unusable ?? new NotSupportedException("no compiler here"));

    public Task<Harness.Verification.Abi.AbiMeasurement> OpenAbiAsync(string root, string? zig, CancellationToken ct) => throw Unusable ?? new NotSupportedException("no compiler here");

    public Task<ITestFiles> OpenTestFilesAsync(string root, string? zig, CancellationToken ct) =>
        Task.FromException<ITestFiles>(Unusable ?? new EnvironmentUnusableException("no compiler here"));

    public Task<WorkerBuilder> OpenUsageBuilderAsync(string root, string? zig, CancellationToken ct) =>
        Task.FromException<WorkerBuilder>(Unusable ?? new NotSupportedException("no compiler here"));

    /// <summary>What becomes of checked programs; null: there is no compiler here.</summary>
    public ICheckedPrograms? CheckedPrograms { get; set; }

    public Task<ICheckedPrograms> OpenCheckedProgramsAsync(string root, string? zig, CancellationToken ct) => CheckedPrograms is { } programs
        ? Task.FromResult(programs)
        : Task.FromException<ICheckedPrograms>(Unusable ?? new NotSupportedException("no compiler here"));

    public Task<RuntimeBench.IWorkshop> OpenWorkshopAsync(string root, string? zig, CancellationToken ct) => Unusable is null
        ? Task.FromResult<RuntimeBench.IWorkshop>(Workshop)
        : Task.FromException<RuntimeBench.IWorkshop>(Unusable);
}

/// <summary>Figures that a test chooses.</summary>
internal sealed class FakeTraceCosts : ITraceCosts
{
    public Func<Cell, TraceCost> Of { get; set; } = cell => new TraceCost(
        cell, new AuditCost(0.25, 200_000, 0), new StepSpeed(15_000, 40_000, 0), new ObserverCost(1000, 80, 500, 2, 3.5), new ObserverCost(900, 900, 6000, 1, 9), 0);

    public Task<TraceCost> MeasureAsync(IReadOnlyList<FiberProgram> programs, Cell cell, int rounds, string directory, CancellationToken ct) => Task.FromResult(Of(cell));
}

/// <summary>A compiler that takes half a second for anything.</summary>
internal sealed class FakeCompiler : IBareCompiler
{
    public System.Collections.Concurrent.ConcurrentQueue<(Cell Cell, IReadOnlyList<FiberProgram> Programs)> Asked { get; } = new();

    public async Task<TimeSpan> CompileAsync(IReadOnlyList<FiberProgram> programs, Cell cell, string directory, CancellationToken ct)
    {
        Asked.Enqueue((cell, programs));
        await Task.Delay(1, ct); // As a compiler, it lets others go on meanwhile.
        return TimeSpan.FromSeconds(0.5);
    }
}

/// <summary>A command line over fake rooms, in a folder of its own.</summary>
internal sealed class Cli : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("harness cli ");

    public FakeRooms Rooms { get; } = new();

    public string Folder => _folder.FullName;

    public string Out { get; private set; } = "";

    public string Error { get; private set; } = "";

    public string PathOf(string name) => Path.Combine(Folder, name);

    public async Task<int> RunAsync(params string[] args) => await RunAsync(CancellationToken.None, args);

    public async Task<int> RunAsync(CancellationToken stop, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        // The progress timer writes from another thread.
        var terminal = new Terminal(output, TextWriter.Synchronized(error), IsLive: false, Width: 100);
        var code = await new Application(terminal, Rooms).RunAsync(args, stop);
        (Out, Error) = (output.ToString(), error.ToString());
        return code;
    }

    /// <summary><c>run</c> into this folder's results.</summary>
    public Task<int> CampaignAsync(params string[] args) => RunAsync(["run", "--results", PathOf("results"), .. args]);

    /// <summary>The folder of the only run.</summary>
    public RunDirectory OnlyRun() => new(Assert.Single(Directory.GetDirectories(PathOf("results/runs"))));

    public void Dispose() => _folder.Delete(recursive: true);
}
