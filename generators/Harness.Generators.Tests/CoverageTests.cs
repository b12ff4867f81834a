using Harness.Model;

namespace Harness.Generators.Tests;

/// <summary>
/// The generators do produce what they are meant to: counted over a few thousand programs of all profiles.
/// </summary>
public sealed class CoverageTests : IClassFixture<CoverageTests.Sample>
{
    private const int ProgramsPerProfile = 450;

    /// <summary>Of <see cref="Sample"/>'s programs, at least so many carry each of these labels.</summary>
    private static readonly (int Floor, string[] Labels)[] Required =
    [
        (
            25,
            [
                "fibers:5",
                "fibers:6",
                "fibers:7",
                "fibers:8",
                "lock held:join",
                "buffer:beyond 64 KiB",
                "buffer:near 64 KiB",
                "buffer:near 16 KiB",
                "buffer:align 128",
                "buffer:align 256",
                "buffer:align 4096",
                "call:back, map",
                "call:back, rethrow",
                "call:back, catchswitch",
                "call:back, catchblock",
                "call:back, catchvalue",
                "call:back, ifelse",
                "call:back, callback",
                "call:back, nevertail",
                "call:tail, back",
                "loop left with a defer pending:raise",
            ]
        ),
        (
            60,
            [
                "fibers:3",
                "fibers:4",
                "payload:align 32",
                "payload:align 64",
                "payload:f16",
                "payload:f32",
                "payload:f64",
                "payload:f80",
                "payload:f128",
                "payload:vector 128",
                "payload:vector 256",
                "payload:vector 512",
                "payload:extern struct",
                "payload:packed struct",
                "payload:int to 128",
                "payload:int to 256",
                "payload:bool",
                "payload:enum",
                "payload:optional",
                "payload:union",
                "payload:slice",
                "payload:small struct",
                "payload:large struct",
                "payload:odd int",
                "payload:word",
                "loop left with a defer pending:breakif",
                "loop left with a defer pending:continueif",
                "loop left with a defer pending:return",
                "in a loop:errdefer",
                "in a loop:errdefercapture",
                "in a loop:defer",
                "buffer:align 32",
                "buffer:align 64",
                "buffer:near 1 KiB",
                "buffer:near 2 KiB",
                "buffer:near 4 KiB",
                "call:back, pointer",
                "call:back, try",
                "call:back, plain",
                "probe:in catch",
                "probe:in defer",
                "probe:in errdefer",
                "call:in defer",
                "call:in errdefer",
                "lock held:yield",
                "recursion:mutual",
                "argument:slice of a buffer",
                "parameters:7",
                "parameters:8",
                "parameters:9",
                "parameters:10",
                "parameters:11",
                "parameters:12",
                "parameters:13",
                "parameters:14",
            ]
        ),
        (
            200,
            [
                "fibers:1",
                "fibers:2",
                "fibers:spawned later",
                "recursion:deep",
                "recursion:self",
                "parameter:align 32",
                "parameter:align 64",
                "parameter:f16",
                "parameter:f32",
                "parameter:f64",
                "parameter:f80",
                "parameter:f128",
                "parameter:vector 128",
                "parameter:vector 256",
                "parameter:vector 512",
                "parameter:extern struct",
                "parameter:packed struct",
                "parameter:int to 128",
                "parameter:int to 256",
                "parameter:bool",
                "parameter:enum",
                "parameter:optional",
                "parameter:union",
                "parameter:slice",
                "parameter:small struct",
                "parameter:large struct",
                "parameter:odd int",
                "parameter:word",
                "parameter:cellpointer",
                "payload:void",
                "payload:handle",
                "parameters:0",
                "parameters:1",
                "parameters:2",
                "parameters:3",
                "parameters:4",
                "parameters:5",
                "parameters:6",
                "function:plain",
                "function:generic",
                "function:method",
                "function:callback",
                "function:noinline",
                "function:inlinable",
                "errors:infallible",
                "errors:inferred",
                "errors:explicit",
                "errors:anyerror",
                "call:direct",
                "call:nevertail",
                "call:pointer",
                "call:callback",
                "call:tail",
                "call:back, direct",
                "callee:plain",
                "callee:generic",
                "callee:method",
                "callee:callback",
                "handling:plain",
                "handling:try",
                "handling:catchvalue",
                "handling:catchblock",
                "handling:catchswitch",
                "handling:map",
                "handling:rethrow",
                "handling:ifelse",
                "call:in defer, fallible",
                "call:in errdefer, fallible",
                "block:below a pending defer",
                "buffer:near 256",
                "handle:handed to the caller",
                "handle:taken from a callee",
                "resource:heapblock",
                "resource:tablehandle",
                "resource:filedescriptor",
                "released:defer",
                "released:errdefer",
                "released:manual",
                "statement:defer",
                "statement:errdefer",
                "statement:errdefercapture",
                "statement:block",
                "statement:loop",
                "statement:if",
                "statement:breakif",
                "statement:continueif",
                "statement:iffuel",
                "statement:raise",
                "statement:return",
                "statement:let",
                "statement:cell",
                "statement:store",
                "statement:log",
                "statement:checkbuffer",
                "statement:lock",
                "statement:release",
                "statement:probe",
                "statement:yield",
                "statement:spawn",
                "statement:join",
                "statement:cancel",
                "probe:in the body",
            ]
        ),
    ];

