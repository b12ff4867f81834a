using Iced.Intel;

namespace Harness.Binary.Unwind.Audit;

/// <summary>What assemblers and linkers put between functions.</summary>
internal static class Padding
{
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

        // Nops of several bytes.
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(bytes[simple..].ToArray()), start + (ulong)simple);
        while (decoder.IP < start + (ulong)bytes.Length)
        {
            decoder.Decode(out var instruction);
            if (instruction.Mnemonic is not (Mnemonic.Nop or Mnemonic.Int3) && bytes[(int)(instruction.IP - start)] != 0)
            {
                return instruction.IP;
            }
        }

        return null;
    }
}
