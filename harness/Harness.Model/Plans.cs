namespace Harness.Model;

/// <summary>
/// What goes wrong in an execution. Entries are logical entries, numbered from 0 over all fibers in execution order.
/// A fault at an infallible entry stays pending on its fiber until that fiber's next fallible checkpoint.
/// </summary>
public abstract record FaultPlan
{
    private FaultPlan()
    {
    }

    internal abstract Sealed Seal { get; }

    public sealed record None : FaultPlan { internal override Sealed Seal => default; }

    /// <summary>
    /// <paramref name="Error"/> (100 and up) becomes pending on the fiber that makes entry <paramref name="Entry"/>;
    /// with <paramref name="Persistent"/> again at every later entry of that same fiber.
    /// </summary>
    public sealed record ErrorAt(int Entry, ErrorName Error, bool Persistent) : FaultPlan { internal override Sealed Seal => default; }

    /// <summary><c>@panic</c> in the function that makes the entry, right after its Enter event.</summary>
    public sealed record PanicAt(int Entry) : FaultPlan { internal override Sealed Seal => default; }

    /// <summary>A write to an unmapped address there.</summary>
    public sealed record SegfaultAt(int Entry) : FaultPlan { internal override Sealed Seal => default; }

    /// <summary>Every fiber may use <paramref name="Bytes"/> of stack; beyond that, StackOverflow at the next checkpoint.</summary>
    public sealed record StackBudget(long Bytes) : FaultPlan { internal override Sealed Seal => default; }

    /// <summary>The <paramref name="Nth"/> (from 1) segment allocation fails: OutOfStackSegments at the next checkpoint.</summary>
    public sealed record SegmentAllocationFails(int Nth) : FaultPlan { internal override Sealed Seal => default; }

    /// <summary>
    /// What a <see cref="StackBudget"/> or <see cref="SegmentAllocationFails"/> execution turned out to be: the errors
    /// its checkpoints returned, by entry. The model runs this to check it, so it never needs to know frame sizes.
    /// </summary>
    public sealed record Delivered(EquatableArray<Delivery> Deliveries) : FaultPlan { internal override Sealed Seal => default; }
}

/// <summary>The (fallible) entry whose checkpoint returned the error.</summary>
public readonly record struct Delivery(int Entry, ErrorName Error);

/// <summary>
/// The order of fibers. Seed 0: first in, first out. Otherwise the next fiber is
/// <c>ready[SplitMix64(state) % count]</c>, the state starting at the seed (see docs/SCHEDULING.md).
/// <paramref name="LaunchMask"/>: bit i lets fiber i start (at launch or by spawn); all ones normally.
/// </summary>
public sealed record Schedule(ulong Seed, uint LaunchMask = uint.MaxValue)
{
    public static readonly Schedule Fifo = new(0);
}

/// <summary>Where the stack is forced to split. Codes are those of the plan file.</summary>
public enum SplitKind : byte
{
    /// <summary>One huge initial segment: the baseline.</summary>
    None = 0,

    /// <summary>Every prologue.</summary>
    EveryEntry = 1,

    /// <summary>Every prologue between checkpoints A − 1 and A.</summary>
    SingleEntry = 2,

    /// <summary>Prologues at physical call depth ≥ A.</summary>
    DepthAtLeast = 3,

    /// <summary>Prologues at physical call depth A.</summary>
    DepthEquals = 4,

    /// <summary>Every A-th prologue.</summary>
    EveryNth = 5,

    /// <summary>Each prologue with probability B / 65536, from seed A.</summary>
    Random = 6,

    /// <summary>No forcing: segments of A bytes.</summary>
    Natural = 7,

    /// <summary>Prologues at depths d with bit (d mod 64) of A set.</summary>
    DepthSet = 8,

    /// <summary>Entries A … A + 63 whose bit is set in B (each as <see cref="SingleEntry"/>).</summary>
    EntrySet = 9,
}

public sealed record SplitPlan(SplitKind Kind, ulong A = 0, ulong B = 0)
{
    public static readonly SplitPlan None = new(SplitKind.None);
    public static readonly SplitPlan Every = new(SplitKind.EveryEntry);
}

/// <summary>Where a child segment lies relative to its parent, and whose memory it is.</summary>
public enum Placement : byte
{
    Descending = 0,
    Ascending = 1,
    Interleaved = 2,

    /// <summary>
    /// The product's own memory (zig-fixtures/runtime/pool.zig): its first segments, doubling, slots, caches and emergency segments. Poison
    /// and unmap then only mean that every release is a real one.
    /// </summary>
    Pool = 3,
}

