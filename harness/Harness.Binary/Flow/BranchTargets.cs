using Iced.Intel;

namespace Harness.Binary.Flow;

/// <summary>Where paths of a function meet: what its direct branches lead to within it.</summary>
internal static class BranchTargets
{
    /// <summary>For each instruction whether a branch leads to it.</summary>
    public static bool[] Of(ICode code)
    {
        var result = new bool[code.Instructions.Length];
        foreach (ref readonly var instruction in code.Instructions)
        {
            if (instruction.FlowControl is FlowControl.ConditionalBranch or FlowControl.UnconditionalBranch
                && code.IndexOf(instruction.NearBranchTarget) is var index and >= 0)
            {
                result[index] = true;
            }
        }

        return result;
    }
}
