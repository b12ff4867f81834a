//! The judge of a file that shows a failure without the harness (`harness show CASE --standalone FILE`, Harness.Verification/Standalone): reads what a
//! worker wrote (harness/docs/PROTOCOL.md), prints what was expected and what was observed, and ends with 1 if they differ. Here with an empty case.

const std = @import("std");

const Event = struct { fiber: u64, kind: u64, a: u64, b: u64 };

/// How events are called, by their kinds (Harness.Model/Events.cs).
const names = [_][]const u8{
    "",       "enter",    "delivered", "leave", "log",   "acquired", "released", "ledger-released", "raised",
    "caught", "errdefer", "result",    "probe", "yield", "spawn",    "join",     "cancel",          "end",
};

const Observed = struct {
    events: [1 << 16]Event = undefined,
    count: usize = 0,
    failures: usize = 0,
    unclean: usize = 0,
    done: bool = false,
    code: u64 = 255,
};

var observed: Observed = .{};
var input: [64 << 20]u8 = undefined;

pub fn main() u8 {
    var length: usize = 0;
    while (length < input.len) {
        const got = std.posix.read(0, input[length..]) catch break;
        if (got == 0) break;
        length += got;
    }
    var lines = std.mem.splitScalar(u8, input[0..length], '\n');
    while (lines.next()) |line| take(line);
    return judge();
}

fn take(line: []const u8) void {
    if (std.mem.startsWith(u8, line, "#end ")) {
        observed.code = std.fmt.parseInt(u64, line[5..], 10) catch 255;
        return;
    }
    if (!std.mem.startsWith(u8, line, "#hs ")) return;
    const rest = line[4..];
    const word = rest[0 .. std.mem.indexOfScalar(u8, rest, ' ') orelse rest.len];
    if (std.mem.eql(u8, word, "done")) observed.done = true;
    if (std.mem.eql(u8, word, "fail")) {
        observed.failures += 1;
        std.debug.print("a check failed: {s}\n", .{rest});
    }
    if (std.mem.eql(u8, word, "chain") and !std.mem.eql(u8, text(rest, "end") orelse "", "clean")) {
        observed.unclean += 1;
        std.debug.print("a stack trace does not end cleanly: {s}\n", .{rest});
    }
    if (std.mem.eql(u8, word, "event") and number(rest, "row", 10) == row and observed.count < observed.events.len) {
        observed.events[observed.count] = .{
            .fiber = number(rest, "fiber", 10),
            .kind = number(rest, "kind", 10),
            .a = number(rest, "a", 10),
            .b = number(rest, "b", 10),
        };
        observed.count += 1;
    }
}

fn text(line: []const u8, key: []const u8) ?[]const u8 {
    var words = std.mem.splitScalar(u8, line, ' ');
    while (words.next()) |word| {
        if (word.len > key.len and word[key.len] == '=' and std.mem.startsWith(u8, word, key)) return word[key.len + 1 ..];
    }
    return null;
}

fn number(line: []const u8, key: []const u8, base: u8) u64 {
    return std.fmt.parseInt(u64, text(line, key) orelse return 0, base) catch 0;
}

fn judge() u8 {
    var wrong = observed.failures + observed.unclean;
    if (observed.code != 0 or !observed.done) {
        wrong += 1;
        std.debug.print("expected: the process ends by itself with 0\nobserved: it ended with {d}{s}\n", .{ observed.code, if (observed.code > 128) " (a signal)" else "" });
    }
    if (known) wrong += differences();
    if (wrong == 0) {
        std.debug.print("held: what was expected is what was observed ({d} events)\n", .{observed.count});
        return 0;
    }
    std.debug.print("FAILED: {d} differences\n", .{wrong});
    return 1;
}

/// The first event of each fiber that is not the expected one.
fn differences() usize {
    var wrong: usize = 0;
    for (0..8) |fiber| {
        var at: [2]usize = .{ 0, 0 };
        while (true) {
            const left = next(&expected, expected.len, fiber, &at[0]);
            const right = next(&observed.events, observed.count, fiber, &at[1]);
            if (left == null and right == null) break;
            if (left != null and right != null and std.meta.eql(left.?, right.?)) continue;
            std.debug.print("fiber {d}\n", .{fiber});
            show("expected", left);
            show("observed", right);
            wrong += 1;
            break;
        }
    }
    return wrong;
}

fn next(events: []const Event, count: usize, fiber: usize, at: *usize) ?Event {
    while (at.* < count) {
        const event = events[at.*];
        at.* += 1;
        if (event.fiber == fiber) return event;
    }
    return null;
}

fn show(what: []const u8, event: ?Event) void {
    const e = event orelse return std.debug.print("  {s}: nothing more\n", .{what});
    const name = if (e.kind < names.len) names[e.kind] else "an unknown event";
    std.debug.print("  {s}: {s} {d} {d}\n", .{ what, name, e.a, e.b });
}

// What follows is the case's.

const row: u64 = 0;
const known = true;
const expected = [_]Event{};
