//! Functions that may overflow, each called in one way in which Zig code receives an error, twice: `Shapes(false)` have no word of
//! overflow in their bodies (a twin of the same type returns the error in their place, stub.S), `Shapes(true)` begin with a checkpoint
//! that the optimiser cannot see through. host.zig runs them and says which of them noticed.

const rt = @import("rt");

pub const panic = rt.panic;

extern fn hidden_work(site: u32) u32;
extern fn hidden_checkpoint() u32;
extern fn hidden_acquire() void;
extern fn hidden_release() void;
extern fn hs_opaque(pointer: *const anyopaque) *const anyopaque;

/// What a caller gives that received the overflow, and one that received another error.
const noticed = 77;
const other = 78;
/// What a caller of a function without a result gives after success; `value` is the successful result of the others.
const done = 1;
const value = 5;
/// What `hidden_work` never answers.
const refused = 9;
/// Levels of the recursive shapes, and the entry at which they overflow.
const levels = 8;
const overflowing_level = 4;

const Run = *const fn (u32) callconv(.c) u32;

const Shape = extern struct {
    name: [*:0]const u8,
    by_checkpoint: u8,
    run: Run,
    argument: u32,
    /// The entry into a function of `hidden_pairs` at which the run overflows.
    overflow_at: u32,
    success: u32,
    /// How many resources a successful run acquires and keeps, and a failed one acquires (and must release).
    acquired_on_success: u32,
    kept_on_success: u32,
    acquired_on_overflow: u32,
};

const Pair = extern struct { function: *const anyopaque, twin: *const anyopaque };
const Pairs = extern struct { count: u64, items: [*]const Pair };
const ShapeTable = extern struct { count: u64, items: [*]const Shape };

/// An error's number is the order in which the compiler meets it. What the optimiser knows of a result is a range of numbers, so it matters
/// whether an error that a function visibly returns comes before or after the one that it does not.
const Numbered = error{ Early, Busy, Closed, Denied, StackOverflow, Late };

comptime {
    const early = @max(@intFromError(Numbered.Early), @intFromError(Numbered.Busy), @intFromError(Numbered.Closed), @intFromError(Numbered.Denied));
    const late = @intFromError(Numbered.Late);
    const overflow = @intFromError(Numbered.StackOverflow);
    if (early > overflow or overflow > late) @compileError("the shapes named early and late need errors numbered in that order");
}

/// Never written: the optimiser finds that out.
var never = false;

/// What runs instead of a function that returns `Result`.
fn TwinOf(comptime Result: type) type {
    return struct {
        noinline fn twin(_: u32) Result {
            return error.StackOverflow;
        }
    };
}

fn pairOf(comptime function: anytype) Pair {
    const Result = @typeInfo(@TypeOf(function)).@"fn".return_type.?;
    return .{ .function = @ptrCast(&function), .twin = @ptrCast(&TwinOf(Result).twin) };
}

