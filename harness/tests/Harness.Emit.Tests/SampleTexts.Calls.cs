using Harness.Model;
using static Harness.Emit.Tests.Samples;

namespace Harness.Emit.Tests;

/// <summary>Calls by form, and what becomes of their outcomes.</summary>
internal static partial class SampleTexts
{
    private static IEnumerable<SampleText> Calls() =>
    [
        new("a direct call", [Handled(3, Samples.Plain, 2, Local(0)), new Statement.Log(2, Fold(2))], """
            const v2 = compute_3(v0);
            rt.log(2, rt.fold(v2));
            """),
        new("a call whose result nothing reads", [Handled(3, Samples.Plain, 2, Local(0))], "_ = compute_3(v0);"),
        new("a call for nothing", [Handled(4, Samples.Plain)], "touch_4();"),
        new("a call that is never a tail call",
            [
                new Statement.Call(1, 2, CallForm.NeverTail, [], Try, -1),
                new Statement.Call(2, 1, CallForm.NeverTail, [Made(1)], Try, -1),
                new Statement.Call(3, 6, CallForm.NeverTail, [Made(1)], new Handling.CatchValue(Const(0)), -1),
                new Statement.Call(4, 5, CallForm.NeverTail, [Made(1), Made(2)], Try, -1),
            ], """
            try @call(.never_tail, run_2, .{});
            _ = try @call(.never_tail, fetch_1, .{rt.make(u32, 1)});
            _ = @call(.never_tail, Host6.visit_6, .{ &host_6, rt.make(u32, 1) }) catch rt.make(u32, 0);
            _ = try @call(.never_tail, relay_5, .{ u32, rt.make(u32, 1), rt.make([]const u64, 2) });
            """),
        new("a call by pointer",
            [
                new Statement.Call(1, 1, CallForm.Pointer, [Made(1)], Try, -1),
                new Statement.Call(2, 4, CallForm.Pointer, [], Samples.Plain, -1),
            ], """
            _ = try rt.hidden(&fetch_1)(rt.make(u32, 1));
            rt.hidden(&touch_4)();
            """),
        new("callbacks",
            [
                new Statement.Cell(2, Const(5)),
                new Statement.Call(1, 7, CallForm.Callback, [Local(2)], Samples.Plain, -1),
                new Statement.Call(3, 7, CallForm.Direct, [Local(2)], Samples.Plain, -1),
                new Statement.Call(4, 7, CallForm.Pointer, [Local(2)], Samples.Plain, -1),
            ], """
            var cell_2: u64 = 5;
            rt.callback(&notify_7, &cell_2);
            notify_7(&cell_2);
            rt.hidden(&notify_7)(&cell_2);
            """),
        new("a generic function and a method",
            [
                Handled(5, Try, -1, Local(0), Local(1)),
                Call(2, 6, new Handling.CatchValue(Const(3)), -1, Local(0)),
            ], """
            _ = try relay_5(u32, v0, words_1);
            _ = host_6.visit_6(v0) catch rt.make(u32, 3);
            """),
        new("a buffer as a slice",
            [
                new Statement.Buffer(2, 8, 8, Const(3)),
                Handled(5, Try, -1, Made(3), Local(2)),
            ], """
            _ = try relay_5(u32, rt.make(u32, 3), buffer_2[0..8]);
            """),
        new("a handle from a callee", [Handled(8, Try, 2), new Statement.Defer([new Statement.Release(2, 2)])], """
            const h2 = try open_8();
            defer rt.release(2, h2);
            """),
    ];

