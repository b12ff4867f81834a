using System.Globalization;

namespace Harness.Reports;

/// <summary>The bars that the runtime has to clear, and whether it does (docs/BENCHMARKS.md).</summary>
public static class RuntimeBars
{
    public const double HotNanoseconds = 5;
    public const double HotTimesLibgcc = 100;
    public const double HotTimesUnblocked = 3;
    public const double FirstTouchTimesLibgcc = 10;
    public const double WarmNanoseconds = 20;
    public const double AttributePercent = 3;
    public const double ThunkPercent = 15;
    public const double SwitchNanoseconds = 6;
    public const double SwitchTimesFcontext = 1.5;
    public const double IdleBytes = 4.5 * 1024;

    /// <summary>All of them, in the order of the measurements; those of measurements that were not asked for are left out.</summary>
    public static IReadOnlyList<BenchBar> Of(RuntimeBenchResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        (string Measurement, IEnumerable<BenchBar> Bars)[] all =
        [
            ("hot", Hot(result)), ("deep", Deep(result)), ("prologue", Prologue(result)), ("switch", Switch(result)), ("upfront", Upfront(result)), ("idle", Idle(result)),
        ];
        return [.. all.Where(group => result.Only is null || result.Only == group.Measurement).SelectMany(group => group.Bars)];
    }

    /// <summary>What crossing an edge adds to a call; null when it was not measured.</summary>
    public static double? SplitCost(RuntimeBenchResult result, string contender) =>
        Cost(result, "hot.split", BenchContender.Routes.Contains(contender) ? "hot.plain" : "hot.in_place", contender);

    /// <summary>What the check adds to a workload, in percent: the median over rounds of the quotient within a round.</summary>
    public static double? CheckPercent(RuntimeBenchResult result, string workload, string route)
    {
        ArgumentNullException.ThrowIfNull(result);
        return result.Figure(workload + ".split", route) is { } split && result.Figure(workload + ".plain", route) is { } plain
            ? 100 * (Statistics.Median(split.Samples.Zip(plain.Samples, (s, p) => s / p)) - 1)
            : null;
    }

    private static IEnumerable<BenchBar> Hot(RuntimeBenchResult result)
    {
        foreach (var route in BenchContender.Routes)
        {
            yield return AtMost(
                $"hot split above the unsplit call, {route}", HotNanoseconds, "ns", SplitCost(result, route), Why(result, route));
        }

        var ours = SplitCost(result, BenchContender.Attribute);
        yield return Times("hot split, libgcc as shipped", HotTimesLibgcc, SplitCost(result, BenchContender.Libgcc), ours, Why(result, BenchContender.Libgcc));
        yield return Times(
            "hot split, libgcc with signal blocking off", HotTimesUnblocked, SplitCost(result, BenchContender.LibgccUnblocked), ours,
            Why(result, BenchContender.LibgccUnblocked));
    }

    private static IEnumerable<BenchBar> Deep(RuntimeBenchResult result)
    {
        var first = result.Figure("deep.first", BenchContender.Attribute)?.Median;
        yield return Times(
            "first-touch growth per level, libgcc", FirstTouchTimesLibgcc, result.Figure("deep.first", BenchContender.Libgcc)?.Median, first,
            Why(result, BenchContender.Libgcc));
        yield return Times(
            "first-touch growth per level, Go", 1, result.Figure("deep.first", BenchContender.Go)?.Median, first, Why(result, BenchContender.Go));
        foreach (var route in BenchContender.Routes)
        {
            yield return AtMost(
                $"warm recursion per level, {route}", WarmNanoseconds, "ns", result.Figure("deep.warm", route)?.Median, Why(result, route));
        }
    }

    private static IEnumerable<BenchBar> Prologue(RuntimeBenchResult result) =>
        from entry in ((string Route, double Percent)[])[(BenchContender.Attribute, AttributePercent), (BenchContender.Thunk, ThunkPercent)]
        from workload in (string[])["fib", "calls"]
        select AtMost(
            $"prologue overhead of {workload}, {entry.Route}", entry.Percent, "%", CheckPercent(result, workload, entry.Route), Why(result, entry.Route));

