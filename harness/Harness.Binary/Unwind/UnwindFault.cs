namespace Harness.Binary.Unwind;

/// <summary>Why call frame information could not be read or evaluated. "Could not" is never "nothing to do": each reason has its name.</summary>
public enum UnwindFault
{
    /// <summary>The data ends inside an entry, or has a number that no encoding allows.</summary>
    Truncated,

    /// <summary>A relocatable object: its entries begin nowhere yet.</summary>
    NotLinked,

    /// <summary>Compressed sections are not read.</summary>
    Compressed,
    TooManyEntries,
    UnknownVersion,
    UnknownAugmentation,
    UnknownEncoding,

    /// <summary>An FDE whose CIE is not where it says.</summary>
    NoCommonEntry,

    /// <summary>An FDE whose end lies beyond the address space.</summary>
    BadRange,
    UnknownOpcode,
    RestoreWithoutRemember,
    TooManyStates,
    TooManyRows,

    /// <summary>A location before the one reached, or outside of the FDE.</summary>
    BadLocation,

    /// <summary>A register that x86-64 unwinding has no value for.</summary>
    BadRegister,

    /// <summary>No rule says where the CFA is.</summary>
    NoCfa,

    /// <summary>An offset is changed while the CFA is not a register's value plus an offset.</summary>
    CfaNotRegister,
    UnknownOperation,
    ExpressionTooLong,
    ExpressionStack,
    ExpressionBranch,
    DivisionByZero,

    /// <summary>A rule needs a register whose value is not known.</summary>
    UnknownValue,

    /// <summary>No FDE covers the address.</summary>
    NoEntry,

    /// <summary>Memory that a rule names cannot be read.</summary>
    Unreadable,

    /// <summary>A frame with the CFA and the address of the one before it.</summary>
    Loop,
    TooManyFrames,
}

/// <summary>A fault where it was found.</summary>
/// <param name="Place">An offset in the section, or an address of code, as <paramref name="Detail"/> says.</param>
public sealed record UnwindProblem(UnwindFault Fault, ulong Place, string Detail)
{
    public override string ToString() => $"{Fault} at {Place:x}: {Detail}";
}

/// <summary>Caps on what call frame information may ask for; beyond them it is a fault with a name.</summary>
public sealed record UnwindLimits
{
    public static readonly UnwindLimits Default = new();

    /// <summary>CIEs and FDEs of one section.</summary>
    public int MaxEntries { get; init; } = 2_000_000;

    /// <summary>Problems kept of one file.</summary>
    public int MaxProblems { get; init; } = 1000;

    /// <summary>Of one FDE.</summary>
    public int MaxRows { get; init; } = 100_000;

    /// <summary>Remembered states at once.</summary>
    public int MaxStates { get; init; } = 64;

    /// <summary>Operations executed by one expression (it may branch backwards).</summary>
    public int MaxExpressionSteps { get; init; } = 1000;

    public int MaxExpressionDepth { get; init; } = 64;

    public int MaxFrames { get; init; } = 1_000_000;

    /// <summary>For tests alone.</summary>
    internal EngineDefect Planted { get; init; }
}

/// <summary>Ends the reading of one entry or the evaluation of one rule. Caught at the edge of this folder's public types.</summary>
internal sealed class UnwindException(UnwindFault fault, ulong place, string detail) : Exception(detail)
{
    public UnwindProblem Problem => new(fault, place, Message);
}
