namespace Harness.Binary.Unwind.Stepping;

/// <summary>What about a row, or about the program, was not so.</summary>
public enum StepFault
{
    /// <summary>No row covers the instruction.</summary>
    NoRow,

    /// <summary>The row cannot be evaluated.</summary>
    Unreadable,
    WrongCfa,
    WrongReturnSlot,
    WrongReturnAddress,

    /// <summary>A callee-saved register that the row gives the caller is not what it was when it called.</summary>
    WrongRegister,

    /// <summary>The row ends the trace although there is a caller.</summary>
    EndsEarly,

    /// <summary>The row has a caller although there is none.</summary>
    NoEnd,

    /// <summary>Further out the chain is another than that of the calls.</summary>
    WrongChain,

    /// <summary>The program did what no chain of calls explains.</summary>
    Flow,
}

/// <summary>A disagreement at one instruction; the first of its kind there, in full.</summary>
/// <param name="Place">Function and offset.</param>
/// <param name="Instruction">In Intel's syntax.</param>
/// <param name="Step">At which it was first seen.</param>
/// <param name="Count">How many steps saw it.</param>
/// <param name="Stub">In the runtime's assembly.</param>
public sealed record StepFinding(
    StepFault Fault, ulong Pc, string Place, string Instruction, string Expected, string Observed, long Step, long Count, bool Stub)
{
    public override string ToString() =>
        $"{Fault} at {Place}: {Instruction}: expected {Expected}, observed {Observed} (step {Step}{(Count > 1 ? $", {Count} times" : "")})";
}

/// <summary>
/// A disagreement that is known and has a reason. Unlike the static check's, these are about real values: what that one cannot decide has no
/// place here.
/// </summary>
public sealed record StepShortcoming(string Where, string Reason)
{
    /// <summary>It is about a register that no chain needs.</summary>
    public bool SparesChain { get; init; }

    /// <summary>By function.</summary>
    public static IReadOnlyList<StepShortcoming> Functions { get; } =
    [
        new("__zig_probe_stack", "compiler_rt, naked: it pushes rcx and walks rsp down without any call frame information; a trace taken inside is wrong"),
        new("unw_getcontext", "LLVM's libunwind, assembly without call frame information: it stores registers, calls nothing and ends"),
        new("__unw_getcontext", "LLVM's libunwind, as unw_getcontext"),
    ];

    public static readonly StepShortcoming NoRows = new("(.plt, .init, .fini)", "lld and glibc write no rows for these; workers bind immediately, so a stub is one jump");

    public static readonly StepShortcoming NoStart = new("_start", "musl's has no rows: a trace ends at it without being told that it is the first frame");

    public static readonly StepShortcoming LostRbx = new(
        "(self-hosted)", "Zig's own calling convention gives rbx away, and the self-hosted backend writes no rule that says so: a caller's rbx is not recovered") { SparesChain = true };

    public static readonly StepShortcoming Restorer = new(
        "restore_rt", "std.os.linux's return from signals is naked and has no rows of a signal's frame: a trace from a handler that Zig installed ends there");

    public static readonly StepShortcoming Released = new(
        "(released stack)", "what ends a fiber, or jumps out of segments, gives their memory back while it still counts as called from there: a trace ends at the first word that is gone");

    public static readonly StepShortcoming Redirecting = new(
        "(signal's context)", "a handler writes rip and rsp of the interrupted context one after the other: in between a trace goes on from neither place");

    public static readonly StepShortcoming Jumping = new(
        "(longjmp)", "the rows of what jumps describe where it goes, not where it was called from");
}

/// <summary>What stepping came to.</summary>
/// <param name="Checked">Places, that before the first step included, whose row was compared in full: CFA, return slot, return address, six registers.</param>
/// <param name="Whole">Chains compared from the innermost frame to the outermost.</param>
/// <param name="Frames">Frames of these.</param>
/// <param name="Places">Different instructions.</param>
/// <param name="Known">Steps, or registers in them, that a shortcoming excuses, by its reason.</param>
public sealed record StepReport(
    long Steps, long Checked, long Whole, long Frames, long Places, int DepthMax, long Switches, long Splits, long Signals,
    IReadOnlyList<StepFinding> Findings, IReadOnlyDictionary<StepShortcoming, long> Known, IReadOnlyList<StubCoverage> Coverage);

/// <summary>How much of a function of the runtime's assembly was stepped through.</summary>
/// <param name="Missed">Offset and text of each instruction that was not.</param>
public sealed record StubCoverage(string Function, int Instructions, int Visited, IReadOnlyList<(long Offset, string Text)> Missed)
{
    /// <summary>What several runs came to together. Builds of one function may differ; then each counts by itself.</summary>
    public static IReadOnlyList<StubCoverage> Union(IEnumerable<StubCoverage> runs) =>
    [
        .. runs.GroupBy(run => (run.Function, run.Instructions)).Select(group =>
        {
            var missed = group.Select(run => run.Missed.AsEnumerable()).Aggregate((a, b) => a.IntersectBy(b.Select(m => m.Offset), m => m.Offset)).ToList();
            return new StubCoverage(group.Key.Function, group.Key.Instructions, group.Key.Instructions - missed.Count, missed);
        }),
    ];
}
