using Harness.Binary.Unwind;
using Iced.Intel;

namespace Harness.Binary.Flow;

/// <summary>What instructions do to an <see cref="AbstractState"/>. What is not known to be harmless makes its targets unknown.</summary>
internal sealed class Transfer
{
    /// <summary>DWARF numbers of Iced's RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI; the others are the same.</summary>
    private static readonly int[] _numbers = [0, 2, 1, 3, 7, 6, 4, 5];

    private readonly InstructionInfoFactory _information = new();

    /// <summary>Caller-saved: whatever a callee makes of them.</summary>
    private static ReadOnlySpan<int> Volatile =>
        [DwarfRegister.Rax, DwarfRegister.Rdx, DwarfRegister.Rcx, DwarfRegister.Rsi, DwarfRegister.Rdi, 8, 9, 10, 11];

    /// <summary>The DWARF number of the register that one is a part of, or −1.</summary>
    public static int Number(Register register)
    {
        var full = register.GetFullRegister();
        return full is >= Register.RAX and <= Register.R15
            ? full - Register.RAX is var index && index < _numbers.Length ? _numbers[index] : index
            : -1;
    }

    /// <summary>Anything but what changes where control goes.</summary>
    public void Apply(in Instruction instruction, AbstractState state)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Cmp or Mnemonic.Test or Mnemonic.Nop or Mnemonic.Endbr64 or Mnemonic.Ud2 or Mnemonic.Int3:
                break;
            case Mnemonic.Push or Mnemonic.Pushfq:
                Push(instruction, state);
                break;
            case Mnemonic.Pop or Mnemonic.Popfq:
                Pop(instruction, state);
                break;
            case Mnemonic.Leave:
                state[DwarfRegister.Rsp] = state[DwarfRegister.Rbp];
                state[DwarfRegister.Rbp] = Load(state, state[DwarfRegister.Rsp]);
                state[DwarfRegister.Rsp] = state[DwarfRegister.Rsp].Plus(8);
                break;
            case Mnemonic.Xchg when instruction is { Op0Kind: OpKind.Register, Op1Kind: OpKind.Register } && instruction.Op0Register.GetSize() == 8:
                var (first, second) = (Number(instruction.Op0Register), Number(instruction.Op1Register));
                (state[first], state[second]) = (state[second], state[first]);
                break;
            default:
                Assign(instruction, state);
                break;
        }
    }

    /// <summary>A call that returns: the callee may use what is below rsp and the volatile registers.</summary>
    public static void Call(AbstractState state, bool keepsRegisters, int pops)
    {
        var rsp = state[DwarfRegister.Rsp];
        if (rsp.Kind is ValueKind.Cfa)
        {
            state.ForgetBelow(rsp.Number);
        }

        if (!keepsRegisters)
        {
            foreach (var register in Volatile)
            {
                state[register] = AbstractValue.Unknown;
            }
        }

        state[DwarfRegister.Rsp] = rsp.Plus(pops);
    }

    /// <summary>The address that a memory operand means.</summary>
    public static AbstractValue Address(in Instruction instruction, AbstractState state)
    {
        if (instruction.SegmentPrefix is Register.FS or Register.GS)
        {
            return AbstractValue.Unknown;
        }

        if (instruction.IsIPRelativeMemoryOperand)
        {
            return AbstractValue.Constant((long)instruction.IPRelativeMemoryAddress);
        }

        if (instruction.MemoryIndex is not Register.None)
        {
            return AbstractValue.Unknown;
        }

        var displacement = unchecked((long)instruction.MemoryDisplacement64);
        return instruction.MemoryBase is Register.None
            ? AbstractValue.Constant(displacement)
            : Number(instruction.MemoryBase) is var number and >= 0 ? state[number].Plus(displacement) : AbstractValue.Unknown;
    }

    /// <summary>Where an indirect jump through memory takes its target from.</summary>
    public static AbstractValue JumpTarget(in Instruction instruction, AbstractState state) => instruction.Op0Kind is OpKind.Register
        ? state[Number(instruction.Op0Register)]
        : TableElement(instruction, state);

    private static AbstractValue Load(AbstractState state, AbstractValue address) =>
        address.Kind is ValueKind.Cfa ? state.Load(address.Number) : AbstractValue.Unknown;

    private static void Push(in Instruction instruction, AbstractState state)
    {
        var value = instruction is { Mnemonic: Mnemonic.Push, Op0Kind: OpKind.Register } && Number(instruction.Op0Register) is var number and >= 0
            ? state[number]
            : instruction is { Mnemonic: Mnemonic.Push, Op0Kind: OpKind.Memory } ? Load(state, Address(instruction, state)) : AbstractValue.Unknown;
        var rsp = state[DwarfRegister.Rsp].Plus(instruction.StackPointerIncrement);
        state[DwarfRegister.Rsp] = rsp;
        if (rsp.Kind is ValueKind.Cfa)
        {
            state.Store(rsp.Number, value);
        }
    }

    private static void Pop(in Instruction instruction, AbstractState state)
    {
        var value = Load(state, state[DwarfRegister.Rsp]);
        state[DwarfRegister.Rsp] = state[DwarfRegister.Rsp].Plus(instruction.StackPointerIncrement);
        if (instruction is { Mnemonic: Mnemonic.Pop, Op0Kind: OpKind.Register } && Number(instruction.Op0Register) is var number and >= 0)
        {
            state[number] = value;
        }
        else if (instruction is { Mnemonic: Mnemonic.Pop, Op0Kind: OpKind.Memory } && Address(instruction, state) is { Kind: ValueKind.Cfa } address)
        {
            state.Store(address.Number, value);
        }
    }

    private void Assign(in Instruction instruction, AbstractState state)
    {
        if (instruction.OpCount == 2 && instruction.Op0Kind is OpKind.Register)
        {
            if (instruction.Op0Register.IsVectorRegister())
            {
                return; // No instruction of two operands that writes a vector register writes anything else.
            }

            if (Number(instruction.Op0Register) is var number and >= 0 && Value(instruction, state, number) is { } value)
            {
                state[number] = value;
                return;
            }
        }
        else if (instruction is { OpCount: 2, Op0Kind: OpKind.Memory } && WritesMemoryOnly(instruction))
        {
            Store(instruction, state);
            return;
        }

        Other(instruction, state);
    }

    /// <summary>What a common instruction of two operands puts into its register; null when it is none of them.</summary>
    private static AbstractValue? Value(in Instruction instruction, AbstractState state, int target)
    {
        var bytes = instruction.Op0Register.GetSize();
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Mov when bytes == 8:
                return Source(instruction, state);
            case Mnemonic.Mov when bytes == 4 && instruction.Op1Kind is OpKind.Immediate32:
                return AbstractValue.Constant(instruction.Immediate32);
            case Mnemonic.Lea when bytes == 8:
                return Address(instruction, state);
            case Mnemonic.Add when bytes == 8:
                return state[target].Plus(Source(instruction, state));
            case Mnemonic.Sub when bytes == 8:
                return state[target].Minus(Source(instruction, state));
            case Mnemonic.Movsxd when bytes == 8 && instruction.Op1Kind is OpKind.Memory:
                return TableElement(instruction, state);
            case Mnemonic.Xor when bytes >= 4 && instruction.Op1Kind is OpKind.Register && instruction.Op0Register == instruction.Op1Register:
                return AbstractValue.Constant(0);
            case Mnemonic.Mov or Mnemonic.Lea or Mnemonic.Add or Mnemonic.Sub or Mnemonic.And or Mnemonic.Or or Mnemonic.Xor or Mnemonic.Movzx
                or Mnemonic.Movsx or Mnemonic.Movsxd or Mnemonic.Imul or Mnemonic.Shl or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Movd or Mnemonic.Movq:
                return AbstractValue.Unknown;
            default:
                return instruction.ConditionCode is not ConditionCode.None && bytes == 8
                    ? state[target] == Source(instruction, state) ? state[target] : AbstractValue.Unknown
                    : null;
        }
    }

    private static AbstractValue Source(in Instruction instruction, AbstractState state) => instruction.Op1Kind switch
    {
        OpKind.Register => Number(instruction.Op1Register) is var number and >= 0 ? state[number] : AbstractValue.Unknown,
        OpKind.Memory => instruction.MemoryIndex is not Register.None && instruction.Mnemonic is Mnemonic.Mov
            ? TableElement(instruction, state)
            : Load(state, Address(instruction, state)),
        _ => AbstractValue.Constant(unchecked((long)instruction.GetImmediate(1))),
    };

    /// <summary>An element of a table of constants, by its size.</summary>
    private static AbstractValue TableElement(in Instruction instruction, AbstractState state)
    {
        if (instruction.SegmentPrefix is Register.FS or Register.GS)
        {
            return AbstractValue.Unknown;
        }

        if (instruction.MemoryIndex is Register.None)
        {
            // A scaled index in the base's place, the table in the displacement's.
            return instruction.Mnemonic is Mnemonic.Jmp && instruction.MemoryBase is not (Register.None or Register.RIP or Register.RSP or Register.RBP)
                ? new AbstractValue(ValueKind.AbsoluteTarget, unchecked((long)instruction.MemoryDisplacement64))
                : AbstractValue.Unknown;
        }

        var start = instruction.MemoryBase is Register.None
            ? AbstractValue.Constant(0)
            : Number(instruction.MemoryBase) is var number and >= 0 ? state[number] : AbstractValue.Unknown;
        var index = Number(instruction.MemoryIndex);
        // Base and index are each other's equals when the scale is 1.
        start = instruction.MemoryIndexScale == 1 && !start.IsKnown && index >= 0 ? state[index] : start;
        var table = start.Plus(unchecked((long)instruction.MemoryDisplacement64));
        return (table.Kind, instruction.MemorySize.GetSize()) switch
        {
            (ValueKind.Constant, 8) => new AbstractValue(ValueKind.AbsoluteTarget, table.Number),
            (ValueKind.Constant, 4) => new AbstractValue(ValueKind.TableEntry, table.Number),
            _ => AbstractValue.Unknown,
        };
    }

    private static bool WritesMemoryOnly(in Instruction instruction) =>
        instruction.Mnemonic is Mnemonic.Mov or Mnemonic.Add or Mnemonic.Sub or Mnemonic.And or Mnemonic.Or or Mnemonic.Xor
        || (instruction.Op1Kind is OpKind.Register && instruction.Op1Register.IsVectorRegister());

    /// <summary><c>lock or [rsp], 0</c>: orders memory and changes nothing.</summary>
    private static bool IsBarrier(in Instruction instruction) =>
        instruction.Mnemonic is Mnemonic.Or or Mnemonic.Add or Mnemonic.Sub or Mnemonic.Xor && instruction.Op1Kind is not OpKind.Register && instruction.GetImmediate(1) == 0;

    private static void Store(in Instruction instruction, AbstractState state)
    {
        if (Address(instruction, state) is not { Kind: ValueKind.Cfa } address || IsBarrier(instruction))
        {
            return;
        }

        if (instruction is { Mnemonic: Mnemonic.Mov, Op1Kind: OpKind.Register } && instruction.Op1Register.GetSize() == 8)
        {
            state.Store(address.Number, state[Number(instruction.Op1Register)]);
        }
        else
        {
            state.Overwrite(address.Number, instruction.MemorySize.GetSize());
        }
    }

    /// <summary>Whatever Iced says is written is unknown afterwards.</summary>
    private void Other(in Instruction instruction, AbstractState state)
    {
        var information = _information.GetInfo(instruction);
        foreach (var memory in information.GetUsedMemory())
        {
            if (memory.Access is not (OpAccess.Read or OpAccess.CondRead or OpAccess.NoMemAccess)
                && memory.Segment is not (Register.FS or Register.GS) && memory.Index is Register.None
                && Number(memory.Base) is var number and >= 0 && state[number] is { Kind: ValueKind.Cfa } address)
            {
                state.Overwrite(unchecked(address.Number + (long)memory.Displacement), memory.MemorySize.GetSize());
            }
        }

        foreach (var register in information.GetUsedRegisters())
        {
            if (register.Access is not (OpAccess.Read or OpAccess.CondRead) && Number(register.Register) is var number and >= 0)
            {
                state[number] = AbstractValue.Unknown;
            }
        }
    }
}
