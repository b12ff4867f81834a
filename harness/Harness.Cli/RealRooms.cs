using Harness.Binary;
using Harness.Campaigns;
using Harness.Campaigns.Evidence;
using Harness.Cli.Gates;
using Harness.Cli.RuntimeBench;
using Harness.Emit;
using Harness.Execution;
using Harness.Generators;
using Harness.Generators.Explaining;
using Harness.Model;
using Harness.Toolchain;
using Harness.Toolchain.Compat;
using Harness.Toolchain.Runtimes;
using Harness.Verification;
using Harness.Verification.Abi;
using Harness.Verification.Cores;
using Harness.Verification.Foreign;
using Harness.Verification.Mutation;
using Harness.Verification.Standalone;
using Harness.Verification.Stepping;

namespace Harness.Cli;

/// <summary>The rooms of this product.</summary>
/// <param name="anyRelease">Opens them for releases that are not supported too: for <c>gate</c>, which finds out.</param>
public sealed class RealRooms(bool anyRelease = false) : IRoomOpener
{
    private const string CacheFolder = ".cache";

    public IProgramSource Programs { get; } = new RandomPrograms();

    public string Emit(Case @case) => ZigEmitter.Emit(@case.Unit).Source;

    public async Task<Diagnosis.Diagnosis> DiagnoseZigAsync(string root, string? zig, CancellationToken ct) =>
        await ZigLocator.LocateAsync(zig, root, ct).ConfigureAwait(false) switch
        {
            ZigLocation.Found { Installation: { IsSupported: true } found } location =>
                new Diagnosis.Diagnosis("zig", true, true, $"{found.Version} ({location.Source}: {found.Executable})"),
            ZigLocation.Found { Installation: var found } =>
                new Diagnosis.Diagnosis("zig", false, true, Unsupported(found)),
            ZigLocation.Missing missing => new Diagnosis.Diagnosis("zig", false, true, missing.Reason),
            _ => throw new System.Diagnostics.UnreachableException(),
        };

    public Task<Rooms> OpenAsync(RoomOptions options, CancellationToken ct) =>
        WithZigAsync(options.Root, options.Zig, zig => OpenAsync(options, zig, ct), ct);

    public Task<FileInjector> OpenInjectorAsync(string root, string? zig, BuildOptions options, CancellationToken ct) => WithZigAsync(root, zig, found =>
    {
        var fixtures = FixtureLayout.Find(root);
        return Task.FromResult(new FileInjector(fixtures, new ToolCache(found, fixtures, Path.Combine(root, CacheFolder)), options));
    }, ct);

    public Task<IStepper> OpenStepperAsync(RoomOptions options, CancellationToken ct) => WithZigAsync<IStepper>(options.Root, options.Zig, async zig =>
    {
        var fixtures = FixtureLayout.Find(options.Root);
        var cache = new ToolCache(zig, fixtures, Path.Combine(options.Root, CacheFolder));
        var factory = new UnitFactory(new WorkerBuilder(fixtures, cache, RuntimeRecipe.Standard.With(options.Defect)), options.Defect);
        var processes = await cache.ProcessesAsync(ct).ConfigureAwait(false);
        return new RealStepper(new UnitStepper(factory, Runner(processes, fixtures)));
    }, ct);

    public Task<ITraceCosts> OpenTraceCostsAsync(string root, string? zig, CancellationToken ct) => WithZigAsync<ITraceCosts>(root, zig, async found =>
    {
        var fixtures = FixtureLayout.Find(root);
        var cache = new ToolCache(found, fixtures, Path.Combine(root, CacheFolder));
        var processes = await cache.ProcessesAsync(ct).ConfigureAwait(false);
        return new TraceCosts(new UnitFactory(new WorkerBuilder(fixtures, cache, RuntimeRecipe.Standard)), Runner(processes, fixtures));
    }, ct);

    public Task<ICores> OpenCoresAsync(RoomOptions options, CancellationToken ct) => WithZigAsync<ICores>(options.Root, options.Zig, async zig =>
    {
        var fixtures = FixtureLayout.Find(options.Root);
        var cache = new ToolCache(zig, fixtures, Path.Combine(options.Root, CacheFolder));
        var builder = new WorkerBuilder(
            fixtures, cache, RuntimeRecipe.Standard.With(options.Defect), BuildOptions.Default with { Injection = InjectionOptions.With(options.Defect) });
        var processes = await cache.ProcessesAsync(ct).ConfigureAwait(false);
        return new RealCores(new CoreReplay(new UnitFactory(builder, options.Defect), processes), new CoreTools(processes));
    }, ct);

