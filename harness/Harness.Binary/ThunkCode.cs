using System.Buffers.Binary;

namespace Harness.Binary;

/// <summary>
/// The code and the unwind rows of one thunk. It changes flags and nothing else, because Zig's own calling convention
/// leaves it no register:
/// <code>
///     thunk:                                 # CFA = rsp + 8
///         lea  -FRAME(%rsp), %rsp            # only frames of 256 bytes and more; CFA = rsp + 8 + FRAME
///         cmp  %fs:LIMIT, %rsp               # a constant, or the runtime's thread-local variable
///         lea  FRAME(%rsp), %rsp             # CFA = rsp + 8
///         ja   body                          # the one instruction more that a call which fits executes
///         push $SIZES                        # see Sizes
///         call hs_morestack_thunk            # CFA = rsp + 16; takes the pushed word off the stack
///         ret                                # the call's return address R
///         jmp  body                          # R + 1: where morestack enters, on the new segment
/// </code>
/// hs_morestack_thunk is in zig-fixtures/runtime; the two change together.
/// </summary>
internal static class ThunkCode
{
    public const int Alignment = 16;

    /// <summary>Of a thunk's symbol; its function's name follows.</summary>
    public const string SymbolPrefix = "hs_thunk.";

    /// <summary>
    /// Up to this the compare takes rsp as it is, as LLVM's checks do: the runtime keeps that much below the limit.
    /// </summary>
    public const int SmallFrameBytes = 256;

    /// <summary>What fits the pushed word: 20 bits of 16 bytes each.</summary>
    public const long MaxFrameBytes = 0xfffff * 16L;

    /// <summary>Likewise: 11 bits of 64 bytes each.</summary>
    public const int MaxArgumentBytes = 0x7ff * 64;

    public static int Word(long frameBytes, int argumentBytes) =>
        (int)((frameBytes + 15) / 16) | ((argumentBytes + 63) / 64 << 20);

    /// <summary>The pushed word of a call whose stack arguments are known exactly, or at least bounded by the callee's code.</summary>
    public const int ArgumentsKnown = int.MinValue;

    /// <summary>
    /// Where things are in a thunk: offsets of the limit's field, of the two jumps' fields and of the call's, and row
    /// changes.
    /// </summary>
    public readonly record struct Layout(
        int Limit, int FirstJump, int Call, int SecondJump, int Bytes, IReadOnlyList<(int Offset, int CfaOffset)> Rows);

    public static Layout Write(List<byte> output, InlineCheck check, LimitSlot slot)
    {
        var start = output.Count;
        var rows = new List<(int, int)>();
        int Here() => output.Count - start;
        var frame = (int)check.FrameBytes;
        if (check.ComparesFrame)
        {
            output.AddRange([0x48, 0x8d, 0xa4, 0x24, .. Number(-frame)]);
            rows.Add((Here(), 8 + frame));
        }

        output.AddRange([0x64, 0x48, 0x3b, 0x24, 0x25, .. Number(slot.Displacement)]);
        var limit = Here() - 4;
        if (check.ComparesFrame)
        {
            output.AddRange([0x48, 0x8d, 0xa4, 0x24, .. Number(frame)]);
            rows.Add((Here(), 8));
        }

        output.AddRange([0x0f, 0x87, .. Number(0)]);
        var firstJump = Here() - 4;
        output.AddRange([0x68, .. Number(check.Sizes)]);
        rows.Add((Here(), 16));
        output.AddRange([0xe8, .. Number(0)]);
        var call = Here() - 4;
        rows.Add((Here(), 8));
        output.AddRange([0xc3, 0xe9, .. Number(0)]);
        var layout = new Layout(limit, firstJump, call, Here() - 4, Here(), rows);
        while (Here() % Alignment != 0)
        {
            output.Add(0xcc);
        }

        return layout;
    }

    /// <summary>CIE: version 1, "zR", pc-relative 4-byte pointers; CFA = rsp + 8, return address at CFA − 8.</summary>
    public static void WriteCommonEntry(List<byte> output) => Entry(output,
    [
        .. Number(0), 1, (byte)'z', (byte)'R', 0, 1, 0x78, 16, 1, 0x1b,
        0x0c, 7, 8, 0x80 | 16, 1,
    ]);

    /// <summary>FDE of a thunk; returns the offset of its start address, to be relocated.</summary>
    public static int WriteFrameEntry(List<byte> output, Layout layout)
    {
        var body = new List<byte>();
        body.AddRange(Number(output.Count + 4));
        body.AddRange(Number(0));
        body.AddRange(Number(layout.Bytes));
        body.Add(0);
        var at = 0;
        foreach (var (offset, cfa) in layout.Rows)
        {
            body.Add((byte)(0x40 | (offset - at))); // DW_CFA_advance_loc
            body.Add(0x0e); // DW_CFA_def_cfa_offset
            AddUleb(body, (uint)cfa);
            at = offset;
        }

        var address = output.Count + 8;
        Entry(output, body);
        return address;
    }

    private static void Entry(List<byte> output, List<byte> body)
    {
        while ((body.Count + 4) % 8 != 0)
        {
            body.Add(0); // DW_CFA_nop
        }

        output.AddRange(Number(body.Count));
        output.AddRange(body);
    }

    private static void AddUleb(List<byte> output, uint value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            output.Add((byte)(value | 0x80));
        }

        output.Add((byte)value);
    }

    private static byte[] Number(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }
}
