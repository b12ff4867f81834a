using System.Collections.Immutable;

namespace Harness.Verification.Abi;

/// <summary>What a fact is about.</summary>
public enum AbiTopic
{
    /// <summary>Where a function finds its arguments.</summary>
    Arguments,

    /// <summary>Where a caller finds the result.</summary>
    Result,

    /// <summary>Whether any function was seen to leave another value in a register.</summary>
    Preserves,

    /// <summary>Whether a caller went wrong when a register came back with another value.</summary>
    ReliesOn,

    /// <summary>Where the error return trace is passed.</summary>
    TracePointer,

    /// <summary>What rsp, before a call's return address, was always a multiple of.</summary>
    StackAlignment,

    /// <summary>Whether rbp leads to the caller's frame.</summary>
    FramePointer,

    /// <summary>How far below rsp a function without calls writes.</summary>
    RedZone,

    /// <summary>What LLVM's split-stack checks compare with.</summary>
    LimitSlot,

    /// <summary>Where a caller does not put what the callee reads.</summary>
    Disagreement,
}

/// <summary>One thing that was measured.</summary>
/// <param name="Convention">As Zig writes it (<c>.auto</c>, <c>.c</c>); empty where it is none's.</param>
/// <param name="Subject">A signature, a register, a kind of function, a target.</param>
public sealed record AbiFact(AbiTopic Topic, string Convention, string Subject, string Value)
{
    public (AbiTopic, string, string) Key => (Topic, Convention, Subject);
}

/// <summary>What was measured in one cell of the compiler.</summary>
/// <param name="Cell">Backend, mode and what else was chosen, in words.</param>
/// <param name="Problem">Why nothing was; null: it was.</param>
public sealed record AbiCellFacts(string Cell, string? Problem, ImmutableArray<AbiFact> Facts)
{
    public string? this[AbiTopic topic, AbiConvention? convention, string subject] =>
        Facts.FirstOrDefault(fact => fact.Key == (topic, AbiWords.Of(convention), subject))?.Value;
}

/// <summary>The conventions of a compiler, measured.</summary>
public sealed record AbiFingerprint(string Zig, ImmutableArray<AbiCellFacts> Cells)
{
    /// <summary>Of the file's format, and of what is measured: fingerprints of two versions are not comparable.</summary>
    public const int Schema = 1;
}

internal static class AbiWords
{
    public const string Yes = "yes";
    public const string No = "no";

    public static string Of(AbiConvention? convention) => convention switch
    {
        AbiConvention.Auto => ".auto",
        AbiConvention.C => ".c",
        _ => "",
    };

    public static string Of(bool value) => value ? Yes : No;
}
