using Harness.Model;

namespace Harness.Verification;

/// <summary>Where to split: the lists that plans choose from.</summary>
internal static class SplitMenu
{
    /// <summary>Prologues of support functions and wrappers lie around the ones that the model counts.</summary>
    private const int ExtraDepths = 3;
    private const int DepthsTried = 20;
    private const int RandomTried = 8;

    /// <summary>Every family but the single entries, the ones that matter most first.</summary>
    public static IEnumerable<SplitPlan> Families(int entries, int deepest, PlanOptions options, PlanRandom random)
    {
        if (options.Forces)
        {
            yield return SplitPlan.Every;
        }

        foreach (var bytes in options.NaturalBytes)
        {
            yield return Natural(bytes);
        }

        for (var i = 0; i < options.DrawnNaturals; i++)
        {
            yield return Edge(random);
        }

        if (!options.Forces)
        {
            yield break;
        }

        yield return Random(random);
        yield return new SplitPlan(SplitKind.EveryNth, 2);
        yield return new SplitPlan(SplitKind.DepthSet, 0xAAAA_AAAA_AAAA_AAAA);
        yield return EntrySet(entries, random);
        foreach (var depth in random.Stratified(deepest + ExtraDepths, DepthsTried))
        {
            yield return new SplitPlan(SplitKind.DepthAtLeast, (ulong)depth + 1);
            yield return new SplitPlan(SplitKind.DepthEquals, (ulong)depth + 1);
        }

        yield return new SplitPlan(SplitKind.DepthSet, 0x5555_5555_5555_5555);
        yield return new SplitPlan(SplitKind.DepthSet, random.Next());
        yield return new SplitPlan(SplitKind.DepthSet, random.Next());
        foreach (var n in (ulong[])[3, 5, 7, 13])
        {
            yield return new SplitPlan(SplitKind.EveryNth, n);
        }

        // With the one above as many as there are placements.
        yield return EntrySet(entries, random);
        yield return EntrySet(entries, random);
        yield return EntrySet(entries, random);
        for (var i = 1; i < RandomTried; i++)
        {
            yield return Random(random);
        }
    }

    /// <summary>One split at each entry, or a sample; the number after the last is what runs behind the last checkpoint.</summary>
    public static IEnumerable<SplitPlan> Singles(int entries, int wanted, PlanOptions options, PlanRandom random) =>
        options.Forces ? random.Stratified(entries + 1, wanted).Select(Single) : [];

    /// <summary>What every fault is crossed with, the unsplit baseline first.</summary>
    public static SplitPlan[] Crossing(int faultEntry, PlanOptions options, PlanRandom random) => !options.Forces
        ? [SplitPlan.None, .. Enumerable.Range(0, 4).Select(_ => Edge(random))]
        :
    [
        SplitPlan.None,
        SplitPlan.Every,
        Single(faultEntry),
        options.DrawnNaturals > 0 ? Edge(random) : Natural(options.NaturalBytes[random.Below(Math.Min(2, options.NaturalBytes.Count))]),
        Random(random),
    ];

    /// <summary>For faults that only a growing stack can cause.</summary>
    public static SplitPlan[] Growing(PlanOptions options, PlanRandom random) =>
    [
        Natural(options.NaturalBytes[0]),
        SplitPlan.Every,
        Natural(options.NaturalBytes[options.NaturalBytes.Count / 2]),
        Random(random),
        Natural(options.NaturalBytes[Math.Min(1, options.NaturalBytes.Count - 1)]),
    ];

    public static SplitPlan Single(int entry) => new(SplitKind.SingleEntry, (ulong)entry);

    public static SplitPlan Natural(int bytes) => new(SplitKind.Natural, (ulong)bytes);

    /// <summary>What stacks' alignment lets an edge be moved by.</summary>
    public const int EdgeBytes = 16;

    private const int EdgesTried = 256;
    private const int LeastBytes = 128;

    /// <summary>Most programs are not deeper.</summary>
    private static SplitPlan Edge(PlanRandom random) => Natural(LeastBytes + (EdgeBytes * random.Below(EdgesTried)));

    public static SplitPlan Random(PlanRandom random)
    {
        ReadOnlySpan<ulong> probabilities = [65536 / 16, 65536 / 4, 65536 / 2, 65536 * 7 / 8];
        return new SplitPlan(SplitKind.Random, random.Next() | 1, probabilities[random.Below(probabilities.Length)]);
    }

    private static SplitPlan EntrySet(int entries, PlanRandom random) =>
        new(
            SplitKind.EntrySet,
            (ulong)(random.Below((entries / 64) + 1) * 64),
            random.Next() | (1UL << random.Below(Math.Min(entries, 64))));
}
