using Harness.Generators.Explaining;
using Harness.Model;

namespace Harness.Generators.Tests;

/// <summary>Programs with one part changed.</summary>
public sealed class VariantTests
{
    private static readonly IReadOnlyList<(FiberProgram Program, IReadOnlyList<ChangedProgram> Variants)> _samples =
        [.. Enumerable.Range(0, 8).Select(seed => ProgramGenerator.Generate((ulong)seed, 14, Profile.Named(Profile.Names[0]))).Select(program => (program, (IReadOnlyList<ChangedProgram>)[.. ProgramVariants.Of(program)]))];

    [Fact]
    public void Each_is_another_program_that_is_well_formed_and_finishes() => Assert.All(_samples, sample => Assert.All(sample.Variants, variant =>
    {
        Assert.NotEqual(sample.Program, variant.Program);
        Assert.Empty(Validator.Check(variant.Program));
        Assert.Equal(RunEnding.Finished, Interpreter.Run(variant.Program, new FaultPlan.None(), Schedule.Fifo, Kept.Counts).Ending);
    }));

    [Fact]
    public void Each_value_of_a_part_is_another_and_not_what_it_was() => Assert.All(_samples, sample =>
    {
        Assert.All(sample.Variants, variant => Assert.NotEqual(variant.Was, variant.Value));
        Assert.Equal(sample.Variants.Count, sample.Variants.Select(variant => (variant.Part, variant.Site, variant.Value)).Distinct().Count());
    });

    [Fact]
    public void All_kinds_of_parts_are_varied()
    {
        var parts = _samples.SelectMany(sample => sample.Variants).Select(variant => variant.Part).ToList();
        Assert.All(
            (string[])["the log", "the value of the log", "the resource", "how the call is made", "inlining of function 0", "the error set of function 0", "what function 0 returns", "the fuel of fiber 0"],
            expected => Assert.Contains(expected, parts));
    }
}
