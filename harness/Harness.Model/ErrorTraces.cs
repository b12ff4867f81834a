namespace Harness.Model;

/// <summary>
/// The kinds of statement that enter themselves in an error return trace: each that leaves a function with an error. The last five are the
/// support library's own (<c>zig-fixtures/support</c>), marked there by name.
/// </summary>
public enum ErrorStep : byte
{
    /// <summary><c>return error.X</c> behind the raising site's line.</summary>
    Raised,

    /// <summary><c>try</c>, or <c>return f()</c>, at the site.</summary>
    Propagated,

    /// <summary><c>return err</c> behind the catching site's line.</summary>
    Rethrown,

    /// <summary><c>try rt.checkpoint</c>: the place is the function.</summary>
    CheckpointTried,

    /// <summary>A code of the runtime becomes an error.</summary>
    SupportFault,

    /// <summary><c>rt.checkpoint</c> fails.</summary>
    SupportCheckpoint,

    /// <summary><c>rt.lock</c> fails.</summary>
    SupportLock,

    /// <summary><c>rt.join</c> fails.</summary>
    SupportJoin,

    /// <summary><c>rt.again</c>.</summary>
    SupportAgain,
}

/// <param name="Place">A site; of <see cref="ErrorStep.CheckpointTried"/> a function; of the support library's steps 0.</param>
public readonly record struct ErrorEntry(ErrorStep Step, int Place);

/// <summary>What <c>@errorReturnTrace()</c> shows where error tracing is on.</summary>
/// <param name="Index">How many entries were made and not taken back; beyond <see cref="Capacity"/> they are counted and not kept.</param>
/// <param name="Entries">The first of them, oldest first.</param>
public sealed record ErrorTrace(int Index, EquatableArray<ErrorEntry> Entries)
{
    /// <summary>Zig 0.16.0 reserves as many in the frame of each function of C's convention.</summary>
    public const int Capacity = 32;

    public static readonly ErrorTrace Empty = new(0, []);
}

/// <summary>
/// An error return trace where it is looked at: at probes, panics, and where an error is raised, caught or met by an errdefer.
/// </summary>
/// <param name="Site">Of the statement; −1 at a panic.</param>
public readonly record struct ErrorSighting(int Fiber, int Site, ErrorTrace Trace)
{
    /// <summary>The first so many of each fiber are kept and compared; all are in the worker's digest.</summary>
    public const int MaxPerFiber = 64;
}
