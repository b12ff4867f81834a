using System.Globalization;
using Harness.Model;

namespace Harness.Emit.Tests;

/// <summary>One execution that the mock runtime is asked for.</summary>
internal sealed record MockRun(int Program, FaultPlan Fault, Schedule Schedule);

/// <summary>
/// A unit linked with <c>mock_runtime.zig</c>: emitted programs that run without the split-stack runtime, so that what
/// differs from the model is the emitter's, the support library's or the model's own.
/// </summary>
internal sealed class MockWorker(ZigTool zig, string executable, IReadOnlyList<FiberProgram> programs)
{
    private const string FramesWord = " frames ";

    /// <summary>Builds the programs in a mode of <see cref="ModeTable"/>.</summary>
    public static Task<MockWorker> BuildAsync(ZigTool zig, IReadOnlyList<FiberProgram> programs, string mode) =>
        BuildAsync(zig, ZigEmitter.Emit(programs), programs, mode);

    /// <summary>Builds a unit that is expected to do what the programs do.</summary>
    public static async Task<MockWorker> BuildAsync(
        ZigTool zig, EmittedUnit emitted, IReadOnlyList<FiberProgram> programs, string mode)
    {
        var unit = await zig.CompileAsync(emitted, mode, ModeTable.Options(mode));
        var runtime = Path.Combine(zig.Scratch, "mock.o");
        if (!File.Exists(runtime))
        {
            await MustAsync(zig, "build-obj", "-target", "x86_64-linux-gnu", "-lc",
                "--dep", "events", "-Mroot=" + ZigTool.SupportFile("mock_runtime.zig"),
                "-Mevents=" + ZigTool.SupportFile("../worker/events.zig"), "-femit-bin=" + runtime);
        }

        var executable = Path.Combine(zig.Scratch, mode);
        await MustAsync(
            zig, "build-exe", "-target", "x86_64-linux-gnu", "-lc", runtime, unit, "-femit-bin=" + executable);
        return new MockWorker(zig, executable, programs);
    }

    /// <summary>Runs the model and the program and gives every difference, at most one per run.</summary>
    public async Task<IReadOnlyList<string>> DifferencesAsync(IReadOnlyList<MockRun> runs)
    {
        var plan = zig.Write(Path.GetFileName(executable) + ".runs", string.Concat(runs.Select(Line)));
        var (code, output, errors) = await zig.RunAsync(executable, plan);
        var observed = Parse(output);
        var differences = new List<string>();
        for (var i = 0; i < runs.Count; i++)
        {
            var run = runs[i];
            if (i >= observed.Count || (i == observed.Count - 1 && code != 0))
            {
                differences.Add($"{Describe(run)}: the process ended with {code} there. {errors}");
                break;
            }

            var expected = Interpreter.Run(programs[run.Program], run.Fault, run.Schedule);
            if (Difference(expected, observed[i]) is { } difference) differences.Add($"{Describe(run)}: {difference}");
        }

        return differences;
    }

    private static async Task MustAsync(ZigTool zig, params string[] arguments)
    {
        var (code, _, errors) = await zig.ZigAsync([.. arguments, "--cache-dir", Path.Combine(zig.Scratch, "cache")]);
        Assert.True(code == 0, errors);
    }

    private string Describe(MockRun run) =>
        $"{Path.GetFileName(executable)} program {run.Program}, {run.Fault}, {run.Schedule}";

    private static string? Difference(ExpectedRun expected, List<string>[] observed) =>
        EventDifference(expected, [.. observed.Select(lines => lines.Where(l => !IsFrames(l)).ToList())])
        ?? FrameDifference(expected, [.. observed.Select(lines => lines.Where(IsFrames).Select(FrameCount).ToList())]);

    private static bool IsFrames(string line) => line.Contains(FramesWord, StringComparison.Ordinal);

    private static int FrameCount(string line) => int.Parse(line.Split(' ')[2], CultureInfo.InvariantCulture);

    /// <summary>
    /// At every probe all frames of the model's chain are on the stack, but those that an optimiser may drop.
    /// </summary>
    private static string? FrameDifference(ExpectedRun expected, List<int>[] observed)
    {
        var seen = new int[observed.Length];
        foreach (var probe in expected.Probes.Where(p => p.Site >= 0))
        {
            var most = probe.Chain.Count;
            var least = most - probe.Chain.OfType<Frame.Transpiled>().Count(f => f.Optional || f.MayBeInlined);
            var had = observed[probe.Fiber][seen[probe.Fiber]++];
            if (had < least || had > most)
            {
                return $"fiber {probe.Fiber} at probe {probe.Site}: {had} frames, not {least} to {most}: {probe.Chain}";
            }
        }

        return null;
    }

    private static string? EventDifference(ExpectedRun expected, List<string>[] observed)
    {
        for (var fiber = 0; fiber < expected.Events.Count; fiber++)
        {
            var wanted = expected.Events[fiber].Select(e => $"{e.Kind} {e.A} {e.B}").ToList();
            var had = observed[fiber];
            for (var i = 0; i < Math.Max(wanted.Count, had.Count); i++)
            {
                var want = i < wanted.Count ? wanted[i] : "nothing";
                var have = i < had.Count ? had[i] : "nothing";
                if (want != have)
                {
                    var before = string.Join("; ", had.Take(i).TakeLast(4));
                    return $"fiber {fiber} event {i}: expected {want}, observed {have}, after {before}";
                }
            }
        }

        return null;
    }

    private static List<List<string>[]> Parse(string output)
    {
        var runs = new List<List<string>[]>();
        foreach (var line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var words = line.Split(' ');
            if (words[0] == "run")
            {
                runs.Add([.. Enumerable.Range(0, ProgramLimits.MaxFibers).Select(_ => new List<string>())]);
                continue;
            }

            var text = byte.TryParse(words[1], out var kind) ? $"{(EventKind)kind} {words[2]} {words[3]}" : line;
            runs[^1][int.Parse(words[0], CultureInfo.InvariantCulture)].Add(text);
        }

        return runs;
    }

    private string Line(MockRun run)
    {
        var program = programs[run.Program];
        var starting = program.Fibers.Index().Where(f => f.Item.StartsAtLaunch);
        var mask = starting.Aggregate(0u, (bits, fiber) => bits | (1u << fiber.Index));
        var (kind, entry, error, persistent) = run.Fault switch
        {
            FaultPlan.None => (0, 0, 0, 0),
            FaultPlan.ErrorAt at => (1, at.Entry, (int)at.Error, at.Persistent ? 1 : 0),
            FaultPlan.PanicAt at => (2, at.Entry, 0, 0),
            FaultPlan.SegfaultAt at => (3, at.Entry, 0, 0),
            _ => throw new ArgumentException($"not for the mock: {run.Fault}"),
        };
        var fuel = string.Join(' ', program.Fibers.Select(f => f.Fuel));
        var place = $"{run.Program} {program.Mutexes} {mask} {run.Schedule.LaunchMask} {run.Schedule.Seed}";
        return $"{place} {kind} {entry} {error} {persistent} {fuel}\n";
    }
}
