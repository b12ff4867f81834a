using System.Buffers.Binary;
using System.Collections.Immutable;
using Harness.Model;

namespace Harness.Verification.Abi;

/// <summary>The registers that probes look at, numbered as the driver numbers what it changes.</summary>
internal static class AbiRegisters
{
    public const int General = 16;
    public const int Vectors = 16;
    public const int Rsp = 4;

    /// <summary>The first vector register's number.</summary>
    public const int FirstVector = 16;

    public const int X87 = 32;
    public const int DirectionFlag = 33;

    /// <summary>No register is changed.</summary>
    public const int None = 34;

    public static ImmutableArray<string> Names { get; } =
    [
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
        .. Enumerable.Range(0, Vectors).Select(i => $"xmm{i}"), "st0", "direction flag", "none",
    ];

    /// <summary>How the driver changes byte <paramref name="index"/> of a register (driver.zig, <c>changeByte</c>).</summary>
    public static byte ChangeOf(int index) => (byte)(0x11 + (index * 14));
}

/// <summary>What registers and memory held before a call: the numbers of driver.zig's <c>arrange</c>.</summary>
internal sealed class AbiPatterns(AbiDump dump)
{
    private const int StackWords = 32;
    private const int AreaWords = 64;

    /// <summary>Of an area that is looked at: no value is larger.</summary>
    private const int SeenAreaWords = 16;
    private const ulong Golden = 0x9E3779B97F4A7C15;

    /// <summary>Every place that a value could come from, with the bytes that were there in a round.</summary>
    public IReadOnlyList<(AbiPlace Place, byte[] Bytes)> Of(AbiStyle style, int round)
    {
        var result = new List<(AbiPlace, byte[])>();
        for (var i = 0; i < AbiRegisters.General; i++)
        {
            if (i != AbiRegisters.Rsp)
            {
                result.Add((new AbiPlace(AbiRegisters.Names[i], 0), Words(1, _ => style is AbiStyle.Pointers ? Area(i) : Mix(round, (ulong)i))));
            }
        }

        for (var i = 0; i < AbiRegisters.Vectors; i++)
        {
            result.Add((new AbiPlace($"xmm{i}", 0), Words(2, w => Mix(round, (ulong)(32 + (2 * i) + w)))));
        }

        for (var i = 0; style is AbiStyle.Floats && i < 8; i++)
        {
            result.Add((new AbiPlace($"st{i}", 0), [.. Words(1, _ => Mix(round, (ulong)(80 + i)) | (1UL << 63)), 0x00, 0x40]));
        }

        result.Add((new AbiPlace("stack", 0), Words(StackWords, w => style is AbiStyle.Pointers ? Area(AbiRegisters.General + w) : Mix(round, (ulong)(128 + w)))));
        for (var i = 0; style is AbiStyle.Pointers && i < AbiRegisters.General + StackWords; i++)
        {
            if (i != AbiRegisters.Rsp)
            {
                var pointer = i < AbiRegisters.General ? AbiRegisters.Names[i] : $"stack+{(i - AbiRegisters.General) * 8}";
                result.Add((new AbiPlace($"[{pointer}]", 0), Words(SeenAreaWords, w => AreaWord(round, i, w))));
            }
        }

        return result;
    }

    /// <summary>The address of what a register or stack word pointed to.</summary>
    public ulong Area(int index) => dump.Areas + (ulong)(index * dump.AreaBytes);

    private static ulong AreaWord(int round, int area, int word) => Mix(round, (ulong)(1024 + (area * AreaWords) + word));

    private static ulong Mix(int round, ulong place) => Values.Mix(unchecked((((ulong)round << 32) | place) * Golden));

    private static byte[] Words(int count, Func<int, ulong> word)
    {
        var bytes = new byte[count * 8];
        for (var i = 0; i < count; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * 8), word(i));
        }

        return bytes;
    }
}

/// <summary>Where some bytes of a value are: from byte <paramref name="Offset"/> on of a register, of the stack arguments (<c>stack</c>), or of
/// what a register or stack word points to (<c>[rdi]</c>).</summary>
internal readonly record struct AbiPlace(string Source, int Offset)
{
    public AbiPlace At(int offset) => this with { Offset = offset };

    /// <summary>The register, or the register that points there; null: the stack.</summary>
    public string? Register => Source.Trim('[', ']') is var name && name.StartsWith("stack", StringComparison.Ordinal) ? null : name;

    public bool IsPointer => Source[0] == '[';

    public override string ToString() => Source == "stack" ? $"stack+{Offset}" : Offset == 0 ? Source : $"{Source}+{Offset}";
}
