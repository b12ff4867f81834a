//! What a transpiler made of parcels.src, a small sorting office: every fallible function begins with a checkpoint, every acquisition is
//! followed by its `defer` or `errdefer`. What goes wrong at the bottom is the parcel's `mishap`.

const rt = @import("prelude.zig");
const splitstack = @import("splitstack");

pub const Mishap = enum {
    nothing,
    an_error,
    overflow,
    overflow_in_a_defer,
    overflow_in_an_errdefer,
    overflow_without_checkpoints,
    cancellation,
    refused_segment,
    panic,
    index_out_of_bounds,
    trap,
    null_pointer,
    guard_page,
    panic_in_a_defer,
    second_fault,
};

pub const Parcel = struct {
    mishap: Mishap,
    /// How often it was moved on.
    steps: u32 = 0,
    /// What a deferred statement caught, and where that was.
    caught: ?rt.Error = null,
    caught_at: splitstack.Report = undefined,
};

/// More levels than any budget here has room for.
const endless = 1 << 30;

// parcels.src:4     handle(parcel) {
pub noinline fn handle(parcel: *Parcel) rt.Error!void {
    try rt.checkpoint();
    var t1: rt.Resource = undefined;
    try rt.acquire(&t1, .lock);
    defer rt.release(&t1);
    parcel.steps += 1;
    splitstack.yield();
    try sort(parcel, 2);
    splitstack.yield();
    parcel.steps += 1;
}

// parcels.src:12    sort(parcel, belts) {
noinline fn sort(parcel: *Parcel, belts: u32) rt.Error!void {
    try rt.checkpoint();
    var t2: [320]u64 = undefined;
    rt.keep(&t2);
    var t3: rt.Resource = undefined;
    try rt.acquire(&t3, .memory);
    errdefer rt.release(&t3);
    if (belts > 0) try sort(parcel, belts - 1) else try load(parcel);
    parcel.steps += 1;
    rt.release(&t3);
}

// parcels.src:22    load(parcel) {
noinline fn load(parcel: *Parcel) rt.Error!void {
    try rt.checkpoint();
    var t4: rt.Resource = undefined;
    try rt.acquire(&t4, .handle);
    defer rt.release(&t4);
    switch (parcel.mishap) {
        .nothing => parcel.steps += 1,
        .an_error => return error.NoSuchShelf,
        .overflow, .refused_segment => try stack(parcel, endless),
        .overflow_in_a_defer => try tidyAfterwards(parcel),
        .overflow_in_an_errdefer => try tidyAfterAnError(parcel),
        .overflow_without_checkpoints => parcel.steps +%= pile(endless),
        .cancellation => try waitForever(parcel),
        .panic => @panic("the belt tore"),
        .index_out_of_bounds => parcel.steps += shelves[parcel.steps + shelves.len],
        .trap => @trap(),
        .null_pointer => rt.writeNowhere(),
        .guard_page => parcel.steps +%= weigh(endless),
        .panic_in_a_defer => try shutTheGate(parcel),
        .second_fault => {
            t4.is_broken = true;
            @panic("the belt tore");
        },
    }
}

var shelves: [4]u32 = .{ 1, 2, 3, 4 };

// parcels.src:48    stack(parcel, height) {
noinline fn stack(parcel: *Parcel, height: u32) rt.Error!void {
    try rt.checkpoint();
    var t5: [300]u64 = undefined;
    rt.keep(&t5);
    var t6: rt.Resource = undefined;
    try rt.acquire(&t6, .lock);
    defer rt.release(&t6);
    if (height > 0) try stack(parcel, height - 1);
    parcel.steps +%= 1;
}

// parcels.src:57    tidy(parcel) {
noinline fn tidy(parcel: *Parcel) void {
    stack(parcel, endless) catch |t7| {
        parcel.caught = t7;
        splitstack.trace(&parcel.caught_at);
    };
}

// parcels.src:61    tidyAfterwards(parcel) {
noinline fn tidyAfterwards(parcel: *Parcel) rt.Error!void {
    try rt.checkpoint();
    defer tidy(parcel);
    parcel.steps += 1;
}

// parcels.src:66    tidyAfterAnError(parcel) {
noinline fn tidyAfterAnError(parcel: *Parcel) rt.Error!void {
    try rt.checkpoint();
    errdefer tidy(parcel);
    if (parcel.steps > 0) return error.NoSuchShelf;
}

// parcels.src:71    pile(height): infallible, so no checkpoint can end it
noinline fn pile(height: u32) u32 {
    var t8: [300]u64 = undefined;
    rt.keep(&t8);
    const t9 = if (height > 0) pile(height - 1) else 0;
    rt.keep(&t8);
    return t9 +% 1;
}

// parcels.src:76    waitForever(parcel) {
noinline fn waitForever(parcel: *Parcel) rt.Error!void {
    while (true) {
        try rt.checkpoint();
        splitstack.yield();
        parcel.steps += 1;
    }
}

// parcels.src:84    shutTheGate(parcel) {
noinline fn shutTheGate(parcel: *Parcel) rt.Error!void {
    try rt.checkpoint();
    defer shut(parcel);
    if (parcel.steps > 0) return error.NoSuchShelf;
}

// parcels.src:89    shut(parcel) {
noinline fn shut(parcel: *Parcel) void {
    if (parcel.steps > 0) @panic("the gate is jammed");
}

/// foreign.c, called on the fiber's stack by mistake: it never asks for more.
extern fn weigh(height: u32) callconv(.c) u32;
