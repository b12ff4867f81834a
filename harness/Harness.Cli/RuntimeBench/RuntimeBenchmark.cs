using System.Globalization;
using Harness.Campaigns;
using Harness.Execution;
using Harness.Reports;
using Harness.Toolchain;

namespace Harness.Cli.RuntimeBench;

/// <summary>Runs all contenders in turns, round by round, so that whatever else the machine does falls on all of them.</summary>
/// <param name="progress">Told what happens, a line at a time.</param>
public sealed class RuntimeBenchmark(IWorkshop workshop, Action<string> progress)
{
    /// <summary>More than any program reports.</summary>
    private const int MaxFigures = 64;

    /// <summary>By contender: one or several, which differ in where their code lies.</summary>
    private readonly Dictionary<string, List<string>> _programs = [];
    private readonly Dictionary<string, string> _skipped = [];
    private readonly Dictionary<(string Name, string Contender), List<double>> _samples = [];

    public IReadOnlyList<BenchSkip> Skipped => [.. _skipped.Select(skip => new BenchSkip(skip.Key, skip.Value))];

    /// <exception cref="EnvironmentUnusableException">The runtime itself does not build, or one of its programs fails.</exception>
    public async Task<IReadOnlyList<BenchFigure>> RunAsync(
        IReadOnlyList<BenchMeasurement> measurements, int rounds, string scratch, CancellationToken ct)
    {
        await BuildAsync(measurements, rounds, scratch, ct).ConfigureAwait(false);
        for (var round = 0; round < rounds; round++)
        {
            foreach (var measurement in measurements.Where(measurement => round == 0 || !measurement.Once))
            {
                progress($"round {round + 1} of {rounds}: {measurement.Name}");
                foreach (var run in measurement.Runs)
                {
                    await RunAsync(run, round, ct).ConfigureAwait(false);
                }
            }
        }

        return [.. _samples.Where(pair => !_skipped.ContainsKey(pair.Key.Contender))
            .Select(pair => new BenchFigure(pair.Key.Name, pair.Key.Contender, pair.Value))];
    }

    private async Task BuildAsync(IReadOnlyList<BenchMeasurement> measurements, int rounds, string scratch, CancellationToken ct)
    {
        var wanted = measurements.SelectMany(measurement => measurement.Runs).Select(run => run.Program).ToHashSet();
        // libgcc's program uses the attribute route's object, which comes first in this order.
        foreach (var contender in (string[])[.. BenchContender.Routes, BenchContender.Libgcc, BenchContender.Go, BenchContender.Fcontext, BenchContender.StandardIo])
        {
            if (!wanted.Contains(contender))
            {
                continue;
            }

            progress($"building {BenchContender.Title(contender)}");
            try
            {
                for (var layout = 0; layout < Math.Min(rounds, workshop.LayoutsOf(contender)); layout++)
                {
                    Keep(contender, await workshop.BuildAsync(contender, layout, scratch, ct).ConfigureAwait(false));
                }
            }
            catch (ToolchainException e)
            {
                Fail(contender, e.Message.Split('\n')[0]);
            }
        }
    }

    private void Keep(string contender, BenchmarkProgram program)
    {
        switch (program)
        {
            case BenchmarkProgram.Built built:
                if (!_programs.TryGetValue(contender, out var programs))
                {
                    _programs[contender] = programs = [];
                }

                programs.Add(built.Path);
                break;
            case BenchmarkProgram.Skipped skipped:
                _skipped[contender] = $"{skipped.Missing} is not installed; the Debian package {skipped.Package} has it";
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private async Task RunAsync(BenchRun run, int round, CancellationToken ct)
    {
        if (_skipped.ContainsKey(run.Program) || _skipped.ContainsKey(run.Contender) || Lacks(run))
        {
            return;
        }

        var programs = _programs[run.Program];
        var outcome = await workshop.RunAsync(programs[round % programs.Count], run.Arguments, ct).ConfigureAwait(false);
        if (outcome is not ProcessOutcome.Exited { Code: 0 } exited)
        {
            Fail(run.Contender, $"`{string.Join(' ', run.Arguments)}` {Describe(outcome)}");
            return;
        }

        foreach (var (name, value) in Parse(exited.Output.Stdout, run))
        {
            if (!_samples.TryGetValue((name, run.Contender), out var samples))
            {
                _samples.Add((name, run.Contender), samples = []);
            }

            samples.Add(value);
        }
    }

    /// <summary>Programs that fill memory leave a quarter of what there is to others.</summary>
    private bool Lacks(BenchRun run)
    {
        if (run.MemoryBytes <= workshop.AvailableMemory() / 4 * 3)
        {
            return false;
        }

        progress(string.Create(
            CultureInfo.InvariantCulture,
            $"left out: {BenchContender.Title(run.Contender)} {run.Arguments[0]}: it takes {run.MemoryBytes / (double)(1 << 30):0.0} GiB, more than three quarters of what is available"));
        return true;
    }

    /// <summary>What is compared with may fail and is left out; the runtime itself may not.</summary>
    private void Fail(string contender, string reason)
    {
        if (BenchContender.Routes.Contains(contender))
        {
            throw new EnvironmentUnusableException($"{BenchContender.Title(contender)}: {reason}");
        }

        _skipped[contender] = reason;
        progress($"left out: {BenchContender.Title(contender)}: {reason}");
    }

    private static IEnumerable<(string Name, double Value)> Parse(string text, BenchRun run)
    {
        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length is 0 or > MaxFigures)
        {
            throw new EnvironmentUnusableException($"{BenchContender.Title(run.Contender)} reports {lines.Length} figures: its source and this harness do not fit together");
        }

        foreach (var line in lines)
        {
            yield return line.Split(' ') is [var name, var number] && double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                && double.IsFinite(value)
                ? (name, value)
                : throw new EnvironmentUnusableException($"{BenchContender.Title(run.Contender)} reports `{line[..Math.Min(line.Length, 80)]}`, which is no figure");
        }
    }

    private static string Describe(ProcessOutcome outcome) => outcome switch
    {
        ProcessOutcome.Exited exited => $"ends with exit code {exited.Code}: {FirstLine(exited.Output.Stderr)}",
        ProcessOutcome.Signaled signaled => $"ends by signal {signaled.Signal}",
        ProcessOutcome.TimedOut timedOut => $"does not end within {timedOut.Output.Elapsed.TotalSeconds:0} s",
        ProcessOutcome.NotStarted notStarted => notStarted.Reason,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static string FirstLine(string text) => text.Split('\n')[0];
}
