//! For tests: letters that callbacks note, in the order in which they ran.

var order: [8]u8 = undefined;
var count: usize = 0;

pub fn note(what: u8) void {
    order[count] = what;
    count += 1;
}

pub fn clear() void {
    count = 0;
}

pub fn noted() []const u8 {
    return order[0..count];
}
