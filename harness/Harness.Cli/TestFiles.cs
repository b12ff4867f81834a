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

    /// <summary>
    /// In each of the cells, in their order; parts of files (<see cref="TestFile.Parts"/>) at once on as many lanes as the machine has processors.
    /// </summary>
    /// <param name="onResult">Called by one lane at a time. A test that two parts have comes twice; <see cref="TestResult.Joined"/> makes one of them.</param>
    Task<IReadOnlyList<TestFileOutcome>> RunAsync(TestFile file, IReadOnlyList<Cell> cells, string directory, Action<Cell, TestResult> onResult, CancellationToken ct);
}

/// <summary>The real one.</summary>
internal sealed class RealTestFiles(WorkerBuilder builder, StandardLibraryTests standard, ChildProcess processes) : ITestFiles
{
    private const string WorkFolder = "work";

    public Task<StandardTests> StandardAsync(string directory, CancellationToken ct) => standard.FindAsync(directory, ct);

    public async Task<IReadOnlyList<TestFileOutcome>> RunAsync(
        TestFile file, IReadOnlyList<Cell> cells, string directory, Action<Cell, TestResult> onResult, CancellationToken ct)
    {
        var parts = cells.SelectMany((cell, at) => file.Parts(cell.Backend).Select(part => (Cell: cell, At: at, File: part))).ToList();
        var outcomes = new TestFileOutcome?[parts.Count];
        var reporting = new Lock();
        var lanes = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = ct };
        await Parallel.ForEachAsync(Enumerable.Range(0, parts.Count), lanes, async (i, cancel) =>
        {
            var (cell, _, part) = parts[i];
            outcomes[i] = await PartAsync(part, cell, Path.Combine(directory, $"{i}"), Report, cancel).ConfigureAwait(false);

            void Report(TestResult result)
            {
                lock (reporting)
                {
                    onResult(cell, result);
                }
            }
        }).ConfigureAwait(false);
        return [.. cells.Select((_, at) => Join([.. parts.Index().Where(part => part.Item.At == at).Select(part => outcomes[part.Index]!)]))];
    }

    private async Task<TestFileOutcome> PartAsync(TestFile file, Cell cell, string place, Action<TestResult> onResult, CancellationToken ct)
    {
        var work = Directory.CreateDirectory(Path.Combine(place, WorkFolder)).FullName;
        var outcome = await builder.BuildTestsAsync(file, cell, place, ct).ConfigureAwait(false);
        if (outcome is not BuildOutcome.Built built)
        {
            return new TestFileOutcome.Unusable(Unbuilt.Reason(outcome));
        }

        var ran = await new TestSession(processes, TestLimits.Default).RunAsync(built.WorkerPath, work, onResult, ct).ConfigureAwait(false);
        Directory.Delete(place, recursive: true);
        return new TestFileOutcome.Ran(ran, built.Injection.Split, built.Injection.Functions);
    }

    /// <summary>Of one cell's parts; a cell with a part that cannot be used cannot.</summary>
    private static TestFileOutcome Join(IReadOnlyList<TestFileOutcome> parts)
    {
        if (parts.OfType<TestFileOutcome.Unusable>().FirstOrDefault() is { } unusable)
        {
            return unusable;
        }

        var ran = parts.Cast<TestFileOutcome.Ran>().ToList();
        return new TestFileOutcome.Ran([.. TestResult.Joined(ran.SelectMany(part => part.Results))], ran.Sum(part => part.Checks), ran.Sum(part => part.Functions));
    }
}
