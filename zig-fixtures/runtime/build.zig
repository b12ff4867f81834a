//! The split-stack runtime as a package: module `splitstack`, and library `splitstack` with everything it calls by name.
//!     zig build [-Dlimit=own]
//!                        libsplitstack.a; own: the limit in its variable hs_limit, for the assembly route and for thunks told so
//!     zig build test     the product's tests
//!     zig build example [-Droute=attribute|thunk] [-Dinject=PATH]
//!                        the worked example, with checks by that route; PATH: the harness's command (default: ../../scripts/harness)

const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{ .default_target = .{ .cpu_arch = .x86_64, .os_tag = .linux, .abi = .gnu } });
    const limit = b.option(Limit, "limit", "Where the limit is (default: glibc, %fs:0x70)") orelse .glibc;
    const library = objects(b, target, limit);
    b.installArtifact(library);

    const abi = b.createModule(.{ .root_source_file = b.path("abi.zig") });
    addLimitSlot(b, abi, limit);
    const fiber = b.createModule(.{ .root_source_file = b.path("fiber.zig") });
    fiber.addImport("abi", abi);
    const splitstack = b.addModule("splitstack", .{ .root_source_file = b.path("splitstack.zig") });
    splitstack.addImport("abi", abi);
    splitstack.addImport("fiber", fiber);

    const root = b.createModule(.{ .root_source_file = b.path("tests.zig"), .target = target, .link_libc = true, .omit_frame_pointer = false });
    root.addImport("splitstack", splitstack);
    root.addImport("abi", abi);
    addAssembly(b, root, "split_call.S", limit);
    root.linkLibrary(library);
    const tests = b.addRunArtifact(b.addTest(.{ .root_module = root }));
    b.step("test", "Run the product's tests").dependOn(&tests.step);
    addExample(b, target, splitstack, library, limit);
}

const Limit = enum { glibc, own };

const Route = enum { attribute, thunk };

/// Compiled as any program is, as one object or one file of LLVM IR; `harness inject` puts the checks in; linked with the library.
fn addExample(
    b: *std.Build,
    target: std.Build.ResolvedTarget,
    splitstack: *std.Build.Module,
    library: *std.Build.Step.Compile,
    limit: Limit,
) void {
    const route = b.option(Route, "route", "How the example gets its checks (default: attribute)") orelse .attribute;
    const inject = b.option([]const u8, "inject", "The harness's command") orelse b.pathFromRoot("../../scripts/harness");
    const mode = b.option(std.builtin.OptimizeMode, "optimize", "Of the example (default: Debug)") orelse .Debug;
    const root = b.createModule(.{
        .root_source_file = b.path("example/main.zig"),
        .target = target,
        .optimize = mode,
        .link_libc = true,
        .strip = false,
        .omit_frame_pointer = false,
    });
    root.addImport("splitstack", splitstack);
    const program = b.addObject(.{ .name = "program", .root_module = root, .use_llvm = route == .attribute or mode != .Debug });
    // One section a function: then every call is a relocation.
    program.link_function_sections = true;

    const checked = b.addSystemCommand(&.{ inject, "inject" });
    checked.addFileArg(if (route == .attribute) program.getEmittedLlvmIr() else program.getEmittedBin());
    // Functions of std that ask for their return address are left out; here they print, on the thread's own stack.
    checked.addArgs(&.{ "--limit", if (limit == .own) "own" else "fs70" });
    checked.addArgs(&.{ "--route", @tagName(route), "--mode", @tagName(mode), "--max-unsplit-frame", "65536", "-o" });
    const object = checked.addOutputFileArg("checked.o");

    const linked = b.createModule(.{ .target = target, .optimize = mode, .link_libc = true });
    linked.addObjectFile(object);
    linked.addCSourceFile(.{ .file = b.path("example/foreign.c"), .flags = &.{ "-O1", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls" } });
    linked.linkLibrary(library);
    const run = b.addRunArtifact(b.addExecutable(.{ .name = "example", .root_module = linked }));
    run.stdio = .inherit;
    b.step("example", "Run the worked example").dependOn(&run.step);
}

/// The parts that must not be compiled with the program: growth for general registers only, the host without split prologues.
fn objects(b: *std.Build, target: std.Build.ResolvedTarget, limit: Limit) *std.Build.Step.Compile {
    var plain = target.query;
    plain.cpu_features_sub = std.Target.x86.featureSet(&.{ .mmx, .sse, .sse2, .x87 });
    plain.cpu_features_add = std.Target.x86.featureSet(&.{.soft_float});
    plain.cpu_model = .baseline;
    const general_registers = b.resolveTargetQuery(plain);
    const growth = module(b, "growth.zig", general_registers, .ReleaseFast, limit);
    const growth_abi = module(b, "abi.zig", general_registers, .ReleaseFast, limit);
    const memory = module(b, "pool.zig", general_registers, .ReleaseFast, limit);
    memory.addImport("abi", growth_abi);
    growth.addImport("abi", growth_abi);
    growth.addImport("memory", memory);
    growth.no_builtin = true;
    memory.no_builtin = true;

    const host = module(b, "host.zig", target, .ReleaseSafe, limit);
    const host_abi = module(b, "abi.zig", target, .ReleaseSafe, limit);
    const records = module(b, "fiber.zig", target, .ReleaseSafe, limit);
    records.addImport("abi", host_abi);
    host.addImport("abi", host_abi);
    host.addImport("fiber", records);

    const library = b.addLibrary(.{ .name = "splitstack", .linkage = .static, .root_module = host });
    addAssembly(b, host, "morestack.S", limit);
    addAssembly(b, host, "fiber.S", limit);
    addAssembly(b, host, "jump.S", limit);
    addAssembly(b, host, "exit.S", limit);
    host.addObject(b.addObject(.{ .name = "growth", .root_module = growth, .use_llvm = true }));
    return library;
}

fn module(b: *std.Build, source: []const u8, target: std.Build.ResolvedTarget, mode: std.builtin.OptimizeMode, limit: Limit) *std.Build.Module {
    const result = b.createModule(.{
        .root_source_file = b.path(source),
        .target = target,
        .optimize = mode,
        .omit_frame_pointer = false,
        .stack_protector = false,
        .stack_check = false,
    });
    addLimitSlot(b, result, limit);
    return result;
}

/// abi.zig reads the limit where the assembly files do (gates.h, LIMIT_SLOT).
fn addLimitSlot(b: *std.Build, to: *std.Build.Module, limit: Limit) void {
    const source = if (limit == .own) "limit_slot_own.zig" else "limit_slot_glibc.zig";
    to.addAnonymousImport("limit_slot", .{ .root_source_file = b.path(source) });
}

fn addAssembly(b: *std.Build, to: *std.Build.Module, source: []const u8, limit: Limit) void {
    to.addCSourceFile(.{ .file = b.path(source), .flags = if (limit == .own) &.{"-DHS_LIMIT_OWN"} else &.{} });
}