    private static IEnumerable<BenchBar> Switch(RuntimeBenchResult result)
    {
        var required = $"at most {Number(SwitchNanoseconds)} ns, or {Number(SwitchTimesFcontext)} times Boost's fcontext";
        if (result.Figure("switch", BenchContender.Attribute)?.Median is not { } ours)
        {
            yield return new BenchBar("fiber switch", required, Why(result, BenchContender.Attribute), BarVerdict.NotMeasured);
            yield break;
        }

        var theirs = result.Figure("switch", BenchContender.Fcontext)?.Median;
        var compared = theirs is { } t ? $"{Number(ours / t)} times fcontext's {Number(t)} ns" : $"fcontext: {Why(result, BenchContender.Fcontext)}";
        // Without Boost, the second half of the bar cannot be judged: it is missed only when both halves are known to be.
        var verdict = ours <= SwitchNanoseconds || ours <= SwitchTimesFcontext * theirs ? BarVerdict.Met
            : theirs is null ? BarVerdict.NotMeasured
            : BarVerdict.Missed;
        yield return new BenchBar("fiber switch", required, $"{Number(ours)} ns, {compared}", verdict);
    }

    /// <summary>Each what splitting costs, in times of what it costs where the stack is given up front; of memory the other way round.</summary>
    private static IEnumerable<BenchBar> Upfront(RuntimeBenchResult result)
    {
        double? Of(string name) => result.Figure(name, BenchContender.Attribute)?.Median;
        var why = Why(result, BenchContender.Attribute);
        yield return Times("fiber made and run with its stack up front, against splitting", 1, Of("upfront.split.spawn_ns"), Of("upfront.given.spawn_ns"), why);
        yield return Times("resident bytes of an idle fiber that splits, against up front", 1, Of("upfront.given.bytes"), Of("upfront.split.bytes"), why);
    }

    private static IEnumerable<BenchBar> Idle(RuntimeBenchResult result)
    {
        var ours = result.Figure("idle.bytes", BenchContender.Attribute)?.Median;
        yield return AtMost("resident bytes of an idle fiber", IdleBytes, "bytes", ours, Why(result, BenchContender.Attribute));
        foreach (var other in (string[])[BenchContender.StandardIo, BenchContender.Go])
        {
            yield return Times(
                $"resident bytes of an idle fiber, {BenchContender.Title(other)}", 1, result.Figure("idle.bytes", other)?.Median, ours, Why(result, other));
        }
    }

    private static double? Cost(RuntimeBenchResult result, string of, string without, string contender) =>
        result.Figure(of, contender)?.Median - result.Figure(without, contender)?.Median;

    private static string Why(RuntimeBenchResult result, string contender) =>
        result.Skipped.FirstOrDefault(skip => contender.StartsWith(skip.Contender, StringComparison.Ordinal))?.Reason ?? "not measured";

    private static BenchBar AtMost(string name, double most, string unit, double? measured, string why) => measured is { } value
        ? new BenchBar(name, $"at most {Number(most)} {unit}", $"{Number(value)} {unit}", value <= most ? BarVerdict.Met : BarVerdict.Missed)
        : new BenchBar(name, $"at most {Number(most)} {unit}", why, BarVerdict.NotMeasured);

    /// <param name="factor">How many times cheaper ours has to be; 1: cheaper at all.</param>
    private static BenchBar Times(string name, double factor, double? theirs, double? ours, string why)
    {
        var required = factor > 1 ? $"{Number(factor)} times cheaper" : "cheaper";
        if (theirs is not { } t || ours is not { } o)
        {
            return new BenchBar(name, required, why, BarVerdict.NotMeasured);
        }

        // A cost that is lost in the noise is taken for the least that can be told.
        var ratio = t / Math.Max(o, 0.01);
        var met = factor > 1 ? ratio >= factor : ratio > 1;
        return new BenchBar(name, required, $"{Number(ratio)} times ({Number(t)} against {Number(o)})", met ? BarVerdict.Met : BarVerdict.Missed);
    }

    /// <summary>Three significant digits, no exponent.</summary>
    public static string Number(double value)
    {
        var digits = Math.Abs(value) switch { >= 100 => 0, >= 10 => 1, _ => 2 };
        return Math.Round(value, digits).ToString(digits == 0 ? "#,0" : "0.##", CultureInfo.InvariantCulture);
    }
}
