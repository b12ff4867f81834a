//! A program that imports nothing of the harness: what it writes, how it ends, and the trace of its error are compared.
//!     scripts/harness check zig-fixtures/programs/check/plain.zig --entry run

const std = @import("std");

pub fn run() !void {
    var buffer: [64]u8 = undefined;
    for ([_][]const u8{ "3 4 +", "2 3 4 * +", "1 +" }) |text| {
        const value = try evaluate(text, &buffer);
        say(&buffer, text, value);
    }
}

fn say(buffer: []u8, text: []const u8, value: u8) void {
    const line = std.fmt.bufPrint(buffer, "{s} = {d}\n", .{ text, value }) catch return;
    _ = std.os.linux.write(1, line.ptr, line.len);
}

/// A postfix expression.
noinline fn evaluate(text: []const u8, stack: []u8) !u8 {
    var depth: usize = 0;
    var words = std.mem.tokenizeScalar(u8, text, ' ');
    while (words.next()) |word| {
        if (std.fmt.parseInt(u8, word, 10)) |number| {
            stack[depth] = number;
            depth += 1;
        } else |_| {
            const result = try apply(word[0], stack[0..depth]);
            depth -= 1;
            stack[depth - 1] = result;
        }
    }
    return stack[0];
}

noinline fn apply(operator: u8, stack: []const u8) !u8 {
    if (stack.len < 2) return error.StackTooShort;
    const left, const right = stack[stack.len - 2 ..][0..2].*;
    return switch (operator) {
        '+' => left + right,
        '*' => left * right,
        else => error.NoSuchOperator,
    };
}
