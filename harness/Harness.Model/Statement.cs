namespace Harness.Model;

/// <summary>
/// A 64-bit unsigned expression, wrapping. It seeds values, feeds logs and decides branches. Both the interpreter and
/// the emitted program can evaluate it.
/// </summary>
public abstract record Scalar
{
    private Scalar()
    {
    }

    internal abstract Sealed Seal { get; }

    public sealed record Const(ulong Value) : Scalar { internal override Sealed Seal => default; }

    /// <summary>fold(value of the local). Any local or parameter but a <see cref="Statement.Buffer"/>.</summary>
    public sealed record Fold(int Local) : Scalar { internal override Sealed Seal => default; }

    /// <summary>The current index (from 0) of the enclosing <see cref="Statement.Loop"/> that declared the local.</summary>
    public sealed record LoopIndex(int Local) : Scalar { internal override Sealed Seal => default; }

    /// <summary>Left + Right, wrapping at 2^64.</summary>
    public sealed record Add(Scalar Left, Scalar Right) : Scalar { internal override Sealed Seal => default; }
}

/// <summary>
/// True when <c>Value % Modulus == Remainder</c>. Modulus 1 to 64. Emitted so that it is never comptime-known: Zig would
/// leave the other branch out, and its errors out of an inferred error set.
/// </summary>
public sealed record Condition(Scalar Value, int Modulus, int Remainder);

/// <summary>One argument of a call.</summary>
public abstract record Argument
{
    private Argument()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <summary>make(parameter type, seed), built at the call site.</summary>
    public sealed record Made(Scalar Seed) : Argument { internal override Sealed Seal => default; }

    /// <summary>
    /// A local or parameter of the same type; a cell local for a <see cref="ZigType.CellPointer"/> (emitted as
    /// <c>&amp;cell</c>); a buffer local for a <see cref="ZigType.Slice"/> (its first <see cref="ProgramLimits.SlicedWords"/> words).
    /// </summary>
    public sealed record Local(int Index) : Argument { internal override Sealed Seal => default; }
}

/// <summary>How the call instruction is reached.</summary>
public enum CallForm
{
    /// <summary>By name (also for methods and generic instances: that is the callee's <see cref="FunctionKind"/>).</summary>
    Direct,

    /// <summary>By name through <c>@call(.never_tail, …)</c>.</summary>
    NeverTail,

    /// <summary>Through a function pointer the optimiser cannot see through. Not for generic functions or methods.</summary>
    Pointer,

    /// <summary>A <see cref="FunctionKind.Callback"/> called back by non-split code on the fiber's stack.</summary>
    Callback,
}

/// <summary>What the caller does with the outcome of a call. All but <see cref="Plain"/> need a fallible callee.</summary>
public abstract record Handling
{
    private Handling()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <summary>The callee is infallible.</summary>
    public sealed record Plain : Handling { internal override Sealed Seal => default; }

    /// <summary><c>try f()</c>.</summary>
    public sealed record Try : Handling { internal override Sealed Seal => default; }

    /// <summary><c>f() catch make(T, seed)</c>. Silent: no Caught event. Not for <see cref="ZigType.Handle"/>.</summary>
    public sealed record CatchValue(Scalar Fallback) : Handling { internal override Sealed Seal => default; }

    /// <summary><c>f() catch |e| blk: { caught(Site, e); Body; break :blk make(T, Fallback); }</c>. Not for Handle.</summary>
    public sealed record CatchBlock(int Site, EquatableArray<Statement> Body, Scalar Fallback) : Handling { internal override Sealed Seal => default; }

    /// <summary>
    /// <c>catch |e| blk: { caught(Site, e); switch (e) { error.A =&gt; {…}, else =&gt; {…} } break :blk make(T, Fallback); }</c>.
    /// Case errors are distinct user errors that the callee's error set contains. Not for Handle.
    /// </summary>
    public sealed record CatchSwitch(
        int Site, EquatableArray<SwitchCase> Cases, EquatableArray<Statement> Else, Scalar Fallback) : Handling { internal override Sealed Seal => default; }

    /// <summary><c>f() catch return error.To</c>: raises <paramref name="To"/> (event Raised with Site).</summary>
    public sealed record Map(int Site, ErrorName To) : Handling { internal override Sealed Seal => default; }

