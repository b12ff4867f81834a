using System.Diagnostics;
using Harness.Binary;
using Harness.Binary.Unwind.Stepping;
using Harness.Execution;
using Harness.Execution.Tracing;

namespace Harness.Verification.Stepping;

/// <summary>How a program is stepped through.</summary>
/// <param name="Start">The function that is stepped through, with all it calls; what comes before and after runs at full speed.</param>
/// <param name="MaxSteps">Beyond these it is ended.</param>
/// <param name="WholeEvery">How many steps may pass between comparisons of the whole chain.</param>
public sealed record StepOptions(string Start = "main", long MaxSteps = 50_000_000, int WholeEvery = StepChecker.WholeEvery);

/// <summary>What stepping through one program came to.</summary>
/// <param name="Seconds">Of stepping and checking alone.</param>
/// <param name="Outcome">How it ended; a program that was ended at the cap of steps is not complete.</param>
public sealed record SteppedRun(StepReport Report, double Seconds, bool IsComplete, ProcessOutcome Outcome)
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
        var (result, outcome) = await TracedLaunch.RunAsync(processes, request, process => Follow(process, options, ct), ct).ConfigureAwait(false);
        return new SteppedRun(result.Report, result.Seconds, result.IsComplete, outcome);
    }

    private (StepReport Report, double Seconds, bool IsComplete) Follow(TracedProcess process, StepOptions options, CancellationToken ct)
    {
        var view = new ProcessView(process, stubs);
        process.RunTo(StartOf(process, options.Start));
        var checker = new StepChecker(view.Modules(), view, options.WholeEvery);
        var began = Stopwatch.GetTimestamp();
        checker.Begin(ProcessView.Convert(process.Registers));
        var delivered = 0;
        var complete = false;
        while (checker.Steps < options.MaxSteps && !ct.IsCancellationRequested)
        {
            var stop = process.Step();
            if (stop is TraceStop.Exited or TraceStop.Killed)
            {
                complete = stop is TraceStop.Exited;
                break;
            }

            if (stop is TraceStop.Signaled { Number: var number })
            {
                // The instruction has not been executed, or has faulted: it is where it was.
                delivered = number;
                continue;
            }

            checker.Advance(ProcessView.Convert(process.Registers), delivered);
            delivered = 0;
            if (checker.HasReturned)
            {
                complete = true;
                break;
            }
        }

        ct.ThrowIfCancellationRequested();
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        if (complete)
        {
            process.RunToEnd();
        }

        return (checker.Report(), seconds, complete);
    }

    private static ulong StartOf(TracedProcess process, string function)
    {
        var file = ElfFile.Load(process.Program);
        var bias = unchecked(process.Entry() - file.EntryPoint);
        foreach (var symbol in file.Symbols)
        {
            if (symbol.IsDefined && symbol.Name == function)
            {
                return unchecked(symbol.Value + bias);
            }
        }

        throw new TraceException($"the program has no function {function}, where stepping should begin");
    }
}
