namespace Harness.Model;

/// <summary>Operations of the model's machine. Comments name the operands of <see cref="Instruction"/>.</summary>
internal enum Op : byte
{
    /// <summary>The checkpoint of function A; B = 1 when it is fallible.</summary>
    Checkpoint,

    /// <summary>Event Leave(A).</summary>
    Leave,

    /// <summary>Event Log(Site, scalar A).</summary>
    Log,

    /// <summary>Event Log(Site, sum of the buffer of B words whose seed is in slot A).</summary>
    LogBuffer,

    /// <summary>Slot A = make(type B, scalar C); with B = <see cref="Value.Folded"/>, C is the fold itself.</summary>
    Make,

    /// <summary>Slot A = the value of slot B.</summary>
    Copy,

    /// <summary>Slot A holds the word scalar B (a cell, a buffer's seed).</summary>
    SetWord,

    /// <summary>The cell that slot A points at = scalar B.</summary>
    StoreThrough,

    /// <summary>Calls function A with arguments B …; result to slot C (−1: none); on error go to D.</summary>
    Call,

    /// <summary>Ends the active call: the error in the frame's error slot, else the value in its result slot.</summary>
    Return,

    /// <summary>Runs the deferred body at A, then continues here.</summary>
    RunDeferred,

    /// <summary>The end of a deferred body.</summary>
    EndDeferred,

    Jump,

    /// <summary>Goes to A unless condition B holds.</summary>
    JumpUnless,

    /// <summary>Goes to A when the fiber has no fuel; else takes one unit.</summary>
    JumpUnlessFuel,

    /// <summary>Goes to A unless the error of the last call is B.</summary>
    JumpUnlessError,

    /// <summary>Slot A += 1; goes to C while it is below B.</summary>
    LoopNext,

    /// <summary>The frame will return the error of the last call.</summary>
    KeepError,

    /// <summary>Event Raised(Site, A); the frame will return error A.</summary>
    Raise,

    /// <summary>Event Caught(Site, the error of the last call).</summary>
    Caught,

    /// <summary>Event ErrDeferred(Site, the error that the frame returns).</summary>
    ErrDeferred,

    /// <summary>An entry in the error return trace: step A, place <see cref="Instruction.Site"/>.</summary>
    TraceError,

    /// <summary>An error's handler begins: the level goes to slot A, and is what the index is now.</summary>
    BeginHandler,

    /// <summary>The handler is left without an error: the level, and the index with it, are what slot A says.</summary>
    EndHandler,

    /// <summary>Acquires resource kind B into slot A.</summary>
    Acquire,

    /// <summary>Locks mutex B into slot A; on error go to D.</summary>
    Lock,

    /// <summary>Releases the handle in slot A.</summary>
    Release,

    Probe,

    Yield,

    /// <summary>Spawns fiber A.</summary>
    Spawn,

    /// <summary>Joins fiber A; on error go to D.</summary>
    Join,

    /// <summary>Cancels fiber A.</summary>
    Cancel,
}

/// <summary>What an active call means for the caller's frame in a call chain.</summary>
internal enum CallShape : byte
{
    Ordinary,

    Tail,

    /// <summary>The callee is called back by the runtime's bridge.</summary>
    Bridged,
}

internal readonly record struct Instruction(
    Op Op, int Site = 0, int A = 0, int B = 0, int C = 0, int D = 0, CallShape Shape = CallShape.Ordinary);

/// <summary>What a local stands for.</summary>
internal enum SlotKind : byte
{
    /// <summary>A value, or a handle.</summary>
    Value,

    Index,
    Cell,
    Pointer,
    Buffer,
}

/// <summary>One summand of a scalar: the index in the slot, or the fold of what the slot holds or points at.</summary>
internal readonly record struct Term(SlotKind Kind, int Slot);

/// <summary>A scalar, flattened: Add only ever sums, so it is a constant and a list of terms.</summary>
internal sealed record CompiledScalar(ulong Constant, Term[] Terms)
{
    public bool IsConstant => Terms.Length == 0;
}

internal readonly record struct CompiledCondition(CompiledScalar Value, ulong Modulus, ulong Remainder);

/// <summary>How one argument is passed.</summary>
internal enum PassKind : byte
{
    /// <summary>A new value of type <see cref="CompiledArgument.Operand"/> (or <see cref="Value.Folded"/>).</summary>
    Made,

    /// <summary>A copy of slot <see cref="CompiledArgument.Operand"/>.</summary>
    Copied,

    /// <summary>The address of the cell in that slot.</summary>
    AddressOfCell,

    /// <summary>The first words of the buffer whose seed is in that slot.</summary>
    SlicedBuffer,
}

internal readonly record struct CompiledArgument(PassKind Kind, int Operand, CompiledScalar? Seed);

/// <summary>
/// One local at run time. <see cref="Type"/> ≥ 0: make(that type, Bits), not folded yet; <see cref="Folded"/>: Bits is
/// its fold; <see cref="Sliced"/>: a buffer's first words, Bits its seed; <see cref="Word"/>: Bits is the word itself
/// (a cell's u64, a serial, an index, a buffer's seed, the slot that a pointer points at).
/// </summary>
internal struct Value(ulong bits, int type)
{
    public const int Folded = -1;
    public const int Sliced = -2;
    public const int Word = -3;

    public ulong Bits = bits;
    public int Type = type;
}

/// <summary>The code of one function: its first instruction is the checkpoint.</summary>
internal readonly record struct CompiledFunction(int Start, int Slots, int Parameters, bool MayBeInlined)
{
    /// <summary>Slot of the value that the function returns.</summary>
    public const int ResultSlot = 0;

    /// <summary>Slot of the error that it returns; 0 while it returns none.</summary>
    public const int ErrorSlot = 1;

    /// <summary>Slot of the error return trace's level in the block that runs (<see cref="ErrorReturns"/>).</summary>
    public const int LevelSlot = 2;

    /// <summary>Slot of parameter 0; the others follow.</summary>
    public const int FirstParameter = 3;
}
