//! The codes of the event log; the C# twin is Harness.Model/Events.cs. By itself, because the emitter's mock runtime has them too.

pub const Kind = enum(u8) {
    enter = 1,
    delivered = 2,
    leave = 3,
    log = 4,
    acquired = 5,
    released = 6,
    ledger_released = 7,
    raised = 8,
    caught = 9,
    err_deferred = 10,
    result = 11,
    probe = 12,
    yielded = 13,
    spawned = 14,
    joined = 15,
    cancel_requested = 16,
    fiber_end = 17,
    _,
};
