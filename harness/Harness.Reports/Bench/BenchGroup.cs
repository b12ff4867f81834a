namespace Harness.Reports;

/// <summary>Figures of one unit that are shown together.</summary>
/// <param name="Names">The figures' names in the order they are shown, each with what it is called.</param>
public sealed record BenchGroup(string Title, string Unit, string Text, IReadOnlyList<(string Name, string Title)> Names)
{
    public static IReadOnlyList<BenchGroup> All { get; } =
    [
        new(
            "Hot split", "ns per call", "A call in a loop whose frame of 512 bytes goes over a segment's edge every time, the same call where it fits, "
            + "and the same code without a check. Sixteen jumps show whether the core was the program's alone: where its other hardware thread is busy they take 1.9 times as long.",
            [("hot.split", "over an edge"), ("hot.in_place", "where it fits"), ("hot.plain", "without check"), ("hot.jumps", "16 jumps")]),
        new(
            "Deep recursion", "ns per level", "10,000 levels with frames of 3,000 bytes: in memory never touched before, the same again, and on "
            + "another fiber of the same process.",
            [("deep.first", "first touch"), ("deep.warm", "warm"), ("deep.again", "another fiber")]),
        new(
            "Prologues", "ms", "The same Zig code with and without checks, ReleaseFast: fib(28), and quicksorts with a comparison through a pointer.",
            [("fib.split", "fib"), ("fib.plain", "fib without"), ("calls.split", "sort"), ("calls.plain", "sort without")]),
        new(
            "Fiber switch", "ns per switch", "Into a fiber and out of it, halved; shared: while a second thread might resume the same fiber.",
            [("switch", "one thread"), ("switch.shared", "shared")]),
        new(
            "Stack up front", "ns", "Fibers that grow by splitting, beside fibers that are given all they need in their first segment: made, run 40 deep (frames of 256 bytes) and back; and "
            + "one call of those 40, there and back, when they are made again and again on one fiber.",
            [("upfront.split.spawn_ns", "made and run, splitting"), ("upfront.given.spawn_ns", "made and run, up front"), ("upfront.split.call_ns", "a call, splitting"), ("upfront.given.call_ns", "a call, up front")]),
        new(
            "Stack up front, idle", "bytes", "Resident memory of such a fiber, 2,000 of them, that has been 40 deep and waits.",
            [("upfront.split.bytes", "splitting"), ("upfront.given.bytes", "up front")]),
        new(
            "Idle fiber", "bytes", "Resident memory per fiber that has been 40 calls deep (frames of 256 bytes) and waits; collected: after Go's collector "
            + "has shrunk the stacks; tables: the kernel's page tables.",
            [("idle.bytes", "resident"), ("idle.collected_bytes", "collected"), ("idle.table_bytes", "tables")]),
        new("Making a fiber", "ns", "The same fibers: made, run 40 deep, and back.", [("idle.ns", "made and run")]),
    ];

    /// <summary>What was measured of it, in the order of names, then of contenders.</summary>
    public IReadOnlyList<(BenchFigure Figure, string Title)> Of(RuntimeBenchResult result) =>
        [.. Names.SelectMany(name => result.Figures.Where(figure => figure.Name == name.Name)
            .Select(figure => (figure, $"{BenchContender.Title(figure.Contender)}: {name.Title}")))];

    /// <summary>Where the bars that state or imply a value in this unit lie.</summary>
    public IReadOnlyList<(double Value, string Text)> Required(RuntimeBenchResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        var lines = new List<(double, string)>();
        void Add(double? value, string text)
        {
            if (value is { } v)
            {
                lines.Add((v, text));
            }
        }

        switch (Names[0].Name)
        {
            case "hot.split":
                Add(result.Figure("hot.plain", BenchContender.Attribute)?.Median + RuntimeBars.HotNanoseconds, "over an edge: 5 ns above no check");
                break;
            case "deep.first":
                Add(RuntimeBars.WarmNanoseconds, "warm: 20 ns");
                Add(result.Figure("deep.first", BenchContender.Libgcc)?.Median / RuntimeBars.FirstTouchTimesLibgcc, "first touch: a tenth of libgcc");
                break;
            case "switch":
                Add(
                    Math.Max(RuntimeBars.SwitchNanoseconds, RuntimeBars.SwitchTimesFcontext * (result.Figure("switch", BenchContender.Fcontext)?.Median ?? 0)),
                    "6 ns, or 1.5 times fcontext");
                break;
            case "idle.bytes":
                Add(RuntimeBars.IdleBytes, "4.5 KiB");
                break;
        }

        return lines;
    }
}
