namespace Harness.Binary.Unwind.Audit;

/// <summary>How an unwind row, or the lack of one, contradicts the code.</summary>
public enum FindingKind
{
    /// <summary>The CFA is declared where it is not.</summary>
    WrongCfa,

    /// <summary>The code does not tell where the CFA is; a REVIEW, not a proof of an error.</summary>
    UnprovenCfa,

    /// <summary>A callee-saved register is declared in a place that does not hold the caller's value.</summary>
    WrongRegister,

    /// <summary>A callee-saved register was overwritten and no rule says where the caller's value is.</summary>
    LostRegister,

    /// <summary>The return address is declared where it is not.</summary>
    WrongReturnAddress,

    /// <summary>The rows say that there is no caller.</summary>
    UndefinedReturnAddress,

    /// <summary>A return, or a jump to another function, with rsp not at the return address.</summary>
    UnbalancedExit,

    /// <summary>A return, or a jump to another function, with a callee-saved register that is not the caller's.</summary>
    UnrestoredRegister,

    /// <summary>A row begins within an instruction.</summary>
    RowInsideInstruction,

    /// <summary>No row covers an instruction of an FDE.</summary>
    NoRow,

    /// <summary>An FDE ends within an instruction.</summary>
    EndInsideInstruction,

    /// <summary>Code that no FDE covers.</summary>
    NoEntry,

    /// <summary>An FDE that does not begin or end where its function does.</summary>
    WrongRange,

    /// <summary>Two FDEs cover the same code.</summary>
    Overlap,

    /// <summary>An FDE over what is no code of the file.</summary>
    NotCode,

    /// <summary>The search table leads elsewhere than the section.</summary>
    SearchTable,

    /// <summary>Something in the call frame information cannot be read or evaluated.</summary>
    Unreadable,

    /// <summary>A return address that no call put there has no byte of its own function before it, or one with another row.</summary>
    SyntheticReturn,

    /// <summary>A debugger would not know the stub of a segment boundary by its name.</summary>
    StubName,

    /// <summary>Code that is reached and cannot be decoded.</summary>
    NotDecodable,

    /// <summary>An indirect jump whose targets the code does not tell.</summary>
    UnresolvedJump,

    /// <summary>A recorded shortcoming that is none any more.</summary>
    Outdated,
}

/// <summary>One contradiction, at the first instruction that shows it.</summary>
/// <param name="Function">Symbol that covers it.</param>
/// <param name="Offset">From the function's start.</param>
/// <param name="Instruction">In Intel syntax; empty where none is concerned.</param>
/// <param name="Expected">What the code says.</param>
/// <param name="Declared">What the row says.</param>
/// <param name="Instructions">How many instructions of the function contradict alike.</param>
public sealed record UnwindFinding(
    FindingKind Kind, string Function, ulong Address, long Offset, string Instruction, string Expected, string Declared, int Instructions = 1)
{
    /// <summary>What the finding is about: the CFA, a register.</summary>
    public string Subject { get; init; } = "";

    /// <summary>Whether the function is the self-hosted backend's (<see cref="CommonEntry.IsSelfHosted"/>).</summary>
    public bool IsSelfHosted { get; init; }

    public override string ToString() =>
        FormattableString.Invariant($"{Kind} at {Function}+0x{Offset:x}")
        + (Instruction.Length > 0 ? $" ({Instruction})" : "")
        + $": expected {Expected}, declared {Declared}"
        + (Instructions > 1 ? FormattableString.Invariant($"; {Instructions} instructions alike") : "");
}

/// <summary>How much was looked at.</summary>
/// <param name="Instructions">Instruction boundaries at which a row was compared with the code.</param>
/// <param name="Unreached">Instructions of FDEs that no path leads to: behind calls that do not return, padding.</param>
public sealed record AuditCounts(int Entries, int Instructions, int Unreached);

/// <summary>What an audit came to.</summary>
/// <param name="Findings">Not explained.</param>
/// <param name="Excused">Explained by a recorded shortcoming, with its reason.</param>
public sealed record UnwindReport(
    IReadOnlyList<UnwindFinding> Findings, IReadOnlyList<(UnwindFinding Finding, Shortcoming Reason)> Excused, AuditCounts Counts);

/// <summary>One line of a function with its unwind row.</summary>
/// <param name="Contradictions">Empty where the row holds.</param>
public sealed record ListedInstruction(ulong Address, long Offset, string Instruction, string Row, IReadOnlyList<string> Contradictions);