    private static IEnumerable<SampleText> Catches() =>
    [
        new("a silent catch of nothing", [Handled(2, new Handling.CatchValue(Const(3)))], "run_2() catch {};"),
        new("a mapped error",
            [
                Handled(1, new Handling.Map(2, ErrorName.Denied), 2, Local(0)),
                new Statement.Log(3, Fold(2)),
            ], """
            const v2 = fetch_1(v0) catch {
                rt.raised(2, error.Denied);
                return error.Denied;
            };
            """),
        new("a rethrown error", [Handled(2, new Handling.Rethrow(2))], """
            run_2() catch |err| {
                rt.caught(2, err);
                return err;
            };
            """),
        new("a rethrown error next to a captured one",
            [
                new Statement.ErrDeferCapture(3, []),
                Handled(2, new Handling.Rethrow(2)),
            ], """
            errdefer |err| rt.errdeferred(3, err);
            run_2() catch |err| {
                rt.caught(2, err);
                return rt.again(u32, err);
            };
            """),
        new("catch blocks, nested",
            [
                Handled(
                    1,
                    new Handling.CatchBlock(
                        2, [Call(3, 1, new Handling.CatchBlock(4, [], Const(5)), -1, Made(1))], Const(6)),
                    2, Local(0)),
            ], """
            _ = fetch_1(v0) catch |err| blk: {
                rt.caught(2, err);
                _ = fetch_1(rt.make(u32, 1)) catch |err_2| blk_2: {
                    rt.caught(4, err_2);
                    break :blk_2 rt.make(u32, 5);
                };
                break :blk rt.make(u32, 6);
            };
            """),
        new("a catch block that never ends",
            [
                Handled(1, new Handling.CatchBlock(2, [Return(3)], Const(6)), 2, Local(0)),
                new Statement.Log(4, Fold(2)),
            ], """
            const v2 = fetch_1(v0) catch |err| {
                rt.caught(2, err);
                rt.leave(0);
                return rt.make(u32, 3);
            };
            """),
        new("a catch block for nothing", [Handled(2, new Handling.CatchBlock(2, [], Const(6)))], """
            run_2() catch |err| {
                rt.caught(2, err);
            };
            """),
    ];

    private static IEnumerable<SampleText> Switches() =>
    [
        new("a switch",
            [
                Handled(
                    1,
                    new Handling.CatchSwitch(
                        2, [new(ErrorName.Busy, [_raise]), new(ErrorName.Lost, [])], [_probe], Const(1)),
                    2, Local(0)),
                new Statement.Log(4, Fold(2)),
            ], """
            const v2 = fetch_1(v0) catch |err| blk: {
                rt.caught(2, err);
                switch (err) {
                    error.Busy => {
                        rt.raised(7, error.Denied);
                        return error.Denied;
                    },
                    error.Lost => {},
                    else => {
                        rt.probe(9, @errorReturnTrace());
                    },
                }
                break :blk rt.make(u32, 1);
            };
            """),
        new("a switch that never ends",
            [
                Handled(
                    6, new Handling.CatchSwitch(2, [new(ErrorName.Busy, [_raise])], [Return(1)], Const(1)),
                    2, Local(0)),
                new Statement.Log(4, Fold(2)),
            ], """
                    else => {
                        rt.leave(0);
                        return rt.make(u32, 1);
                    },
                }
            };
            """),
        new("a switch without cases",
            [
                Handled(1, new Handling.CatchSwitch(2, [], [_probe], Const(1)), 2, Local(0)),
            ], """
                rt.caught(2, err);
                rt.probe(9, @errorReturnTrace());
                break :blk rt.make(u32, 1);
            """),
    ];

    private static IEnumerable<SampleText> Outcomes() =>
    [
        new("an if on the outcome",
            [
                Handled(1, new Handling.IfElse(2, [new Statement.Log(3, Fold(2))], [_probe]), 2, Local(0)),
            ], """
            if (fetch_1(v0)) |v2| {
                rt.log(3, rt.fold(v2));
            } else |err| {
                rt.caught(2, err);
                rt.probe(9, @errorReturnTrace());
            }
            """),
        new("an if on the outcome of nothing", [Handled(2, new Handling.IfElse(2, [_probe], []))], """
            if (run_2()) {
                rt.probe(9, @errorReturnTrace());
            } else |err| {
                rt.caught(2, err);
            }
            """),
        new("an if on an ignored outcome", [Handled(1, new Handling.IfElse(2, [], []), 2, Local(0))], """
            if (fetch_1(v0)) |_| {} else |err| {
                rt.caught(2, err);
            }
            """),
        new("an if on the outcome that never ends",
            [
                Handled(1, new Handling.IfElse(2, [Return(1)], [_raise]), 2, Local(0)),
            ], """
            if (fetch_1(v0)) |_| {
                rt.leave(0);
                return rt.make(u32, 1);
            } else |err| {
                rt.caught(2, err);
                rt.raised(7, error.Denied);
                return error.Denied;
            }
            """),
    ];
}