    /// <summary>
    /// <c>f() catch |e| { caught(Site, e); return e; }</c>. (Zig 0.16 rejects that <c>return e</c> where an
    /// <c>errdefer |x|</c> is pending; <c>return @as(@TypeOf(e)!T, e)</c> means the same.)
    /// </summary>
    public sealed record Rethrow(int Site) : Handling { internal override Sealed Seal => default; }

    /// <summary>
    /// <c>if (f()) |v| { Then } else |e| { caught(Site, e); Else }</c>. The call's Result local is in scope in Then only.
    /// </summary>
    public sealed record IfElse(int Site, EquatableArray<Statement> Then, EquatableArray<Statement> Else) : Handling { internal override Sealed Seal => default; }
}

/// <summary>One prong of a <see cref="Handling.CatchSwitch"/>.</summary>
public sealed record SwitchCase(ErrorName Error, EquatableArray<Statement> Body);

/// <summary>Who releases a resource.</summary>
public enum Disposition
{
    /// <summary><c>defer release(h)</c> right after.</summary>
    Defer,

    /// <summary><c>errdefer release(h)</c> right after; on success the function returns the handle.</summary>
    ErrDefer,

    /// <summary>A later <see cref="Statement.Release"/> in the same scope, with nothing between that can leave it.</summary>
    Manual,
}

/// <summary>What is acquired. A fiber mutex has its own statement, <see cref="Statement.Lock"/>.</summary>
public enum ResourceKind
{
    HeapBlock = 1,
    TableHandle = 2,
    FileDescriptor = 3,
    Mutex = 4,
}

/// <summary>What a <see cref="Statement.Return"/> gives back.</summary>
public abstract record ReturnValue
{
    private ReturnValue()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <summary>make(payload, seed); for a void payload just <c>return</c>.</summary>
    public sealed record Made(Scalar Seed) : ReturnValue { internal override Sealed Seal => default; }

    /// <summary>A local or parameter whose type is the payload type.</summary>
    public sealed record Local(int Index) : ReturnValue { internal override Sealed Seal => default; }
}

/// <summary>
/// The closed family of statements. <c>Site</c> numbers are unique within a program; they name the statement in the
/// event log, in call chains and in the source map. <c>Local</c> numbers are unique within a function; the parameters
/// are locals 0 … n−1.
/// </summary>
public abstract record Statement
{
    private Statement()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <summary>Event Log(Site, Value).</summary>
    public sealed record Log(int Site, Scalar Value) : Statement { internal override Sealed Seal => default; }

    /// <summary><c>const vN = make(Type, Seed)</c>.</summary>
    public sealed record Let(int Local, ZigType Type, Scalar Seed) : Statement { internal override Sealed Seal => default; }

    /// <summary><c>var vN: u64 = Init</c>: a local others may point at.</summary>
    public sealed record Cell(int Local, Scalar Init) : Statement { internal override Sealed Seal => default; }

    /// <summary><c>vN = Value</c> for a cell, <c>vN.* = Value</c> for a CellPointer parameter.</summary>
    public sealed record Store(int Local, Scalar Value) : Statement { internal override Sealed Seal => default; }

    /// <summary>
    /// <c>var vN: [Words]u64 align(Align) = undefined; rt.fill(&amp;vN, Seed)</c>. Words at least
    /// <see cref="ProgramLimits.SlicedWords"/>; Align 8 to 4096, a power of two.
    /// </summary>
    public sealed record Buffer(int Local, int Words, int Align, Scalar Seed) : Statement { internal override Sealed Seal => default; }

    /// <summary>Reads the buffer back: event Log(Site, rt.sum(&amp;vN)).</summary>
    public sealed record CheckBuffer(int Site, int Local) : Statement { internal override Sealed Seal => default; }

    /// <summary>
    /// A call. <paramref name="Result"/>: the local bound to the payload (−1: discarded or void).
    /// A back edge (callee id ≤ caller id) must lie inside an <see cref="IfFuel"/>.
    /// </summary>
    public sealed record Call(
        int Site, int Function, CallForm Form, EquatableArray<Argument> Arguments, Handling Handling, int Result)
        : Statement { internal override Sealed Seal => default; }

