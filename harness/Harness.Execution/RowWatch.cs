using System.Diagnostics;

namespace Harness.Execution;

/// <summary>What a worker does that gets no further with its row.</summary>
public enum Standstill
{
    /// <summary>Nothing is known but that time passes: it may want for a processor.</summary>
    Silent,

    /// <summary>It has had more processor time than any row takes.</summary>
    Busy,

    /// <summary>All of its threads sleep, and nothing wakes them.</summary>
    Asleep,
}

/// <summary>A worker that got no further, and after how long that was told.</summary>
/// <param name="Limit">Of wall time, of <see cref="Standstill.Busy"/> of processor time.</param>
public readonly record struct Stuck(Standstill How, TimeSpan Limit);

/// <summary>
/// Waits until a worker's status page stands still for too long. Wall time says little where a machine has other things to do, so it has to be long;
/// a row that spins or sleeps forever is told much sooner, by what the kernel says of the process.
/// </summary>
/// <param name="judging">How long we have dealt with its messages: meanwhile the worker may be waiting for us to read on.</param>
internal sealed class RowWatch(WorkerLimits limits, string statusPath, Func<TimeSpan> judging)
{
    /// <summary>Before it is asked what the process does: nearly all rows are over by then.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMilliseconds(200);

    private volatile int _process;

    /// <summary>The worker's process, or the launcher above it.</summary>
    public void Began(int process) => _process = process;

    /// <returns>Null when <paramref name="over"/> came first.</returns>
    public async Task<Stuck?> WaitAsync(CancellationToken over)
    {
        var (last, judged) = (default(Mark), judging());
        var since = Stopwatch.StartNew();
        var activity = new ActivityWatch(limits);
        try
        {
            while (true)
            {
                await Task.Delay(limits.PollInterval, over).ConfigureAwait(false);
                var now = Read() ?? last;
                if (now != last)
                {
                    (last, judged) = (now, judging());
                    since.Restart();
                    activity = new ActivityWatch(limits);
                }

                var spent = judging();
                var limit = last.Phase is WorkerPhase.Starting ? limits.StartTimeout : limits.RowTimeout;
                if (since.Elapsed - (spent - judged) > limit)
                {
                    return new Stuck(Standstill.Silent, limit);
                }

                if (last.Phase is not WorkerPhase.Starting && since.Elapsed > _patience && activity.Look(_process, spent) is { } stuck)
                {
                    return stuck;
                }
            }
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private Mark? Read() => StatusPage.Read(statusPath) is { } status ? new Mark(status.Row, status.Phase, status.Heartbeat) : null;

    private readonly record struct Mark(int Row, WorkerPhase Phase, ulong Heartbeat);

    /// <summary>What the process did since one row began to take long.</summary>
    private sealed class ActivityWatch(WorkerLimits limits)
    {
        private readonly Stopwatch _asleep = new();
        private TimeSpan? _before;
        private (TimeSpan Processor, TimeSpan Judging)? _last;

        /// <param name="judging">When this moves on, the worker may sleep because of us.</param>
        public Stuck? Look(int process, TimeSpan judging)
        {
            if (process == 0 || ProcessActivity.Of(process) is not { } now)
            {
                return null;
            }

            _before ??= now.Processor;
            if (now.Processor - _before > limits.RowProcessorTime)
            {
                return new Stuck(Standstill.Busy, limits.RowProcessorTime);
            }

            if (!now.IsAsleep || (now.Processor, judging) != _last)
            {
                _asleep.Restart();
            }

            _last = (now.Processor, judging);
            return _asleep.Elapsed > limits.RowSleep ? new Stuck(Standstill.Asleep, limits.RowSleep) : null;
        }
    }
}
