using System.Globalization;
using Harness.Generators;
using Harness.Model;

namespace Harness.Emit.Tests;

/// <summary>Generated programs of every profile and of random ones, and a few executions of each.</summary>
internal static class RandomPrograms
{
    private const int MaxEvents = 3_000;

    /// <summary>HARNESS_EMIT_SEED and HARNESS_EMIT_COUNT ask for other programs, or more of them.</summary>
    public static ulong Seed { get; } = (ulong)Setting("HARNESS_EMIT_SEED", 1000);

    /// <summary>Some of a shrinker's candidates, spread over its passes, and some of theirs.</summary>
    public static IEnumerable<FiberProgram> Smaller(FiberProgram program)
    {
        var first = Spread(program).ToList();
        return first.Concat(first.SelectMany(p => Spread(p).Take(3)));
    }

    private static IEnumerable<FiberProgram> Spread(FiberProgram program)
    {
        var candidates = ProgramShrinker.Candidates(program).Take(200).ToList();
        return candidates.Where((_, i) => i % (1 + (candidates.Count / 6)) == 0);
    }

    /// <summary>The self-hosted backend compiles a program in a tenth of the time that the optimiser takes.</summary>
    public static int Count(string mode) => Setting("HARNESS_EMIT_COUNT", mode == "selfhosted" ? 100 : 25);

    public static IReadOnlyList<FiberProgram> From(ulong seed, int count) =>
        [.. Enumerable.Range(0, count).Select(i => One(unchecked(seed + (ulong)i), i))];

    /// <summary>
    /// Without faults, then errors, panics and segfaults at entries spread over the run, under other schedules too.
    /// </summary>
    public static IEnumerable<MockRun> Runs(FiberProgram program, int index)
    {
        var plain = Interpreter.Run(program, new FaultPlan.None(), Schedule.Fifo, Kept.Counts);
        if (plain.Ending is not RunEnding.Finished || plain.EventCount > MaxEvents) yield break;
        foreach (var schedule in new[] { Schedule.Fifo, new Schedule(77), new Schedule(78, 0b101) })
        {
            yield return new MockRun(index, new FaultPlan.None(), schedule);
        }

        for (var entry = 0; entry < plain.Entries; entry += 1 + (plain.Entries / 6))
        {
            var (once, always) = (ErrorName.StackOverflow, ErrorName.Injected);
            yield return new MockRun(index, new FaultPlan.ErrorAt(entry, once, Persistent: false), Schedule.Fifo);
            yield return new MockRun(index, new FaultPlan.ErrorAt(entry, always, Persistent: true), new Schedule(79));
            yield return new MockRun(index, new FaultPlan.PanicAt(entry), Schedule.Fifo);
            yield return new MockRun(index, new FaultPlan.SegfaultAt(entry), new Schedule(80));
        }
    }

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { } text
            ? int.Parse(text, CultureInfo.InvariantCulture)
            : otherwise;

    private static FiberProgram One(ulong seed, int index)
    {
        var named = Profile.Names;
        var profile = index % 2 == 0 ? Profile.Swarm(seed) : Profile.Named(named[index / 2 % named.Count]);
        return ProgramGenerator.Generate(seed, 10 + (index % 60), profile);
    }
}
