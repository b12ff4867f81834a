//! The planted defects that live in Zig code (the assembly has its own, by preprocessor: HS_DEFECT_…).

pub const Defect = enum {
    none,
    /// hs_shrink leaves the released segment's limit in force.
    limit_restore,
    /// hs_grow copies two words of stack arguments too few.
    argument_copy,
    /// hs_shrink forgets every third segment instead of releasing it.
    segment_release,
    /// A panicked fiber's ledger is released first in, first out.
    ledger_order,
    /// A panicked fiber's newest resource is released without a record.
    ledger_forgets,
    /// A fiber goes on beyond its budget, and nobody tells it.
    budget_silent,
    /// A fiber that stands on its reserve is told once only.
    reserve_once,
    /// A segment could not be allocated, the fiber goes on with an emergency one, and nobody tells it.
    allocation_silent,
    /// A fiber that another thread resumes finds that thread's last limit in force.
    thread_limit,
    /// A signal handler leaves no limit in force.
    signal_limit,
    /// Other unwinders are taken to see another third frame.
    second_opinion,
};
