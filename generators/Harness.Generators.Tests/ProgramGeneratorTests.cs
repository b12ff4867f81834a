using Harness.Generators.Building;
using Harness.Model;

namespace Harness.Generators.Tests;

public sealed class ProgramGeneratorTests
{
    public static TheoryData<string> ProfileNames => [.. Profile.Names];

    [Theory]
    [MemberData(nameof(ProfileNames))]
    public void programs_are_well_formed_at_every_size(string name) =>
        Holds.ForPrograms(Profile.Named(name), 250, program => Validator.Check(program).Count == 0);

    [Theory]
    [MemberData(nameof(ProfileNames))]
    public void programs_finish_without_a_fault(string name) =>
        Holds.ForPrograms(
            Profile.Named(name),
            250,
            program =>
                Interpreter.Run(program, new FaultPlan.None(), Schedule.Fifo, Kept.Counts).Ending
                is RunEnding.Finished
        );

    [Theory]
    [MemberData(nameof(ProfileNames))]
    public void programs_finish_and_leak_nothing_under_faults_and_schedules(string name) =>
        Holds.ForPrograms(Profile.Named(name), name == "deep" ? 40 : 120, program => FaultsOf(program).All(IsFinished));

    [Fact]
    public void swarm_programs_are_well_formed_and_finish_under_faults()
    {
        for (ulong seed = 0; seed < 400; seed++)
        {
            var program = ProgramGenerator.Generate(seed, ProgramGenerator.DefaultSize, Profile.Swarm(seed));
            Assert.Empty(Validator.Check(program));
            Assert.All(FaultsOf(program).Take(12), run => Assert.True(IsFinished(run), $"seed {seed}: {run.Ending}"));
        }
    }

    [Fact]
    public void the_same_seed_gives_the_same_program()
    {
        for (ulong seed = 0; seed < 60; seed++)
        {
            var profile = Profile.Swarm(seed);
            var program = ProgramGenerator.Generate(seed, 25, profile);
            var again = ProgramGenerator.Generate(seed, 25, Profile.Parse(profile.ToToken()));
            Assert.Equal(program, again);
            Assert.Equal(ProgramJson.Write(program), ProgramJson.Write(again));
        }
    }

    [Fact]
    public void the_same_seed_gives_the_same_program_on_every_thread()
    {
        var expected = Enumerable
            .Range(0, 40)
            .Select(seed => ProgramGenerator.Generate((ulong)seed, 20, Profile.Default))
            .ToArray();
        var observed = new FiberProgram[expected.Length];
        Parallel.For(
            0,
            expected.Length,
            seed => observed[seed] = ProgramGenerator.Generate((ulong)seed, 20, Profile.Default)
        );
        Assert.Equal(expected, observed);
    }

    [Fact]
    public void other_seeds_give_other_programs() =>
        Assert.Equal(
            200,
            Enumerable
                .Range(0, 200)
                .Select(seed => ProgramGenerator.Generate((ulong)seed, 30, Profile.Default))
                .Distinct()
                .Count()
        );

    [Fact]
    public void programs_survive_a_round_trip_through_json()
    {
        for (ulong seed = 0; seed < 150; seed++)
        {
            var program = ProgramGenerator.Generate(seed, 30, Profile.Named(Profile.Names[(int)(seed % 6)]));
            Assert.Equal(program, ProgramJson.Read(ProgramJson.Write(program)));
        }
    }

    [Fact]
    public void sites_count_from_one_without_gaps()
    {
        for (ulong seed = 0; seed < 100; seed++)
        {
            var program = ProgramGenerator.Generate(seed, 30, Profile.Default);
            var sites = program
                .Functions.SelectMany(f => StatementTree.All(f.Body))
                .SelectMany(StatementTree.Sites)
                .ToList();
            Assert.Equal(Enumerable.Range(1, sites.Count), sites.Order());
        }
    }

    [Fact]
    public void the_generator_bounds_the_stack_that_a_fiber_may_need()
    {
        for (ulong seed = 0; seed < 300; seed++)
        {
            var program = ProgramGenerator.Generate(seed, 30, Profile.Named(Profile.Names[(int)(seed % 6)]));
            Assert.All(
                program.Fibers,
                fiber => Assert.InRange(StackEstimate.FiberBytes(program, fiber), 1, StackEstimate.FiberLimit)
            );
        }
    }

    [Fact]
    public void size_grows_programs()
    {
        var averages = new[] { 1, 10, 30, 60, 100 }
            .Select(size =>
                Enumerable
                    .Range(0, 60)
                    .Average(seed => Measures.Statements(ProgramGenerator.Generate((ulong)seed, size, Profile.Default)))
            )
            .ToArray();
        Assert.Equal(averages.Order(), averages);
        Assert.True(averages[^1] > 3 * averages[0]);
    }

    private static bool IsFinished(ExpectedRun run) => run.Ending is RunEnding.Finished;

    private static IEnumerable<ExpectedRun> FaultsOf(FiberProgram program)
    {
        var compiled = CompiledProgram.Of(program);
        var entries = compiled.Run(new FaultPlan.None(), Schedule.Fifo, Kept.Counts).Entries;
        for (var entry = 0; entry < entries; entry += Math.Max(1, entries / 6))
        {
            var schedule = new Schedule((ulong)entry);
            yield return compiled.Run(
                new FaultPlan.ErrorAt(entry, ErrorName.Injected, Persistent: false),
                schedule,
                Kept.Counts
            );
            yield return compiled.Run(
                new FaultPlan.ErrorAt(entry, ErrorName.Canceled, Persistent: true),
                schedule,
                Kept.Counts
            );
            yield return compiled.Run(new FaultPlan.PanicAt(entry), schedule, Kept.Counts);
            yield return compiled.Run(new FaultPlan.SegfaultAt(entry), schedule, Kept.Counts);
        }

        yield return compiled.Run(new FaultPlan.None(), new Schedule(1, LaunchMask: 1), Kept.Counts);
    }
}
