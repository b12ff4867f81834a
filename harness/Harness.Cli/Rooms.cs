using Harness.Campaigns;
using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;
using Harness.Toolchain.Runtimes;
using Harness.Verification;
using Harness.Verification.Abi;
using Harness.Verification.Mutation;
using Harness.Verification.Standalone;

namespace Harness.Cli;

/// <summary>What the verbs need to know to open the rooms below.</summary>
/// <param name="Zig">From <c>--zig</c>; null looks for one.</param>
/// <param name="Placements">The placements that plans are drawn from.</param>
/// <param name="Defect">A planted defect, which the harness must find.</param>
/// <param name="Runtime">In place of ours; null: ours.</param>
public sealed record RoomOptions(
    string Root, string? Zig, IReadOnlyList<Placement> Placements, int Jobs, PlantedDefect? Defect = null, ForeignRuntime? Runtime = null);

/// <summary>The rooms below, opened.</summary>
public sealed record Rooms(CampaignParts Parts, ToolVersions Versions, IBareCompiler BareCompiler);

/// <summary>What <c>mutants</c> works with.</summary>
/// <param name="CounterexamplesOf">What runs counterexamples of a planted defect again, and makes them smaller: the same as campaigns have for theirs.</param>
public sealed record MutantRooms(MutantLab Lab, Func<PlantedDefect, ICaseRunner> CounterexamplesOf, ToolVersions Versions, string ZigVersion);

/// <summary>Opens the rooms; tests put fakes behind it.</summary>
public interface IRoomOpener
{
    /// <summary>What needs no compiler: generators and the case format.</summary>
    IProgramSource Programs { get; }

    /// <summary>The Zig source of a case's unit.</summary>
    string Emit(Case @case);

    /// <summary>Which compiler would be used, for <c>doctor</c>.</summary>
    Task<Diagnosis.Diagnosis> DiagnoseZigAsync(string root, string? zig, CancellationToken ct);

    /// <summary>What puts checks into finished files, for <c>inject</c>.</summary>
    /// <exception cref="EnvironmentUnusableException">No usable compiler, or the checkout is incomplete.</exception>
    Task<FileInjector> OpenInjectorAsync(string root, string? zig, BuildOptions options, CancellationToken ct);

    /// <exception cref="EnvironmentUnusableException">No usable compiler, or the checkout is incomplete.</exception>
    Task<Rooms> OpenAsync(RoomOptions options, CancellationToken ct);

    /// <summary>What steps through programs, for <c>step</c>.</summary>
    /// <exception cref="EnvironmentUnusableException">No usable compiler, or the checkout is incomplete.</exception>
    Task<IStepper> OpenStepperAsync(RoomOptions options, CancellationToken ct);

    /// <summary>What runs cases until their workers die, for <c>replay --core</c>.</summary>
    /// <exception cref="EnvironmentUnusableException">No usable compiler, or the checkout is incomplete.</exception>
    Task<ICores> OpenCoresAsync(RoomOptions options, CancellationToken ct);

    /// <summary>One file that shows a case's failure without the harness, for <c>show --standalone</c>.</summary>
    /// <param name="check">That failed; empty: none.</param>
    /// <exception cref="EnvironmentUnusableException">No usable compiler, or the checkout is incomplete.</exception>
    Task<StandaloneOutcome> WriteStandaloneAsync(string root, string? zig, PlantedDefect? defect, Case @case, string check, string name, CancellationToken ct);

    /// <summary>What starts other programs under limits, for <c>bench compare</c>.</summary>
    /// <exception cref="EnvironmentUnusableException">No usable compiler, or the checkout is incomplete.</exception>
    Task<ChildProcess> OpenProcessesAsync(string root, string? zig, CancellationToken ct);

    /// <summary>What plants defects, for <c>mutants</c>.</summary>
    /// <exception cref="EnvironmentUnusableException">No usable compiler, or the checkout is incomplete.</exception>
    Task<MutantRooms> OpenMutantsAsync(string root, string? zig, CancellationToken ct);

    /// <summary>What measures for <c>bench traces</c>.</summary>
    /// <exception cref="EnvironmentUnusableException">No usable compiler, or the checkout is incomplete.</exception>
    Task<ITraceCosts> OpenTraceCostsAsync(string root, string? zig, CancellationToken ct);

    /// <summary>What builds and runs the programs of <c>bench runtime</c>.</summary>
    /// <exception cref="EnvironmentUnusableException">No usable compiler, or the checkout is incomplete.</exception>
    Task<RuntimeBench.IWorkshop> OpenWorkshopAsync(string root, string? zig, CancellationToken ct);

    /// <summary>What runs files of tests, for <c>test</c>.</summary>
    /// <exception cref="EnvironmentUnusableException">No usable compiler, or the checkout is incomplete.</exception>
    Task<ITestFiles> OpenTestFilesAsync(string root, string? zig, CancellationToken ct);

    /// <summary>What compiles a user's file, for <c>stack-usage</c>.</summary>
    /// <exception cref="EnvironmentUnusableException">No usable compiler, or the checkout is incomplete.</exception>
    Task<WorkerBuilder> OpenUsageBuilderAsync(string root, string? zig, CancellationToken ct);

    /// <summary>What checks users' programs, for <c>check</c>.</summary>
    /// <exception cref="EnvironmentUnusableException">No usable compiler, or the checkout is incomplete.</exception>
    Task<ICheckedPrograms> OpenCheckedProgramsAsync(string root, string? zig, CancellationToken ct);

    /// <summary>What measures conventions, for <c>abi</c>.</summary>
    /// <exception cref="EnvironmentUnusableException">No usable compiler, or the checkout is incomplete.</exception>
    Task<AbiMeasurement> OpenAbiAsync(string root, string? zig, CancellationToken ct);

    /// <summary>What judges a compiler, for <c>gate</c>: one of any release, or one that does not work.</summary>
    /// <exception cref="EnvironmentUnusableException">The checkout is incomplete.</exception>
    Task<Gates.IGateTools> OpenGateAsync(string root, string? zig, CancellationToken ct);
}
