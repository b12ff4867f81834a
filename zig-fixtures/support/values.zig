//! `make` and `fold` of docs/VALUES.md: the value that a seed stands for, and what is left of a value.
//!
//! Compile time: these functions are instantiated for many types in four modes, so they use no
//! formatting, no allocator and (`@setRuntimeSafety(false)`) no safety checks, whose panics would
//! drag in std.fmt.

const builtin = @import("builtin");

// SplitMix64's.
const increment = 0x9E3779B97F4A7C15;
const first = 0xBF58476D1CE4E5B9;
const second = 0x94D049BB133111EB;

const fold_start: u64 = 0x13198A2E03707344;

/// Whether mixing is two leaves of the worker's (gates.S). Written out at each part it was a quarter of what the self-hosted
/// backend took for a whole program. Not in LLVM's modes: a function that calls nothing and needs no stack has no check there,
/// and half of all splits would be in these helpers if they called something.
const by_calls = builtin.zig_backend == .stage2_x86_64;
extern fn hs_mix(x: u64) u64;
/// mix(mix(x)).
extern fn hs_mix_twice(x: u64) u64;

// This and all scalars are inline: otherwise a Debug program would spend its prologues, and
// so its splits, in helpers.
inline fn mix(x: u64) u64 {
    if (by_calls and !@inComptime()) return hs_mix(x);
    var z = x +% increment;
    z = (z ^ z >> 30) *% first;
    z = (z ^ z >> 27) *% second;
    return z ^ z >> 31;
}

inline fn mixTwice(x: u64) u64 {
    return if (by_calls) hs_mix_twice(x) else mix(mix(x));
}

const part_start = 0xA5A50000;

/// The seed of part `index`.
inline fn sub(seed: u64, index: u64) u64 {
    return mix(seed ^ (part_start +% index));
}

/// What slices made from a seed look into.
const table: [256]u64 = words: {
    @setEvalBranchQuota(20_000);
    var words: [256]u64 = undefined;
    for (&words, 0..) |*word, index| word.* = mix(index);
    break :words words;
};

/// The value of type `T` that `seed` stands for.
pub noinline fn make(comptime T: type, seed: u64) T {
    @setRuntimeSafety(false);
    switch (@typeInfo(T)) {
        .void, .bool, .int, .float => return makeScalar(T, seed),
        .vector => |vector| {
            var lanes: [vector.len]vector.child = undefined;
            for (&lanes, 0..) |*lane, index| lane.* = makePart(vector.child, seed, index);
            return lanes;
        },
        .@"struct" => |info| {
            var result: T = undefined;
            inline for (info.fields, 0..) |field, index| {
                @field(result, field.name) = makePart(field.type, seed, index);
            }
            return result;
        },
        .@"enum" => |info| return @enumFromInt(mix(seed) % info.fields.len),
        .@"union" => |info| {
            const tag = mix(seed) % info.fields.len;
            inline for (info.fields, 0..) |field, index| {
                if (tag == index) {
                    return @unionInit(T, field.name, makePart(field.type, seed, index));
                }
            }
            unreachable;
        },
        .optional => |optional| {
            if (mix(seed) & 3 == 0) return null;
            return makePart(optional.child, seed, 0);
        },
        .pointer => {
            const offset = mix(seed) % 200;
            return table[offset..][0 .. mix(seed +% 1) % 17];
        },
        else => @compileError("not makeable: " ++ @typeName(T)),
    }
}

fn isScalar(comptime T: type) bool {
    return switch (@typeInfo(T)) {
        .void, .bool, .int, .float => true,
        else => false,
    };
}

/// Part `index` of a composite: scalars in place, others by a call.
inline fn makePart(comptime T: type, seed: u64, index: u64) T {
    if (comptime !isScalar(T)) return make(T, sub(seed, index));
    if (@bitSizeOf(T) > 64) return makeScalar(T, sub(seed, index));
    return scalarOf(T, mixTwice(seed ^ (part_start +% index)));
}

