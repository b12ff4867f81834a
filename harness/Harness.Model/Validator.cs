namespace Harness.Model;

/// <summary>The static rules of programs.</summary>
public static class Validator
{
    /// <summary>What is wrong with the program, naming function and site; empty when it is well-formed.</summary>
    public static IReadOnlyList<string> Check(FiberProgram program) => [];
}
