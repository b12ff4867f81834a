using System.Collections.Immutable;
using Harness.Binary;
using Harness.Emit;
using Harness.Model;

namespace Harness.Toolchain;

/// <summary>What a <see cref="WorkerBuilder"/> may be told.</summary>
public sealed record BuildOptions
{
    public static readonly BuildOptions Default = new();

    /// <summary>For each run of the compiler.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(5);

    public InjectionOptions Injection { get; init; } = InjectionOptions.Default;

    /// <summary>
    /// Keeps what debug information of attribute builds says of variables: for a debugger; the harness needs lines
    /// only.
    /// </summary>
    public bool KeepVariables { get; init; }

    /// <summary>
    /// What the unit may import, each with its source relative to the fixtures: generated ones the support library. Any may import any
    /// other.
    /// </summary>
    public ImmutableArray<(string Name, string Source)> Modules { get; init; } = [("rt", FixtureLayout.SupportSource)];

    /// <summary>Zig's own libraries that the worker is linked with besides libc, as options.</summary>
    public ImmutableArray<string> Libraries { get; init; } = [];

    /// <summary>
    /// Why <see cref="Binary.StackUse.SlackAudit"/> is not asked about this unit; null: it is. For code without checks on purpose.
    /// </summary>
    public string? SlackUnprovenBecause { get; init; }

    /// <summary>
    /// What it cannot prove of a program written by hand, whose unit has a main that runs outside fibers and calls libc there
    /// (<see cref="Binary.StackUse.SlackRequest.Unproven"/>).
    /// </summary>
    public ImmutableArray<Binary.StackUse.NamedRule> SlackUnproven { get; init; } = [];

    /// <summary>The processor that units are compiled for, in Zig's words; null: the oldest of the cell's target, which every machine can run.</summary>
    public string? Processor { get; init; }

    /// <summary>The user's own options for the compiler; those of modules are among <see cref="Modules"/>.</summary>
    public ImmutableArray<string> CompilerOptions { get; init; } = [];

    /// <summary>Keeps objects and IR beside the worker.</summary>
    public bool KeepIntermediates { get; init; }

    /// <summary>Whose command makes the objects of cells with <see cref="Route.Command"/>.</summary>
    public Runtimes.ForeignRuntime? Runtime { get; init; }

    /// <summary>The unit is a file of tests, not a generated one.</summary>
    internal TestFile? Tests { get; init; }

    /// <summary>The unit is a user's program.</summary>
    internal ProgramFile? Program { get; init; }
}

