using System.Globalization;
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
        var (results, names, checks, functions) = (new List<TestResult>(), new HashSet<string>(StringComparer.Ordinal), 0, 0);
        var parts = file.Parts(cell.Backend);
        for (var part = 0; part < parts.Length; part++)
        {
            var place = Path.Combine(directory, part.ToString(CultureInfo.InvariantCulture));
            Directory.CreateDirectory(place);
            var outcome = await builder.BuildTestsAsync(parts[part], cell, place, ct).ConfigureAwait(false);
            if (outcome is not BuildOutcome.Built built)
            {
                return new TestFileOutcome.Unusable(Unbuilt.Reason(outcome));
            }

            var work = Directory.CreateDirectory(Path.Combine(place, WorkFolder)).FullName;
            var ran = await new TestSession(processes, TestLimits.Default).RunAsync(built.WorkerPath, work, onResult, ct).ConfigureAwait(false);
            results.AddRange(ran.Where(result => names.Add(result.Name)).Select((result, i) => result with { Index = results.Count + i }).ToList());
            (checks, functions) = (checks + built.Injection.Split, functions + built.Injection.Functions);
            Directory.Delete(place, recursive: true);
        }

        return new TestFileOutcome.Ran(results, checks, functions);
    }
}
