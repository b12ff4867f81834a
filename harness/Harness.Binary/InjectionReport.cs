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
    int Functions, int Split, ImmutableArray<UnsplitFunction> Unsplit, int UnknownFrames, int Redirected)
{
    /// <summary>Functions with a check that ask for their return address, which is the stub's where they split.</summary>
    public ImmutableArray<string> Misled { get; init; } = [];

    /// <summary>Why an injected object must not be run: it would hold, or fail, for no reason of its own. Null: it may be.</summary>
    /// <param name="maxUnsplitFrameBytes">
    /// The largest frame of a function without a check: it must fit, with those it calls, into what the runtime keeps below the limit.
    /// </param>
    public string? Defect(long maxUnsplitFrameBytes)
    {
        if (Split == 0)
        {
            return $"none of {Functions} functions has a split check";
        }

        var missing = Unsplit.Where(function => function.Reason is UnsplitReason.CheckMissing).Select(function => function.Name).ToList();
        if (missing.Count > 0)
        {
            return $"{missing.Count} of {Functions} functions have no split check: {string.Join(", ", missing.Take(5))}";
        }

        var large = Unsplit.Where(function => function.FrameBytes > maxUnsplitFrameBytes).ToList();
        return large.Count > 0
            ? $"{large[0].Name} is unsplit ({large[0].Reason}) and has a frame of {large[0].FrameBytes} bytes, "
                + $"which exceeds the maximum of {maxUnsplitFrameBytes}"
            : null;
    }
}
