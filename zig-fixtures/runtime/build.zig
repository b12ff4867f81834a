//! The split-stack runtime as a package: module `splitstack`, and library `splitstack` with everything it calls by name.
//!     zig build          libsplitstack.a
//!     zig build test     the product's tests

const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{ .default_target = .{ .cpu_arch = .x86_64, .os_tag = .linux, .abi = .gnu } });
    const library = objects(b, target);
    b.installArtifact(library);

    const abi = b.createModule(.{ .root_source_file = b.path("abi.zig") });
    addLimitSlot(b, abi);
    const fiber = b.createModule(.{ .root_source_file = b.path("fiber.zig") });
    fiber.addImport("abi", abi);
    const splitstack = b.addModule("splitstack", .{ .root_source_file = b.path("splitstack.zig") });
    splitstack.addImport("abi", abi);
    splitstack.addImport("fiber", fiber);

    const root = b.createModule(.{ .root_source_file = b.path("tests.zig"), .target = target, .link_libc = true, .omit_frame_pointer = false });
    root.addImport("splitstack", splitstack);
    root.addAssemblyFile(b.path("split_call.S"));
    root.linkLibrary(library);
    const tests = b.addRunArtifact(b.addTest(.{ .root_module = root }));
    b.step("test", "Run the product's tests").dependOn(&tests.step);
}

/// The parts that must not be compiled with the program: growth for general registers only, the host without split prologues.
fn objects(b: *std.Build, target: std.Build.ResolvedTarget) *std.Build.Step.Compile {
    var plain = target.query;
    plain.cpu_features_sub = std.Target.x86.featureSet(&.{ .mmx, .sse, .sse2, .x87 });
    plain.cpu_features_add = std.Target.x86.featureSet(&.{.soft_float});
    plain.cpu_model = .baseline;
    const general_registers = b.resolveTargetQuery(plain);
    const growth = module(b, "growth.zig", general_registers, .ReleaseFast);
    const growth_abi = module(b, "abi.zig", general_registers, .ReleaseFast);
    const memory = module(b, "pool.zig", general_registers, .ReleaseFast);
    memory.addImport("abi", growth_abi);
    growth.addImport("abi", growth_abi);
    growth.addImport("memory", memory);
    growth.no_builtin = true;
    memory.no_builtin = true;

    const host = module(b, "host.zig", target, .ReleaseSafe);
    const host_abi = module(b, "abi.zig", target, .ReleaseSafe);
    const records = module(b, "fiber.zig", target, .ReleaseSafe);
    records.addImport("abi", host_abi);
    host.addImport("abi", host_abi);
    host.addImport("fiber", records);

    const library = b.addLibrary(.{ .name = "splitstack", .linkage = .static, .root_module = host });
    host.addAssemblyFile(b.path("morestack.S"));
    host.addAssemblyFile(b.path("fiber.S"));
    host.addAssemblyFile(b.path("jump.S"));
    host.addObject(b.addObject(.{ .name = "growth", .root_module = growth, .use_llvm = true }));
    return library;
}

fn module(b: *std.Build, source: []const u8, target: std.Build.ResolvedTarget, mode: std.builtin.OptimizeMode) *std.Build.Module {
    const result = b.createModule(.{
        .root_source_file = b.path(source),
        .target = target,
        .optimize = mode,
        .omit_frame_pointer = false,
        .stack_protector = false,
        .stack_check = false,
    });
    addLimitSlot(b, result);
    return result;
}

/// abi.zig reads the limit where the assembly files do (gates.h, LIMIT_SLOT): in glibc's word.
fn addLimitSlot(b: *std.Build, to: *std.Build.Module) void {
    to.addAnonymousImport("limit_slot", .{ .root_source_file = b.path("limit_slot_glibc.zig") });
}
