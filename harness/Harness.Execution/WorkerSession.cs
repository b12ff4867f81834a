using System.Diagnostics;
using System.Globalization;
using Harness.Model;

namespace Harness.Execution;

/// <summary>
/// Runs a plan to its end in as many processes as it takes. Whatever ends a process early is an outcome of the row that
/// the status page names; the rest goes on behind it. A scenario whose baseline failed, and a program whose first row
/// failed, have nothing to be compared with: they are skipped.
/// </summary>
public sealed class WorkerSession(ChildProcess processes)
{
    /// <summary>The status page, in a session's directory.</summary>
    public const string StatusName = "status.bin";

    private const string TimeIsOver = "the time was over";

    private const int SignalKill = 9;
    private const int SignalCpuTime = 24;
    private const int MaxStderrChars = 4000;

    /// <summary>What a worker exits with when it lacks something (zig-fixtures/worker: <c>output.stop(…, 3)</c>).</summary>
    private const int LimitCode = 3;

    /// <summary>Runs every row; <paramref name="onMessage"/> gets the messages in order, one at a time.</summary>
    /// <param name="directory">For the plan, the status page and whatever a worker leaves behind.</param>
    /// <param name="windUp">Ends the session where it is, with what was found until then; the rest is skipped.</param>
    /// <exception cref="OperationCanceledException">Cancelled; the worker has been killed.</exception>
    public async Task<SessionResult> RunAsync(
        string workerPath, WorkerPlan plan, string directory, WorkerLimits limits, Action<WorkerMessage> onMessage, CancellationToken ct,
        CancellationToken windUp = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(limits);
        ArgumentNullException.ThrowIfNull(onMessage);
        Directory.CreateDirectory(directory);
        var run = new Run(workerPath, plan, Path.GetFullPath(directory), limits, onMessage);
        PlanFile.Write(run.PlanPath, plan);
        var from = 0;
        while (from < plan.Rows.Length)
        {
            if ((windUp.IsCancellationRequested ? TimeIsOver : run.Exhausted) is { } reason)
            {
                run.Skip(from, plan.Rows.Length, reason);
                break;
            }

            from = await RunProcessAsync(run, from, ct, windUp).ConfigureAwait(false);
        }

        return new SessionResult(run.Outcomes, run.Skipped, run.Counters, run.Processes, run.Clock.Elapsed)
        {
            PlantedReached = run.PlantedReached,
            WoundUp = run.Skipped is [.., { Reason: TimeIsOver }],
        };
    }

    /// <summary>One process from a row on; returns the row to go on with: the one that it was in, when it was told to wind up.</summary>
    private async Task<int> RunProcessAsync(Run run, int from, CancellationToken ct, CancellationToken windUp)
    {
        StatusPage.Create(run.StatusPath);
        run.Begin(from);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct, windUp);
        using var over = new CancellationTokenSource();
        var watch = new RowWatch(run.Limits, run.StatusPath, () => run.Judging);
        var watching = StopWhenStuckAsync(watch, stop, over.Token);
        ProcessOutcome? outcome = null;
        try
        {
            outcome = await processes.StreamAsync(Request(run, from) with { Began = watch.Began }, run.Accept, stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // The watch ended it: a hang. Or its time was over.
        }

        await over.CancelAsync().ConfigureAwait(false);
        var stuck = await watching.ConfigureAwait(false);
        ct.ThrowIfCancellationRequested();
        var status = StatusPage.Read(run.StatusPath);
        run.Add(status);
        var row = Math.Clamp(status?.Row ?? from, from, run.Plan.Rows.Length - 1);
        return outcome is null && stuck is null ? row : run.Conclude(from, row, Judge(run, row, status, outcome, stuck));
    }

    private static ProcessRequest Request(Run run, int from) => new()
    {
        File = run.WorkerPath,
        Arguments = [run.PlanPath, run.StatusPath, "--from", from.ToString(CultureInfo.InvariantCulture)],
        WorkingDirectory = run.Directory,
        Timeout = run.Remaining,
        OutputCapBytes = run.Limits.OutputBytes,
        Limits = run.Limits.Resources,
    };

