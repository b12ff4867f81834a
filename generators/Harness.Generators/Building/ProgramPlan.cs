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

/// <summary>
/// Fibers 0 … <paramref name="Members"/> − 1, each with an entry function of its own, of which each waits for the next one and the last for the
/// first: for its end, or, with <paramref name="ByMutex"/>, for the mutex that it holds (<paramref name="FirstMutex"/> and up, which nothing else locks).
/// </summary>
internal sealed record WaitingRing(int Members, bool ByMutex, int FirstMutex)
{
    /// <summary>The most members that a ring has.</summary>
    public const int MaxMembers = 3;

    public int Mutexes => ByMutex ? Members : 0;

    public int Next(int member) => (member + 1) % Members;
}

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
    /// <summary>Null: no fibers wait for each other on purpose.</summary>
    public WaitingRing? Ring { get; init; }

    /// <summary>Entries that one call of function 0 may make at most, as far as calls are optional.</summary>
    public int CostCap { get; init; }

    /// <summary>The same for any function: the further from the fibers' entries, the fewer.</summary>
    public int CapOf(FunctionPlan function) =>
        Math.Max(3, CostCap * (Functions.Count - function.Id) / Functions.Count / (function.IsEntry ? 1 : 2));
}
