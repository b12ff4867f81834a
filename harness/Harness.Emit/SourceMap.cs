namespace Harness.Emit;

/// <summary>
/// What a line of an emitted file belongs to. Programs are numbered as given to <see cref="ZigEmitter"/>.
/// </summary>
public abstract record SourceOwner(int Program)
{
    internal abstract Sealed Seal { get; }

    /// <summary>A transpiled function, from its <c>fn</c> line to its closing brace.</summary>
    public sealed record Function(int Program, int Id) : SourceOwner(Program)
    {
        internal override Sealed Seal => default;
    }

    /// <summary>The C-convention wrapper that the runtime calls to start a fiber.</summary>
    public sealed record FiberEntry(int Program, int Fiber) : SourceOwner(Program)
    {
        internal override Sealed Seal => default;
    }
}

/// <summary>
/// Lines (from 1) of an emitted file. A frame's line names its function and, through the sites, the statement it is
/// stopped in.
/// <para>
/// A frame stopped in its checkpoint (site −1: an injected panic or segfault) is the exception: <c>rt.checkpoint</c>
/// and <c>rt.enter</c> are inline, so a line table names a line of <c>support.zig</c> there, and only the debug
/// information of the inlined call names <see cref="CheckpointLine"/>. Tell the function by the first line of its
/// symbol: <see cref="OwnerOfLine"/>. After a panic the innermost frame is <c>support.panicked</c>.
/// </para>
/// <para>
/// Another in release modes: LLVM merges calls of one callee from both arms of a branch (and hoists equal ones); the
/// merged call has line 0 in the line table. Then the function is known, the site is not.
/// </para>
/// </summary>
public sealed class SourceMap
{
    private readonly IReadOnlyDictionary<(int Program, int Site), int> _sites;
    private readonly IReadOnlyDictionary<SourceOwner, int> _anchors;
    private readonly IReadOnlyList<SourceOwner?> _owners;

    internal SourceMap(
        IReadOnlyDictionary<(int Program, int Site), int> sites,
        IReadOnlyDictionary<SourceOwner, int> anchors,
        IReadOnlyList<SourceOwner?> owners)
    {
        _sites = sites;
        _anchors = anchors;
        _owners = owners;
    }

    /// <summary>The number of lines.</summary>
    public int LineCount => _owners.Count;

    /// <summary>The line of a site's statement: for a call the line of the call itself.</summary>
    /// <exception cref="ArgumentException">The program has no such site.</exception>
    public int LineOfSite(int program, int site) =>
        _sites.TryGetValue((program, site), out var line)
            ? line
            : throw new ArgumentException($"program {program} has no site {site}", nameof(site));

    /// <summary>The line of the function's first statement.</summary>
    /// <exception cref="ArgumentException">The program has no such function.</exception>
    public int CheckpointLine(int program, int function) => Anchor(new SourceOwner.Function(program, function));

    /// <summary>The line in the fiber's wrapper that calls its entry function.</summary>
    /// <exception cref="ArgumentException">The program has no such fiber.</exception>
    public int FiberEntryLine(int program, int fiber) => Anchor(new SourceOwner.FiberEntry(program, fiber));

    /// <summary>The one function or wrapper that the line belongs to; null outside of all.</summary>
    public SourceOwner? OwnerOfLine(int line) => line >= 1 && line <= _owners.Count ? _owners[line - 1] : null;

    /// <summary>Whether the program has such a function.</summary>
    public bool Has(int program, int function) => _anchors.ContainsKey(new SourceOwner.Function(program, function));

    private int Anchor(SourceOwner owner) =>
        _anchors.TryGetValue(owner, out var line) ? line : throw new ArgumentException($"not in this unit: {owner}");
}
