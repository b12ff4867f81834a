using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;
using Harness.Verification.Checks;

namespace Harness.Cli;

/// <summary>What came of a user's program in one cell. A closed family.</summary>
public abstract record ProgramOutcome
{
    private ProgramOutcome()
    {
    }

    /// <param name="Checks">Functions that ask before they use stack, of <paramref name="Functions"/>.</param>
    public sealed record Checked(CheckOutcome Outcome, int Checks, int Functions) : ProgramOutcome;

    /// <summary>Of <c>--plan</c>.</summary>
    public sealed record Replayed(CheckJudgement Judgement) : ProgramOutcome;

    /// <summary>There is no such entry, or it cannot be called.</summary>
    public sealed record NoEntry(string Reason) : ProgramOutcome;

    /// <summary>It does not compile, or cannot be split.</summary>
    public sealed record Unusable(string Reason) : ProgramOutcome;
}

/// <summary>Checks users' programs, for <c>check</c>.</summary>
public interface ICheckedPrograms
{
    Task<ProgramOutcome> CheckAsync(ProgramFile file, Cell cell, string directory, TimeSpan budget, Action<string> onProgress, CancellationToken ct);

    Task<ProgramOutcome> ReplayAsync(ProgramFile file, Cell cell, CheckPlan plan, string directory, CancellationToken ct);
}

/// <summary>The real one.</summary>
internal sealed class RealCheckedPrograms(WorkerBuilder builder, ChildProcess processes) : ICheckedPrograms
{
    private const string WorkFolder = "work";

    public Task<ProgramOutcome> CheckAsync(ProgramFile file, Cell cell, string directory, TimeSpan budget, Action<string> onProgress, CancellationToken ct) =>
        WithBuiltAsync(file, cell, directory, async (session, built) =>
            new ProgramOutcome.Checked(await session.RunAsync(budget, onProgress, ct).ConfigureAwait(false), built.Injection.Split, built.Injection.Functions), ct);

    public Task<ProgramOutcome> ReplayAsync(ProgramFile file, Cell cell, CheckPlan plan, string directory, CancellationToken ct) =>
        WithBuiltAsync(file, cell, directory, async (session, _) => new ProgramOutcome.Replayed(await session.ReplayAsync(plan, ct).ConfigureAwait(false)), ct);

    private async Task<ProgramOutcome> WithBuiltAsync(
        ProgramFile file, Cell cell, string directory, Func<CheckSession, BuildOutcome.Built, Task<ProgramOutcome>> run, CancellationToken ct)
    {
        var outcome = await builder.BuildProgramAsync(file, cell, directory, ct).ConfigureAwait(false);
        if (outcome is not BuildOutcome.Built built)
        {
            var reason = Unbuilt.Reason(outcome);
            return ProgramFile.EntryMistake(reason) is { } mistake ? new ProgramOutcome.NoEntry(mistake) : new ProgramOutcome.Unusable(Unbuilt.FirstError(reason));
        }

        var work = Directory.CreateDirectory(Path.Combine(directory, WorkFolder)).FullName;
        var plain = new CheckWorker(processes, Path.Combine(Path.GetDirectoryName(built.WorkerPath)!, WorkerBuilder.PlainWorkerName), work, CheckLimits.Default);
        var split = new CheckWorker(processes, built.WorkerPath, work, CheckLimits.Default);
        return await run(new CheckSession(plain, split, CheckCaps.Default, TimeProvider.System), built).ConfigureAwait(false);
    }
}

/// <summary>Why there is no worker.</summary>
internal static class Unbuilt
{
    public static string Reason(BuildOutcome outcome) => outcome switch
    {
        BuildOutcome.Rejected rejected => rejected.Diagnostics,
        BuildOutcome.CompilerCrashed crashed => $"the compiler crashed: {crashed.Detail}",
        BuildOutcome.TimedOut timedOut => $"no end within the time limit: {timedOut.Command}",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>Of a compiler's diagnostics the first error, in one line.</summary>
    public static string FirstError(string reason)
    {
        var lines = reason.Split('\n');
        return Array.Find(lines, line => line.Contains("error: ", StringComparison.Ordinal)) ?? lines[0];
    }
}
