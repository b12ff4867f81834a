using Harness.Model;

namespace Harness.Generators.Tests;

/// <summary>Programs are not hollow: what they contain is run, without a fault or by some single fault.</summary>
public sealed class LivenessTests
{
    [Theory]
    [InlineData("default")]
    [InlineData("cleanup")]
    [InlineData("fibers")]
    public void most_places_are_reached_by_some_single_fault(string profile)
    {
        var counts = new Dictionary<string, (int Reached, int All)>();
        for (ulong seed = 0; seed < 120; seed++)
        {
            Count(ProgramGenerator.Generate(seed, ProgramGenerator.DefaultSize, Profile.Named(profile)), counts);
        }

        AtLeast(50, "errdefer |e|");
        AtLeast(60, "catch");
        AtLeast(35, "raise");
        AtLeast(70, "acquire");
        AtLeast(70, "probe");

        void AtLeast(int percent, string place)
        {
            var (reached, all) = counts[place];
            Assert.True(all >= 25 && reached * 100 >= all * percent, $"{place}: {reached} of {all} reached");
        }
    }

    private static void Count(FiberProgram program, Dictionary<string, (int Reached, int All)> counts)
    {
        var compiled = CompiledProgram.Of(program);
        var run = compiled.Run(new FaultPlan.None(), Schedule.Fifo);
        if (run.Entries > 400)
        {
            return;
        }

        var met = new HashSet<(EventKind, uint)>();
        Meet(run, met);
        for (var entry = 0; entry < run.Entries; entry++)
        {
            var fault = new FaultPlan.ErrorAt(entry, ErrorName.Injected, Persistent: false);
            Meet(compiled.Run(fault, Schedule.Fifo), met);
        }

        foreach (var statement in Measures.All(program))
        {
            var (place, sign) = statement switch
            {
                Statement.ErrDeferCapture s => ("errdefer |e|", (EventKind.ErrDeferred, (uint)s.Site)),
                Statement.Call { Handling: Handling.CatchBlock h } => ("catch", (EventKind.Caught, (uint)h.Site)),
                Statement.Raise s => ("raise", (EventKind.Raised, (uint)s.Site)),
                Statement.Acquire s => ("acquire", (EventKind.Acquired, (uint)s.Site)),
                Statement.Probe s => ("probe", (EventKind.Probe, (uint)s.Site)),
                _ => ("", default),
            };
            var (reached, all) = counts.GetValueOrDefault(place);
            counts[place] = (reached + (met.Contains(sign) ? 1 : 0), all + 1);
        }
    }

    private static void Meet(ExpectedRun run, HashSet<(EventKind, uint)> met)
    {
        foreach (var events in run.Events)
        {
            met.UnionWith(events.Select(e => (e.Kind, e.A)));
        }
    }
}
