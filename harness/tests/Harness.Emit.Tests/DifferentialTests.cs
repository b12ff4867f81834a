using Harness.Model;

namespace Harness.Emit.Tests;

/// <summary>What emitted programs do, on ordinary stacks, is what the model says.</summary>
public class DifferentialTests
{
    public static TheoryData<string> Modes => ModeTable.Names;

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task every_sample_does_what_the_model_says_under_every_fault(string mode)
    {
        var programs = SampleTexts.All.Select(s => Samples.Caller(s.Body)).ToList();
        using var zig = new ZigTool();
        var worker = await MockWorker.BuildAsync(zig, programs, mode);

        var runs = Enumerable.Range(0, programs.Count).SelectMany(i => Runs(programs[i], i)).ToList();
        var differences = await worker.DifferencesAsync(runs);

        Assert.True(differences.Count == 0, string.Join('\n', differences.Take(20)));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task random_programs_are_formatted_compile_and_do_what_the_model_says(string mode)
    {
        var programs = RandomPrograms.From(RandomPrograms.Seed, RandomPrograms.Count(mode));
        using var zig = new ZigTool();
        var worker = await MockWorker.BuildAsync(zig, programs, mode);
        await zig.AssertFormattedAsync(Path.Combine(zig.Scratch, mode + ".zig"));

        var runs = Enumerable.Range(0, programs.Count).SelectMany(i => RandomPrograms.Runs(programs[i], i)).ToList();
        var differences = await worker.DifferencesAsync(runs);

        Assert.True(differences.Count == 0, string.Join('\n', differences.Take(20)));
    }

    [Fact]
    public async Task what_a_shrinker_tries_compiles_and_does_what_the_model_says()
    {
        var programs = RandomPrograms.From(RandomPrograms.Seed, 8).SelectMany(RandomPrograms.Smaller).ToList();
        using var zig = new ZigTool();
        var worker = await MockWorker.BuildAsync(zig, programs, "selfhosted");

        var runs = Enumerable.Range(0, programs.Count).SelectMany(i => RandomPrograms.Runs(programs[i], i)).ToList();
        var differences = await worker.DifferencesAsync(runs);

        Assert.True(differences.Count == 0, string.Join('\n', differences.Take(20)));
        await zig.AssertFormattedAsync(Path.Combine(zig.Scratch, "selfhosted.zig"));
    }

    [Theory]
    [InlineData("selfhosted")]
    [InlineData("fast")]
    [InlineData("small")]
    public async Task a_frame_stays_until_everything_it_deferred_has_run(string mode)
    {
        FiberProgram[] programs =
        [
            Samples.Program(
                Samples.Function(0, Samples.Infallible, Samples.Void, [], Samples.Call(1, 1, Samples.Plain)),
                Samples.Function(
                    1, Samples.Infallible, Samples.Void, [],
                    new Statement.Defer([Samples.Call(2, 2, Samples.Plain)]),
                    new Statement.Log(3, Samples.Const(3))),
                Samples.Function(
                    2, Samples.Infallible, Samples.Void, [],
                    new Statement.Defer([new Statement.Probe(4)]))),
        ];
        using var zig = new ZigTool();
        var worker = await MockWorker.BuildAsync(zig, programs, mode);

        Assert.Empty(await worker.DifferencesAsync([new MockRun(0, new FaultPlan.None(), Schedule.Fifo)]));
        var expected = Interpreter.Run(programs[0], new FaultPlan.None(), Schedule.Fifo);
        Assert.Equal(4, Assert.Single(expected.Probes).Chain.Count);
    }

    [Fact]
    public async Task errdefers_in_the_wrong_order_are_told_from_the_right_order()
    {
        FiberProgram[] programs =
        [
            Samples.Caller(
                new Statement.ErrDefer([new Statement.Log(1, Samples.Const(1))]),
                new Statement.ErrDefer([new Statement.Log(2, Samples.Const(2))]),
                new Statement.Raise(3, ErrorName.Busy)),
        ];
        using var zig = new ZigTool();
        var wrong = ZigEmitter.Emit([EmissionDefects.Apply("errdefer_order", programs[0])]);
        var worker = await MockWorker.BuildAsync(zig, wrong, programs, "selfhosted");

        var run = new MockRun(0, new FaultPlan.None(), Schedule.Fifo);
        var difference = Assert.Single(await worker.DifferencesAsync([run]));

        Assert.Contains("expected Log 2 2, observed Log 1 1", difference, StringComparison.Ordinal);
    }

    /// <summary>No fault, then every fault at every entry that the faultless run makes.</summary>
    private static IEnumerable<MockRun> Runs(FiberProgram program, int index)
    {
        var plain = Interpreter.Run(program, new FaultPlan.None(), Schedule.Fifo);
        Assert.Equal(RunEnding.Finished, plain.Ending);
        yield return new MockRun(index, new FaultPlan.None(), Schedule.Fifo);
        for (var entry = 0; entry < plain.Entries; entry++)
        {
            FaultPlan[] faults =
            [
                new FaultPlan.ErrorAt(entry, ErrorName.StackOverflow, Persistent: false),
                new FaultPlan.ErrorAt(entry, ErrorName.Injected, Persistent: true),
                new FaultPlan.PanicAt(entry),
                new FaultPlan.SegfaultAt(entry),
            ];
            foreach (var fault in faults)
            {
                yield return new MockRun(index, fault, Schedule.Fifo);
            }
        }
    }
}
