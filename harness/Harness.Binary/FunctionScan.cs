using Iced.Intel;

namespace Harness.Binary;

/// <summary>What a function's machine code says about its use of the stack.</summary>
/// <param name="FrameBytes">
/// An upper bound of the bytes below its return address that the function itself uses: every push, every subtraction
/// from rsp, every realignment, wherever they stand (a compiler may move them behind a first branch), and what it touches below rsp
/// beyond the red zone. Calls are not counted.
/// </param>
/// <param name="FrameKnown">False when rsp is changed in some other way, or the bytes are not code.</param>
/// <param name="AsksReturnAddress">
/// It reads 8(%rbp), as <c>@returnAddress()</c> does in functions that keep a frame pointer.
/// </param>
/// <param name="ArgumentBytes">
/// An upper bound of the stack arguments that the function touches itself, in bytes; −1 where its code does not tell
/// (<see cref="ArgumentUse"/>).
/// </param>
/// <param name="KeepsFramePointer">Somewhere it pushes rbp.</param>
/// <param name="IsVariadic">It begins as C's variadic functions do.</param>
/// <param name="Exits">
/// Calls and branches that no relocation governs and that leave the function or call it, and addresses so taken of places
/// outside it or of its own first byte (a function that passes a pointer to itself).
/// </param>
public sealed record FunctionScan(
    long FrameBytes, bool FrameKnown, bool AsksReturnAddress, long ArgumentBytes, bool KeepsFramePointer, bool IsVariadic,
    IReadOnlyList<FunctionScan.Exit> Exits)
{
    /// <param name="Target">Offset in the section.</param>
    /// <param name="Field">Offset of the distance, which ends the instruction.</param>
    public readonly record struct Exit(ulong Target, ulong Field, int FieldBytes);

    /// <param name="code">The function's bytes.</param>
    /// <param name="offset">Where they start in their section.</param>
    /// <param name="isRelocated">Whether a relocation starts at an offset of the section.</param>
    /// <param name="maxInstructions">A function of more is not known.</param>
    public static FunctionScan Of(
        ReadOnlySpan<byte> code, ulong offset, Func<ulong, bool> isRelocated, int maxInstructions)
    {
        ArgumentNullException.ThrowIfNull(isRelocated);
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code.ToArray()), offset);
        var end = offset + (ulong)code.Length;
        var stack = new StackUse();
        var arguments = new ArgumentUse();
        var asks = false;
        var exits = new List<Exit>();
        var decoded = 0;
        while (decoder.IP < end)
        {
            var instruction = decoder.Decode();
            if (instruction.IsInvalid || ++decoded > maxInstructions)
            {
                stack.Known = false;
                break;
            }

            stack.Follow(instruction);
            arguments.Follow(instruction, MayLeave(instruction, offset, end));
            asks |= ReadsReturnAddress(instruction);
            if ((ExitOf(instruction, offset, end) ?? AddressOf(instruction, offset, end)) is { } exit && !isRelocated(exit.Field))
            {
                exits.Add(exit);
            }
        }

        return new FunctionScan(
            stack.Bytes, stack.Known, asks, stack.Known ? arguments.Bytes(stack.Bytes) : -1,
            arguments.KeepsFramePointer, arguments.IsVariadic, exits);
    }

    private static bool ReadsReturnAddress(in Instruction instruction) =>
        instruction is { MemoryBase: Register.RBP, MemoryIndex: Register.None, MemoryDisplacement64: 8 }
        && instruction.Mnemonic is not Mnemonic.Lea
        && Enumerable.Range(0, instruction.OpCount).Contains(OperandOfMemory(instruction));

    private static int OperandOfMemory(in Instruction instruction)
    {
        for (var i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) is OpKind.Memory)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Whether a branch goes to another function: a near one outside, or with a field that a relocation will fill.</summary>
    private static bool MayLeave(in Instruction instruction, ulong start, ulong end) =>
        instruction.Op0Kind is OpKind.NearBranch64
        && (instruction.NearBranchTarget < start || instruction.NearBranchTarget >= end || instruction.NearBranchTarget == instruction.NextIP);

    private static Exit? ExitOf(in Instruction instruction, ulong start, ulong end)
    {
        if (instruction.Op0Kind is not OpKind.NearBranch64)
        {
            return null;
        }

        var target = instruction.NearBranchTarget;
        var leaves = target < start
            || target >= end
            || (target == start && instruction.FlowControl is FlowControl.Call);
        var isShort = instruction.IsJccShort || instruction.IsJmpShort || instruction.IsLoop || instruction.IsJcxShort;
        var fieldBytes = isShort ? 1 : 4;
        return leaves ? new Exit(target, instruction.NextIP - (ulong)fieldBytes, fieldBytes) : null;
    }

    private static Exit? AddressOf(in Instruction instruction, ulong start, ulong end)
    {
        if (instruction.Mnemonic is not Mnemonic.Lea || !instruction.IsIPRelativeMemoryOperand)
        {
            return null;
        }

        var target = instruction.IPRelativeMemoryAddress;
        return target <= start || target >= end ? new Exit(target, instruction.NextIP - 4, 4) : null;
    }

    /// <summary>Sums what lowers rsp.</summary>
    private sealed class StackUse
    {
        private const int RedZoneBytes = 128;
        private readonly Dictionary<Register, ulong> _constants = [];

        private long _lowered;
        private long _reach;

        public long Bytes => Math.Min(_lowered + _reach, int.MaxValue);

        public bool Known { get; set; } = true;

        public void Follow(in Instruction instruction)
        {
            // A probe of a large frame touches up to a page below it, whatever the rest of a page is that the frame takes: found by
            // an execution whose neighbour segment was inaccessible. The red zone is the runtime's to keep.
            if (instruction is { MemoryBase: Register.RSP, Mnemonic: not Mnemonic.Lea } && (long)instruction.MemoryDisplacement64 < -RedZoneBytes)
            {
                _reach = Math.Max(_reach, Math.Min(-(long)instruction.MemoryDisplacement64, int.MaxValue));
            }

            if (instruction.Mnemonic is Mnemonic.Push or Mnemonic.Pushfq)
            {
                _lowered += -instruction.StackPointerIncrement;
            }
            else if (instruction.OpCount > 0 && instruction.Op0Kind is OpKind.Register)
            {
                FollowRegister(instruction);
            }
        }

        private void FollowRegister(in Instruction instruction)
        {
            var target = instruction.Op0Register.GetFullRegister();
            var hasImmediate = instruction.OpCount == 2 && instruction.Op1Kind
                is OpKind.Immediate32 or OpKind.Immediate64 or OpKind.Immediate8to64 or OpKind.Immediate32to64;
            if (target is not Register.RSP)
            {
                if (instruction.Mnemonic is Mnemonic.Mov && hasImmediate)
                {
                    _constants[target] = instruction.GetImmediate(1);
                }

                Known &= instruction.Mnemonic is not Mnemonic.Xchg || instruction.Op1Register is not Register.RSP;
                return;
            }

            var immediate = hasImmediate ? (long)instruction.GetImmediate(1) : 0;
            switch (instruction.Mnemonic)
            {
                case Mnemonic.Cmp or Mnemonic.Test or Mnemonic.Pop:
                    break;
                case Mnemonic.Sub when hasImmediate:
                    Lower(immediate);
                    break;
                case Mnemonic.Add when hasImmediate:
                    Lower(-immediate);
                    break;
                case Mnemonic.And when hasImmediate && immediate < 0:
                    Lower(-immediate);
                    break;
                case Mnemonic.Lea when instruction is { MemoryBase: Register.RSP, MemoryIndex: Register.None }:
                    Lower(-(long)instruction.MemoryDisplacement64);
                    break;
                case Mnemonic.Lea when instruction is { MemoryBase: Register.RBP, MemoryIndex: Register.None }:
                case Mnemonic.Mov when instruction.Op1Register is Register.RBP:
                    break; // An epilogue: back to a place inside the frame.
                case Mnemonic.Sub when instruction.Op1Kind is OpKind.Register
                    && _constants.TryGetValue(instruction.Op1Register.GetFullRegister(), out var constant):
                    Lower((long)constant); // A large frame, probed by a call or a loop.
                    break;
                default:
                    Known = false;
                    break;
            }
        }

        private void Lower(long bytes)
        {
            if (bytes is > 0 and < int.MaxValue)
            {
                _lowered = Math.Min(_lowered + bytes, int.MaxValue);
            }
            else
            {
                Known &= bytes <= 0;
            }
        }
    }
}
