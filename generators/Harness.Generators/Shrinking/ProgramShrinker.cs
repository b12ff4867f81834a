using Harness.Model;

namespace Harness.Generators.Shrinking;

public static class ProgramShrinker
{
    public static IEnumerable<FiberProgram> Candidates(FiberProgram program) => [];
}
