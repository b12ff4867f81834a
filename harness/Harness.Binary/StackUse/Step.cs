namespace Harness.Binary.StackUse;

/// <summary>What one instruction does to the stack pointer, to what is known of it, or to where control goes.</summary>
internal enum StepKind : byte
{
    /// <summary>rsp goes down by Value bytes (up, when negative).</summary>
    Lower,

    /// <summary>The same by one word, which is the number in Value.</summary>
    PushNumber,

    /// <summary>rsp is rounded down to a multiple of Value.</summary>
    Align,

    /// <summary>rsp goes down by the number in a register.</summary>
    LowerByRegister,

    /// <summary>rsp becomes a register's value plus Value.</summary>
    SetStack,

    /// <summary>rsp comes from memory, or from a register of which nothing is known.</summary>
    LeaveStack,

    /// <summary>A register becomes rsp plus Value.</summary>
    KeepStack,

    /// <summary>A register becomes the number Value.</summary>
    KeepNumber,

    /// <summary>Nothing is known of a register any more.</summary>
    Forget,

    /// <summary>Memory at rsp plus Value is read or written, below rsp.</summary>
    Touch,

    /// <summary>A register (or rsp) less Value is compared with the limit.</summary>
    CompareLimit,

    /// <summary>rsp is compared with a register.</summary>
    CompareStack,

    /// <summary>A register is compared with zero.</summary>
    CompareZero,

    /// <summary>The 16 bits at a register plus Value are compared with zero.</summary>
    CompareSlot,

    /// <summary>They become what rax holds.</summary>
    StoreSlot,

    /// <summary>They become zero.</summary>
    ClearSlot,

    /// <summary>Nothing is known of them any more.</summary>
    ForgetSlot,

    /// <summary>rax becomes what they hold.</summary>
    LoadSlot,

    /// <summary>The flags are no longer those of a comparison above.</summary>
    ForgetFlags,

    /// <summary>Calls Value.</summary>
    Call,

    /// <summary>Calls what a pointer says; Value: the address of the word with the pointer, where it is a constant.</summary>
    CallPointer,

    /// <summary>Goes to Value.</summary>
    Jump,

    /// <summary>Goes where a pointer says; Value as for calls.</summary>
    JumpPointer,

    /// <summary>Goes to Value where the comparison came out above.</summary>
    BranchAbove,

    /// <summary>Goes to Value where it came out below or equal.</summary>
    BranchBelowOrEqual,

    /// <summary>Goes to Value where it came out equal.</summary>
    BranchEqual,

    /// <summary>Goes to Value where it came out different.</summary>
    BranchDifferent,

    /// <summary>Goes to Value, or on.</summary>
    Branch,

    /// <summary>Control goes back to the caller.</summary>
    Return,

    /// <summary>Control ends.</summary>
    Trap,

    /// <summary>Not code that can be followed.</summary>
    Bad,
}

/// <summary>Registers that a walk keeps in mind.</summary>
internal enum Kept : byte
{
    None,
    Stack,
    Frame,
    A,
    B,
    D,
    R10,
    R11,
}

/// <summary>One instruction that matters.</summary>
/// <param name="Next">The address behind it.</param>
internal readonly record struct Step(StepKind Kind, Kept Register, ulong Address, ulong Next, long Value);

/// <summary>The steps of one function, in order of address.</summary>
/// <param name="LowestFromFrame">The lowest distance from rbp at which memory is touched; 0 when none is below.</param>
/// <param name="Taken">Functions whose address its code takes.</param>
/// <param name="Code">All of its instructions, where some jump goes by a pointer that is no constant; else null.</param>
internal sealed record Steps(CodeFunction Function, Step[] List, long LowestFromFrame, IReadOnlyList<ulong> Taken, DecodedCode? Code)
{
    /// <summary>Index of the first step at an address or behind it; the length where there is none.</summary>
    public int IndexAt(ulong address)
    {
        var (low, high) = (0, List.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = List[middle].Address < address ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
