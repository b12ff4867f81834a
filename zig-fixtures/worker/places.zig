//! Where the stack split under the calls that were made: what the harness counts coverage from (harness/docs/PROTOCOL.md, `places`;
//! harness/docs/COVERAGE.md). A call is known by its logical entry; the executions of a scenario make the same calls, so they are told together.

const abi = @import("abi.zig");
const plan = @import("plan.zig");
const state = @import("state.zig");
const output = @import("output.zig");
const services = @import("services.zig");
const courses = @import("courses.zig");

/// Calls beyond are not told: an execution of thousands makes the same ones over and over.
pub const entries_max = 128;

/// Bit `place * 4 + placement` of an entry: an execution made it like that.
const Place = enum(u4) { unsplit = 0, outer = 1, here = 2 };
const placements = 4;
/// Of a mask's text.
const digits = 3;

/// By logical entry. What lies beyond `used` is zero.
pub const Masks = struct {
    words: [entries_max]u16 = @splat(0),
    used: u32 = 0,

    pub fn add(masks: *Masks, other: *const Masks) void {
        for (masks.words[0..other.used], other.words[0..other.used]) |*word, more| word.* |= more;
        masks.used = @max(masks.used, other.used);
    }

    /// As those of a row, and forgets them.
    pub fn tell(masks: *Masks, row: u32) void {
        if (masks.used == 0) return;
        var text: [entries_max * digits]u8 = undefined;
        for (masks.words[0..masks.used], 0..) |mask, entry| {
            inline for (0..digits) |digit| text[entry * digits + digit] = "0123456789abcdef"[mask >> (4 * (digits - 1 - digit)) & 15];
        }
        output.line("places row={d} masks={s}", .{ row, text[0 .. masks.used * digits] });
        masks.forget();
    }

    fn forget(masks: *Masks) void {
        @memset(masks.words[0..masks.used], 0);
        masks.used = 0;
    }
};

var pending: Masks = .{};
/// The row that the pending masks were last added to; only those of its scenario are in them.
var last_row: u32 = 0;
var last_scenario: u32 = 0;
var listening: bool = false;
/// Splits until the fiber's checkpoint before, or until it was resumed.
var splits_before: u64 = 0;

/// A row begins. The executions of one scenario are told together; those of which nobody knows beforehand what they do, with others of their course.
pub fn begin(counts: bool) void {
    listening = counts;
    splits_before = 0;
    if (state.row.scenario != last_scenario) tell();
}

/// A row ended well enough to be counted.
pub fn end() void {
    if (!listening) return;
    last_row = state.row_index;
    last_scenario = state.row.scenario;
    if (state.scenario.flags & plan.scenario_digest_known != 0) return;
    if (courses.add(&pending)) pending.forget() else tell();
}

pub fn resumed() void {
    splits_before = splits();
}

/// At a checkpoint of the running fiber. `here`: the stack split since the fiber's checkpoint before, and the call stands beyond.
pub fn entered(fiber: *const state.Fiber, entry: u64) void {
    const now = splits();
    const split = now != splits_before;
    splits_before = now;
    if (!listening or entry >= entries_max) return;
    const place: Place = if (fiber.stack.core.segment.?.ordinal == 1) .unsplit else if (split) .here else .outer;
    const placement: u4 = @intCast(@intFromEnum(state.row.placement)); // At most 3, which plan.zig has checked.
    pending.words[entry] |= @as(u16, 1) << (@as(u4, @intFromEnum(place)) * placements + placement);
    pending.used = @max(pending.used, @as(u32, @intCast(entry)) + 1);
}

/// What has not been told yet.
pub fn tell() void {
    pending.tell(last_row);
}

fn splits() u64 {
    return services.hs_thread.plan.splits + services.hs_thread.core.warm_splits;
}
