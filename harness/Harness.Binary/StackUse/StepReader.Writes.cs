using Iced.Intel;

namespace Harness.Binary.StackUse;

/// <summary>Instructions that write rsp, or a register that a walk keeps in mind.</summary>
internal sealed partial class StepReader
{
    private void FollowStackWrite(in Instruction instruction, bool lost)
    {
        var immediate = Immediate(instruction);
        var whole = instruction.Op0Register is Register.RSP;
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Sub when whole && immediate is { } down:
                Add(StepKind.Lower, instruction, down);
                break;
            case Mnemonic.Add when whole && immediate is { } up:
                Add(StepKind.Lower, instruction, -up);
                break;
            case Mnemonic.And when whole && immediate is < 0 and var mask && long.IsPow2(-mask):
                Add(StepKind.Align, instruction, -mask);
                break;
            case Mnemonic.Lea when whole && instruction is { MemoryBase: Register.RSP, MemoryIndex: Register.None }:
                Add(StepKind.Lower, instruction, unchecked(-(long)instruction.MemoryDisplacement64));
                break;
            case Mnemonic.Lea when whole && KeptOf(instruction.MemoryBase) is not Kept.None && instruction.MemoryIndex is Register.None:
                Add(StepKind.SetStack, instruction, unchecked((long)instruction.MemoryDisplacement64), KeptOf(instruction.MemoryBase));
                break;
            case Mnemonic.Mov when whole && instruction.Op1Kind is OpKind.Register && KeptOf(instruction.Op1Register) is not Kept.None:
                Add(StepKind.SetStack, instruction, 0, KeptOf(instruction.Op1Register));
                break;
            case Mnemonic.Sub when whole && instruction.Op1Kind is OpKind.Register && KeptOf(instruction.Op1Register) is not Kept.None:
                Add(StepKind.LowerByRegister, instruction, 0, KeptOf(instruction.Op1Register));
                break;
            case Mnemonic.Add when whole && instruction.Op1Kind is OpKind.Register && !lost:
                Add(StepKind.Bad, instruction);
                break;
            default:
                Add(StepKind.LeaveStack, instruction);
                break;
        }
    }

    private void FollowKeptWrite(in Instruction instruction, Kept register, bool lost)
    {
        var whole = instruction.Op0Register.GetSize() == 8;
        if (!lost && whole && instruction is { Mnemonic: Mnemonic.Mov, Op1Register: Register.RSP })
        {
            Add(StepKind.KeepStack, instruction, 0, register);
        }
        else if (!lost && whole && instruction is { Mnemonic: Mnemonic.Lea, MemoryBase: Register.RSP, MemoryIndex: Register.None })
        {
            Add(StepKind.KeepStack, instruction, unchecked((long)instruction.MemoryDisplacement64), register);
        }
        else if (!lost && instruction.Mnemonic is Mnemonic.Mov && instruction.Op0Register.GetSize() >= 4 && Immediate(instruction) is { } number)
        {
            Add(StepKind.KeepNumber, instruction, whole ? number : number & uint.MaxValue, register);
        }
        else if (!lost && instruction.Mnemonic is Mnemonic.And && Immediate(instruction) is -1 && register is not Kept.Frame)
        {
            // Zig's own backend masks arguments with all ones: nothing changes but, at most, an upper half that is zero already.
        }
        else if (!lost && instruction is { Mnemonic: Mnemonic.Xor } && instruction.Op0Register == instruction.Op1Register)
        {
            Add(StepKind.KeepNumber, instruction, 0, register);
        }
        else
        {
            Add(StepKind.Forget, instruction, 0, register);
        }
    }

    private static long? Immediate(in Instruction instruction) =>
        instruction.OpCount == 2 && instruction.Op1Kind is OpKind.Immediate32 or OpKind.Immediate64 or OpKind.Immediate8to64 or OpKind.Immediate32to64
            or OpKind.Immediate8to32
            ? unchecked((long)instruction.GetImmediate(1)) : null;
}
