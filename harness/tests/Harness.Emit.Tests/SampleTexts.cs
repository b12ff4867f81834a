using Harness.Model;
using static Harness.Emit.Tests.Samples;

namespace Harness.Emit.Tests;

/// <summary>A body of <see cref="Samples.Caller"/>'s function 0, and how Zig writes it.</summary>
internal sealed record SampleText(string Name, Statement[] Body, string Zig);

/// <summary>One sample per statement and handling, and per shape that Zig is particular about.</summary>
internal static partial class SampleTexts
{
    private static readonly Statement _call = Call(1, 1, Try, 2, Made(4));
    private static readonly Statement _probe = new Statement.Probe(9);
    private static readonly Statement _log = new Statement.Log(8, Const(1000));
    private static readonly Statement _raise = new Statement.Raise(7, ErrorName.Denied);

    public static IReadOnlyList<SampleText> All { get; } =
        [.. Plain(), .. Effects(), .. Scopes(), .. Branches(), .. Calls(), .. Catches(), .. Switches(), .. Outcomes()];

    private static Statement Handled(int function, Handling handling, int result = -1, params Argument[] arguments) =>
        Call(1, function, handling, result, arguments);

    private static IEnumerable<SampleText> Plain() =>
    [
        new("a log of a constant", [_log], "rt.log(8, 0x3e8);"),
        new("a sum of folds and constants", [new Statement.Log(1, new Scalar.Add(
            new Scalar.Add(Const(ulong.MaxValue), Fold(0)), new Scalar.Add(Const(3), Fold(1))))],
            "rt.log(1, rt.fold(v0) +% rt.fold(words_1) +% 2);"),
        new("a let", [new Statement.Let(2, new ZigType.Optional(U64), Const(7)), new Statement.Log(1, Fold(2))], """
            const v2 = rt.make(?u64, 7);
            rt.log(1, rt.fold(v2));
            """),
        new("a let that nothing reads", [new Statement.Let(2, U64, Const(7))], """
            const v2 = rt.make(u64, 7);
            _ = v2;
            """),
        new("a cell",
            [
                new Statement.Cell(2, Const(5)),
                new Statement.Store(2, Fold(2)),
                new Statement.Log(1, Fold(2)),
            ], """
            var cell_2: u64 = 5;
            cell_2 = rt.fold(cell_2);
            rt.log(1, rt.fold(cell_2));
            """),
        new("a cell that is only written", [new Statement.Cell(2, Const(5)), new Statement.Store(2, Const(6))], """
            var cell_2: u64 = 5;
            cell_2 = 6;
            """),
        new("a cell that is only read", [new Statement.Cell(2, Const(5)), new Statement.Log(1, Fold(2))], """
            var cell_2: u64 = 5;
            _ = &cell_2;
            rt.log(1, rt.fold(cell_2));
            """),
        new("a cell that nothing touches", [new Statement.Cell(2, Const(5))], """
            var cell_2: u64 = 5;
            _ = &cell_2;
            """),
        new("a buffer", [new Statement.Buffer(2, 64, 4096, Const(3)), new Statement.CheckBuffer(1, 2)], """
            var buffer_2: [64]u64 align(4096) = undefined;
            rt.fill(&buffer_2, 3);
            rt.log(1, rt.sum(&buffer_2));
            """),
    ];

    private static IEnumerable<SampleText> Effects() =>
    [
        new("resources by disposition",
            [
                new Statement.Acquire(1, 2, ResourceKind.HeapBlock, Disposition.Defer),
                new Statement.Acquire(2, 3, ResourceKind.FileDescriptor, Disposition.Manual),
                new Statement.Release(3, 3),
                new Statement.Lock(4, 4, 0),
            ], """
            const h2 = rt.acquire(1, .heap_block);
            defer rt.release(1, h2);
            const h3 = rt.acquire(2, .file_descriptor);
            rt.release(3, h3);
            const h4 = try rt.lock(4, 0);
            defer rt.release(4, h4);
            """),
        new("fibers",
            [
                new Statement.Yield(1),
                new Statement.Spawn(2, 0),
                new Statement.Join(3, 0),
                new Statement.Cancel(4, 0),
            ], """
            rt.yield(1);
            rt.spawn(2, 0);
            try rt.join(3, 0);
            rt.cancel(4, 0);
            """),
        new("a return of a made value", [Return(6)], """
            rt.leave(0);
            return rt.make(u32, 6);
            """),
        new("a return of a parameter", [new Statement.Return(new ReturnValue.Local(0))], """
            rt.leave(0);
            return v0;
            """),
        new("a raise", [_raise], """
            rt.raised(7, error.Denied);
            return error.Denied;
            """),
        new("a tail call", [new Statement.TailCall(1, 1, [Local(0)])], "return fetch_1(v0);"),
    ];

