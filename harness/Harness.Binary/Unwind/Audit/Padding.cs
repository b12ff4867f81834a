using Iced.Intel;

namespace Harness.Binary.Unwind.Audit;

/// <summary>What assemblers and linkers put between functions.</summary>
internal static class Padding
{
    private const int MaxInstructionBytes = 15;

    /// <summary>Nothing but nop, int3 and zero bytes.</summary>
    public static bool Is(ElfFile file, ulong start, ulong end) => FirstCode(file, start, end) is null;

    /// <summary>The first address of anything else, or null.</summary>
    public static ulong? FirstCode(ElfFile file, ulong start, ulong end)
    {
        var memory = file.Memory(start);
        var bytes = memory[..(int)Math.Min((ulong)memory.Length, end - start)];
        if (bytes.IndexOfAnyExcept((byte)0xcc, (byte)0x90, (byte)0) is var simple && simple < 0)
        {
            return null;
        }

        // Nops of several bytes, one at a time: mostly the first byte is code already.
        for (var at = simple; at < bytes.Length;)
        {
            var next = bytes.Slice(at, Math.Min(MaxInstructionBytes, bytes.Length - at));
            var decoder = Decoder.Create(64, new ByteArrayCodeReader(next.ToArray()));
            decoder.Decode(out var instruction);
            if (instruction.Mnemonic is not (Mnemonic.Nop or Mnemonic.Int3) && bytes[at] != 0)
            {
                return start + (ulong)at;
            }

            at += bytes[at] == 0 ? 1 : instruction.Length;
        }

        return null;
    }
}
