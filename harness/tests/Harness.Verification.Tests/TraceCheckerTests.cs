using Harness.Emit;
using Harness.Execution;
using Harness.Model;

namespace Harness.Verification.Tests;

/// <summary>
/// Tables of traces: the model's chain on one side, an observed trace written as words on the other. A word
/// <c>f@s</c> is code of function f stopped at site s; <c>f@s&lt;g@t</c> the same with g inlined there, stopped at t; <c>f@?</c> a frame
/// without line; <c>f@!</c> one at a line of f that is no site's; <c>fiber</c> the wrapper, <c>entry</c> the runtime's
/// first frame, <c>bridge</c> the callback bridge, <c>panic</c> code outside the program.
/// </summary>
public class TraceCheckerTests
{
    private const ulong EntryReturn = 0x1008;
    private const ulong BridgeReturn = 0x2008;

    private static readonly FiberProgram Program = Samples.Nested();
    private static readonly SourceMap Map = ZigEmitter.Emit([Samples.Recursive(2), Program]).Map;

    private readonly Dictionary<ulong, CodePosition> _code = [];
    private readonly HashSet<(SourceOwner Owner, int Line)> _jumps = [];
    private readonly HashSet<(SourceOwner Owner, int Line)> _loops = [];

    private static Frame Plain(int function, int site) => new Frame.Transpiled(function, site, Optional: false, MayBeInlined: false);

    private static Frame Inline(int function, int site) => new Frame.Transpiled(function, site, Optional: false, MayBeInlined: true);

    private static Frame Tail(int function, int site) => new Frame.Transpiled(function, site, Optional: true, MayBeInlined: false);

    private static readonly Frame Bridge = new Frame.CallbackBridge();
    private static readonly Frame Wrapper = new Frame.FiberEntry(0);

