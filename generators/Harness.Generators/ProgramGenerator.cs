using FsCheck;
using FsCheck.Fluent;
using Harness.Generators.Building;
using Harness.Model;

namespace Harness.Generators;

/// <summary>
/// Random fiber programs: well-formed by construction, finishing, and of a size that is cheap to run often.
/// </summary>
public static class ProgramGenerator
{
    /// <summary>Changes whenever the program of a (seed, size, profile) does; a replay token carries it.</summary>
    public const int Version = 3;

    /// <summary>The size of a typical program: 4–10 functions, some dozens of statements.</summary>
    public const int DefaultSize = 30;

    private static readonly Gen<ulong> Seeds =
        from high in Gen.Choose(int.MinValue, int.MaxValue)
        from low in Gen.Choose(int.MinValue, int.MaxValue)
        select ((ulong)(uint)high << 32) | (uint)low;

    /// <summary>The program of a seed: the same one, always.</summary>
    public static FiberProgram Generate(ulong seed, int size, Profile profile)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        var program = ProgramBuilder.Build(new Choices(seed, size), profile);
        var isDeep = program.Fibers.Any(fiber => fiber.Fuel >= 1_000);
        return Trimmer.Trim(program, isDeep, profile.Has(Feature.Probe));
    }

    /// <summary>Programs of FsCheck's current size.</summary>
    public static Gen<FiberProgram> Programs(Profile profile) =>
        Gen.Sized(size => Seeds.Select(seed => Generate(seed, size, profile)));

    /// <summary>Programs that shrink.</summary>
    public static Arbitrary<FiberProgram> Arbitrary(Profile profile) =>
        Arb.From(Programs(profile), ProgramShrinker.Candidates);
}