/// <summary>
/// Builds workers: compiles a unit for a cell, lets the cell's route put checks in, links it with the runtime.
/// The steps are the route's own; what they share is here. Can be used from several threads.
/// </summary>
public sealed class WorkerBuilder(
    FixtureLayout fixtures, ToolCache cache, RuntimeRecipe? recipe = null, BuildOptions? options = null,
    TimeProvider? time = null)
{
    public const string WorkerName = "worker";

    /// <summary>What <see cref="BuildProgramAsync"/> makes besides: the same program without checks.</summary>
    public const string PlainWorkerName = "plain";
    private readonly RuntimeRecipe _recipe = recipe ?? RuntimeRecipe.Standard;
    private readonly BuildOptions _options = options ?? BuildOptions.Default;
    private readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <summary>Why a cell cannot be built at all; null when it can.</summary>
    public static string? Unsupported(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return cell switch
        {
            { Target: not (Cell.LinuxGnu or Cell.LinuxMusl or Cell.LinuxBare) } =>
                $"{cell}: only {Cell.LinuxGnu}, {Cell.LinuxMusl} and {Cell.LinuxBare} are supported",
            { Route: Route.Attribute, Target: not Cell.LinuxGnu } =>
                $"{cell}: LLVM's checks read a place that only {Cell.LinuxGnu} keeps free; choose the thunk or assembly route",
            { Route: Route.Attribute, Backend: not Backend.Llvm } => $"{cell}: the attribute is LLVM's",
            { Route: Route.Assembly, Backend: not Backend.Llvm } => $"{cell}: only LLVM writes assembly",
            { Backend: Backend.SelfHosted, Mode: not OptimizeMode.Debug } =>
                $"{cell}: the self-hosted backend has no optimiser",
            _ => null,
        };
    }

    /// <summary>Builds <c>worker</c> in <paramref name="directory"/>, which becomes the unit's own.</summary>
    /// <exception cref="ToolchainException">The set-up is broken; never because of the unit.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<BuildOutcome> BuildAsync(EmittedUnit unit, Cell cell, string directory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(unit);
        return await BuildAsync(_options, unit.Source, cell, directory, ct).ConfigureAwait(false);
    }

    /// <summary>
    /// Builds <c>worker</c> from a file of tests, which need a <see cref="RuntimeRecipe.Tests"/>. Nothing is proven of what runs between checks: the file may call any library;
    /// it has <see cref="TestFile.HeadroomBytes"/> for that, and a canary below them.
    /// </summary>
    /// <exception cref="ToolchainException">The set-up is broken; never because of the file.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<BuildOutcome> BuildTestsAsync(TestFile file, Cell cell, string directory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(file);
        return await BuildAsync(Unproven(file.Libraries) with { Tests = file }, null, cell, directory, ct).ConfigureAwait(false);
    }

    /// <summary>Builds a file whose stack use is to be read, as a program that is never run; needs <see cref="RuntimeRecipe.Product"/>.</summary>
    /// <exception cref="ToolchainException">The set-up is broken; never because of the file.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<BuildOutcome> BuildUsageAsync(UsageProgram program, Cell cell, string directory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(program);
        return await BuildAsync(program.BuildFor(cell), program.Source, cell, directory, ct).ConfigureAwait(false);
    }

    /// <summary>
    /// Builds <c>worker</c> from a user's program, which needs <see cref="RuntimeRecipe.Checks"/>, and <see cref="PlainWorkerName"/> from the same compilation
    /// without checks. As with tests nothing is proven of what runs between checks.
    /// </summary>
    /// <exception cref="ToolchainException">The set-up is broken; never because of the file.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<BuildOutcome> BuildProgramAsync(ProgramFile file, Cell cell, string directory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(file);
        var options = Unproven(file.Libraries) with { Program = file, Modules = file.Modules };
        return await BuildAsync(options, file.RootSource, cell, directory, ct).ConfigureAwait(false);
    }

    /// <summary>For code that calls any library, and has <see cref="TestFile.HeadroomBytes"/> for that.</summary>
    private BuildOptions Unproven(IEnumerable<string> libraries) => _options with
    {
        Libraries = [.. _options.Libraries, .. libraries], SlackUnprovenBecause = "it calls what it likes",
        Injection = _options.Injection with { MaxUnsplitFrameBytes = TestFile.HeadroomBytes / 2 },
    };

    private async Task<BuildOutcome> BuildAsync(BuildOptions options, string? source, Cell cell, string directory, CancellationToken ct)
    {
        if (Unsupported(cell) is { } reason)
        {
            return new BuildOutcome.Rejected(reason);
        }

        directory = Path.GetFullPath(directory);
        Directory.CreateDirectory(directory);
        if (source is not null)
        {
            await File.WriteAllTextAsync(Path.Combine(directory, "unit.zig"), source, ct).ConfigureAwait(false);
        }

        var runtime = await cache.RuntimeAsync(_recipe.For(RuntimeRecipe.LimitSlotOf(cell)), cell.Target, ct).ConfigureAwait(false);
        var own = options with { Injection = options.Injection with { LimitSlot = RuntimeRecipe.LimitSlotOf(cell) } };
        var build = new UnitBuild(await cache.CompilerAsync(ct).ConfigureAwait(false), fixtures, cell, directory, own, _time, ct);
        var outcome = await RunAsync(build, runtime, own).ConfigureAwait(false);
        if (!_options.KeepIntermediates)
        {
            build.DeleteIntermediates();
        }

        return outcome;
    }

    /// <summary>
    /// Links the object that a build left in <paramref name="directory"/> (<see cref="BuildOptions.KeepIntermediates"/>) with this builder's runtime, as a
    /// worker of another name. The stack use is not proven again: for planted defects, which may well break it.
    /// </summary>
    /// <exception cref="ToolchainException">The set-up is broken.</exception>
    public async Task<BuildOutcome> LinkAgainAsync(BuildOutcome.Built built, Cell cell, string directory, string name, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(built);
        var runtime = await cache.RuntimeAsync(_recipe.For(RuntimeRecipe.LimitSlotOf(cell)), cell.Target, ct).ConfigureAwait(false);
        var build = new UnitBuild(await cache.CompilerAsync(ct).ConfigureAwait(false), fixtures, cell, Path.GetFullPath(directory), _options, _time, ct);
        return await build.LinkAsync(runtime, name).ConfigureAwait(false)
            ? built with { WorkerPath = build.PathOf(name), Timings = build.Timings, Slack = null, Worker = null }
            : build.Failure!;
    }

    private async Task<BuildOutcome> RunAsync(UnitBuild build, ImmutableArray<string> runtime, BuildOptions options)
    {
        var injection = await build.CompileAsync().ConfigureAwait(false) ? await build.InjectAsync().ConfigureAwait(false) : null;
        if (injection is null)
        {
            return build.Failure!;
        }

        if (injection.Defect(options.Injection.MaxUnsplitFrameBytes) is { } defect)
        {
            return new BuildOutcome.Rejected($"injection: {build.Cell}: {defect}");
        }

        if (!await build.LinkAsync(runtime).ConfigureAwait(false)
            || (options.Program is not null && !await build.LinkPlainAsync(runtime, PlainWorkerName).ConfigureAwait(false)))
        {
            return build.Failure!;
        }

        var slack = _recipe.Slack is { } bytes && options.SlackUnprovenBecause is null ? await build.AuditSlackAsync(injection, bytes).ConfigureAwait(false) : null;
        return build.Failure ?? new BuildOutcome.Built(build.PathOf(WorkerName), build.Timings, injection, slack) { Worker = build.Worker };
    }
}
