using System.Buffers.Binary;

namespace Harness.Binary;

/// <summary>
/// The code and the unwind rows of one thunk. It changes flags and nothing else, because Zig's own calling convention
/// leaves it no register. A function that has a section of its own gets its check in front of it, and a call that fits goes straight on:
/// <code>
///     thunk:                                 # CFA = rsp + 8
///         lea  -FRAME(%rsp), %rsp            # only frames of 256 bytes and more; CFA = rsp + 8 + FRAME
///         cmp  %fs:LIMIT, %rsp               # a constant, or the runtime's thread-local variable
///         lea  FRAME(%rsp), %rsp             # CFA = rsp + 8
///         jbe  over
///     body:
///         …
///     over:                                  # elsewhere
///         push $SIZES                        # see Sizes
///         call hs_morestack_thunk            # CFA = rsp + 16; takes the pushed word off the stack
///         ret                                # the call's return address R
///         jmp  body                          # R + 1: where morestack enters, on the new segment
/// </code>
/// Where functions share a section, nothing can be put between them: the thunk stands elsewhere as a whole, with <c>ja body</c> before
/// the push, one taken jump more for each call that fits.
/// hs_morestack_thunk is in zig-fixtures/runtime; the two change together.
/// </summary>
internal static class ThunkCode
{
    public const int Alignment = 16;

    /// <summary>Of a thunk's symbol; its function's name follows.</summary>
    public const string SymbolPrefix = "hs_thunk.";

    /// <summary>Of the symbol of a thunk's way to morestack, where that is not part of the thunk.</summary>
    public const string OverPrefix = "hs_thunk_over.";

    public static IReadOnlyList<string> Prefixes { get; } = [SymbolPrefix, OverPrefix];

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

    /// <summary>What a field of a thunk's code refers to.</summary>
    public enum Target
    {
        Limit,
        Body,
        Over,
        Morestack,
    }

    /// <summary>Where things are in a piece of code: offsets of its four-byte fields, and of row changes.</summary>
    public readonly record struct Layout(
        int Bytes, IReadOnlyList<(int Offset, Target Target)> Fields, IReadOnlyList<(int Offset, int CfaOffset)> Rows);

    /// <summary>A piece of code in the making.</summary>
    private sealed class Piece(List<byte> output)
    {
        private readonly int _start = output.Count;
        private readonly List<(int, Target)> _fields = [];
        private readonly List<(int, int)> _rows = [];

        public void Code(params byte[] bytes) => output.AddRange(bytes);

        /// <summary>An instruction that ends in a field.</summary>
        public void Code(Target target, int value, params byte[] bytes)
        {
            output.AddRange([.. bytes, .. Number(value)]);
            _fields.Add((output.Count - _start - 4, target));
        }

        public void Row(int cfa) => _rows.Add((output.Count - _start, cfa));

        public Layout Done() => new(output.Count - _start, _fields, _rows);
    }

    /// <summary>A thunk that stands by itself.</summary>
    public static Layout Write(List<byte> output, InlineCheck check, LimitSlot slot)
    {
        var piece = new Piece(output);
        Compare(piece, check, slot);
        piece.Code(Target.Body, 0, 0x0f, 0x87);
        GoOver(piece, check);
        var layout = piece.Done();
        Fill(output, Alignment);
        return layout;
    }

    /// <summary>The check alone, up to where the body begins. Returns the offset of its first instruction as well: filling comes before it.</summary>
    /// <param name="output">Empty.</param>
    /// <param name="alignment">The body's, which keeps it.</param>
    public static (int Entry, Layout Layout) WriteInFront(List<byte> output, InlineCheck check, LimitSlot slot, int alignment)
    {
        var bytes = 9 + 6 + (check.ComparesFrame ? 8 + 8 : 0);
        output.AddRange(Enumerable.Repeat(Filling, ((bytes + alignment - 1) / alignment * alignment) - bytes));
        var entry = output.Count;
        var piece = new Piece(output);
        Compare(piece, check, slot);
        piece.Code(Target.Over, 0, 0x0f, 0x86);
        return (entry, piece.Done());
    }

    /// <summary>The way over to another segment and to the body, of a check that stands in front of it.</summary>
    public static Layout WriteOver(List<byte> output, InlineCheck check)
    {
        var piece = new Piece(output);
        GoOver(piece, check);
        var layout = piece.Done();
        Fill(output, Alignment);
        return layout;
    }

    /// <summary>An instruction that traps.</summary>
    private const byte Filling = 0xcc;

    private static void Compare(Piece piece, InlineCheck check, LimitSlot slot)
    {
        var frame = (int)check.FrameBytes;
        if (check.ComparesFrame)
        {
            piece.Code([0x48, 0x8d, 0xa4, 0x24, .. Number(-frame)]);
            piece.Row(8 + frame);
        }

        piece.Code(Target.Limit, slot.Displacement, 0x64, 0x48, 0x3b, 0x24, 0x25);
        if (check.ComparesFrame)
        {
            piece.Code([0x48, 0x8d, 0xa4, 0x24, .. Number(frame)]);
            piece.Row(8);
        }
    }

    private static void GoOver(Piece piece, InlineCheck check)
    {
        piece.Code([0x68, .. Number(check.Sizes)]);
        piece.Row(16);
        piece.Code(Target.Morestack, 0, 0xe8);
        piece.Row(8);
        piece.Code(0xc3);
        piece.Code(Target.Body, 0, 0xe9);
    }

    private static void Fill(List<byte> output, int alignment)
    {
        while (output.Count % alignment != 0)
        {
            output.Add(Filling);
        }
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