    /// <summary>
    /// <c>return f(args)</c>, same payload type, callee's errors within the caller's, no defer pending anywhere in the
    /// function: the one place where an optimiser may drop the frame. Last statement of its block. Arguments hold no
    /// pointer into this frame.
    /// </summary>
    public sealed record TailCall(int Site, int Function, EquatableArray<Argument> Arguments) : Statement { internal override Sealed Seal => default; }

    /// <summary><c>defer { Body }</c>.</summary>
    public sealed record Defer(EquatableArray<Statement> Body) : Statement { internal override Sealed Seal => default; }

    /// <summary><c>errdefer { Body }</c>. Only in fallible functions.</summary>
    public sealed record ErrDefer(EquatableArray<Statement> Body) : Statement { internal override Sealed Seal => default; }

    /// <summary><c>errdefer |e| { errdeferred(Site, e); Body }</c>. Only in fallible functions.</summary>
    public sealed record ErrDeferCapture(int Site, EquatableArray<Statement> Body) : Statement { internal override Sealed Seal => default; }

    /// <summary>A nested block with its own defers.</summary>
    public sealed record Block(EquatableArray<Statement> Body) : Statement { internal override Sealed Seal => default; }

    /// <summary>Runs Body Count (1 to 16) times; the index is local <paramref name="Local"/>.</summary>
    public sealed record Loop(int Local, int Count, EquatableArray<Statement> Body) : Statement { internal override Sealed Seal => default; }

    /// <summary><c>if (When) break</c> of the innermost loop, running pending defers.</summary>
    public sealed record BreakIf(Condition When) : Statement { internal override Sealed Seal => default; }

    /// <summary><c>if (When) continue</c> of the innermost loop, running pending defers.</summary>
    public sealed record ContinueIf(Condition When) : Statement { internal override Sealed Seal => default; }

    public sealed record If(Condition When, EquatableArray<Statement> Then, EquatableArray<Statement> Else) : Statement { internal override Sealed Seal => default; }

    /// <summary><c>if (rt.fuel()) { Body }</c>: takes one unit of the fiber's fuel if there is any.</summary>
    public sealed record IfFuel(EquatableArray<Statement> Body) : Statement { internal override Sealed Seal => default; }

    /// <summary>Event Raised(Site, Error), then <c>return error.Error</c>. Last statement of its block.</summary>
    public sealed record Raise(int Site, ErrorName Error) : Statement { internal override Sealed Seal => default; }

    /// <summary>Event Leave(function), then <c>return value</c>. Last statement of its block.</summary>
    public sealed record Return(ReturnValue Value) : Statement { internal override Sealed Seal => default; }

    /// <summary>Takes a heap block, table handle or file descriptor; never fails. Event Acquired.</summary>
    public sealed record Acquire(int Site, int Local, ResourceKind Kind, Disposition Disposition) : Statement { internal override Sealed Seal => default; }

    /// <summary><c>vN = try rt.lock(Mutex)</c> then <c>defer rt.release(vN)</c>. Only in fallible functions, not in a defer.</summary>
    public sealed record Lock(int Site, int Local, int Mutex) : Statement { internal override Sealed Seal => default; }

    /// <summary>Releases a handle local; event Released. The releases that a Disposition adds use the acquiring Site.</summary>
    public sealed record Release(int Site, int Local) : Statement { internal override Sealed Seal => default; }

    /// <summary>A place where the stack trace is taken. Event Probe.</summary>
    public sealed record Probe(int Site) : Statement { internal override Sealed Seal => default; }

    public sealed record Yield(int Site) : Statement { internal override Sealed Seal => default; }

    /// <summary>Starts a fiber that does not start at launch; no effect if it has started.</summary>
    public sealed record Spawn(int Site, int Fiber) : Statement { internal override Sealed Seal => default; }

    /// <summary>Waits for a fiber's end: <c>try rt.join(Fiber)</c>. Only in fallible functions, not in a defer.</summary>
    public sealed record Join(int Site, int Fiber) : Statement { internal override Sealed Seal => default; }

    /// <summary>Asks a live fiber to end: <c>error.Canceled</c> at its next fallible checkpoint.</summary>
    public sealed record Cancel(int Site, int Fiber) : Statement { internal override Sealed Seal => default; }
}