    /// <summary>Null: every row was run and said so.</summary>
    private static RowOutcome? Judge(Run run, int row, StatusPage? status, ProcessOutcome? outcome, Stuck? stuck) => outcome switch
    {
        null => new RowOutcome.TimedOut(row, stuck?.Limit ?? run.Limits.RowTimeout, stuck?.How ?? Standstill.Silent),
        ProcessOutcome.TimedOut => new RowOutcome.TimedOut(row, run.Limits.SessionTimeout),
        ProcessOutcome.NotStarted n => new RowOutcome.ProtocolViolation(row, $"worker not started: {n.Reason}"),
        ProcessOutcome.Signaled { Signal: SignalKill } => new RowOutcome.MemoryExceeded(row),
        ProcessOutcome.Signaled { Signal: SignalCpuTime } => new RowOutcome.TimedOut(row, run.Limits.SessionTimeout),
        ProcessOutcome.Signaled s => Crash(row, s.Signal, status, s.Output.Stderr),
        ProcessOutcome.Exited { Code: 0 } when run.Problem is { } detail => new RowOutcome.ProtocolViolation(run.ViolationRow ?? row, detail),
        ProcessOutcome.Exited { Code: 0 } => null,
        ProcessOutcome.Exited { Code: LimitCode } e => new RowOutcome.LimitReached(row, Shown(e.Output.Stderr)),
        ProcessOutcome.Exited e => status is { Signal: > 0 }
            ? Crash(row, status.Signal, status, e.Output.Stderr)
            : new RowOutcome.Exited(row, e.Code, Shown(e.Output.Stderr)),
        _ => throw new UnreachableException(),
    };

    private static RowOutcome.Crashed Crash(int row, int signal, StatusPage? status, string stderr) => status is { Signal: > 0 }
        ? new RowOutcome.Crashed(row, status.Signal, status.SignalAddress, status.SignalPc, status.Fiber, Shown(stderr))
        : new RowOutcome.Crashed(row, signal, 0, 0, status?.Fiber ?? 0, Shown(stderr));

    private static string Shown(string stderr) => stderr.Length <= MaxStderrChars ? stderr : stderr[..MaxStderrChars] + "…";

    private static async Task<Stuck?> StopWhenStuckAsync(RowWatch watch, CancellationTokenSource stop, CancellationToken over)
    {
        var stuck = await watch.WaitAsync(over).ConfigureAwait(false);
        if (stuck is not null)
        {
            await stop.CancelAsync().ConfigureAwait(false);
        }

        return stuck;
    }

    /// <summary>The state of one session over its processes.</summary>
    private sealed class Run(string workerPath, WorkerPlan plan, string directory, WorkerLimits limits, Action<WorkerMessage> onMessage)
    {
        private readonly Dictionary<int, int> _outcomesPerProgram = [];
        private string? _violation;
        private readonly Stopwatch _judging = new();
        private bool _ready;
        private bool _done;
        private int _from;

        public string WorkerPath => workerPath;

        public WorkerPlan Plan => plan;

        public string Directory => directory;

        public WorkerLimits Limits => limits;

        public string PlanPath { get; } = Path.Combine(directory, "plan.bin");

        public string StatusPath { get; } = Path.Combine(directory, StatusName);

        public Stopwatch Clock { get; } = Stopwatch.StartNew();

        public List<RowOutcome> Outcomes { get; } = [];

        public List<SkippedRows> Skipped { get; } = [];

        public Counters Counters { get; private set; } = Counters.Zero;

        public int Processes { get; private set; }

        public long PlantedReached { get; private set; }

        /// <summary>How long messages have been dealt with, one that is right now included.</summary>
        public TimeSpan Judging
        {
            get
            {
                lock (_judging)
                {
                    return _judging.Elapsed;
                }
            }
        }

        /// <summary>During which row the current process first said something wrong.</summary>
        public int? ViolationRow { get; private set; }