/// <summary>What becomes of a released segment.</summary>
public enum ReleasePolicy : byte
{
    /// <summary>Kept as it is and used again.</summary>
    Cache = 0,

    /// <summary>Filled with a pattern that is verified on reuse.</summary>
    Poison = 1,

    /// <summary>Made inaccessible: a touch is a segfault.</summary>
    Unmap = 2,
}

/// <summary>What goes on around an execution that may not change it.</summary>
[Flags]
public enum Disturbance : byte
{
    None = 0,

    /// <summary>Timer signals, handled on the signal stack, at instructions of nobody's choice.</summary>
    Signals = 1,

    /// <summary>Two OS threads resume the fibers in turns.</summary>
    Threads = 2,

    /// <summary>
    /// A tracer steps through it, sends signals at instructions of a seed's choice, and compares each trace that their handler takes with the
    /// calls that were made (docs/TRACES.md). Not for the worker to know.
    /// </summary>
    Stepped = 4,
}

/// <summary>What disturbances came to. Not repeatable: a timer's signals come when they come.</summary>
/// <param name="Signals">Signals that arrived.</param>
/// <param name="InStubs">Of them, those at an instruction of morestack or lessstack.</param>
/// <param name="Moves">Times that a fiber was resumed by the second thread.</param>
/// <param name="Handlers">Of the signals, those whose handler was split code.</param>
/// <param name="Told">Of those, the ones that were told that their stack is used up.</param>
public sealed record Arrivals(long Signals, long InStubs, long Moves, long Handlers, long Told)
{
    public static readonly Arrivals None = new(0, 0, 0, 0, 0);

    public static Arrivals operator +(Arrivals a, Arrivals b) =>
        new(a.Signals + b.Signals, a.InStubs + b.InStubs, a.Moves + b.Moves, a.Handlers + b.Handlers, a.Told + b.Told);
}

/// <summary>How prologues get in.</summary>
public enum Route
{
    /// <summary>LLVM's own, asked for by an attribute of its IR.</summary>
    Attribute,

    /// <summary>Put before the functions of a finished object.</summary>
    Thunk,

    /// <summary>Inserted into the assembly that the compiler writes.</summary>
    Assembly,

    /// <summary>By a command of a runtime's own, which makes an object of a Zig file (docs/RUNTIMES.md). In no cell of our own runtime.</summary>
    Command,
}

public enum OptimizeMode
{
    Debug,
    ReleaseSafe,
    ReleaseFast,
    ReleaseSmall,
}

public enum Backend
{
    Llvm,
    SelfHosted,
}

/// <summary>One column of the matrix. <see cref="ToString"/> is its name everywhere.</summary>
public sealed record Cell(Route Route, OptimizeMode Mode, Backend Backend, string Target = Cell.LinuxGnu)
{
    public const string LinuxGnu = "x86_64-linux-gnu";

    /// <summary>Linked statically.</summary>
    public const string LinuxMusl = "x86_64-linux-musl";

    /// <summary>Without any libc: no cell of a campaign, whose worker needs one.</summary>
    public const string LinuxBare = "x86_64-linux-none";

    /// <summary>
    /// Compiled with <c>-ferror-tracing</c>, which gives every function a parameter more. Not in <see cref="ToString"/>: a campaign draws it for
    /// each batch of a release mode.
    /// </summary>
    public bool ErrorTracing { get; init; }

    /// <summary>Whether programs keep error return traces: in Debug they do unasked.</summary>
    public bool KeepsErrorTraces => ErrorTracing || Mode is OptimizeMode.Debug;

    /// <summary>The name of the split-stack runtime that takes the place of ours (docs/RUNTIMES.md); null: ours.</summary>
    public string? Runtime { get; init; }

    /// <summary>The cell of the matrix.</summary>
    public Cell Column => this with { ErrorTracing = false };

    public override string ToString() =>
        $"{(Runtime is null ? "" : Runtime + "/")}{Route.ToString().ToLowerInvariant()}/{Mode}/{(Backend is Backend.Llvm ? "llvm" : "selfhosted")}/{Target}";
}

/// <summary>Prefixes of labels that more than one room knows.</summary>
public static class CoverageLabels
{
    /// <summary>How often another unwinder was asked about a probe's stack: <c>opinion/libgcc</c>. It agreed, unless a check <c>opinion</c> failed.</summary>
    public const string Opinion = "opinion/";
}
