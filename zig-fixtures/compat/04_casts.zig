//! @intFromPtr, @ptrFromInt, @ptrCast(@alignCast()), @intFromError, @truncate by result type
var place: [8]u8 align(8) = undefined;

export fn hs_rung(a: u64) callconv(.c) u64 {
    const word: *u64 = @ptrCast(@alignCast(&place));
    word.* = a;
    const again: *u64 = @ptrFromInt(@intFromPtr(word));
    const low: u16 = @truncate(again.*);
    return low + @intFromError(error.A);
}
