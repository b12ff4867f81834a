namespace Harness.Verification;

/// <summary>SplitMix64: our own, so that a seed means the same plan on every runtime.</summary>
internal sealed class PlanRandom(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        _state = unchecked(_state + 0x9E3779B97F4A7C15);
        return Finalise(_state);
    }

    /// <summary>In [0, bound); bound at least 1. The modulo's bias is far below what a plan could notice.</summary>
    public int Below(int bound) => (int)(Next() % (ulong)bound);

    /// <summary>Any order as likely as any other (Fisher and Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var other = Below(i + 1);
            (items[i], items[other]) = (items[other], items[i]);
        }
    }

    /// <summary>A seed for a named part of something that has a seed.</summary>
    public static ulong Derive(ulong seed, ulong part) =>
        Finalise(unchecked(Finalise(seed + 0x9E3779B97F4A7C15) ^ (part * 0xD1B54A32D192ED03)));

    /// <summary>
    /// At most <paramref name="wanted"/> of 0 … count − 1, ascending: one from each of as many equal stretches, the
    /// first and the last always among them.
    /// </summary>
    public int[] Stratified(int count, int wanted)
    {
        if (wanted >= count)
        {
            return [.. Enumerable.Range(0, count)];
        }

        var chosen = new SortedSet<int>();
        for (var i = 0; i < wanted; i++)
        {
            var start = (int)((long)count * i / wanted);
            var end = (int)((long)count * (i + 1) / wanted);
            chosen.Add(i == 0 ? 0 : i == wanted - 1 ? count - 1 : start + Below(end - start));
        }

        return [.. chosen];
    }

    private static ulong Finalise(ulong z)
    {
        z = unchecked((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9);
        z = unchecked((z ^ (z >> 27)) * 0x94D049BB133111EB);
        return z ^ (z >> 31);
    }
}