    private readonly Sample _sample;

    public CoverageTests(Sample sample) => _sample = sample;

    [Fact]
    public void every_feature_of_the_language_is_generated_often_enough()
    {
        var missing = Required
            .SelectMany(group => group.Labels.Select(label => (label, group.Floor)))
            .Where(required => _sample.Labels.GetValueOrDefault(required.label) < required.Floor)
            .Select(required =>
                $"{required.label}: {_sample.Labels.GetValueOrDefault(required.label)} of {required.Floor}"
            );
        Assert.Empty(missing);
    }

    [Fact]
    public void the_table_of_required_labels_is_complete()
    {
        string[] left = ["buffer:other", "buffer:align 16"];
        Assert.Empty(_sample.Labels.Keys.Except(Required.SelectMany(group => group.Labels)).Except(left));
    }

    [Fact]
    public void deep_programs_make_thousands_of_frames()
    {
        var depths = _sample.Runs["deep"].Select(run => run.Depth).ToList();
        Assert.True(depths.Count(depth => depth >= 1_000) >= depths.Count * 80 / 100);
        Assert.True(depths.Count(depth => depth >= 3_000) >= depths.Count * 30 / 100);
    }

    [Fact]
    public void few_default_programs_are_deep()
    {
        var deep = _sample.Runs["default"].Count(run => run.Depth >= 900);
        Assert.InRange(deep, _sample.Runs["default"].Count / 100, _sample.Runs["default"].Count * 8 / 100);
    }

    [Fact]
    public void default_programs_have_the_size_that_campaigns_count_on()
    {
        var runs = _sample.Runs["default"];
        Assert.InRange(Measures.Percentile(runs.Select(run => run.Functions), 50), 4, 10);
        Assert.InRange(Measures.Percentile(runs.Select(run => run.Statements), 50), 20, 60);
        Assert.InRange(Measures.Percentile(runs.Select(run => run.Entries), 50), 30, 150);
        Assert.InRange(Measures.Percentile(runs.Select(run => run.Entries), 90), 30, 300);
    }

    [Fact]
    public void nearly_every_program_meets_one_to_eight_probes()
    {
        foreach (var name in Profile.Names)
        {
            Assert.All(_sample.Runs[name], run => Assert.InRange(run.Probes, 0, 12));
            Assert.True(_sample.Runs[name].Count(run => run.Probes >= 1) >= _sample.Runs[name].Count * 95 / 100, name);
            Assert.True(_sample.Runs[name].Count(run => run.Probes <= 8) >= _sample.Runs[name].Count * 88 / 100, name);
        }
    }

