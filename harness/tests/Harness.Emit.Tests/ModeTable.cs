namespace Harness.Emit.Tests;

/// <summary>The ways in which a unit is compiled.</summary>
internal static class ModeTable
{
    public static readonly IReadOnlyList<(string Name, string[] Options)> All =
    [
        ("selfhosted", ["-fno-llvm"]),
        ("debug", ["-fllvm"]),
        ("safe", ["-fllvm", "-O", "ReleaseSafe"]),
        ("fast", ["-fllvm", "-O", "ReleaseFast"]),
        ("small", ["-fllvm", "-O", "ReleaseSmall"]),
    ];

    public static TheoryData<string> Names => [.. All.Select(m => m.Name)];

    public static string[] Options(string name) => All.Single(m => m.Name == name).Options;
}
