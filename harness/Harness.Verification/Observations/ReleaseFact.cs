using Harness.Toolchain.Compat;

namespace Harness.Verification.Observations;

/// <summary>A fact of compiler or library that the harness relies on or works around, as it was observed.</summary>
/// <param name="Name">Never changed: expectations and baselines have it.</param>
/// <param name="What">In a sentence's beginning, for people.</param>
/// <param name="Measured">In words; or why it could not be observed.</param>
public sealed record ReleaseFact(string Name, string What, string Measured)
{
    /// <summary>Whether it is as expected of a release; null: nothing is expected of that one.</summary>
    public bool? IsExpected(string version) => ZigRelease.Expected(version, Name) is { } expected ? expected == Measured : null;
}
