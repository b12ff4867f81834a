using Harness.Model;

namespace Harness.Generators.Building;

/// <summary>How a program recurses.</summary>
internal enum Recursion
{
    None,
    Shallow,
    Deep,
}

/// <summary>A fiber before its arguments and fuel are drawn.</summary>
internal sealed record FiberPlan(int Entry, bool StartsAtLaunch);

/// <summary>A program's outline: who calls whom at least, and with which signatures.</summary>
internal sealed record ProgramPlan(
    IReadOnlyList<FunctionPlan> Functions,
    IReadOnlyList<FiberPlan> Fibers,
    int Mutexes,
    Recursion Recursion,
    IReadOnlyList<ErrorName> Errors,
    IReadOnlyList<ZigType> Palette
)
{
    /// <summary>Entries that one call of function 0 may make at most, as far as calls are optional.</summary>
    public int CostCap { get; init; }

    /// <summary>The same for any function: the further from the fibers' entries, the fewer.</summary>
    public int CapOf(FunctionPlan function) =>
        Math.Max(3, CostCap * (Functions.Count - function.Id) / Functions.Count / (function.IsEntry ? 1 : 2));
}