    [Fact]
    public void fibers_complete_fail_and_contend_for_mutexes()
    {
        var runs = _sample.Runs.Values.SelectMany(list => list).ToList();
        Assert.True(runs.Count(run => run.Outcomes.Contains(FiberOutcome.Completed)) > 2_000);
        Assert.True(runs.Count(run => run.Outcomes.Contains(FiberOutcome.Failed)) > 300);
        Assert.True(runs.Count(run => run.Outcomes.Contains(FiberOutcome.NotStarted)) > 30);
        Assert.True(runs.Count(run => run.SharedMutexes > 0) > 200);
    }

    [Fact]
    public void probes_stand_before_and_after_yields()
    {
        var runs = _sample.Runs.Values.SelectMany(list => list).ToList();
        Assert.True(runs.Count(run => run.ProbesBeforeYield > 0) > 200);
        Assert.True(runs.Count(run => run.ProbesAfterYield > 0) > 200);
    }

    /// <summary>What one program did without a fault.</summary>
    internal sealed record RunFacts(
        int Functions,
        int Statements,
        int Entries,
        int Depth,
        int Probes,
        EquatableArray<FiberOutcome> Outcomes,
        int SharedMutexes,
        int ProbesBeforeYield,
        int ProbesAfterYield
    );

    /// <summary>The programs that all these tests count in.</summary>
    public sealed class Sample
    {
        public Sample()
        {
            var profiles = Profile
                .Names.Select(name => (name, Make: (Func<ulong, Profile>)(_ => Profile.Named(name))))
                .Append(("swarm", Profile.Swarm));
            foreach (var (name, make) in profiles)
            {
                for (ulong seed = 0; seed < ProgramsPerProfile; seed++)
                {
                    Add(
                        name,
                        ProgramGenerator.Generate(
                            (seed * 7919) + (ulong)name.Length,
                            ProgramGenerator.DefaultSize,
                            make(seed)
                        )
                    );
                }
            }
        }

        internal SortedDictionary<string, int> Labels { get; } = new(StringComparer.Ordinal);

        internal Dictionary<string, List<RunFacts>> Runs { get; } = [];

        private void Add(string name, FiberProgram program)
        {
            foreach (var label in ProgramLabels.Of(program))
            {
                Labels[label] = Labels.GetValueOrDefault(label) + 1;
            }

            Runs.TryAdd(name, []);
            Runs[name].Add(Facts(program));
        }

        private static RunFacts Facts(FiberProgram program)
        {
            var run = Interpreter.Run(program, new FaultPlan.None(), Schedule.Fifo);
            var mutexes = Measures.All(program).OfType<Statement.Lock>().ToDictionary(s => (uint)s.Site, s => s.Mutex);
            var shared = run
                .Events.SelectMany(
                    (events, fiber) =>
                        events
                            .Where(e => e.Kind is EventKind.Acquired && mutexes.ContainsKey(e.A))
                            .Select(e => (Mutex: mutexes[e.A], fiber))
                )
                .Distinct()
                .GroupBy(taken => taken.Mutex)
                .Count(group => group.Count() > 1);
            return new RunFacts(
                program.Functions.Count,
                Measures.Statements(program),
                run.Entries,
                run.EntryPoints.Max(entry => entry.Depth),
                run.Probes.Count,
                run.Outcomes,
                shared,
                run.Events.Count(events => Follows(events, EventKind.Probe, EventKind.Yielded)),
                run.Events.Count(events => Follows(events, EventKind.Yielded, EventKind.Probe))
            );
        }

        private static bool Follows(EquatableArray<Event> events, EventKind first, EventKind then) =>
            events.SkipWhile(e => e.Kind != first).Any(e => e.Kind == then);
    }
}