inline fn makeScalar(comptime T: type, seed: u64) T {
    return scalarOf(T, if (@bitSizeOf(T) > 64) makeWide(@bitSizeOf(T), seed) else mix(seed));
}

/// `bits`: at least as many as T has.
inline fn scalarOf(comptime T: type, bits: anytype) T {
    const own: @Int(.unsigned, @bitSizeOf(T)) = @truncate(bits);
    return switch (@typeInfo(T)) {
        .void => {},
        .bool => own == 1,
        .int => @bitCast(own),
        .float => |float| @bitCast(withFixedExponent(float.bits, own)),
        else => comptime unreachable,
    };
}

inline fn makeWide(comptime count: u16, seed: u64) @Int(.unsigned, count) {
    @setRuntimeSafety(false); // Nor is `undefined` written out first.
    const word_count = (count + 63) / 64;
    var words: [word_count]u64 = undefined;
    for (&words, 0..) |*word, index| word.* = mix(seed +% index);
    const wide: @Int(.unsigned, word_count * 64) = @bitCast(words);
    return @truncate(wide);
}

/// Finite, and in ±[1, 2).
inline fn withFixedExponent(comptime count: u16, bits: anytype) @TypeOf(bits) {
    const U = @TypeOf(bits);
    // For f80 the field includes the explicit integer bit, which must be set.
    const low: u16, const width: u16, const field: U = switch (count) {
        16 => .{ 10, 5, 15 },
        32 => .{ 23, 8, 127 },
        64 => .{ 52, 11, 1023 },
        80 => .{ 63, 16, 16383 << 1 | 1 },
        128 => .{ 112, 15, 16383 },
        else => @compileError("no such float"),
    };
    const mask = ((@as(U, 1) << width) - 1) << low;
    return bits & ~mask | field << low;
}

/// Every byte of `value` that means something, as one word.
pub noinline fn fold(value: anytype) u64 {
    @setRuntimeSafety(false);
    return feedPart(fold_start, value);
}

noinline fn feed(hash: u64, value: anytype) u64 {
    @setRuntimeSafety(false);
    const T = @TypeOf(value);
    switch (@typeInfo(T)) {
        .void, .bool, .int, .float => return feedScalar(hash, value),
        .vector => |vector| {
            const lanes: [vector.len]vector.child = value;
            var result = hash;
            for (lanes) |lane| result = feedScalar(result, lane);
            return result;
        },
        .@"struct" => |info| {
            var result = hash;
            inline for (info.fields) |field| result = feedPart(result, @field(value, field.name));
            return result;
        },
        .@"enum" => return mix(hash ^ @intFromEnum(value)),
        .@"union" => switch (value) {
            inline else => |payload, tag| return feedPart(mix(hash ^ @intFromEnum(tag)), payload),
        },
        .optional => return if (value) |child| feedPart(mix(hash ^ 1), child) else mix(hash ^ 0),
        .pointer => {
            var result = mix(hash ^ value.len);
            for (value) |word| result = mix(result ^ word);
            return result;
        },
        else => @compileError("not foldable: " ++ @typeName(T)),
    }
}

inline fn feedPart(hash: u64, value: anytype) u64 {
    return if (comptime isScalar(@TypeOf(value))) feedScalar(hash, value) else feed(hash, value);
}

inline fn feedScalar(hash: u64, value: anytype) u64 {
    return switch (@typeInfo(@TypeOf(value))) {
        .void => mix(hash ^ 0x76),
        .bool => mix(hash ^ @intFromBool(value)),
        .int => |int| feedBits(int.bits, hash, @bitCast(value)),
        .float => |float| feedBits(float.bits, hash, @bitCast(value)),
        else => comptime unreachable,
    };
}

inline fn feedBits(comptime count: u16, hash: u64, bits: @Int(.unsigned, count)) u64 {
    if (count <= 64) return mix(hash ^ bits);
    var result = hash;
    inline for (0..(count + 63) / 64) |index| {
        result = mix(result ^ @as(u64, @truncate(bits >> (64 * index))));
    }
    return result;
}
