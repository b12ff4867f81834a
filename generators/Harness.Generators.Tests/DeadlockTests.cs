using Harness.Model;

namespace Harness.Generators.Tests;

/// <summary>Several fibers that wait for each other at once, while another goes on: which of them gives up is then a question.</summary>
public sealed class DeadlockTests
{
    private const int Programs = 400;

    [Theory]
    [InlineData("default", 20)]
    [InlineData("fibers", 60)]
    public void fibers_wait_for_each_other_so_that_who_gives_up_shows(string profile, int least)
    {
        var shown = 0;
        var byMutex = 0;
        for (ulong seed = 0; seed < Programs; seed++)
        {
            var program = ProgramGenerator.Generate(seed, ProgramGenerator.DefaultSize, Profile.Named(profile));
            if (Digest(program, ModelDefect.None) != Digest(program, ModelDefect.Deadlock))
            {
                shown++;
                byMutex += Measures.All(program).OfType<Statement.Lock>().Any() && !Measures.All(program).OfType<Statement.Join>().Any() ? 1 : 0;
            }
        }

        Assert.True(shown >= least && byMutex > 0, $"{shown} of {Programs} programs show it, {byMutex} of them by mutexes alone");
    }

    private static ulong Digest(FiberProgram program, ModelDefect defect) =>
        CompiledProgram.Of(program, defect).Run(new FaultPlan.None(), Schedule.Fifo, Kept.Counts).Digest;
}