    private TraceVerdict Check(Frame[] expected, string observed, ChainEnd end = ChainEnd.Clean, int site = 10, TraceRules? rules = null,
        int stubs = 1, int segments = 1, Observer observer = Observer.FramePointers)
    {
        var addresses = observed.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Address).ToEquatableArray();
        var checker = new TraceChecker(new FakeCode(_code, _jumps, _loops), Map, rules ?? TraceRules.Optimised, new(0x1000, 0x1010), new(0x2000, 0x2010));
        return checker.Check(
            1, new ProbeTrace(0, site, expected.ToEquatableArray()),
            new WorkerMessage.Probe(0, 0, site, 0, observer, 0, stubs, segments), new WorkerMessage.Chain(0, end, addresses));
    }

    private ulong Address(string word)
    {
        if (word is "entry" or "bridge")
        {
            return word == "entry" ? EntryReturn : BridgeReturn;
        }

        var address = 0x10_0000UL + ((ulong)_code.Count * 16);
        _code[address - 1] = Position(word);
        return address;
    }

    private static CodePosition Position(string word)
    {
        if (word is "panic" or "fiber")
        {
            return word == "panic"
                ? new CodePosition("support.panicked", null, 0)
                : new CodePosition("unit.fiber_0", new SourceOwner.FiberEntry(1, 0), Map.FiberEntryLine(1, 0));
        }

        var frames = word.Split('<').Select(Stopped).ToArray();
        return new CodePosition($"unit.{word}", frames[0].Owner, frames[^1].Line)
        {
            FunctionLine = frames[0].Line,
            Inlined = frames.Length == 1 ? null : [.. frames.Skip(1).Reverse().Select(f => new CodeFrame(f.Owner, f.Line, IsInlined: true))],
        };
    }

    private static (SourceOwner Owner, int Line) Stopped(string frame)
    {
        if (frame == "fiber")
        {
            return (new SourceOwner.FiberEntry(1, 0), Map.FiberEntryLine(1, 0));
        }

        var (function, site) = (int.Parse(frame.Split('@')[0]), frame.Split('@')[1]);
        return (new SourceOwner.Function(1, function), site switch
        {
            "?" => 0,
            "!" => Map.CheckpointLine(1, function) - 1,
            "-1" => Map.CheckpointLine(1, function),
            _ => Map.LineOfSite(1, int.Parse(site)),
        });
    }

    private static readonly Frame[] Whole = [Plain(2, 10), Plain(1, 6), Plain(0, 2), Wrapper];
    private static readonly Frame[] AllInline = [Inline(2, 10), Inline(1, 6), Inline(0, 2), Wrapper];

    [Fact]
    public void Accepts_every_frame_in_order_to_a_clean_end()
    {
        Assert.Equal(new TraceVerdict.Complete(4, 0), Check(Whole, "2@10 1@6 0@2 fiber entry"));
        Assert.Equal(new TraceVerdict.Complete(4, 0), Check(Whole, "2@10 1@6 0@2 fiber entry", rules: TraceRules.Exact));
    }

    [Theory]
    [InlineData("1@6 0@2 fiber entry", TraceFault.WrongFunction, 0)] // innermost frame lost
    [InlineData("2@10 0@2 fiber entry", TraceFault.WrongFunction, 1)] // a middle one
    [InlineData("2@10 1@6 fiber entry", TraceFault.WrongFunction, 2)]
    [InlineData("2@10 1@6 0@2 entry", TraceFault.MissingFrames, 3)] // the wrapper
    [InlineData("2@10 1@6 0@2 fiber", TraceFault.WrongEntry, 4)]
    [InlineData("2@10 1@6", TraceFault.MissingFrames, 2)]
    [InlineData("", TraceFault.MissingFrames, 0)]
    [InlineData("entry", TraceFault.MissingFrames, 0)]
    [InlineData("2@10 2@10 1@6 0@2 fiber entry", TraceFault.WrongFunction, 1)] // twice
    [InlineData("2@10 1@6 1@6 0@2 fiber entry", TraceFault.WrongFunction, 2)]
    [InlineData("1@6 2@10 0@2 fiber entry", TraceFault.WrongFunction, 0)] // order
    [InlineData("2@10 1@7 0@2 fiber entry", TraceFault.WrongLine, 1)] // another call of the same function
    [InlineData("2@! 1@6 0@2 fiber entry", TraceFault.WrongLine, 0)]
    [InlineData("2@10 1@6 0@2 fiber entry fiber", TraceFault.WrongEntry, 5)]
    [InlineData("2@10 1@6 0@2 fiber entry entry", TraceFault.WrongEntry, 5)]
    [InlineData("2@10 panic 1@6 0@2 fiber entry", TraceFault.ForeignFrame, 1)]
    [InlineData("panic 2@10 1@6 0@2 fiber entry", TraceFault.ForeignFrame, 0)]
    [InlineData("2@10 bridge 1@6 0@2 fiber entry", TraceFault.WrongFunction, 1)]
    [InlineData("1@6<2@10 0@2 fiber entry", TraceFault.WrongLine, 0)] // nothing here may be inlined
    public void Rejects_anything_else_and_names_the_first_wrong_frame(string observed, TraceFault fault, int index)
    {
        var wrong = Assert.IsType<TraceVerdict.Wrong>(Check(Whole, observed));
        Assert.Equal((fault, index), (wrong.Fault, wrong.Index));
    }

    [Theory]
    [InlineData(ChainEnd.Cut)]
    [InlineData(ChainEnd.Unreadable)]
    [InlineData(ChainEnd.Limit)]
    [InlineData(ChainEnd.NoInfo)]
    public void Rejects_a_walk_that_did_not_end_cleanly(ChainEnd end)
    {
        var cut = Assert.IsType<TraceVerdict.Wrong>(Check(Whole, "2@10 1@6", end));
        Assert.Equal((TraceFault.NotClean, 2), (cut.Fault, cut.Index));
        Assert.Contains(end.ToString().ToLowerInvariant(), cut.Observed);
        var whole = Assert.IsType<TraceVerdict.Wrong>(Check(Whole, "2@10 1@6 0@2 fiber entry", end));
        Assert.Equal(TraceFault.NotClean, whole.Fault);
    }

    [Theory]
    [InlineData("2@10 1@6 0@2 fiber entry")] // nothing was inlined after all
    [InlineData("1@6<2@10 0@2 fiber entry")]
    [InlineData("0@2<1@6<2@10 fiber entry")] // 2 into 1 into 0
    [InlineData("fiber<0@2<1@6<2@10 entry")] // all of it into the wrapper
    [InlineData("2@10 0@2<1@6 fiber entry")]
    [InlineData("1@6<2@10 fiber<0@2 entry")]
    public void Accepts_functions_inlined_into_the_next_frames_out(string observed) =>
        Assert.IsType<TraceVerdict.Complete>(Check(AllInline, observed));

    [Theory]
    [InlineData("1@6<2@10 0@2 fiber entry")]
    [InlineData("0@2<1@6<2@10 fiber entry")]
    public void Rejects_inlining_where_the_compiler_does_none(string observed) =>
        Assert.IsType<TraceVerdict.Wrong>(Check(AllInline, observed, rules: TraceRules.Exact));

    [Theory]
    [InlineData("1@7<2@10 0@2 fiber entry")] // inlined at another call of the right function
    [InlineData("0@2<1@7<2@10 fiber entry")] // in the middle
    [InlineData("1@!<2@10 0@2 fiber entry")]
    public void Rejects_a_function_inlined_at_another_call_than_the_models(string observed)
    {
        var wrong = Assert.IsType<TraceVerdict.Wrong>(Check(AllInline, observed));
        Assert.Equal((TraceFault.WrongLine, 0), (wrong.Fault, wrong.Index));
    }

    [Theory]
    [InlineData("0@2<1@6<2@10 fiber entry")] // 1 is not inlinable, so 2 cannot have reached 0
    [InlineData("1@6<2@10 fiber<0@2 entry")] // nor 0
    public void Rejects_inlining_through_a_function_that_cannot_be_inlined(string observed) =>
        Assert.IsType<TraceVerdict.Wrong>(Check([Inline(2, 10), Plain(1, 6), Plain(0, 2), Wrapper], observed));

    [Theory]
    [InlineData("1@6 0@2 fiber entry")] // 2 is gone, not inlined: its line would show
    [InlineData("2@10 0@2 fiber entry")]
    [InlineData("0@2 fiber entry")]
    [InlineData("1@6<2@10 fiber entry")]
    [InlineData("0@2<1@6 fiber entry")]
    [InlineData("0@2<2@10 fiber entry")] // 1 between them is not told
    public void Rejects_lost_frames_although_they_might_have_been_inlined(string observed) =>
        Assert.IsType<TraceVerdict.Wrong>(Check(AllInline, observed));

    [Fact]
    public void Frames_of_a_recursive_function_are_counted_inlined_or_not()
    {
        Frame[] expected = [Inline(2, 10), Inline(1, 6), Inline(1, 6), Inline(1, 6), Wrapper];
        Assert.IsType<TraceVerdict.Complete>(Check(expected, "2@10 1@6 1@6 1@6 fiber entry"));
        Assert.IsType<TraceVerdict.Complete>(Check(expected, "1@6<2@10 1@6 1@6 fiber entry"));
        Assert.IsType<TraceVerdict.Wrong>(Check(expected, "2@10 1@6 1@6 fiber entry"));
        Assert.IsType<TraceVerdict.Wrong>(Check(expected, "1@6<2@10 1@6 fiber entry"));
        Assert.IsType<TraceVerdict.Wrong>(Check(expected, "2@10 1@6 1@6 1@6 1@6 fiber entry"));
    }

    [Fact]
    public void Two_functions_that_call_each_other_may_be_inlined_into_one_another()
    {
        Frame[] expected = [Inline(1, 6), Inline(2, 10), Inline(1, 7), Plain(0, 2), Wrapper];
        Assert.IsType<TraceVerdict.Complete>(Check(expected, "1@6 2@10 1@7 0@2 fiber entry"));
        Assert.IsType<TraceVerdict.Complete>(Check(expected, "2@10<1@6 1@7 0@2 fiber entry"));
        Assert.IsType<TraceVerdict.Complete>(Check(expected, "1@7<2@10<1@6 0@2 fiber entry"));
        Assert.IsType<TraceVerdict.Wrong>(Check(expected, "1@7<1@6 0@2 fiber entry"));
    }

    [Theory]
    [InlineData("2@10 1@6 0@2 fiber entry", true)]
    [InlineData("2@10 0@2 fiber entry", true)] // 1 made a tail call
    [InlineData("2@10 fiber entry", false)] // 0 did not
    [InlineData("1@6 0@2 fiber entry", false)]
    public void A_frame_that_made_a_tail_call_may_be_absent(string observed, bool accepted)
    {
        Frame[] expected = [Plain(2, 10), Tail(1, 6), Plain(0, 2), Wrapper];
        Assert.Equal(accepted, Check(expected, observed) is TraceVerdict.Complete);
        Assert.Equal(accepted && observed.Contains("1@6"), Check(expected, observed, rules: TraceRules.Exact) is TraceVerdict.Complete);
    }

    [Theory]
    [InlineData("2@10 1@6 0@2 fiber entry", true)]
    [InlineData("2@10 0@2 fiber entry", true)] // 1 left by a jump at the line of site 6
    [InlineData("2@10 fiber entry", false)] // 0 did not
    [InlineData("1@6 0@2 fiber entry", false)]
    public void A_frame_whose_code_leaves_by_a_jump_at_its_line_may_be_absent(string observed, bool accepted)
    {
        _jumps.Add((new SourceOwner.Function(1, 1), Map.LineOfSite(1, 6)));
        Assert.Equal(accepted, Check(Whole, observed) is TraceVerdict.Complete);
        Assert.Equal(accepted && observed.Contains("1@6"), Check(Whole, observed, rules: TraceRules.Exact) is TraceVerdict.Complete);
    }

    [Fact]
    public void A_jump_at_another_line_excuses_no_frame()
    {
        _jumps.Add((new SourceOwner.Function(1, 1), Map.LineOfSite(1, 7)));
        _jumps.Add((new SourceOwner.Function(0, 1), Map.LineOfSite(1, 6)));
        Assert.IsType<TraceVerdict.Wrong>(Check(Whole, "2@10 0@2 fiber entry"));
    }

    [Fact]
    public void Several_tail_calls_in_a_row_may_all_be_absent()
    {
        Frame[] expected = [Plain(2, 10), Tail(1, 6), Tail(1, 7), Tail(0, 2), Wrapper];
        Assert.All(
            (string[])["2@10 fiber entry", "2@10 1@7 fiber entry", "2@10 1@6 0@2 fiber entry", "2@10 1@6 1@7 0@2 fiber entry"],
            observed => Assert.IsType<TraceVerdict.Complete>(Check(expected, observed)));
        Assert.IsType<TraceVerdict.Wrong>(Check(expected, "2@10 1@7 1@6 fiber entry"));
    }

    [Fact]
    public void A_frame_without_line_matches_by_function_and_is_counted()
    {
        Assert.Equal(new TraceVerdict.Complete(4, 2), Check(Whole, "2@? 1@6 0@? fiber entry"));
        Assert.IsType<TraceVerdict.Wrong>(Check(Whole, "1@? 1@6 0@2 fiber entry"));
        // A call merged of several: what is inlined there is not told either.
        Assert.Equal(new TraceVerdict.Complete(3, 1), Check(AllInline, "1@? 0@2 fiber entry"));
        Assert.Equal(new TraceVerdict.Complete(3, 1), Check(AllInline, "0@2<1@? fiber entry"));
        Assert.IsType<TraceVerdict.Wrong>(Check(AllInline, "2@10 0@? fiber"));
        Assert.IsType<TraceVerdict.Wrong>(Check([Plain(2, 10), Inline(1, 6), Plain(0, 2), Wrapper], "0@? fiber entry"));
    }

    [Theory]
    [InlineData("panic panic 2@-1 1@6 0@2 fiber entry", true)]
    [InlineData("panic 2@? 1@6 0@2 fiber entry", true)] // the checkpoint is inline: a line of the support library
    [InlineData("2@-1 1@6 0@2 fiber entry", true)]
    [InlineData("2@-1 panic 1@6 0@2 fiber entry", false)]
    [InlineData("panic 2@10 1@6 0@2 fiber entry", false)]
    [InlineData("panic 1@6 0@2 fiber entry", false)]
    [InlineData("panic", false)]
    public void Panic_machinery_may_only_lead_the_trace_of_a_panic(string observed, bool accepted) =>
        Assert.Equal(accepted, Check([Plain(2, -1), Plain(1, 6), Plain(0, 2), Wrapper], observed, site: -1) is TraceVerdict.Complete);

    [Theory]
    [InlineData("2@10 bridge 1@6 0@2 fiber entry", true)]
    [InlineData("2@10 1@6 0@2 fiber entry", false)]
    [InlineData("2@10 bridge bridge 1@6 0@2 fiber entry", false)]
    [InlineData("1@6<2@10 0@2 fiber entry", false)] // nothing is inlined through assembly
    public void The_callback_bridge_is_a_frame_of_its_own(string observed, bool accepted) =>
        Assert.Equal(accepted, Check([Inline(2, 10), Bridge, Inline(1, 6), Plain(0, 2), Wrapper], observed) is TraceVerdict.Complete);

    [Fact]
    public void Functions_of_another_program_are_wrong()
    {
        _code[0xfff_ffff] = new CodePosition("unit.other", new SourceOwner.Function(0, 0), Map.LineOfSite(0, 3));
        var chain = new WorkerMessage.Chain(0, ChainEnd.Clean, [0x1000_0000UL]);
        var checker = new TraceChecker(new FakeCode(_code, []), Map, TraceRules.Optimised, new(0x1000, 0x1010), new(0x2000, 0x2010));
        var verdict = checker.Check(1, new ProbeTrace(0, 3, [Plain(0, 2)]), new(0, 0, 3, 0, Observer.Dwarf, 0, 0, 0), chain);
        Assert.Equal(TraceFault.WrongFunction, Assert.IsType<TraceVerdict.Wrong>(verdict).Fault);
    }

    /// <summary>Function 1 calls itself at site 6, which the optimiser has made a loop of.</summary>
    [Fact]
    public void A_call_of_a_function_itself_that_the_code_does_not_have_leaves_no_frame()
    {
        Frame[] twice = [Plain(1, -1), Plain(1, 6), Plain(1, 6), Plain(0, 2), Wrapper];
        const string once = "1@-1 0@2 fiber entry";
        Assert.IsType<TraceVerdict.Wrong>(Check(twice, once));
        _loops.Add((new SourceOwner.Function(1, 1), Map.LineOfSite(1, 6)));
        Assert.IsType<TraceVerdict.Complete>(Check(twice, once));
        Assert.IsType<TraceVerdict.Wrong>(Check(twice, once, rules: TraceRules.Exact));
        Assert.IsType<TraceVerdict.Wrong>(Check(twice, "1@-1 fiber entry"));
        // Of another function the line would be a call that is missing.
        Assert.IsType<TraceVerdict.Wrong>(Check([Plain(2, 10), Plain(1, 6), Plain(0, 2), Wrapper], "2@10 0@2 fiber entry"));
    }

    [Fact]
    public void A_chain_that_was_asked_about_before_is_held_to_what_is_expected_now()
    {
        var chain = new WorkerMessage.Chain(0, ChainEnd.Clean, "panic 0@2 fiber entry".Split(' ').Select(Address).ToEquatableArray());
        var checker = new TraceChecker(new FakeCode(_code, []), Map, TraceRules.Exact, new(0x1000, 0x1010), new(0x2000, 0x2010));
        Frame[] expected = [Plain(0, 2), Wrapper];
        for (var round = 0; round < 2; round++)
        {
            Assert.True(Holds(1, -1, 1, expected));
            Assert.False(Holds(1, 2, 1, expected)); // A probe has no frames of a panic's machinery.
            Assert.False(Holds(1, -1, 1, expected[1..]));
            Assert.False(Holds(0, -1, 1, expected));
            Assert.False(Holds(1, -1, 2, expected));
            Assert.True(Holds(1, -1, 1, [.. expected]));
        }

        bool Holds(int program, int site, int stubs, Frame[] frames) => checker.Check(
            program, new ProbeTrace(0, site, frames.ToEquatableArray()), new(0, 0, site, 0, Observer.FramePointers, 0, stubs, 1), chain) is TraceVerdict.Complete;
    }

    [Fact]
    public void Stub_frames_must_be_as_many_as_segment_boundaries()
    {
        Assert.IsType<TraceVerdict.Complete>(Check(Whole, "2@10 1@6 0@2 fiber entry", stubs: 3, segments: 3));
        var wrong = Assert.IsType<TraceVerdict.Wrong>(Check(Whole, "2@10 1@6 0@2 fiber entry", stubs: 2, segments: 3));
        Assert.Equal(TraceFault.StubCount, wrong.Fault);
    }

    [Fact]
    public void Only_a_trace_that_is_really_too_deep_may_be_declined_by_the_dwarf_observer()
    {
        Frame[] deep = [.. Enumerable.Repeat(Plain(1, 6), 9100), Wrapper];
        Assert.IsType<TraceVerdict.TooDeep>(Check(deep, "", ChainEnd.Limit, observer: Observer.Dwarf));
        Assert.IsType<TraceVerdict.TooDeep>(Check(deep[..5000], "", ChainEnd.Limit, stubs: 0, segments: 4999, observer: Observer.Dwarf));
        Assert.IsType<TraceVerdict.Wrong>(Check(deep, "", ChainEnd.Limit));
        Assert.IsType<TraceVerdict.Wrong>(Check(Whole, "", ChainEnd.Limit, observer: Observer.Dwarf));
        Assert.IsType<TraceVerdict.Wrong>(Check(deep, "", ChainEnd.Cut, observer: Observer.Dwarf));
    }

    [Fact]
    public void Deep_traces_are_matched_in_little_time()
    {
        const int depth = 20_000;
        var observed = string.Join(' ', Enumerable.Repeat("1@6", depth)) + " fiber entry";
        var withoutLines = string.Join(' ', Enumerable.Repeat("1@?", depth)) + " fiber entry";
        foreach (var frame in (Frame[])[Plain(1, 6), Inline(1, 6), Tail(1, 6)])
        {
            Frame[] deep = [.. Enumerable.Repeat(frame, depth), Wrapper];
            Assert.Equal(new TraceVerdict.Complete(depth + 1, 0), Check(deep, observed));
            Assert.Equal(new TraceVerdict.Complete(depth + 1, depth), Check(deep, withoutLines));
            Assert.IsType<TraceVerdict.Wrong>(Check(deep, "1@6 " + observed));
        }

        Frame[] pairs = [.. Enumerable.Repeat<Frame[]>([Inline(2, 10), Inline(1, 6)], depth).SelectMany(f => f), Wrapper];
        var inlined = string.Join(' ', Enumerable.Repeat("1@6<2@10", depth)) + " fiber entry";
        Assert.Equal(new TraceVerdict.Complete((2 * depth) + 1, 0), Check(pairs, inlined));
    }

    private sealed class FakeCode(
        Dictionary<ulong, CodePosition> code, HashSet<(SourceOwner Owner, int Line)> jumps, HashSet<(SourceOwner Owner, int Line)>? loops = null) : ICodeMap
    {
        public bool JumpsAway(SourceOwner owner, int line) => jumps.Contains((owner, line));

        public bool NeverCalls(SourceOwner owner, int line) => loops?.Contains((owner, line)) ?? false;

        public CodePosition Resolve(ulong address) => code.GetValueOrDefault(address, new CodePosition("??", null, 0));
    }
}
