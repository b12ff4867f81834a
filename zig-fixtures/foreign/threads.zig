//! What runs at a thread's end: destructors of C++ thread_local objects and of pthread keys, with split code in them, after
//! fibers were used on the thread.

const std = @import("std");
const splitstack = @import("splitstack");
const kit = @import("kit.zig");

extern fn pthread_create(thread: *usize, attributes: ?*anyopaque, start: *const fn (?*anyopaque) callconv(.c) ?*anyopaque, argument: ?*anyopaque) c_int;
extern fn pthread_join(thread: usize, result: ?*?*anyopaque) c_int;
extern fn pthread_key_create(key: *c_uint, destructor: kit.Callback) c_int;
extern fn pthread_key_delete(key: c_uint) c_int;
extern fn pthread_setspecific(key: c_uint, value: ?*const anyopaque) c_int;
extern fn foreign_thread_local(f: kit.Callback, context: ?*anyopaque) u32;

const headroom = 12 << 10;
const levels = 3000;

const Used = struct {
    key: c_uint,
    leaves: bool,
    used: u32 = 0,
    ended: u32 = 0,
    object_destroyed: u32 = 0,
    key_destroyed: u32 = 0,
};

/// In the first fiber the object comes to life, on a segment of its own, and the key gets its value.
fn touch(used: *Used) void {
    _ = kit.descend(50, touchHere, used);
}

fn touchHere(context: ?*anyopaque) callconv(.c) void {
    const used: *Used = @ptrCast(@alignCast(context.?));
    used.used = splitstack.withHeadroom(headroom, foreign_thread_local, .{ objectEnds, context });
    if (splitstack.onSystemStack(pthread_setspecific, .{ used.key, context }) != 0) kit.failures += 1;
}

fn panicDeep(_: *Used) void {
    _ = kit.descend(50, panicHere, null);
}

fn panicHere(_: ?*anyopaque) callconv(.c) void {
    @panic("deep down");
}

fn waitDeep(_: *Used) void {
    _ = kit.descend(50, waitHere, null);
}

fn waitHere(_: ?*anyopaque) callconv(.c) void {
    splitstack.yield();
}

fn recurse(_: *Used) void {
    kit.expectDeep(levels);
}

fn runFiber(comptime f: fn (*Used) void, used: *Used, expected: splitstack.Outcome) void {
    const fiber = splitstack.Fiber.init(.{}, f, .{used}) catch return;
    defer fiber.deinit(); // also of one that has only yielded
    _ = fiber.@"resume"() catch return;
    kit.check();
    used.ended += @intFromBool(std.meta.activeTag(fiber.outcome()) == std.meta.activeTag(expected));
}

/// On the thread's own stack, then in a fiber.
fn atEnd(used: *Used) void {
    kit.expectDeep(levels);
    splitstack.Thread.enter() catch return;
    runFiber(recurse, used, .completed);
    splitstack.Thread.leave();
    kit.expectDeep(levels);
}

fn objectEnds(context: ?*anyopaque) callconv(.c) void {
    const used: *Used = @ptrCast(@alignCast(context.?));
    used.object_destroyed += 1;
    atEnd(used);
}

fn keyEnds(context: ?*anyopaque) callconv(.c) void {
    const used: *Used = @ptrCast(@alignCast(context.?));
    used.key_destroyed += 1;
    atEnd(used);
}

fn thread(context: ?*anyopaque) callconv(.c) ?*anyopaque {
    const used: *Used = @ptrCast(@alignCast(context.?));
    splitstack.Thread.enter() catch return null;
    runFiber(touch, used, .completed);
    runFiber(panicDeep, used, .panicked);
    runFiber(waitDeep, used, .unfinished);
    runFiber(recurse, used, .completed);
    if (used.leaves) splitstack.Thread.leave();
    return null;
}

pub fn destructors(name: [*:0]const u8) void {
    for ([_]bool{ true, false }) |leaves| {
        var used: Used = .{ .key = undefined, .leaves = leaves };
        if (pthread_key_create(&used.key, keyEnds) != 0) kit.stop(name, "no key", .{});
        var id: usize = 0;
        if (pthread_create(&id, null, thread, &used) != 0 or pthread_join(id, null) != 0) kit.stop(name, "no thread", .{});
        _ = pthread_key_delete(used.key);
        if (used.used != 1 or used.object_destroyed != 1 or used.key_destroyed != 1) {
            kit.stop(name, "used %u, of the object %u, of the key %u", .{ used.used, used.object_destroyed, used.key_destroyed });
        }
        if (used.ended != 6) kit.stop(name, "%u of 6 fibers ended as they should", .{used.ended});
        kit.expect(kit.failures == 0, name, "a wrong state, or a recursion cut short");
    }
}
