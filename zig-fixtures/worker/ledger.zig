//! Resources and the per-fiber ledger: every acquisition is an entry of an intrusive last-in-first-out list, so that a fiber
//! that panics or traps, and runs no defer, still gives everything back.

const std = @import("std");
const abi = @import("abi.zig");
const defects = @import("defects");
const state = @import("state.zig");
const services = @import("services.zig");
const mixing = @import("mixing.zig");
const scheduler = @import("scheduler.zig");
const output = @import("output.zig");
const descriptors = @import("descriptors.zig");

pub const kind_heap = 1;
pub const kind_table = 2;
pub const kind_descriptor = 3;
pub const kind_mutex = 4;

const heap_block_bytes = 48;

/// Really acquires (memory, a table slot, a file descriptor) and enters it in the ledger. Returns the serial.
/// `value`: the mutex, for a mutex.
pub fn take(fiber_index: u32, kind: u8, value: u64) u32 {
    const fiber = &state.fibers[fiber_index];
    if (fiber.serial == 0 or !defects.planted(.serial_reused)) fiber.serial += 1;
    const index = newIndex();
    state.resources[index] = .{
        .kind = kind,
        .fiber = @truncate(fiber_index),
        .serial = fiber.serial,
        .previous = fiber.ledger_last,
        .next = state.no_index,
        .value = switch (kind) {
            kind_heap => takeHeap(fiber.serial),
            kind_table => takeTable(index),
            kind_descriptor => descriptors.take(),
            else => value,
        },
    };
    if (fiber.ledger_last != state.no_index) state.resources[fiber.ledger_last].next = index;
    fiber.ledger_last = index;
    state.acquired += 1;
    return fiber.serial;
}

/// Last in, first out, so nearly always the first looked at.
pub fn find(fiber_index: u32, serial: u64) ?u32 {
    var index = state.fibers[fiber_index].ledger_last;
    for (0..state.resources_used) |_| {
        if (index == state.no_index) return null;
        if (state.resources[index].serial == serial) return index;
        index = state.resources[index].previous;
    }
    return null;
}

/// Takes the entry out of its list and gives the thing itself back.
pub fn drop(index: u32) void {
    const resource = state.resources[index];
    if (resource.next != state.no_index) {
        if (!defects.planted(.ledger_link)) state.resources[resource.next].previous = resource.previous;
    } else {
        state.fibers[resource.fiber].ledger_last = resource.previous;
    }
    if (resource.previous != state.no_index) state.resources[resource.previous].next = resource.next;
    switch (resource.kind) {
        kind_heap => dropHeap(resource),
        kind_table => {
            state.table[index / 64] &= ~(@as(u64, 1) << @intCast(index % 64));
            state.table_live -= 1;
        },
        kind_descriptor => if (!defects.planted(.descriptor_unclosed) and !descriptors.give(resource.value)) {
            state.ledger_broken += 1;
        },
        else => {},
    }
    state.released += 1;
    // A list that goes round in circles would never be empty.
    if (state.released > state.acquired) {
        state.ledger_broken += 1;
        state.fibers[resource.fiber].ledger_last = state.no_index;
    }
    state.resources[index].next = state.resources_free;
    state.resources_free = index;
}

/// After a panic or trap: everything, last acquired first.
pub fn releaseAll(fiber_index: u32) void {
    const fiber = &state.fibers[fiber_index];
    if (fiber.ledger_last != state.no_index and defects.planted(.ledger_forgets)) {
        drop(fiber.ledger_last);
    }
    while (fiber.ledger_last != state.no_index) {
        const index = if (defects.planted(.ledger_order)) oldest(fiber.ledger_last) else fiber.ledger_last;
        const resource = state.resources[index];
        services.event(fiber_index, .ledger_released, 0, resource.serial);
        drop(index);
        if (resource.kind == kind_mutex and !defects.planted(.ledger_mutex)) scheduler.unlock(@truncate(resource.value));
    }
}

fn oldest(from: u32) u32 {
    var index = from;
    while (state.resources[index].previous != state.no_index) index = state.resources[index].previous;
    return index;
}

fn newIndex() u32 {
    if (state.resources_free != state.no_index) {
        const index = state.resources_free;
        state.resources_free = state.resources[index].next;
        return index;
    }
    if (state.resources_used == state.resources_max) output.stop("more than {d} live resources", .{state.resources_max}, 3);
    state.resources_used += 1;
    return state.resources_used - 1;
}

/// Empty lists again, whatever an execution left behind.
pub fn reset() void {
    state.resources_used = 0;
    state.resources_free = state.no_index;
}

fn takeHeap(serial: u32) u64 {
    const block = std.c.malloc(heap_block_bytes) orelse output.stop("out of memory", .{}, 3);
    const words: [*]u64 = @ptrCast(@alignCast(block));
    for (0..heap_block_bytes / 8) |i| words[i] = mixing.mix(serial + i);
    state.heap_live += heap_block_bytes;
    return @intFromPtr(block);
}

fn dropHeap(resource: state.Resource) void {
    const words: [*]u64 = @ptrFromInt(resource.value);
    for (0..heap_block_bytes / 8) |i| {
        if (words[i] != mixing.mix(resource.serial + i)) state.ledger_broken += 1;
        words[i] = abi.poison_word;
    }
    if (defects.planted(.heap_unreturned)) return;
    std.c.free(words);
    state.heap_live -= heap_block_bytes;
}

fn takeTable(index: u32) u64 {
    state.table[index / 64] |= @as(u64, 1) << @intCast(index % 64);
    state.table_live += 1;
    return index;
}
