//! Reports as text: what a program prints of a fiber that ended badly, and of memory that the system refused. For code outside fibers, or
//! with stack to spare: reading debug information takes tens of KiB of it.

const std = @import("std");
const abi = @import("abi");
const records = @import("fiber");

const Writer = std.Io.Writer;

/// How much of a trace is printed: its innermost and its outermost frames.
pub const Lines = struct {
    head: usize = records.trace_head,
    tail: usize = records.trace_tail,
    /// Column that each line begins at.
    indent: usize = 4,
};

/// One line a frame, innermost first: function, file, line. Needs debug information; without, addresses.
pub fn writeTrace(report: *const records.Report, lines: Lines, writer: *Writer) Writer.Error!void {
    const addresses = report.addresses[0..report.count];
    // Dropped frames lie between the report's own head and tail.
    const shown_head = @min(lines.head, addresses.len);
    const shown_tail = @min(lines.tail, addresses.len - shown_head);
    const hidden = addresses.len - shown_head - shown_tail + report.dropped;
    for (addresses[0..shown_head]) |address| try writeFrame(address, lines.indent, writer);
    if (hidden > 0) {
        try writer.splatByteAll(' ', lines.indent);
        try writer.print("... {d} more ...\n", .{hidden});
    }
    for (addresses[addresses.len - shown_tail ..]) |address| try writeFrame(address, lines.indent, writer);
}

/// `address` is a return address: the call lies before it.
fn writeFrame(address: u64, indent: usize, writer: *Writer) Writer.Error!void {
    var arena: std.heap.ArenaAllocator = .init(std.debug.getDebugInfoAllocator());
    defer arena.deinit();
    var symbols: std.ArrayList(std.debug.Symbol) = .empty;
    if (std.debug.getSelfDebugInfo()) |info| {
        info.getSymbols(std.Options.debug_io, arena.allocator(), arena.allocator(), address -| 1, true, &symbols) catch {
            symbols.clearRetainingCapacity(); // What cannot be read is printed as an address.
        };
    } else |_| {}
    if (symbols.items.len == 0) symbols.append(arena.allocator(), .unknown) catch return;
    for (symbols.items) |symbol| {
        try writer.splatByteAll(' ', indent);
        if (symbol.name) |name| try writer.writeAll(name) else try writer.print("0x{x}", .{address});
        if (symbol.source_location) |at| try writer.print(" at {s}:{d}", .{ std.fs.path.basename(at.file_name), at.line });
        try writer.writeByte('\n');
    }
}

/// Why this thread was last refused memory, and how to mend it.
pub fn writeRefusal(failure: *const abi.MapFailure, writer: *Writer) Writer.Error!void {
    const what = switch (failure.operation) {
        .none => return writer.writeAll("no memory for segments was refused"),
        .reserve => "reserving address space for segments",
        .commit => "making segments of the reservation accessible",
        .map => "mapping a segment",
        .guard => "protecting a segment's guard page",
        .injected => return writer.print("a segment of {d} bytes was refused on purpose (fail_allocation)", .{failure.bytes}),
        _ => "an unknown operation",
    };
    try writer.print("{s} ({d} bytes) failed with {t}", .{ what, failure.bytes, @as(std.os.linux.E, @enumFromInt(failure.errno)) });
    const mapped = countLines("/proc/self/maps");
    const allowed = readNumber("/proc/sys/vm/max_map_count");
    if (mapped != null and allowed != null and mapped.? + mappings_spare >= allowed.?) return writer.print(
        ": the process has {d} memory mappings and vm.max_map_count allows {d}; raise it with `sysctl -w vm.max_map_count={d}`, " ++
            "or use fewer guard pages",
        .{ mapped.?, allowed.?, allowed.? * 4 },
    );
    try writer.writeAll(switch (failure.operation) {
        .reserve => ": give it more address space (ulimit -v), or fewer live fibers",
        else => ": give it more memory (ulimit -v, the container's limit, vm.overcommit_memory)",
    });
}

/// /proc/self/maps counts one more or less than the kernel's limit does: vsyscall, and what the reading itself changes.
const mappings_spare = 8;

fn countLines(path: [*:0]const u8) ?u64 {
    var lines: u64 = 0;
    var buffer: [4096]u8 = undefined;
    const descriptor = open(path) orelse return null;
    defer _ = std.os.linux.close(descriptor);
    while (true) {
        const got = std.os.linux.read(descriptor, &buffer, buffer.len);
        if (std.os.linux.errno(got) != .SUCCESS) return null;
        if (got == 0) return lines;
        lines += std.mem.count(u8, buffer[0..got], "\n");
    }
}

fn readNumber(path: [*:0]const u8) ?u64 {
    var buffer: [32]u8 = undefined;
    const descriptor = open(path) orelse return null;
    defer _ = std.os.linux.close(descriptor);
    const got = std.os.linux.read(descriptor, &buffer, buffer.len);
    if (std.os.linux.errno(got) != .SUCCESS) return null;
    return std.fmt.parseInt(u64, std.mem.trim(u8, buffer[0..got], " \n"), 10) catch null;
}

fn open(path: [*:0]const u8) ?i32 {
    const result = std.os.linux.open(path, .{ .ACCMODE = .RDONLY, .CLOEXEC = true }, 0);
    return if (std.os.linux.errno(result) == .SUCCESS) @intCast(result) else null;
}
