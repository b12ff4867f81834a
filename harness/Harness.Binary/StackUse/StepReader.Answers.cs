using Iced.Intel;

namespace Harness.Binary.StackUse;

/// <summary>
/// Instructions that carry a checkpoint's answer, or the error made of it, to where it is looked at: rax compared with zero, and, in code that
/// is not optimised, a variable of 16 bits (Zig's errors) on the stack.
/// </summary>
internal sealed partial class StepReader
{
    /// <summary>False: it is no comparison of these.</summary>
    private bool FollowZeroCompare(in Instruction instruction)
    {
        var first = instruction.Op0Register;
        var withZero = instruction.Mnemonic is Mnemonic.Test ? instruction.Op1Register == first && first is not Register.None : IsZero(instruction);
        if (!withZero)
        {
            return false;
        }

        if (instruction.Op0Kind is OpKind.Register && first is Register.RAX or Register.EAX or Register.AX)
        {
            Add(StepKind.CompareZero, instruction, 0, Kept.A);
            return true;
        }

        if (IsSlot(instruction, operand: 0))
        {
            AddSlot(StepKind.CompareSlot, instruction);
            return true;
        }

        return false;
    }

    private void FollowSlot(in Instruction instruction)
    {
        if (IsSlot(instruction, operand: 0) && instruction.Mnemonic is not (Mnemonic.Cmp or Mnemonic.Test))
        {
            AddSlot(
                instruction.Mnemonic is not Mnemonic.Mov ? StepKind.ForgetSlot
                : IsZero(instruction) ? StepKind.ClearSlot
                : instruction.Op1Register is Register.AX ? StepKind.StoreSlot : StepKind.ForgetSlot, instruction);
        }
        else if (instruction.Mnemonic is Mnemonic.Mov or Mnemonic.Movzx && IsSlot(instruction, operand: 1) && KeptOf(instruction.Op0Register) is Kept.A)
        {
            AddSlot(StepKind.LoadSlot, instruction);
            _kept |= 1u << (int)Kept.A;
        }
    }

    private void AddSlot(StepKind kind, in Instruction instruction) =>
        Add(kind, instruction, unchecked((long)instruction.MemoryDisplacement64), KeptOf(instruction.MemoryBase));

    private static bool IsSlot(in Instruction instruction, int operand) =>
        instruction.OpCount > operand && instruction.GetOpKind(operand) is OpKind.Memory && instruction.MemorySize.GetSize() == 2
        && instruction.MemoryBase is Register.RBP or Register.RSP && instruction.MemoryIndex is Register.None;

    private static bool IsZero(in Instruction instruction) =>
        instruction.OpCount == 2 && instruction.Op1Kind is >= OpKind.Immediate8 and <= OpKind.Immediate32to64 && instruction.GetImmediate(1) == 0;
}
