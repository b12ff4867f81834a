namespace Harness.Campaigns;

/// <summary>What was checked per second in one span of a run, in all cells together. Seconds as the journal counts them: those that the run has worked.</summary>
/// <param name="ProgramsPerSecond">Of the random stream, in any cell: a program counts in each.</param>
/// <param name="SmallProgramsPerSecond">Of the small scope, gone through before the random ones; likewise <paramref name="SmallExecutionsPerSecond"/>.</param>
public sealed record PaceSpan(
    double From, double To, double ProgramsPerSecond, double ExecutionsPerSecond, double SmallProgramsPerSecond, double SmallExecutionsPerSecond);

/// <summary>How fast a run was over its time: the fold of its batches, each spread evenly over the time that it had a lane. Not thread-safe.</summary>
public sealed class Pace
{
    private const int MostSpans = 60;
    private readonly List<Work> _work = [];

    internal void Apply(JournalRecord.BatchChecked batch) => _work.Add(new Work(
        Math.Max(0, batch.At - batch.Wall), batch.At, batch.Count - batch.Unfinished.Count, batch.Counters.Executions, batch.Scope is not null));

    /// <summary>Spans of equal length, of at least a second each, that fill the run.</summary>
    /// <param name="seconds">How long the run has worked.</param>
    public IReadOnlyList<PaceSpan> Over(double seconds)
    {
        if (_work.Count == 0 || !(seconds > 0))
        {
            return [];
        }

        var count = Math.Clamp((int)seconds, 1, MostSpans);
        var width = seconds / count;
        var sums = new Sums[count];
        foreach (var work in _work)
        {
            var (from, to) = (work.From / width, work.To / width);
            var last = Math.Clamp((int)to, 0, count - 1);
            for (var i = Math.Clamp((int)from, 0, last); i <= last; i++)
            {
                var share = to > from ? (Math.Min(to, i + 1) - Math.Max(from, i)) / (to - from) : 1;
                sums[i] = sums[i].Plus(work, share / width);
            }
        }

        return [.. sums.Select((sum, i) => new PaceSpan(
            Round(i * width), Round((i + 1) * width), Round(sum.Programs), Round(sum.Executions), Round(sum.SmallPrograms), Round(sum.SmallExecutions)))];
    }

    private static double Round(double value) => Math.Round(value, 3);

    private readonly record struct Work(double From, double To, long Programs, long Executions, bool IsSmall);

    private readonly record struct Sums(double Programs, double Executions, double SmallPrograms, double SmallExecutions)
    {
        public Sums Plus(Work work, double rate) => work.IsSmall
            ? this with { SmallPrograms = SmallPrograms + (work.Programs * rate), SmallExecutions = SmallExecutions + (work.Executions * rate) }
            : this with { Programs = Programs + (work.Programs * rate), Executions = Executions + (work.Executions * rate) };
    }
}
