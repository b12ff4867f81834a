using System.Buffers.Binary;
using Iced.Intel;

namespace Harness.Binary.Flow;

/// <summary>One function's instructions, in order of address.</summary>
internal interface ICode
{
    ReadOnlySpan<Instruction> Instructions { get; }

    /// <summary>The number of the instruction at an address, or −1.</summary>
    int IndexOf(ulong address);
}

/// <summary>What tables are read from.</summary>
internal interface ITableImage
{
    /// <summary>What lies at an address, as far as it goes on; empty: nothing.</summary>
    ReadOnlySpan<byte> Memory(ulong address);

    /// <summary>Whether some instruction takes this address, relative to itself: tables begin at such.</summary>
    bool IsNamed(ulong address);
}

/// <summary>Reads the tables that indirect jumps take their targets from.</summary>
internal static class JumpTable
{
    public const int MaxEntries = 4096;

    /// <summary>A table whose first index is not 0 is addressed from before its beginning.</summary>
    public const int MaxLeading = 256;

    /// <summary>How far before the jump the index is compared with its bound.</summary>
    private const int BoundDistance = 16;

    /// <summary>The instructions that a jump may lead to; none when its target comes from no table that is known.</summary>
    public static List<int> Places(ITableImage image, ICode code, int jump, AbstractValue target)
    {
        var result = new List<int>();
        if (target.Kind is not (ValueKind.AbsoluteTarget or ValueKind.RelativeTarget))
        {
            return result;
        }

        var start = unchecked((ulong)target.Number);
        var bytes = target.Kind is ValueKind.AbsoluteTarget ? 8 : 4;
        var bound = Bound(code, jump);
        for (var i = 0; i < MaxLeading + MaxEntries && result.Count < bound; i++)
        {
            var at = unchecked(start + (ulong)(i * bytes));
            // Where the compiler knows every value there is no bound; read as this table's, the next one's entries may by chance lead to instructions.
            if (result.Count > 0 && image.IsNamed(at))
            {
                break;
            }

            var entry = image.Memory(at);
            var place = entry.Length < bytes ? 0
                : bytes == 8 ? BinaryPrimitives.ReadUInt64LittleEndian(entry)
                : unchecked(start + (ulong)BinaryPrimitives.ReadInt32LittleEndian(entry));
            var index = code.IndexOf(place);
            if (index >= 0)
            {
                result.Add(index);
            }
            else if (result.Count > 0 || i >= MaxLeading)
            {
                break;
            }
        }

        return result;
    }

    /// <summary>
    /// How many entries there are: what the index is compared with, by a subtraction in Debug, before a jump past the table. Of several comparisons that of
    /// the index's own register; where it went through memory in between, the one that allows most.
    /// </summary>
    private static int Bound(ICode code, int jump)
    {
        var index = Index(code, jump);
        long? most = null;
        for (var at = jump - 1; at > 0 && at > jump - BoundDistance; at--)
        {
            ref readonly var branch = ref code.Instructions[at];
            ref readonly var compare = ref code.Instructions[at - 1];
            if (branch.ConditionCode is ConditionCode.a or ConditionCode.ae && branch.FlowControl is FlowControl.ConditionalBranch
                && compare.Mnemonic is Mnemonic.Cmp or Mnemonic.Sub
                && compare.Op1Kind is OpKind.Immediate8 or OpKind.Immediate8to16 or OpKind.Immediate8to32 or OpKind.Immediate8to64
                    or OpKind.Immediate16 or OpKind.Immediate32 or OpKind.Immediate32to64)
            {
                var last = (long)compare.GetImmediate(1);
                var count = Math.Clamp(branch.ConditionCode is ConditionCode.a ? last + 1 : last, 1, MaxEntries);
                if (index is not Register.None && compare.Op0Register.GetFullRegister() == index)
                {
                    return (int)count;
                }

                most = Math.Max(most ?? 0, count);
            }

            index = Writes(branch, index) ? Register.None : index;
        }

        return (int)(most ?? MaxEntries);
    }

    /// <summary>The register by which the entry was chosen that a jump goes to; none: not close before it.</summary>
    private static Register Index(ICode code, int jump)
    {
        for (var at = jump; at >= 0 && at > jump - BoundDistance; at--)
        {
            ref readonly var instruction = ref code.Instructions[at];
            if (instruction.MemoryIndexScale is 4 or 8 && instruction.MemoryIndex is not Register.None)
            {
                var index = instruction.MemoryIndex;
                for (var between = at - 1; between > 0 && between > jump - BoundDistance; between--)
                {
                    ref readonly var copy = ref code.Instructions[between];
                    if (copy is { Mnemonic: Mnemonic.Mov, Op0Kind: OpKind.Register, Op1Kind: OpKind.Register } && copy.Op0Register.GetFullRegister() == index)
                    {
                        index = copy.Op1Register.GetFullRegister();
                    }
                    else if (copy.FlowControl is not FlowControl.Next || Writes(copy, index))
                    {
                        break;
                    }
                }

                return index;
            }
        }

        return Register.None;
    }

    private static bool Writes(in Instruction instruction, Register register) =>
        instruction.OpCount > 0 && instruction.Op0Kind is OpKind.Register && instruction.Op0Register.GetFullRegister() == register
        && instruction.Mnemonic is not (Mnemonic.Cmp or Mnemonic.Test) && !IsExtension(instruction);

    /// <summary><c>mov eax, eax</c>: the upper half becomes zero, the number is the same.</summary>
    private static bool IsExtension(in Instruction instruction) =>
        instruction is { Mnemonic: Mnemonic.Mov, Op1Kind: OpKind.Register } && instruction.Op0Register == instruction.Op1Register;
}
