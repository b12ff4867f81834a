using System.Collections.Immutable;
using System.Globalization;
using Harness.Execution;

namespace Harness.Verification.TestFiles;

/// <param name="Silence">A test that says nothing for so long hangs; its process is ended and the next one goes on behind it.</param>
/// <param name="Confirmations">How often a difference is looked for again in a fresh process; one that shows each time is a break.</param>
/// <param name="ProcessorTime">Of one attempt: how long it takes on the wall depends on what else the machine does.</param>
public sealed record TestLimits(TimeSpan Silence, TimeSpan ProcessorTime, int Confirmations)
{
    public static readonly TestLimits Default = new(TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(1), 2);

    /// <summary>Tests of files and pages want some; far below what would hurt the machine.</summary>
    public ResourceLimits Resources { get; init; } = new() { MemoryBytes = 64L << 30, FileSizeBytes = 2L << 30, OpenFiles = 1024 };
}

/// <summary>Runs the tests of one worker, in as many processes as it takes. A test that ends its process costs that process.</summary>
public sealed class TestSession(ChildProcess processes, TestLimits limits)
{
    private const int OutputCapBytes = 1 << 20;
    private const string Hung = "hung";

    /// <summary>Of the silence, for what hung before: a second and a third time cost less.</summary>
    private const int HungBefore = 5;
    private readonly LineProcess _processes = Of(processes, limits, limits.Silence);
    private readonly LineProcess _hungBefore = Of(processes, limits, limits.Silence / HungBefore);

    /// <summary>In the order of the file.</summary>
    /// <param name="directory">Where the tests run; what they leave there is theirs.</param>
    /// <exception cref="InvalidDataException">The worker is none, or cannot work here.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; what ran is killed.</exception>
    public async Task<ImmutableArray<TestResult>> RunAsync(string worker, string directory, Action<TestResult> onResult, CancellationToken ct)
    {
        var results = new List<TestResult>();
        // Looked at again when no process runs: a line must be taken at once, or its process seems to be silent.
        var pending = new List<TestRecord>();
        var (test, attempt, total) = (0, 0, int.MaxValue);
        TestRecord? record = null;
        int? next = null;
        while (test < total)
        {
            var ending = await ProcessAsync(worker, directory, ["from", $"{test}", $"{attempt}"], Take, ct).ConfigureAwait(false);
            if (ending is null)
            {
                break;
            }

            if (next is { } fresh)
            {
                (test, attempt, next) = (fresh, 0, null);
                continue;
            }

            // It died or hung within a test: that is written down, and the next process goes on behind the attempt.
            (test, attempt) = record is null ? throw new InvalidDataException($"{worker} ended before its first test: {ending.Observed}") : record.Died(ending);
        }

        Close();
        foreach (var again in pending)
        {
            Finish(again, await AgainAsync(worker, directory, again, ct).ConfigureAwait(false));
        }

        return [.. results.OrderBy(result => result.Index)];

        void Take(TestLine line)
        {
            switch (line)
            {
                case TestLine.Count count:
                    total = count.Tests;
                    break;
                case TestLine.Next fresh:
                    next = fresh.Index;
                    break;
                case TestLine.Test begun when record?.Index != begun.Index:
                    Close();
                    record = new TestRecord(begun.Index, begun.Name);
                    break;
                default:
                    record?.Take(line);
                    break;
            }
        }

        void Close()
        {
            switch (record)
            {
                case null: break;
                case { IsOnce: true, Verdict: TestVerdict.Held } or { Verdict: TestVerdict.Broken }: pending.Add(record); break;
                default: Finish(record, record.Verdict); break;
            }

            record = null;
        }

        void Finish(TestRecord done, TestVerdict verdict)
        {
            var result = new TestResult(done.Index, done.Name, verdict, done.Attempts, done.Splits);
            results.Add(result);
            onResult(result);
        }
    }

    private async Task<TestVerdict> AgainAsync(string worker, string directory, TestRecord record, CancellationToken ct)
    {
        if (record is { IsOnce: true, Verdict: TestVerdict.Held })
        {
            await AloneAsync(worker, directory, record, ct).ConfigureAwait(false);
        }

        return record.Verdict is TestVerdict.Broken broken
            ? await ConfirmAsync(worker, directory, record, broken.Differences, ct).ConfigureAwait(false)
            : record.Verdict;
    }

    /// <summary>Every split attempt in a process of its own, with nothing before it.</summary>
    private async Task AloneAsync(string worker, string directory, TestRecord record, CancellationToken ct)
    {
        for (var attempt = TestAttempts.FirstInFiber; attempt < TestAttempts.Count; attempt++)
        {
            var ending = await ProcessAsync(worker, directory, Arguments(record, attempt), record.Take, ct).ConfigureAwait(false);
            if (ending is not null)
            {
                record.Died(ending);
            }
        }
    }

    private static string[] Arguments(TestRecord record, int attempt) => record.IsOnce
        ? ["alone", $"{record.Index}", $"{attempt}", $"{record.Prologues}"]
        : ["only", $"{record.Index}", $"{attempt}"];

    /// <summary>Each difference once more, each time in a process of its own.</summary>
    private async Task<TestVerdict> ConfirmAsync(
        string worker, string directory, TestRecord test, ImmutableArray<TestDifference> differences, CancellationToken ct)
    {
        // One difference of each kind: the same cause shows in many attempts.
        var first = differences.GroupBy(difference => difference.What).Select(group => group.First()).ToImmutableArray();
        var confirmed = ImmutableArray.CreateBuilder<TestDifference>();
        foreach (var difference in first)
        {
            var again = 0;
            for (var i = 0; i < limits.Confirmations; i++)
            {
                var record = new TestRecord(test.Index, test.Name);
                var ending = await ProcessAsync(
                    worker, directory, Arguments(test, difference.Attempt), record.Take, ct, difference.What == Hung ? _hungBefore : _processes).ConfigureAwait(false);
                if (ending is not null)
                {
                    record.Died(ending);
                }

                again += record.Differences.Any(d => d.Attempt == difference.Attempt && d.What == difference.What) ? 1 : 0;
            }

            if (again == limits.Confirmations)
            {
                confirmed.Add(difference);
            }
        }

        return confirmed.Count > 0 ? new TestVerdict.Broken(confirmed.ToImmutable()) : new TestVerdict.Unsteady(first);
    }

    /// <summary>Null: it did all that it was asked for. Otherwise how it ended, as a difference of whichever attempt ran.</summary>
    private async Task<TestDifference?> ProcessAsync(
        string worker, string directory, IReadOnlyList<string> arguments, Action<TestLine> onLine, CancellationToken ct, LineProcess? process = null)
    {
        var ending = await (process ?? _processes).RunAsync(worker, directory, arguments, text => onLine(TestLine.Parse(text)), OutputCapBytes, ct).ConfigureAwait(false);
        return ending is null ? null : new TestDifference(0, ending.Hung ? Hung : "died", ending.Hung ? "an end" : "a result", ending.How);
    }

    private static LineProcess Of(ChildProcess processes, TestLimits limits, TimeSpan silence) => new(
        processes, limits.Resources, silence, ("HS_ATTEMPT_MILLISECONDS", limits.ProcessorTime.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture)));
}
