using System.Collections.Immutable;

namespace Harness.Binary;

/// <summary>Why a function of a unit has no split check.</summary>
public enum UnsplitReason
{
    /// <summary>Named in the exclusion list.</summary>
    Excluded,

    /// <summary>It asks for its return address, which would be morestack's (FACTS.md).</summary>
    AsksReturnAddress,

    /// <summary>LLVM does not split variadic functions.</summary>
    Variadic,

    /// <summary>It has no prologue.</summary>
    Naked,

    /// <summary>It was meant to have a check, and has none.</summary>
    CheckMissing,
}

/// <param name="FrameBytes">What it may use of the stack unchecked; −1 when unknown.</param>
public readonly record struct UnsplitFunction(string Name, UnsplitReason Reason, long FrameBytes);

/// <summary>What an injection did to an object.</summary>
/// <param name="Functions">Functions in the object.</param>
/// <param name="Split">Those with a check.</param>
/// <param name="UnknownFrames">Thunks whose function's frame could not be told, so that the default stands.</param>
/// <param name="Redirected">
/// Relocations that now reach a thunk, the ones added to calls without any included; or checks raised by an alignment.
/// </param>
public sealed record InjectionReport(
    int Functions, int Split, ImmutableArray<UnsplitFunction> Unsplit, int UnknownFrames, int Redirected);
