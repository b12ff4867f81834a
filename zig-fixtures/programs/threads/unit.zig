//! An M:N scheduler on the product: OS threads that steal split fibers from each other, and threads that come and go. Everything here is
//! compiled by a route, the scheduler too. See README.md.
//!
//! usage: threads steal SEED JOBS | threads churn THREADS

const std = @import("std");
const splitstack = @import("splitstack");
const scheduler = @import("scheduler");
const churn = @import("churn");
const report = @import("report");

pub const panic = splitstack.panic;
pub const std_options: std.Options = .{ .enable_segfault_handler = false, .allow_stack_tracing = false, .signal_stack_size = null };

pub export fn main(argc: c_int, argv: [*][*:0]const u8) callconv(.c) c_int {
    const args = argv[1..@intCast(argc)];
    if (args.len < 2) return usage();
    const mode = std.mem.span(args[0]);
    const first = std.fmt.parseInt(u64, std.mem.span(args[1]), 10) catch return usage();
    if (std.mem.eql(u8, mode, "churn") and args.len == 2 and first <= 1_000_000) {
        churn.run(first);
    } else if (std.mem.eql(u8, mode, "steal") and args.len == 3) {
        const jobs = std.fmt.parseInt(u32, std.mem.span(args[2]), 10) catch return usage();
        if (jobs == 0 or jobs > scheduler.jobs_max) return usage();
        scheduler.run(first, jobs);
    } else return usage();
    return 0;
}

fn usage() c_int {
    report.say("usage: threads steal SEED JOBS | threads churn THREADS", .{});
    return 2;
}

/// By which the audit of the linked program (harness/docs/RESERVE.md) knows the functions of this unit.
export const hs_unit: u64 = 0;
