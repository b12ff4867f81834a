using Harness.Model;

namespace Harness.Verification.Explaining;

/// <summary>A case with one part changed.</summary>
/// <param name="Part">Which; the same words for all values of a part.</param>
/// <param name="Was">What it is in the case itself.</param>
/// <param name="Value">What it is here.</param>
public sealed record Variant(string Part, string Was, string Value, Case Case);

/// <summary>A program with one part changed: what the generators know how to vary.</summary>
/// <param name="Site">Of the statement that has the part; −1: it has none.</param>
public sealed record ProgramVariant(string Part, int Site, string Was, string Value, FiberProgram Program);

/// <summary>What became of a variant.</summary>
public enum VariantFate
{
    /// <summary>Neither pass nor fail, or it was not run.</summary>
    Unjudged,

    FailsAlike,

    /// <summary>It fails, but another way.</summary>
    FailsOtherwise,

    Holds,
}

/// <summary>A variant's fate, and what it failed by if another way.</summary>
public readonly record struct VariantResult(VariantFate Fate, string Check);

/// <summary>Runs variants of a case.</summary>
public interface IVariantRunner
{
    /// <summary>The fate of each; they are compiled together, so all are of one cell.</summary>
    Task<IReadOnlyList<VariantResult>> RunAsync(IReadOnlyList<Case> variants, Case original, Signature signature, string directory, CancellationToken ct);
}