    private static IEnumerable<SampleText> Scopes() =>
    [
        new("a defer of one statement", [new Statement.Defer([_probe])], "defer rt.probe(9, @errorReturnTrace());"),
        new("a defer of nothing", [new Statement.Defer([])], "defer {}"),
        new("a defer of a call", [new Statement.Defer([Handled(1, new Handling.CatchValue(Const(1)), 2, Made(1))])], """
            defer {
                _ = fetch_1(rt.make(u32, 1)) catch rt.make(u32, 1);
            }
            """),
        new("a defer that ends the function with a call", [new Statement.Defer([Handled(4, Samples.Plain)])], """
            defer rt.stay();
            defer {
                touch_4();
            }
            """),
        new("an errdefer", [new Statement.ErrDefer([_probe, _log]), _call], """
            errdefer {
                rt.probe(9, @errorReturnTrace());
                rt.log(8, 0x3e8);
            }
            _ = try fetch_1(rt.make(u32, 4));
            """),
        new("an errdefer with a capture",
            [
                new Statement.ErrDeferCapture(3, []),
                new Statement.ErrDeferCapture(4, [_probe]),
                _raise,
            ], """
            errdefer |err| rt.errdeferred(3, err);
            errdefer |err| {
                rt.errdeferred(4, err);
                rt.probe(9, @errorReturnTrace());
            }
            rt.raised(7, error.Denied);
            """),
        new("a block", [new Statement.Block([new Statement.Defer([_probe]), _log]), new Statement.Block([])], """
            {
                defer rt.probe(9, @errorReturnTrace());
                rt.log(8, 0x3e8);
            }
            {}
            """),
        new("a block that never ends", [new Statement.Block([_raise])], """
            {
                rt.raised(7, error.Denied);
                return error.Denied;
            }
            """),
        new("a loop in a defer",
            [
                new Statement.Defer(
                    [new Statement.Loop(2, 3, [new Statement.BreakIf(When(new Scalar.LoopIndex(2), 2, 1))])]),
            ], """
            defer {
                for (0..3) |index_2| {
                    if (rt.mod(index_2, 2) == 1) break;
                }
            }
            """),
    ];

    private static IEnumerable<SampleText> Branches() =>
    [
        new("a loop", [new Statement.Loop(2, 16, [
            new Statement.ContinueIf(When(new Scalar.Add(new Scalar.LoopIndex(2), Const(1)), 2, 0)), _probe])], """
            for (0..16) |index_2| {
                if (rt.mod(index_2 +% 1, 2) == 0) continue;
                rt.probe(9, @errorReturnTrace());
            }
            """),
        new("a loop that ignores its index", [new Statement.Loop(2, 1, [_raise])], "for (0..1) |_| {"),
        new("an empty loop", [new Statement.Loop(2, 2, [])], "for (0..2) |_| {}"),
        new("an if", [new Statement.If(When(Fold(0), 3, 1), [_probe], [])], """
            if (rt.mod(rt.fold(v0), 3) == 1) {
                rt.probe(9, @errorReturnTrace());
            }
            """),
        new("an if with an else", [new Statement.If(When(Const(1), 1, 0), [_probe], [_log])], """
            if (rt.mod(1, 1) == 0) {
                rt.probe(9, @errorReturnTrace());
            } else {
                rt.log(8, 0x3e8);
            }
            """),
        new("an if with an else only",
            [
                new Statement.If(When(Fold(0), 3, 1), [], [_raise]),
                new Statement.If(When(Fold(0), 3, 1), [], []),
            ], """
            if (rt.mod(rt.fold(v0), 3) == 1) {} else {
                rt.raised(7, error.Denied);
                return error.Denied;
            }
            if (rt.mod(rt.fold(v0), 3) == 1) {}
            """),
        new("an if that never ends", [new Statement.If(When(Fold(0), 3, 1), [Return(5)], [_raise])], """
            if (rt.mod(rt.fold(v0), 3) == 1) {
                rt.leave(0);
                return rt.make(u32, 5);
            } else {
                rt.raised(7, error.Denied);
                return error.Denied;
            }
            """),
        new("fuel", [new Statement.IfFuel([Call(1, 0, Try, -1, Local(0), Local(1))])], """
            if (rt.fuel()) {
                _ = try start_0(v0, words_1);
            }
            """),
    ];
}