    public Task<MutantRooms> OpenMutantsAsync(string root, string? zig, CancellationToken ct) => WithZigAsync(root, zig, async found =>
    {
        var fixtures = FixtureLayout.Find(root);
        var cache = new ToolCache(found, fixtures, Path.Combine(root, CacheFolder));
        var session = new WorkerSession(await cache.ProcessesAsync(ct).ConfigureAwait(false));
        var lab = new MutantLab(fixtures, cache, session);
        return new MutantRooms(
            lab,
            defect => new VerifiedCases(lab.FactoryOf(defect), new UnitRunner(session, WorkerLimits.Default), Emit, ProgramShrinker.Candidates, ProgramVariants.Of, root),
            new ToolVersions(Application.Version, Programs.Version, found.Version), found.Version);
    }, ct);

    public Task<StandaloneOutcome> WriteStandaloneAsync(string root, string? zig, PlantedDefect? defect, Case @case, string check, string name, CancellationToken ct) => WithZigAsync(root, zig, found =>
    {
        var fixtures = FixtureLayout.Find(root);
        var writer = new StandaloneWriter(fixtures, new ToolCache(found, fixtures, Path.Combine(root, CacheFolder)), defect);
        return OneCase.WithScratchAsync(scratch => writer.WriteAsync(@case, check, name, scratch, ct));
    }, ct);

    public Task<ChildProcess> OpenProcessesAsync(string root, string? zig, CancellationToken ct) => WithZigAsync(root, zig, found =>
        new ToolCache(found, FixtureLayout.Find(root), Path.Combine(root, CacheFolder)).ProcessesAsync(ct), ct);

    public Task<IWorkshop> OpenWorkshopAsync(string root, string? zig, CancellationToken ct) => WithZigAsync<IWorkshop>(root, zig, async found =>
    {
        var fixtures = FixtureLayout.Find(root);
        var cache = new ToolCache(found, fixtures, Path.Combine(root, CacheFolder));
        var builder = new BenchmarkBuilder(fixtures, cache, BenchmarkTools.Find());
        return new RealWorkshop(builder, await cache.ProcessesAsync(ct).ConfigureAwait(false), found.Version);
    }, ct);

    public Task<ITestFiles> OpenTestFilesAsync(string root, string? zig, CancellationToken ct) => WithZigAsync<ITestFiles>(root, zig, async found =>
    {
        var fixtures = FixtureLayout.Find(root);
        var cache = new ToolCache(found, fixtures, Path.Combine(root, CacheFolder));
        var builder = new WorkerBuilder(fixtures, cache, RuntimeRecipe.Tests, BuildOptions.Default with { Timeout = TimeSpan.FromMinutes(40) });
        return new RealTestFiles(builder, new StandardLibraryTests(fixtures, cache, found), await cache.ProcessesAsync(ct).ConfigureAwait(false));
    }, ct);

    public Task<WorkerBuilder> OpenUsageBuilderAsync(string root, string? zig, CancellationToken ct) => WithZigAsync(root, zig, found =>
    {
        var fixtures = FixtureLayout.Find(root);
        return Task.FromResult(new WorkerBuilder(fixtures, new ToolCache(found, fixtures, Path.Combine(root, CacheFolder)), RuntimeRecipe.Product));
    }, ct);

    public Task<ICheckedPrograms> OpenCheckedProgramsAsync(string root, string? zig, CancellationToken ct) => WithZigAsync<ICheckedPrograms>(root, zig, async found =>
    {
        var fixtures = FixtureLayout.Find(root);
        var cache = new ToolCache(found, fixtures, Path.Combine(root, CacheFolder));
        return new RealCheckedPrograms(new WorkerBuilder(fixtures, cache, RuntimeRecipe.Checks), await cache.ProcessesAsync(ct).ConfigureAwait(false));
    }, ct);

    public Task<AbiMeasurement> OpenAbiAsync(string root, string? zig, CancellationToken ct) => WithZigAsync(root, zig, async found =>
    {
        var fixtures = FixtureLayout.Find(root);
        var cache = new ToolCache(found, fixtures, Path.Combine(root, CacheFolder));
        return new AbiMeasurement(new AbiBuilder(fixtures, cache), await cache.ProcessesAsync(ct).ConfigureAwait(false), found.Version);
    }, ct);

    public async Task<IGateTools> OpenGateAsync(string root, string? zig, CancellationToken ct)
    {
        try
        {
            return new RealGateTools(await ZigLocator.LocateAsync(zig, root, ct).ConfigureAwait(false), new RealRooms(anyRelease: true), FixtureLayout.Find(root), Path.Combine(root, CacheFolder));
        }
        catch (ToolchainException e)
        {
            throw new EnvironmentUnusableException(e.Message, e);
        }
    }

    /// <exception cref="EnvironmentUnusableException"/>
    private async Task<T> WithZigAsync<T>(string root, string? given, Func<ZigInstallation, Task<T>> open, CancellationToken ct)
    {
        try
        {
            var zig = (await ZigLocator.LocateAsync(given, root, ct).ConfigureAwait(false)).Require();
            return zig.IsSupported || anyRelease ? await open(zig).ConfigureAwait(false) : throw new EnvironmentUnusableException(Unsupported(zig));
        }
        catch (ToolchainException e)
        {
            throw new EnvironmentUnusableException(e.Message.Split('\n')[0], e);
        }
        catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
        {
            throw new ResultsUnwritableException(Path.Combine(root, CacheFolder), e);
        }
    }

