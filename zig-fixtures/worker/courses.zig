//! What came of executions of which nobody knows beforehand what they do (a stack budget, a failing allocation): many plans of a program lead to the same
//! course, the same errors delivered at the same entries and the same log. The harness asks its model once for each course, so each is told once:
//! as soon as it is met, and at the program's end how often it came again, and where the stack split in all of its executions
//! (harness/docs/PROTOCOL.md: `overflow`, `again`, `places`).

const plan = @import("plan.zig");
const state = @import("state.zig");
const output = @import("output.zig");
const mixing = @import("mixing.zig");
const places = @import("places.zig");

/// Of one program; executions that find no room are told one by one.
const kept_max = 64;

const Course = struct { key: u64, row: u32, again: u32, masks: places.Masks };

var kept: [kept_max]Course = undefined;
var count: u32 = 0;
/// That of the row that was checked last, unless it is told by itself.
var current: ?*Course = null;

/// At a row's end, whose log has this digest.
pub fn meet(digest: u64) void {
    current = null;
    // What its probes saw is judged with it.
    if (state.row.flags & (plan.row_record | plan.row_send_traces) != 0) return tellRow(digest);
    const key = keyOf(digest);
    for (kept[0..count]) |*course| {
        if (course.key != key) continue;
        course.again += 1;
        current = course;
        return;
    }
    tellRow(digest);
    if (count == kept_max) return;
    kept[count] = .{ .key = key, .row = state.row_index, .again = 0, .masks = .{} };
    current = &kept[count];
    count += 1;
}

/// Whether the row's places go with its course; else they are told as any other's.
pub fn add(masks: *const places.Masks) bool {
    const course = current orelse return false;
    course.masks.add(masks);
    return true;
}

/// The program is over.
pub fn tell() void {
    for (kept[0..count]) |*course| {
        if (course.again > 0) output.line("again row={d} times={d}", .{ course.row, course.again });
        course.masks.tell(course.row);
    }
    count = 0;
    current = null;
}

pub fn tellRow(digest: u64) void {
    output.part("#hs overflow row={d} digest={x} deliveries=", .{ state.row_index, digest });
    for (delivered(), 0..) |delivery, i| {
        output.part("{s}{d}:{d}", .{ if (i == 0) "" else ",", delivery.entry, delivery.code });
    }
    output.part("\n", .{});
}

/// Of all that the model is asked with, and of what it is to answer.
fn keyOf(digest: u64) u64 {
    const scenario = state.scenario;
    var key = mixing.digestWord(mixing.digestWord(digest, scenario.schedule_seed), scenario.launch_mask);
    key = mixing.digestWord(key, state.delivery_count);
    for (delivered()) |delivery| key = mixing.digestWord(key, @as(u64, delivery.entry) << 32 | delivery.code);
    return key;
}

fn delivered() []const state.Delivery {
    return state.deliveries[0..@min(state.delivery_count, state.deliveries.len)];
}
