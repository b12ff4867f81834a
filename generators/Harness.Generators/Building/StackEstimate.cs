using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators.Building;

/// <summary>
/// How much stack a program may need at most, roughly: an unoptimised frame keeps every local, and copies of what it
/// passes and returns. Only to keep programs within the memory of a fiber; nothing is checked against it.
/// </summary>
internal static class StackEstimate
{
    /// <summary>What a fiber may use by this estimate.</summary>
    public const long FiberLimit = 4L << 20;

    private const long FrameOverhead = 600;

    public static long FiberBytes(FiberProgram program, Fiber fiber)
    {
        var frames = program.Functions.Select(FrameBytes).ToArray();
        var callees = program.Functions.Select(f => Walk.Callees(f.Body).Distinct().ToArray()).ToArray();
        return Deepest(fiber.Function, frames, callees) + (fiber.Fuel * PerFuel(frames, callees));
    }

    public static long FrameBytes(Function function)
    {
        var bytes = FrameOverhead + (2 * Bytes(function.Payload)) + (2 * function.Parameters.Sum(Bytes));
        foreach (var statement in StatementTree.All(function.Body))
        {
            bytes += statement switch
            {
                Statement.Buffer s => (s.Words * 8L) + (s.Align > 16 ? s.Align : 0),
                Statement.Let s => 2 * Bytes(s.Type),
                Statement.Call or Statement.TailCall => 64,
                _ => 16,
            };
        }

        return bytes;
    }

    /// <summary>A type's size in memory, padding guessed.</summary>
    public static long Bytes(ZigType type) =>
        type switch
        {
            ZigType.Void => 0,
            ZigType.Bool or ZigType.Enum => 1,
            ZigType.Int i => i.Bits <= 64 ? 8 : 16 * ((i.Bits + 127) / 128),
            ZigType.Float f => f.Bits <= 64 ? 8 : 16,
            ZigType.Vector v => v.Lanes * (v.Element is ZigType.Int i ? i.Bits : ((ZigType.Float)v.Element).Bits) / 8,
            ZigType.Struct s => s.Fields.Sum(Bytes) + s.Align,
            ZigType.Union u => u.Variants.Max(Bytes) + 16,
            ZigType.Optional o => Bytes(o.Child) + 16,
            _ => 16,
        };

    private static long Deepest(int function, long[] frames, int[][] callees)
    {
        var deepest = new long[frames.Length];
        for (var id = frames.Length - 1; id >= function; id--)
        {
            deepest[id] =
                frames[id]
                + callees[id].Where(callee => callee > id).Select(callee => deepest[callee]).DefaultIfEmpty().Max();
        }

        return deepest[function];
    }

    /// <summary>The most that one unit of fuel can add: the longest forward path that a back edge closes.</summary>
    private static long PerFuel(long[] frames, int[][] callees)
    {
        var most = 0L;
        for (var source = 0; source < frames.Length; source++)
        {
            foreach (var target in callees[source].Where(callee => callee <= source))
            {
                most = Math.Max(most, LongestPath(target, source, frames, callees));
            }
        }

        return most;
    }

    private static long LongestPath(int from, int to, long[] frames, int[][] callees)
    {
        var longest = new long[frames.Length];
        longest[to] = frames[to];
        for (var id = to - 1; id >= from; id--)
        {
            var onwards = callees[id]
                .Where(callee => callee > id && callee <= to)
                .Select(callee => longest[callee])
                .DefaultIfEmpty()
                .Max();
            longest[id] = onwards == 0 ? 0 : onwards + frames[id];
        }

        return longest[from];
    }
}
