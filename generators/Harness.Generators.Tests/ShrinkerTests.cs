using Harness.Model;

namespace Harness.Generators.Tests;

public sealed class ShrinkerTests
{
    private static readonly Profile[] Profiles = [.. Profile.Names.Select(Profile.Named)];

    [Fact]
    public void candidates_are_well_formed_and_finish_and_are_smaller()
    {
        for (ulong seed = 0; seed < 12; seed++)
        {
            var program = ProgramGenerator.Generate(seed, 12, Profiles[seed % 6]);
            var measure = ProgramMeasure.Of(program);
            var count = 0;
            foreach (var candidate in ProgramShrinker.Candidates(program))
            {
                Assert.True(ProgramMeasure.Of(candidate) < measure);
                Assert.Empty(Validator.Check(candidate));
                Assert.Equal(
                    RunEnding.Finished,
                    Interpreter.Run(candidate, new FaultPlan.None(), Schedule.Fifo, Kept.Counts).Ending
                );
                count++;
            }

            Assert.True(count > 20, $"seed {seed}: {count} candidates");
        }
    }

    [Fact]
    public void candidates_neither_leak_nor_loop_under_faults()
    {
        for (ulong seed = 100; seed < 106; seed++)
        {
            var program = ProgramGenerator.Generate(seed, 20, Profile.Named("cleanup"));
            foreach (var candidate in ProgramShrinker.Candidates(program).Where((_, i) => i % 5 == 0))
            {
                var compiled = CompiledProgram.Of(candidate);
                for (var entry = 0; entry < 4; entry++)
                {
                    var fault = new FaultPlan.ErrorAt(entry, ErrorName.Injected, Persistent: false);
                    Assert.Equal(RunEnding.Finished, compiled.Run(fault, Schedule.Fifo, Kept.Counts).Ending);
                }
            }
        }
    }

    [Fact]
    public void candidates_are_made_lazily_and_the_same_each_time()
    {
        var program = ProgramGenerator.Generate(7, 30, Profile.Default);
        Assert.Equal(ProgramShrinker.Candidates(program).Take(25), ProgramShrinker.Candidates(program).Take(25));
    }

    [Fact]
    public void the_first_candidates_are_the_boldest()
    {
        var program = ProgramGenerator.Generate(3, 30, Profile.Named("fibers"));
        var first = ProgramShrinker.Candidates(program).First();
        Assert.Single(first.Fibers);
    }

    [Fact]
    public void the_smallest_program_has_no_candidates()
    {
        var function = new Function(
            0,
            FunctionKind.Plain,
            new ErrorSet.Infallible(),
            new ZigType.Void(),
            [],
            NoInline: true,
            []
        );
        Assert.Empty(
            ProgramShrinker.Candidates(new FiberProgram([function], [new Fiber(0, [], 0, StartsAtLaunch: true)], 0))
        );
    }

    [Fact]
    public void anything_shrinks_to_the_smallest_program()
    {
        for (ulong seed = 0; seed < 24; seed++)
        {
            var smallest = Greedily(ProgramGenerator.Generate(seed, 30, Profiles[seed % 6]), _ => true);
            Assert.Equal(0, Measures.Statements(smallest));
            Assert.Single(smallest.Functions);
        }
    }

    [Fact]
    public void an_errdefer_that_calls_beside_a_lock_shrinks_to_a_handful_of_statements() =>
        ShrinksTo(
            6,
            "default",
            program =>
                Measures
                    .All(program)
                    .OfType<Statement.ErrDefer>()
                    .Any(s => StatementTree.All(s.Body).Any(inner => inner is Statement.Call))
                && Measures.All(program).Any(s => s is Statement.Lock)
        );

    [Fact]
    public void a_handle_handed_to_a_caller_shrinks_to_its_acquisition_call_and_release() =>
        ShrinksTo(4, "cleanup", program => program.Functions.Any(f => f.Payload is ZigType.Handle));

    [Fact]
    public void a_break_with_a_defer_pending_shrinks_to_the_loop() =>
        ShrinksTo(
            5,
            "default",
            program =>
                Measures
                    .All(program)
                    .OfType<Statement.Loop>()
                    .Any(loop => loop.Body.Any(s => s is Statement.Defer) && loop.Body.Any(s => s is Statement.BreakIf))
        );

    [Fact]
    public void an_argument_passed_through_a_pointer_keeps_its_type_and_loses_the_rest() =>
        ShrinksTo(
            4,
            "abi",
            program =>
                Measures
                    .All(program)
                    .OfType<Statement.Call>()
                    .Any(call =>
                        call.Form is CallForm.Pointer
                        && program.Functions[call.Function].Parameters.Any(type => type is ZigType.Float { Bits: 80 })
                    )
        );

    [Fact]
    public void a_yield_under_a_lock_between_two_fibers_shrinks_to_both() =>
        ShrinksTo(
            5,
            "fibers",
            program =>
                program.Fibers.Count > 1
                && Measures.All(program).Any(s => s is Statement.Yield)
                && Measures.All(program).Any(s => s is Statement.Lock)
        );

    [Fact]
    public void deep_recursion_shrinks_to_the_cycle_and_no_more_fuel_than_needed() =>
        ShrinksTo(
            5,
            "deep",
            program =>
            {
                var run = Interpreter.Run(program, new FaultPlan.None(), Schedule.Fifo);
                return run.EntryPoints.Count > 0 && run.EntryPoints.Max(entry => entry.Depth) >= 100;
            }
        );

    [Fact]
    public void a_fault_that_makes_two_errdefers_run_stays_one_while_shrinking()
    {
        var shrunk = ShrinksTo(
            12,
            "cleanup",
            program =>
            {
                var run = Interpreter.Run(
                    program,
                    new FaultPlan.ErrorAt(1, ErrorName.Injected, Persistent: false),
                    Schedule.Fifo
                );
                return run.Events.Any(events => events.Count(e => e.Kind is EventKind.ErrDeferred) >= 2);
            }
        );
        Assert.All(shrunk, program => Assert.InRange(program.Functions.Count, 1, 4));
    }

    /// <summary>Shrinks the first few programs that hold what is asked; each must become that small.</summary>
    private static List<FiberProgram> ShrinksTo(int statements, string profile, Func<FiberProgram, bool> holds)
    {
        var shrunk = Enumerable
            .Range(0, 4_000)
            .Select(seed =>
                ProgramGenerator.Generate((ulong)seed, ProgramGenerator.DefaultSize, Profile.Named(profile))
            )
            .Where(holds)
            .Take(6)
            .Select(program => Greedily(program, holds))
            .ToList();
        Assert.Equal(6, shrunk.Count);
        Assert.All(shrunk, program => Assert.InRange(Measures.Statements(program), 0, statements));
        return shrunk;
    }

    private static FiberProgram Greedily(FiberProgram program, Func<FiberProgram, bool> holds)
    {
        while (ProgramShrinker.Candidates(program).FirstOrDefault(holds) is { } smaller)
        {
            program = smaller;
        }

        return program;
    }
}
