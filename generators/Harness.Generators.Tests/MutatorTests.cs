using Harness.Generators.Mutating;
using Harness.Model;

namespace Harness.Generators.Tests;

/// <summary>Changed programs are programs: well-formed, finishing, the same again from the same seed, and nearly always others than before.</summary>
public sealed class MutatorTests
{
    [Fact]
    public void A_change_keeps_a_program_well_formed_and_usually_changes_it()
    {
        var changed = 0;
        for (ulong seed = 0; seed < 60; seed++)
        {
            var program = ProgramGenerator.Generate(seed, 24, Profile.Swarm(seed));
            var mutant = ProgramMutator.Mutate(program, seed * 31);
            Assert.Empty(Validator.Check(mutant));
            Assert.Equal(RunEnding.Finished, Interpreter.Run(mutant, new FaultPlan.None(), Schedule.Fifo, Kept.Counts).Ending);
            changed += mutant == program ? 0 : 1;
        }

        Assert.True(changed >= 50, $"{changed} of 60 changed");
    }

    [Fact]
    public void A_descent_reads_back_and_makes_the_same_program()
    {
        var descent = new Descent(0x1f3a, 20, "default", []).Changed(7).Changed(0xffffffffffffffff);
        Assert.Equal("1f3a~20~default~7~ffffffffffffffff", descent.ToString());
        Assert.Equal(descent, Descent.Parse(descent.ToString()));
        Assert.Equal(descent.Make(), Descent.Parse(descent.ToString()).Make());
        Assert.Equal(ProgramMutator.Mutate(ProgramMutator.Mutate(ProgramGenerator.Generate(0x1f3a, 20, Profile.Default), 7), 0xffffffffffffffff), descent.Make());
    }

    [Theory]
    [InlineData("")]
    [InlineData("1~20")]
    [InlineData("x~20~default")]
    [InlineData("1~99999~default")]
    [InlineData("1~20~nosuch")]
    [InlineData("1~20~default~")]
    [InlineData("1~20~default~1~2~3~4~5~6~7")]
    public void Other_text_is_refused(string text) => Assert.Throws<FormatException>(() => Descent.Parse(text));
}
