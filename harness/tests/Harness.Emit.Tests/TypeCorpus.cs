using Harness.Model;

namespace Harness.Emit.Tests;

/// <summary>Types of every kind: the simple ones listed, the others made at random from a fixed seed.</summary>
internal static class TypeCorpus
{
    private static readonly int[] _widths =
    [
        1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 80, 96, 127, 128, 129, 160, 191, 192, 193, 200,
        255, 256,
    ];

    public static IEnumerable<ZigType> All(bool everyWidth)
    {
        foreach (var bits in everyWidth ? Enumerable.Range(1, 256) : _widths)
        {
            yield return new ZigType.Int(bits, false);
            yield return new ZigType.Int(bits, true);
        }

        foreach (var bits in new[] { 16, 32, 64, 80, 128 })
        {
            yield return new ZigType.Float(bits);
        }

        yield return new ZigType.Bool();
        yield return new ZigType.Slice();
        for (var variants = 1; variants <= 32; variants += variants < 5 ? 1 : 9)
        {
            yield return new ZigType.Enum(variants);
        }

        var random = new Dice(0x7e57);
        for (var i = 0; i < 160; i++)
        {
            yield return Composite(random, 2);
        }
    }

    private static ZigType Composite(Dice dice, int depth) => dice.Below(7) switch
    {
        0 => new ZigType.Vector(1 + dice.Below(9), dice.Below(3) == 0 ? Float(dice) : Int(dice)),
        1 => new ZigType.Struct(StructLayout.Auto, Fields(dice, 5, () => Any(dice, depth - 1)), Align(dice)),
        2 => new ZigType.Struct(StructLayout.Extern, Fields(dice, 6, () => Extern(dice)), Align(dice)),
        3 => new ZigType.Struct(StructLayout.Packed, Fields(dice, 6, () => Packed(dice))),
        4 => new ZigType.Union(Fields(dice, 8, () => dice.Below(5) == 0 ? new ZigType.Void() : Any(dice, depth - 1))),
        _ => new ZigType.Optional(NotOptional(Any(dice, depth - 1))),
    };

    private static ZigType Any(Dice dice, int depth) => (depth == 0 ? 0 : dice.Below(2)) switch
    {
        1 => Composite(dice, depth),
        _ => dice.Below(6) switch
        {
            0 => new ZigType.Bool(),
            1 => Float(dice),
            2 => new ZigType.Slice(),
            3 => new ZigType.Enum(1 + dice.Below(32)),
            _ => Int(dice),
        },
    };

    private static int Align(Dice dice) => dice.Below(4) == 0 ? 32 << dice.Below(2) : 0;

    private static ZigType Packed(Dice dice) =>
        dice.Below(4) == 0 ? new ZigType.Bool() : new ZigType.Int(1 + dice.Below(20), dice.Below(2) == 0);

    private static ZigType NotOptional(ZigType type) => type is ZigType.Optional optional ? optional.Child : type;

    private static ZigType Int(Dice dice) => new ZigType.Int(_widths[dice.Below(_widths.Length)], dice.Below(2) == 0);

    private static ZigType Float(Dice dice) => new ZigType.Float(new[] { 16, 32, 64, 80, 128 }[dice.Below(5)]);

    private static ZigType Extern(Dice dice) => dice.Below(4) switch
    {
        0 => new ZigType.Bool(),
        1 => new ZigType.Float(32 << dice.Below(2)),
        _ => new ZigType.Int(8 << dice.Below(4), dice.Below(2) == 0),
    };

    private static EquatableArray<ZigType> Fields(Dice dice, int most, Func<ZigType> field) =>
        [.. Enumerable.Range(0, 1 + dice.Below(most)).Select(_ => field())];

    /// <summary>A fixed sequence of choices.</summary>
    private sealed class Dice(ulong seed)
    {
        private ulong _state = seed;

        public int Below(int bound) => (int)(Values.Mix(unchecked(_state++)) % (ulong)bound);
    }
}