fn Shapes(comptime visible: bool) type {
    return struct {
        inline fn check() error{StackOverflow}!void {
            if (visible and hidden_checkpoint() != 0) return error.StackOverflow;
        }

        // ── Functions that may overflow. `Site` keeps equal ones apart, or they would be merged. ──

        fn Site(comptime site: u32) type {
            return struct {
                noinline fn anyVoid(_: u32) anyerror!void {
                    try check();
                    _ = hidden_work(site);
                }

                noinline fn anyValue(n: u32) anyerror!u32 {
                    try check();
                    return n + hidden_work(site);
                }

                noinline fn explicitVoid(_: u32) error{StackOverflow}!void {
                    try check();
                    _ = hidden_work(site);
                }

                noinline fn explicitValue(n: u32) error{StackOverflow}!u32 {
                    try check();
                    return n + hidden_work(site);
                }
            };
        }

        noinline fn inferredVoid(_: u32) !void {
            try check();
            if (never) return error.StackOverflow;
            _ = hidden_work(50);
        }

        noinline fn inferredValue(n: u32) !u32 {
            try check();
            if (never) return error.StackOverflow;
            return n + hidden_work(51);
        }

        noinline fn earlyVoid(_: u32) error{ Early, StackOverflow }!void {
            try check();
            if (hidden_work(52) == refused) return error.Early;
        }

        noinline fn earlyValue(n: u32) error{ Early, StackOverflow }!u32 {
            try check();
            const got = hidden_work(53);
            return if (got == refused) error.Early else n + got;
        }

        noinline fn earlyTaking(_: u32) error{ Early, StackOverflow }!void {
            try check();
            if (hidden_work(58) == refused) return error.Early;
        }

        noinline fn earlyFour(_: u32) error{ Early, Busy, Closed, Denied, StackOverflow }!void {
            try check();
            switch (hidden_work(60)) {
                refused => return error.Early,
                refused + 1 => return error.Busy,
                refused + 2 => return error.Closed,
                refused + 3 => return error.Denied,
                else => {},
            }
        }

        noinline fn lateVoid(_: u32) error{ StackOverflow, Late }!void {
            try check();
            if (hidden_work(59) == refused) return error.Late;
        }

        noinline fn sameErrorVoid(_: u32) anyerror!void {
            try check();
            if (hidden_work(54) == refused) return error.StackOverflow;
        }

        noinline fn anyNumberVoid(_: u32) anyerror!void {
            try check();
            const code = hidden_work(55);
            if (code != 0) return @errorFromInt(@as(u16, @truncate(code)));
        }

        noinline fn recursiveValue(n: u32) anyerror!u32 {
            try check();
            hidden_acquire();
            defer hidden_release();
            if (n == 0) return value;
            return try recursiveValue(n - 1) + hidden_work(56);
        }

        noinline fn recursiveVoid(n: u32) anyerror!void {
            try check();
            hidden_acquire();
            errdefer hidden_release();
            if (n == 0) return;
            try recursiveVoid(n - 1);
            _ = hidden_work(57);
        }

        const pairs = [_]Pair{
            pairOf(Site(0).anyVoid), pairOf(Site(1).anyValue), pairOf(Site(2).explicitVoid), pairOf(Site(3).explicitValue),
            pairOf(Site(4).anyVoid), pairOf(Site(5).anyValue), pairOf(Site(6).anyVoid),      pairOf(Site(7).anyVoid),
            pairOf(Site(8).anyVoid), pairOf(Site(9).anyValue), pairOf(inferredVoid),         pairOf(inferredValue),
            pairOf(earlyVoid),       pairOf(earlyValue),       pairOf(earlyTaking),          pairOf(lateVoid),
            pairOf(sameErrorVoid),   pairOf(anyNumberVoid),    pairOf(recursiveValue),       pairOf(recursiveVoid),
            pairOf(earlyFour),
        };

        // ── Callers ──

        fn anyVoidCatch(n: u32) callconv(.c) u32 {
            Site(0).anyVoid(n) catch return noticed;
            return done;
        }

        fn anyValueCatch(n: u32) callconv(.c) u32 {
            return Site(1).anyValue(n) catch return noticed;
        }

        fn explicitVoidSwitch(n: u32) callconv(.c) u32 {
            Site(2).explicitVoid(n) catch |e| switch (e) {
                error.StackOverflow => return noticed,
            };
            return done;
        }

        fn explicitValueSwitch(n: u32) callconv(.c) u32 {
            return Site(3).explicitValue(n) catch |e| switch (e) {
                error.StackOverflow => return noticed,
            };
        }

        noinline fn holdVoid(n: u32) anyerror!void {
            hidden_acquire();
            errdefer hidden_release();
            try Site(4).anyVoid(n);
        }

        fn errdeferVoid(n: u32) callconv(.c) u32 {
            holdVoid(n) catch return noticed;
            return done;
        }

        noinline fn holdValue(n: u32) anyerror!u32 {
            hidden_acquire();
            errdefer hidden_release();
            return try Site(5).anyValue(n);
        }

        fn errdeferValue(n: u32) callconv(.c) u32 {
            return holdValue(n) catch return noticed;
        }

        noinline fn deferringVoid(n: u32) anyerror!void {
            hidden_acquire();
            defer hidden_release();
            try Site(6).anyVoid(n);
        }

        fn deferVoid(n: u32) callconv(.c) u32 {
            deferringVoid(n) catch return noticed;
            return done;
        }

        fn pointerVoid(n: u32) callconv(.c) u32 {
            const function: *const fn (u32) anyerror!void = @ptrCast(hs_opaque(@ptrCast(&Site(7).anyVoid)));
            function(n) catch return noticed;
            return done;
        }

        /// Hands the error number on without looking at it.
        fn numberVoid(n: u32) callconv(.c) u32 {
            const code: u32 = if (Site(8).anyVoid(n)) |_| 0 else |e| @intFromError(e);
            return if (code == @intFromError(error.StackOverflow)) noticed else done;
        }

        /// The result goes on only when there is one.
        fn ifValue(n: u32) callconv(.c) u32 {
            return if (Site(9).anyValue(n)) |got| got else |_| noticed;
        }

        fn inferredVoidCatch(n: u32) callconv(.c) u32 {
            inferredVoid(n) catch return noticed;
            return done;
        }

        fn inferredValueCatch(n: u32) callconv(.c) u32 {
            return inferredValue(n) catch return noticed;
        }

        fn earlyVoidSwitch(n: u32) callconv(.c) u32 {
            earlyVoid(n) catch |e| return switch (e) {
                error.StackOverflow => noticed,
                error.Early => other,
            };
            return done;
        }

        fn earlyValueSwitch(n: u32) callconv(.c) u32 {
            return earlyValue(n) catch |e| switch (e) {
                error.StackOverflow => return noticed,
                error.Early => return other,
            };
        }

        /// Enough errors for a table of answers, or of places to jump to.
        fn earlyTable(n: u32) callconv(.c) u32 {
            earlyFour(n) catch |e| return switch (e) {
                error.StackOverflow => noticed,
                error.Early => other,
                error.Busy => 23,
                error.Closed => 91,
                error.Denied => 14,
            };
            return done;
        }

        /// error.Early says that the resource was taken over.
        fn earlyVoidRelease(n: u32) callconv(.c) u32 {
            hidden_acquire();
            earlyTaking(n) catch |e| switch (e) {
                error.StackOverflow => {
                    hidden_release();
                    return noticed;
                },
                error.Early => return other,
            };
            return done;
        }

        fn lateVoidSwitch(n: u32) callconv(.c) u32 {
            lateVoid(n) catch |e| return switch (e) {
                error.StackOverflow => noticed,
                error.Late => other,
            };
            return done;
        }

        fn sameErrorCatch(n: u32) callconv(.c) u32 {
            sameErrorVoid(n) catch return noticed;
            return done;
        }

        fn anyNumberCatch(n: u32) callconv(.c) u32 {
            anyNumberVoid(n) catch return noticed;
            return done;
        }

        fn recursiveDefer(n: u32) callconv(.c) u32 {
            return recursiveValue(n) catch return noticed;
        }

        fn recursiveErrdefer(n: u32) callconv(.c) u32 {
            recursiveVoid(n) catch return noticed;
            return done;
        }

        fn plain(name: [*:0]const u8, run: Run, success: u32) Shape {
            return .{
                .name = name,
                .by_checkpoint = @intFromBool(visible),
                .run = run,
                .argument = value,
                .overflow_at = 1,
                .success = success,
                .acquired_on_success = 0,
                .kept_on_success = 0,
                .acquired_on_overflow = 0,
            };
        }

        fn holding(name: [*:0]const u8, run: Run, success: u32, kept: u32) Shape {
            var shape = plain(name, run, success);
            shape.acquired_on_success = 1;
            shape.kept_on_success = kept;
            shape.acquired_on_overflow = 1;
            return shape;
        }

        fn recursive(name: [*:0]const u8, run: Run, success: u32, kept: u32) Shape {
            var shape = plain(name, run, success);
            shape.argument = levels - 1;
            shape.overflow_at = overflowing_level;
            shape.acquired_on_success = levels;
            shape.kept_on_success = kept;
            shape.acquired_on_overflow = overflowing_level - 1;
            return shape;
        }

        const shapes = [_]Shape{
            plain("void_catch", anyVoidCatch, done),
            plain("value_catch", anyValueCatch, value),
            plain("value_if", ifValue, value),
            plain("void_number", numberVoid, done),
            plain("explicit_void_switch", explicitVoidSwitch, done),
            plain("explicit_value_switch", explicitValueSwitch, value),
            plain("inferred_void_catch", inferredVoidCatch, done),
            plain("inferred_value_catch", inferredValueCatch, value),
            holding("void_try_errdefer", errdeferVoid, done, 1),
            holding("value_try_errdefer", errdeferValue, value, 1),
            holding("void_try_defer", deferVoid, done, 0),
            recursive("recursive_value_defer", recursiveDefer, value, 0),
            recursive("recursive_void_errdefer", recursiveErrdefer, done, levels),
            plain("early_void_switch", earlyVoidSwitch, done),
            plain("early_value_switch", earlyValueSwitch, value),
            holding("early_void_release", earlyVoidRelease, done, 1),
            plain("early_void_table", earlyTable, done),
            plain("late_void_switch", lateVoidSwitch, done),
            plain("same_error_visible", sameErrorCatch, done),
            plain("any_error_visible", anyNumberCatch, done),
            plain("through_a_pointer", pointerVoid, done),
        };
    };
}

const pairs = Shapes(false).pairs ++ Shapes(true).pairs;
const shapes = Shapes(false).shapes ++ Shapes(true).shapes;

export const hidden_pairs: Pairs = .{ .count = pairs.len, .items = &pairs };
export const hidden_shapes: ShapeTable = .{ .count = shapes.len, .items = &shapes };
