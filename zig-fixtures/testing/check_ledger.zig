//! What a checked program holds: resources by the serials that they were given, allocations by their addresses. In the program's process.

const std = @import("std");
const log = @import("check_log.zig");

const resources_max = 1 << 14;
/// A power of two, twice as many as can be alive.
const places = 1 << 16;

const Held = struct { name: [64]u8, length: u8, live: bool };
const Place = struct { address: usize = 0, length: usize = 0, ordinal: u64 = 0 };

var held: [resources_max]Held = undefined;
var acquired_count: u64 = 0;
var table: [places]Place = @splat(.{});
var live_count: usize = 0;

pub fn acquire(name: []const u8) u64 {
    acquired_count += 1;
    log.named("acquired {d}", .{acquired_count}, name);
    if (acquired_count > resources_max) return acquired_count;
    const own = &held[acquired_count - 1];
    own.length = @intCast(@min(name.len, own.name.len));
    own.live = true;
    @memcpy(own.name[0..own.length], name[0..own.length]);
    return acquired_count;
}

pub fn release(serial: u64) void {
    if (serial > resources_max and serial <= acquired_count) return log.line("released {d}", .{serial});
    if (serial == 0 or serial > acquired_count or !held[serial - 1].live) return log.line("released-wrongly {d}", .{serial});
    held[serial - 1].live = false;
    log.line("released {d}", .{serial});
}

/// Null: as the plan wants it, or there is no memory.
pub fn allocate(length: usize, alignment: u8, fails: bool) ?[*]u8 {
    const ordinal = log.shared.allocations;
    if (fails) {
        log.line("refused {d} {d}", .{ ordinal, length });
        return null;
    }
    const memory = std.heap.c_allocator.rawAlloc(length, @enumFromInt(alignment), 0) orelse return null;
    log.line("allocated {d} {d} {d}", .{ ordinal, length, alignment });
    live_count += 1;
    if (live_count > places / 2) return memory;
    const place = find(@intFromPtr(memory));
    place.* = .{ .address = @intFromPtr(memory), .length = length, .ordinal = ordinal };
    return memory;
}

/// In place; only ever smaller.
pub fn resize(memory: [*]u8, length: usize, wanted: usize) bool {
    const place = find(@intFromPtr(memory));
    if (wanted > length or place.address == 0) return false;
    if (place.length != length) log.line("resized-wrongly {d} {d} {d}", .{ place.ordinal, place.length, length });
    log.line("resized {d} {d}", .{ place.ordinal, wanted });
    place.length = wanted;
    return true;
}

pub fn free(memory: [*]u8, length: usize) void {
    const place = find(@intFromPtr(memory));
    if (place.address == 0) {
        // Beyond the table's capacity nothing is known of it; else freeing it would be the end.
        if (live_count <= places / 2) return log.line("freed-wrongly {d}", .{length});
    } else {
        if (place.length != length) log.line("freed-wrongly {d} {d} {d}", .{ place.ordinal, place.length, length });
        log.line("freed {d}", .{place.ordinal});
        remove(place);
    }
    live_count -= 1;
    std.c.free(memory);
}

/// What is still held, a line each: only of a program that came to its own end.
pub fn close() void {
    for (held[0..@min(acquired_count, resources_max)], 1..) |*resource, serial| {
        if (resource.live) log.named("left {d}", .{serial}, resource.name[0..resource.length]);
    }
    if (live_count == 0) return;
    var ordinal_last: u64 = 0;
    while (nextAfter(ordinal_last)) |place| : (ordinal_last = place.ordinal) log.line("unfreed {d} {d}", .{ place.ordinal, place.length });
}

/// By ordinals, not by addresses: these differ from run to run.
fn nextAfter(ordinal: u64) ?*const Place {
    var best: ?*const Place = null;
    for (&table) |*place| {
        if (place.address != 0 and place.ordinal > ordinal and (best == null or place.ordinal < best.?.ordinal)) best = place;
    }
    return best;
}

/// Where the address is, or where it would go. Linear probing.
fn find(address: usize) *Place {
    var at = std.hash.int(address) % places;
    while (table[at].address != 0 and table[at].address != address) at = (at + 1) % places;
    return &table[at];
}

/// Those behind it move up, so that no search ends early.
fn remove(place: *Place) void {
    var hole = (@intFromPtr(place) - @intFromPtr(&table)) / @sizeOf(Place);
    var at = hole;
    while (true) {
        at = (at + 1) % places;
        if (table[at].address == 0) break;
        const home = std.hash.int(table[at].address) % places;
        const stays = if (hole <= at) home > hole and home <= at else home > hole or home <= at;
        if (stays) continue;
        table[hole] = table[at];
        hole = at;
    }
    table[hole] = .{};
}
