//! @typeInfo with lower-case names, @Vector, packed structs, optionals of wide integers
const S = packed struct { a: u7, b: u9 };

fn fields(comptime T: type) usize {
    return switch (@typeInfo(T)) {
        .@"struct" => |s| s.fields.len,
        else => 0,
    };
}

export fn hs_rung(a: u64) callconv(.c) u64 {
    const v: @Vector(4, f32) = @splat(1.5);
    const wide: ?u192 = if (a > 4) a else null;
    return fields(S) + @as(u64, @intFromFloat(@reduce(.Add, v))) + @as(u64, @truncate(wide orelse 1));
}