        /// <summary>What was wrong in what a process said that then ended well.</summary>
        public string? Problem =>
            _violation is not null ? _violation
            : !_ready ? "no ready line"
            : !_done ? "no done line"
            : null;

        public TimeSpan Remaining
        {
            get
            {
                var left = limits.SessionTimeout - Clock.Elapsed;
                return left > limits.PollInterval ? left : limits.PollInterval;
            }
        }

        /// <summary>Why no further process may be started.</summary>
        public string? Exhausted =>
            Processes > limits.MaxRestarts ? "too many restarts"
            : Clock.Elapsed > limits.SessionTimeout ? "session time is over"
            : Outcomes.OfType<RowOutcome.TimedOut>().Count() >= limits.MaxTimeouts ? "too many timeouts"
            : null;

        public void Begin(int from)
        {
            Processes++;
            (_violation, ViolationRow, _ready, _done, _from) = (null, null, false, false, from);
        }

        public ValueTask Accept(string line)
        {
            if (WorkerLine.Parse(line) is not { } message)
            {
                return ValueTask.CompletedTask;
            }

            switch (message)
            {
                case WorkerMessage.Malformed m:
                    Violate($"{m.Reason}: {m.Line}");
                    break;
                case WorkerMessage.Ready r when r.Rows != plan.Rows.Length:
                    Violate($"ready for {r.Rows} rows of {plan.Rows.Length}");
                    break;
                case WorkerMessage.Ready:
                    _ready = true;
                    break;
                case WorkerMessage.Done:
                    _done = true;
                    break;
            }

            if (message.OfRow is not { } row)
            {
                Deliver(message);
            }
            else if (row >= plan.Rows.Length)
            {
                Violate($"there is no row {row}");
            }
            else if (row >= _from)
            {
                // Not those that the worker runs again after a restart, for itself only.
                Deliver(message);
            }

            return ValueTask.CompletedTask;
        }

        public void Add(StatusPage? status)
        {
            Counters += status?.Counters ?? Counters.Zero;
            PlantedReached += status?.PlantedReached ?? 0;
        }

        public void Skip(int start, int end, string reason)
        {
            if (start < end)
            {
                Skipped.Add(new SkippedRows(start, end, reason));
            }
        }

        /// <summary>Enters the outcome and decides where the next process starts.</summary>
        public int Conclude(int from, int row, RowOutcome? outcome)
        {
            if (outcome is null)
            {
                return plan.Rows.Length;
            }

            Outcomes.Add(outcome);
            if (outcome is RowOutcome.ProtocolViolation)
            {
                // It ran to its end (or never started): nothing to go on with.
                Skip(_ready ? plan.Rows.Length : from, plan.Rows.Length, "worker not started");
                return plan.Rows.Length;
            }

            var program = plan.ProgramOf(row);
            var count = _outcomesPerProgram[program] = _outcomesPerProgram.GetValueOrDefault(program) + 1;
            var (next, reason) =
                count >= limits.MaxOutcomesPerProgram ? (plan.EndOfProgram(row), "program failed too often")
                : outcome is RowOutcome.TimedOut ? (plan.EndOfProgram(row), "program hung")
                : plan.IsFirstOfProgram(row) ? (plan.EndOfProgram(row), "first row failed")
                : plan.IsBaseline(row) ? (plan.EndOfScenario(row), "baseline failed")
                : (row + 1, "");
            Skip(row + 1, next, reason);
            return next;
        }

        private void Deliver(WorkerMessage message)
        {
            lock (_judging)
            {
                _judging.Start();
            }

            if (message is WorkerMessage.Probes both)
            {
                onMessage(both.ByFramePointers);
                onMessage(both.ByDwarf);
            }
            else
            {
                onMessage(message);
            }

            lock (_judging)
            {
                _judging.Stop();
            }
        }

        private void Violate(string detail)
        {
            _violation ??= detail;
            ViolationRow ??= StatusPage.Read(StatusPath)?.Row is { } row ? Math.Clamp(row, _from, plan.Rows.Length - 1) : null;
        }
    }
}
