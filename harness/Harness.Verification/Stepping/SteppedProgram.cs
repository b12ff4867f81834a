using System.Diagnostics;
using Harness.Binary.Unwind.Stepping;
using Harness.Execution;
using Harness.Execution.Tracing;

namespace Harness.Verification.Stepping;

/// <summary>How a program is stepped through.</summary>
/// <param name="Start">The function that is stepped through, with all it calls; what comes before and after runs at full speed.</param>
/// <param name="MaxSteps">Beyond these it is ended.</param>
/// <param name="WholeEvery">How many steps may pass between comparisons of the whole chain.</param>
/// <param name="RunsUnwinder">
/// The search for who catches an exception runs at full speed, and the personality routines that it asks: it takes hundreds of thousands of
/// instructions, none of them the runtime's but those of the personality routines.
/// </param>
public sealed record StepOptions(
    string Start = "main", long MaxSteps = 50_000_000, int WholeEvery = StepChecker.WholeEvery, InterruptOptions? Interrupt = null, bool RunsUnwinder = false);

/// <summary>Signals at instructions of a seed's choice, and at every one of the runtime's assembly when it is first met.</summary>
/// <param name="Every">One instruction of so many elsewhere, on average.</param>
public sealed record InterruptOptions(int Every, ulong Seed)
{
    /// <summary>What the program handles (zig-fixtures/observers/interrupted.zig).</summary>
    public const int Signal = 43;

    /// <summary>Where the handler leaves what it found: a count, how it ended, and the addresses, the first where it was interrupted.</summary>
    public const string FramePointers = "hs_interrupted_frame_pointers";

    /// <inheritdoc cref="FramePointers"/>
    public const string Dwarf = "hs_interrupted_dwarf";
}

/// <summary>What stepping through one program came to.</summary>
/// <param name="Seconds">Of stepping and checking alone.</param>
/// <param name="Outcome">How it ended; a program that was ended at the cap of steps is not complete.</param>
/// <param name="Interrupts">Null where nothing was interrupted.</param>
public sealed record SteppedRun(StepReport Report, double Seconds, bool IsComplete, ProcessOutcome Outcome, InterruptReport? Interrupts = null)
{
    public double StepsPerSecond => Seconds > 0 ? Report.Steps / Seconds : 0;
}

/// <summary>Runs a program under the stepper.</summary>
/// <param name="stubs">The functions of the runtime's assembly.</param>
public sealed class SteppedProgram(ChildProcess processes, IReadOnlyList<string> stubs)
{
    /// <exception cref="TraceException">Tracing is not allowed here, or the program has no such function.</exception>
    public async Task<SteppedRun> RunAsync(ProcessRequest request, StepOptions options, CancellationToken ct)
    {
        var (run, outcome) = await TracedLaunch.RunAsync(processes, request, process => Follow(process, options, ct), ct).ConfigureAwait(false);
        return run with { Outcome = outcome };
    }

    private SteppedRun Follow(TracedProcess process, StepOptions options, CancellationToken ct)
    {
        var view = new ProcessView(process, stubs);
        var symbols = new ProgramSymbols(process);
        process.RunTo(symbols[options.Start]);
        var checker = new StepChecker(view.Modules(), view, options.WholeEvery);
        var began = Stopwatch.GetTimestamp();
        checker.Begin(ProcessView.Convert(process.Registers));
        var interrupts = options.Interrupt is { } wanted ? new Interrupts(process, checker, wanted, symbols) : null;
        ulong? landing = options.RunsUnwinder ? symbols[TracedModule.UnwinderJump] : null;
        var complete = Steps(process, checker, interrupts, landing, options.MaxSteps, ct);
        ct.ThrowIfCancellationRequested();
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        if (complete)
        {
            process.RunToEnd();
        }

        return new SteppedRun(checker.Report(), seconds, complete, new ProcessOutcome.NotStarted(""), interrupts?.Report());
    }

    /// <returns>Whether it came to the end of what was to be stepped through.</returns>
    private static bool Steps(TracedProcess process, StepChecker checker, Interrupts? interrupts, ulong? landing, long most, CancellationToken ct)
    {
        var delivered = 0;
        while (checker.Steps < most && !ct.IsCancellationRequested)
        {
            var stop = process.Step();
            switch (stop)
            {
                case TraceStop.Exited or TraceStop.Killed:
                    return stop is TraceStop.Exited;
                case TraceStop.Signaled { Number: var number }:
                    // The instruction has not been executed, or has faulted: it is where it was.
                    delivered = number;
                    continue;
            }

            checker.Advance(ProcessView.Convert(process.Registers), delivered);
            delivered = 0;
            if (checker.HasReturned)
            {
                return true;
            }

            if (landing is { } jump && checker.UnwinderReturn is { } back)
            {
                process.RunTo(jump, back);
                checker.Resume(ProcessView.Convert(process.Registers));
            }

            interrupts?.Consider();
        }

        return false;
    }
}
