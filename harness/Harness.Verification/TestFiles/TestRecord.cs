namespace Harness.Verification.TestFiles;

/// <summary>What one test's lines come to, over all processes that it took.</summary>
internal sealed class TestRecord(int index, string name)
{
    private readonly List<TestDifference> _differences = [];
    private string? _failed;
    private bool _skipped;
    private int _running = -1;

    public int Index => index;

    public string Name => name;

    /// <summary>It passes plainly, but not a second time: each attempt wants a process of its own.</summary>
    public bool IsOnce { get; private set; }

    /// <summary>That the attempt without forced splits counted.</summary>
    public long Prologues { get; private set; }

    public long Splits { get; private set; }

    public int Attempts { get; private set; }

    public IReadOnlyList<TestDifference> Differences => _differences;

    public TestVerdict Verdict =>
        _skipped ? new TestVerdict.Skipped()
        : _failed is not null ? new TestVerdict.FailedAnyway(_failed)
        : _differences.Count > 0 ? new TestVerdict.Broken([.. _differences])
        : new TestVerdict.Held();

    public void Take(TestLine line)
    {
        switch (line)
        {
            case TestLine.Started started:
                _running = started.Attempt;
                break;
            case TestLine.Once:
                IsOnce = true;
                _failed = null;
                break;
            case TestLine.Ended { Attempt: < TestAttempts.FirstInFiber } plain:
                _skipped |= plain.State is TestState.Skipped;
                _failed ??= plain switch
                {
                    { State: TestState.Failed } => $"error.{plain.Error}",
                    { Leaks: > 0 } => $"{plain.Leaks} allocations leak",
                    _ => null,
                };
                _running = -1;
                break;
            case TestLine.Ended split:
                Attempts++;
                Splits += split.Splits;
                Prologues = split.Attempt == TestAttempts.FirstInFiber ? split.Prologues : Prologues;
                _running = -1;
                break;
            // A process that goes on behind an attempt repeats the one that counts.
            case TestLine.Differs differs when _differences.TrueForAll(d => (d.Attempt, d.What) != (differs.Attempt, differs.What)):
                _differences.Add(new TestDifference(differs.Attempt, differs.What, differs.Expected, differs.Observed));
                break;
            case TestLine.Differs or TestLine.Count or TestLine.Test or TestLine.Next:
                break;
        }
    }

    /// <summary>The process ended within it. Where the next one goes on: the test and the attempt.</summary>
    public (int Test, int Attempt) Died(TestDifference ending)
    {
        var attempt = Math.Max(_running, 0);
        _running = -1;
        if (attempt < TestAttempts.FirstInFiber)
        {
            _failed ??= $"{ending.What}: {ending.Observed}";
            return (index + 1, 0);
        }

        _differences.Add(ending with { Attempt = attempt });
        return attempt + 1 < TestAttempts.Count && _differences.Count(d => d.What == ending.What) < 3 ? (index, attempt + 1) : (index + 1, 0);
    }
}
