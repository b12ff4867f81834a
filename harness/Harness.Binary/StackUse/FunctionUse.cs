namespace Harness.Binary.StackUse;

/// <summary>How control leaves a function, other than by returning.</summary>
public enum ExitKind
{
    /// <summary>A call, or a jump in the end, to a known address.</summary>
    Direct,

    /// <summary>To what is not in the file: a library's function, or one that an object lacks.</summary>
    External,

    /// <summary>To where a pointer says.</summary>
    Indirect,
}

/// <summary>A place from which a function goes to another.</summary>
/// <param name="Bytes">
/// The most that lies between the function's stack pointer at entry and the callee's, the return address that the call pushes included.
/// </param>
/// <param name="Target">An address, where the kind is <see cref="ExitKind.Direct"/>.</param>
/// <param name="Name">What is gone to, for people.</param>
/// <param name="Site">The address of the call.</param>
/// <param name="IsChecked">It lies behind the function's own check.</param>
/// <param name="IsReported">It lies behind a checkpoint of the function's that had nothing to tell, so it is not reached on the reserve.</param>
public readonly record struct StackExit(
    ExitKind Kind, long Bytes, ulong Target, string Name, ulong Site, bool IsChecked, bool IsReported);

/// <summary>What a function itself does with the stack it is called on.</summary>
/// <param name="Unchecked">The bytes below its return address that it uses before its check, or at all where it has none.</param>
/// <param name="Checked">Those behind its check; 0 without one.</param>
/// <param name="Guaranteed">What lies above the limit, below rsp at entry, whenever its check is passed; null: it has none.</param>
/// <param name="Stated">The frame that it asks morestack for, at least; null: it never does.</param>
/// <param name="Arguments">The bytes of stack arguments that go along to a new segment; null: as many as the caller's frame has.</param>
/// <param name="Alignment">The largest realignment of its frame; 1: none.</param>
/// <param name="Problem">Why this is not all; null: it is.</param>
public sealed record FunctionUse(
    CodeFunction Function, long Unchecked, long Checked, long? Guaranteed, long? Stated, long? Arguments, long Alignment, string? Problem,
    IReadOnlyList<StackExit> Exits)
{
    public string Name => Function.Name;

    /// <summary>The problem is that how far rsp goes down is decided when the program runs.</summary>
    public bool IsDynamic { get; init; }

    /// <summary>Where the problem was found.</summary>
    public ulong ProblemSite { get; init; }

    public bool HasCheck => Guaranteed is not null;

    /// <summary>Bytes below its return address, wherever.</summary>
    public long Own => Math.Max(Unchecked, Checked);
}
