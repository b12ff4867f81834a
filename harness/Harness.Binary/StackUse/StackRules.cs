namespace Harness.Binary.StackUse;

/// <summary>A function, or several by a prefix that ends in <c>*</c>, that the analysis treats in a way of its own, and why it may.</summary>
public sealed record NamedRule(string Pattern, string Reason)
{
    public bool Fits(string name) => Pattern.EndsWith('*')
        ? name.StartsWith(Pattern[..^1], StringComparison.Ordinal)
        : name == Pattern;
}

/// <summary>A bound that is stated, not computed: for code that is not in the file, or whose depth something else limits.</summary>
/// <param name="Bytes">Below its return address, all it calls included.</param>
public sealed record StackAllowance(string Name, long Bytes, string Reason);

/// <summary>
/// A call by which a function learns of an error that is pending: it gives nonzero. On the reserve it always does, so what lies behind a zero
/// answer does not run there.
/// </summary>
/// <param name="SilentBit">The bit of its first argument with which it never tells; null: it always does.</param>
public sealed record Checkpoint(string Name, int? SilentBit);

/// <summary>What the analysis is told about the runtime whose code it reads (zig-fixtures/runtime).</summary>
public sealed record StackRules
{
    /// <summary>What a gate or stub may use of the stack that it is called on.</summary>
    public const int GateBytes = 128;

    /// <summary>All of them but hs_callback, which calls what it is given on the stack it is called on.</summary>
    private static readonly string[] _gateNames =
    [
        "__morestack", "hs_morestack_thunk", "hs_event", "hs_error", "hs_fuel", "hs_acquire", "hs_release", "hs_spawn",
        "hs_cancel", "hs_fill", "hs_sum", "hs_checkpoint", "hs_opaque", "hs_mix", "hs_mix_twice", "hs_yield", "hs_lock",
        "hs_join", "hs_probe", "hs_panic", "hs_fiber_yield", "hs_pending", "hs_current", "hs_system_call",
        "hs_fiber_create", "hs_fiber_destroy", "hs_fiber_deliver", "hs_fiber_trim", "hs_fiber_panic", "hs_fiber_trace",
    ];

    private const string GatesReason = "a stub or gate of the runtime leaves the stack after a few pushes (LinkedWorkerTests computes each)";

    public static readonly StackRules Default = new();

    /// <summary>Where checks read the limit; null: no function has a check.</summary>
    public LimitSlot? Limit { get; init; } = LimitSlot.Glibc;

    /// <summary>Checks call these when the frame does not fit, with a <c>ret</c> behind the call; the body starts behind that.</summary>
    public string LlvmMorestack { get; init; } = "__morestack";

    /// <summary>The same for the checks that push their sizes.</summary>
    public string SizedMorestack { get; init; } = SplitChoice.Morestack;

    /// <summary>Called with a number in rax just before rsp is lowered by it: touches the pages between, and puts rsp back.</summary>
    public IReadOnlyList<string> Probes { get; init; } = ["__zig_probe_stack", "___chkstk_ms"];

    /// <summary>The only functions that may put another stack's address into rsp.</summary>
    public IReadOnlyList<NamedRule> Switching { get; init; } =
    [
        new("__morestack", "goes over to the system stack for hs_grow and hs_shrink, and to the new segment for the body"),
        new("hs_*", "the runtime's stubs and gates: what they call runs on the system stack, or on the fiber that is resumed"),
    ];

    /// <summary>Functions that do not come back, although their code has a way to return.</summary>
    public IReadOnlyList<NamedRule> NeverReturning { get; init; } =
    [
        new("hs_panic", "its service ends the fiber: noreturn in zig-fixtures/worker/services.zig"),
        new("hs_fiber_panic", "its service ends the fiber: noreturn in zig-fixtures/runtime/host.zig"),
        new("_exit", "libc's"),
        new("exit", "libc's"),
        new("abort", "libc's"),
        new("__stack_chk_fail", "libc's: ends the process"),
    ];

    public IReadOnlyList<Checkpoint> Checkpoints { get; init; } = [new("hs_checkpoint", 31), new("hs_pending", null)];

    /// <summary>Functions that give an error, whatever they are called with: what they give is not zero.</summary>
    public IReadOnlyList<NamedRule> GivingErrors { get; init; } =
    [
        new("support.faultOf", "the code of a checkpoint as a Zig error (zig-fixtures/support)"),
        new("splitstack.delivered", "the same (zig-fixtures/runtime)"),
    ];

    /// <summary>Functions that change no variable of their caller's, so that what is known of one holds behind them.</summary>
    public IReadOnlyList<NamedRule> KeepingVariables { get; init; } = [new("builtin.returnError", "writes Zig's error return trace alone")];

    /// <summary>Functions whose bound is stated. Names may end in <c>*</c>; the first that fits counts.</summary>
    public IReadOnlyList<StackAllowance> Allowances { get; init; } = [];

    /// <summary>The same for functions that are not in the file: the runtime's, of an object that is not linked yet.</summary>
    public IReadOnlyList<StackAllowance> ExternalAllowances { get; init; } =
[.. _gateNames.Select(name => new StackAllowance(name, GateBytes, GatesReason))];

    /// <summary>Whether a function is where checks go that fail: morestack, or the part of a thunk that calls it.</summary>
    public bool IsMorestack(string name) =>
        name == LlvmMorestack || name == SizedMorestack || name.StartsWith(ThunkCode.OverPrefix, StringComparison.Ordinal);

    /// <summary>Instructions decoded of one function, as <see cref="ElfLimits.MaxFunctionInstructions"/>.</summary>
    public int MaxInstructions { get; init; } = 4_000_000;

    /// <summary>Functions walked for one image.</summary>
    public int MaxFunctions { get; init; } = 400_000;
}
