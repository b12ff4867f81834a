using System.Collections.Immutable;
using System.Globalization;

namespace Harness.Verification.Abi;

/// <summary>Functions that need many registers at once. Compilers that have registers to spare do not show what they keep.</summary>
internal static class AbiBodies
{
    /// <summary>How many slots the functions of <see cref="Keeping"/> fill, 32 bytes each.</summary>
    public const int KeptSlots = 8;

    private const int Values = 24;

    /// <summary>More values in use at once than there are registers, of every kind; copies, divisions, and a call of a C function.</summary>
    public static ImmutableArray<string> Holding { get; } =
    [
        Mixing("u64", "+%"), Mixing("u32", "*%"), Mixing("f64", "+"), Mixing("@Vector(4, f32)", "*"), Mixing("u128", "+%"), Mixing("f80", "+"),
        "    const a = t.load(u64, 0) | 1;\n    const b = t.load(u128, 1);\n    t.store(u64, 0, t.load(u64, 2) / a);\n    t.store(u128, 1, b / (t.load(u128, 3) | 1));\n    t.store(u64, 2, t.load(u64, 4) << @truncate(a));\n",
        "    var all: [9]S72 = undefined;\n    for (&all) |*one| one.* = t.load(S72, 0);\n    all[t.load(u8, 1) % 9] = t.load(S72, 2);\n    t.store(S72, 0, all[t.load(u8, 3) % 9]);\n",
        Live("u64", "t.hs_abi_spoil();"), Live("f64", "t.hs_abi_spoil();"),
    ];

    /// <summary>The call of the function that changes a register is <c>CALL</c>.</summary>
    public static ImmutableArray<string> Keeping { get; } =
    [
        Live("u64", "CALL"), Live("u32", "CALL"), Live("f64", "CALL"), Live("@Vector(4, f32)", "CALL"),
        // A loop's counter and sums.
        "    var i: u64 = 0;\n    var a = t.load(u64, 0);\n    var b = t.load(u64, 1);\n    while (i < 3) : (i += 1) {\n        CALL\n        a +%= b *% i;\n        b ^= a;\n    }\n    t.store(u64, 0, a);\n    t.store(u64, 1, b);\n",
        // An error that is returned behind the call, and handled.
        "    fails_FAILS() catch |e| t.store(u16, 0, @intFromError(e));\n",
    ];

    /// <summary>What the last of <see cref="Keeping"/> calls.</summary>
    public const string Failing = "noinline fn fails_FAILS() E!void {\n    CALL\n    if (t.load(u64, 1) != 0) return error.C;\n}\n";

    private static string Mixing(string type, string op) => Joined(i => $"    const v{i} = t.load({type}, {i % 16});\n")
        + Joined(i => $"    const w{i} = v{i} {op} v{(i + 7) % Values};\n")
        + Joined(i => $"    t.store({type}, {i % 16}, w{i} {op} w{(i + 11) % Values});\n", 16);

    private static string Live(string type, string call) => Joined(i => $"    const v{i} = t.load({type}, {i});\n", 16)
        + $"    {call}\n"
        + Joined(i => $"    t.store({type}, {i % KeptSlots}, {(i < KeptSlots ? $"v{i}" : $"folded({type}, v{i - KeptSlots}, v{i})")});\n", 16);

    private static string Joined(Func<int, string> line, int count = Values) =>
        string.Concat(Enumerable.Range(0, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"{line(i)}")));
}