    private async Task<Rooms> OpenAsync(RoomOptions options, ZigInstallation zig, CancellationToken ct)
    {
        var fixtures = FixtureLayout.Find(options.Root);
        var cache = new ToolCache(zig, fixtures, Path.Combine(options.Root, CacheFolder));
        var processes = await cache.ProcessesAsync(ct).ConfigureAwait(false);
        var build = BuildOptions.Default with { Injection = InjectionOptions.With(options.Defect) };
        var (recipe, plans) = (RuntimeRecipe.Standard.With(options.Defect), PlanOptions.Default with { Placements = options.Placements.ToEquatableArray() });
        if (options.Runtime is { } runtime)
        {
            build = build with { Runtime = runtime, Libraries = await RuntimeLibraries.ResolveAsync(runtime, processes, ct).ConfigureAwait(false) };
            (recipe, plans) = (RuntimeRecipe.Over(runtime, fixtures), RuntimePlans.Of(runtime, plans));
        }

        var factory = new UnitFactory(new WorkerBuilder(fixtures, cache, recipe, build), options.Defect);
        var runner = options.Runtime is null ? Runner(processes, fixtures) : new UnitRunner(new WorkerSession(processes), WorkerLimits.Default);
        var parts = new CampaignParts(
            Programs, new VerifiedBatches(factory, runner, new Preparation(cache, recipe), plans, options.Root),
            new VerifiedCases(factory, runner, Emit, ProgramShrinker.Candidates, ProgramVariants.Of, options.Root, new CoreReplay(factory, processes)),
            options is { Defect: null, Runtime: null } ? new MutantCanary(new MutantLab(fixtures, cache, new WorkerSession(processes)), Programs) : null);
        return new Rooms(parts, new ToolVersions(Application.Version, Programs.Version, zig.Version), new BareCompiler(cache, fixtures));
    }

    private static UnitRunner Runner(ChildProcess processes, FixtureLayout fixtures) =>
        new(new WorkerSession(processes), WorkerLimits.Default, new SteppedProgram(processes, StubSources.Functions(fixtures, StubSources.All)));

    private static string Unsupported(ZigInstallation zig) =>
        $"{zig.Executable} is Zig {zig.Version}, and {ZigRelease.Supported}x is needed; give another with --zig, or run npm ci";

    /// <summary>Builds the runtime once per target and place of the limit.</summary>
    private sealed class Preparation(ToolCache cache, RuntimeRecipe recipe) : IPreparation
    {
        public async Task PrepareAsync(IReadOnlyList<Cell> cells, CancellationToken ct)
        {
            foreach (var (target, slot) in cells.Select(cell => (cell.Target, RuntimeRecipe.LimitSlotOf(cell))).Distinct())
            {
                await cache.RuntimeAsync(recipe.For(slot), target, ct).ConfigureAwait(false);
                if (recipe.Foreign is null)
                {
                    await cache.RuntimeAsync(recipe.WithAllDefects().For(slot), target, ct).ConfigureAwait(false); // The canary's.
                }
            }
        }
    }

    /// <summary>The compiler as one would call it by hand.</summary>
    private sealed class BareCompiler(ToolCache cache, FixtureLayout fixtures) : IBareCompiler
    {
        public async Task<TimeSpan> CompileAsync(IReadOnlyList<FiberProgram> programs, Cell cell, string directory, CancellationToken ct)
        {
            var source = Path.Combine(directory, "unit.zig");
            await File.WriteAllTextAsync(source, ZigEmitter.Emit(programs).Source, ct).ConfigureAwait(false);
            string[] arguments =
            [
                "build-obj", "-target", cell.Target, "-O", cell.Mode.ToString(), "-lc", "-fno-strip", "-fno-omit-frame-pointer",
                cell.Backend is Backend.Llvm ? "-fllvm" : "-fno-llvm",
                // A tenth of the time of a release mode: whoever compiles these sources so pays it.
                .. VerifiedBatches.Drawn(programs, cell).ErrorTracing ? (string[])["-ferror-tracing"] : [], "-femit-bin=" + Path.Combine(directory, "unit.o"),
                "--dep", "rt", "-Mroot=" + source, "-Mrt=" + fixtures.Support,
            ];
            var compiler = await cache.CompilerAsync(ct).ConfigureAwait(false);
            var result = await compiler.CompileAsync(arguments, directory, TimeSpan.FromMinutes(10), ct).ConfigureAwait(false);
            return result is ZigResult.Done
                ? result.Elapsed
                : throw new EnvironmentUnusableException($"the benchmark's programs do not compile in {cell}");
        }
    }
}
