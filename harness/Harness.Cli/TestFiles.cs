using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;
using Harness.Verification.TestFiles;

namespace Harness.Cli;

/// <summary>What came of a file of tests in one cell. A closed family.</summary>
public abstract record TestFileOutcome
{
    private TestFileOutcome()
    {
    }

    /// <param name="Checks">Functions that ask before they use stack, of <paramref name="Functions"/>.</param>
    public sealed record Ran(IReadOnlyList<TestResult> Results, int Checks, int Functions) : TestFileOutcome;

    /// <summary>It does not compile, or cannot be split.</summary>
    public sealed record Unusable(string Reason) : TestFileOutcome;
}

/// <summary>Runs files of tests, for <c>test</c>.</summary>
public interface ITestFiles
{
    /// <summary>The compiler's own library, as a file of tests with filters that leave out what its distribution lacks the files for.</summary>
    Task<StandardTests> StandardAsync(string directory, CancellationToken ct);

    Task<TestFileOutcome> RunAsync(TestFile file, Cell cell, string directory, Action<TestResult> onResult, CancellationToken ct);
}

/// <summary>The real one.</summary>
internal sealed class RealTestFiles(WorkerBuilder builder, StandardLibraryTests standard, ChildProcess processes) : ITestFiles
{
    private const string WorkFolder = "work";

    public Task<StandardTests> StandardAsync(string directory, CancellationToken ct) => standard.FindAsync(directory, ct);

    public async Task<TestFileOutcome> RunAsync(TestFile file, Cell cell, string directory, Action<TestResult> onResult, CancellationToken ct)
    {
        var outcome = await builder.BuildTestsAsync(file, cell, directory, ct).ConfigureAwait(false);
        if (outcome is not BuildOutcome.Built built)
        {
            return new TestFileOutcome.Unusable(Unbuilt.Reason(outcome));
        }

        var work = Directory.CreateDirectory(Path.Combine(directory, WorkFolder)).FullName;
        var results = await new TestSession(processes, TestLimits.Default).RunAsync(built.WorkerPath, work, onResult, ct).ConfigureAwait(false);
        return new TestFileOutcome.Ran(results, built.Injection.Split, built.Injection.Functions);
    }
}
