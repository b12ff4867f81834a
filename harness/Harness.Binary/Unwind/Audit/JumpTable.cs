using System.Buffers.Binary;
using Iced.Intel;

namespace Harness.Binary.Unwind.Audit;

/// <summary>Reads the tables that indirect jumps take their targets from.</summary>
internal static class JumpTable
{
    private const int MaxEntries = 4096;

    /// <summary>A table whose first index is not 0 is addressed from before its beginning.</summary>
    private const int MaxLeading = 256;

    /// <summary>How far before the jump the index is compared with its bound.</summary>
    private const int BoundDistance = 16;

    /// <summary>The instructions that a jump may lead to; none when its target comes from no table that is known.</summary>
    public static List<int> Places(CodeImage image, CodeFunction function, int jump, AbstractValue target)
    {
        var result = new List<int>();
        if (target.Kind is not (ValueKind.AbsoluteTarget or ValueKind.RelativeTarget))
        {
            return result;
        }

        var start = unchecked((ulong)target.Number);
        var bytes = target.Kind is ValueKind.AbsoluteTarget ? 8 : 4;
        var bound = Bound(function, jump);
        for (var i = 0; i < MaxLeading + MaxEntries && result.Count < bound; i++)
        {
            var at = unchecked(start + (ulong)(i * bytes));
            // Where the compiler knows every value there is no bound; read as this table's, the next one's entries may by chance lead to instructions.
            if (result.Count > 0 && image.IsNamed(at))
            {
                break;
            }

            var entry = image.Table.File.Memory(at);
            var place = entry.Length < bytes ? 0
                : bytes == 8 ? BinaryPrimitives.ReadUInt64LittleEndian(entry)
                : unchecked(start + (ulong)BinaryPrimitives.ReadInt32LittleEndian(entry));
            var index = function.IndexOf(place);
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

    /// <summary>How many entries there are: what the index is compared with, by a subtraction in Debug, before a jump past the table.</summary>
    private static int Bound(CodeFunction function, int jump)
    {
        for (var at = jump - 1; at > 0 && at > jump - BoundDistance; at--)
        {
            ref readonly var branch = ref function.Instructions[at];
            ref readonly var compare = ref function.Instructions[at - 1];
            if (branch.ConditionCode is ConditionCode.a or ConditionCode.ae && compare.Mnemonic is Mnemonic.Cmp or Mnemonic.Sub
                && compare.Op1Kind is OpKind.Immediate8 or OpKind.Immediate8to16 or OpKind.Immediate8to32 or OpKind.Immediate8to64
                    or OpKind.Immediate16 or OpKind.Immediate32 or OpKind.Immediate32to64)
            {
                var last = (long)compare.GetImmediate(1);
                return (int)Math.Clamp(branch.ConditionCode is ConditionCode.a ? last + 1 : last, 1, MaxEntries);
            }
        }

        return MaxEntries;
    }
}
