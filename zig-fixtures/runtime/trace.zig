//! A fiber's trace by its frame-pointer chain, without the runtime's own frames: bounded by its own segments, so a damaged stack gives a short trace and no fault.

const abi = @import("abi");
const records = @import("fiber");

extern threadlocal var hs_thread: abi.Thread;
extern const hs_stub_begin: u8;
extern const hs_stub_end: u8;
extern const hs_entry_begin: u8;
extern const hs_entry_end: u8;

/// More frames than any stack has: a chain that goes round ends here.
const frames_max = 1 << 26;

pub fn capture(fiber: ?*records.Fiber, rip: u64, rbp: u64, rsp: u64, into: *records.Report) void {
    var total: u64 = 0;
    add(into, &total, rip);
    var frame = rbp;
    var segment: ?*const abi.Segment = if (fiber) |f| f.stack.segment else null;
    for (0..frames_max) |_| {
        if (frame == 0 or frame % 8 != 0 or !readable(&segment, frame, rsp)) break;
        const words: *const [2]u64 = @ptrFromInt(frame);
        if (words[1] == 0 or isBetween(words[1], &hs_entry_begin, &hs_entry_end)) break;
        if (!isBetween(words[1], &hs_stub_begin, &hs_stub_end)) add(into, &total, words[1]);
        frame = words[0];
    }
    const kept = into.addresses.len;
    into.count = @min(total, kept);
    into.dropped = total -| kept;
    // The tail was filled round and round: its oldest first.
    if (total > kept) rotate(into.addresses[records.trace_head..], (total - records.trace_head) % records.trace_tail);
}

fn add(into: *records.Report, total: *u64, address: u64) void {
    const index = total.*;
    const slot = if (index < records.trace_head) index else records.trace_head + (index - records.trace_head) % records.trace_tail;
    into.addresses[slot] = address;
    total.* += 1;
}

fn rotate(items: []u64, by: u64) void {
    var copy: [records.trace_tail]u64 = undefined;
    for (items, 0..) |_, i| copy[i] = items[(i + by) % items.len];
    for (items, 0..) |*item, i| item.* = copy[i];
}

/// Frames go outwards: from the system stack (foreign code) to the fiber's segments, each to its parent.
fn readable(segment: *?*const abi.Segment, frame: u64, rsp: u64) bool {
    const scheduler = hs_thread.scheduler_rsp;
    if (rsp < scheduler and scheduler - rsp < 64 << 20 and frame >= rsp and frame + 16 <= scheduler) return true;
    while (segment.*) |s| : (segment.* = s.parent) {
        if (frame >= s.low and frame + 16 <= @intFromPtr(s)) return true;
    }
    return false;
}

/// A return address into [begin, end).
fn isBetween(address: u64, begin: *const u8, end: *const u8) bool {
    return address > @intFromPtr(begin) and address <= @intFromPtr(end);
}
