using Iced.Intel;

namespace Harness.Binary;

/// <summary>
/// What a function's code says of the arguments that its caller left on the stack. Compilers reach them through the frame
/// pointer, at 16(%rbp) and above; a function that does so by constant offsets only tells how many bytes it can touch. Where an
/// address is taken, an index added, or rbp used in any other way, nothing is known.
/// </summary>
internal sealed class ArgumentUse
{
    /// <summary>Saved rbp and return address lie between rbp and the first stack argument.</summary>
    private const long FirstArgument = 16;

    /// <summary>The instructions just before were <c>test %al, %al</c> and perhaps <c>je</c>.</summary>
    private bool _testedAl;
    private bool _known = true;

    /// <summary>The instruction just before gave the frame up.</summary>
    private bool _droppedFrame;
    private bool _pushedFramePointer;
    private bool _setFramePointer;
    private long _bytes;
    private long _highestFromRsp;

    /// <summary>The function keeps a frame pointer. Code compiled to keep them in which this is false is <c>naked</c>.</summary>
    public bool KeepsFramePointer => _pushedFramePointer;

    /// <summary>It saves the vector argument registers where al says so, as the C convention has variadic functions do.</summary>
    public bool IsVariadic { get; private set; }

    /// <summary>An upper bound of the bytes above its return address that the function touches itself; −1: unknown.</summary>
    /// <param name="frameBytes">The bound on its frame: what is addressed from rsp beyond it may be arguments.</param>
    public long Bytes(long frameBytes) =>
        _known && _pushedFramePointer && _setFramePointer && !IsVariadic && _highestFromRsp <= frameBytes ? _bytes : -1;

    /// <param name="leaves">It is a branch to another function.</param>
    public void Follow(in Instruction instruction, bool leaves)
    {
        FollowVariadic(instruction);
        FollowTailCall(instruction, leaves);
        if (instruction.Mnemonic is Mnemonic.Push && instruction.Op0Kind is OpKind.Register
            && instruction.Op0Register is Register.RBP)
        {
            _pushedFramePointer = true;
        }
        else if (instruction is { Mnemonic: Mnemonic.Mov, Op0Register: Register.RBP, Op1Register: Register.RSP })
        {
            _setFramePointer = true;
        }
        else if (!PutsStackPointerBack(instruction))
        {
            _known &= !NamesFramePointer(instruction);
        }

        FollowMemory(instruction);
    }

    private void FollowVariadic(in Instruction instruction)
    {
        IsVariadic |= _testedAl && instruction.Op0Kind is OpKind.Memory
            && instruction.Mnemonic is Mnemonic.Movaps or Mnemonic.Vmovaps && instruction.Op1Register is Register.XMM0;
        var tests = instruction is { Mnemonic: Mnemonic.Test, Op0Register: Register.AL, Op1Register: Register.AL };
        _testedAl = tests || (_testedAl && instruction.Mnemonic is Mnemonic.Je);
    }

    /// <summary>A tail call may hand on arguments that lie where they lay, untouched here: how many, only the function jumped to knows.</summary>
    private void FollowTailCall(in Instruction instruction, bool leaves)
    {
        var jumps = instruction.FlowControl is FlowControl.UnconditionalBranch or FlowControl.ConditionalBranch or FlowControl.IndirectBranch;
        _known &= !(jumps && (leaves || _droppedFrame));
        _droppedFrame = instruction is { Mnemonic: Mnemonic.Leave } or { Mnemonic: Mnemonic.Pop, Op0Register: Register.RBP };
    }

    private void FollowMemory(in Instruction instruction)
    {
        var based = instruction.MemoryBase;
        if (based is not (Register.RBP or Register.RSP) || !HasMemoryOperand(instruction))
        {
            return;
        }

        var size = instruction.Mnemonic is Mnemonic.Lea ? 0 : instruction.MemorySize.GetSize();
        var end = unchecked((long)instruction.MemoryDisplacement64) + size;
        if (based is Register.RSP)
        {
            _highestFromRsp = Math.Max(_highestFromRsp, end);
        }
        else if (end > FirstArgument || (end >= 0 && (size == 0 || instruction.MemoryIndex is not Register.None)))
        {
            // Not an address, and no more than one operand.
            _known &= size > 0 && instruction.MemoryIndex is Register.None;
            _bytes = Math.Max(_bytes, end - FirstArgument);
        }
    }

    private static bool HasMemoryOperand(in Instruction instruction)
    {
        for (var i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) is OpKind.Memory)
            {
                return true;
            }
        }

        return false;
    }

    private static bool PutsStackPointerBack(in Instruction instruction) =>
        instruction is { Mnemonic: Mnemonic.Pop, Op0Register: Register.RBP }
            or { Mnemonic: Mnemonic.Mov, Op0Register: Register.RSP, Op1Register: Register.RBP };

    private static bool NamesFramePointer(in Instruction instruction)
    {
        for (var i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) is OpKind.Register
                && instruction.GetOpRegister(i).GetFullRegister() is Register.RBP)
            {
                return true;
            }
        }

        return instruction.MemoryIndex is Register.RBP;
    }
}
