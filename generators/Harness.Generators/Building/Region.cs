using Harness.Model;

namespace Harness.Generators.Building;

/// <summary>What a local is, and so what may be done with it.</summary>
internal enum LocalKind
{
    /// <summary>A value of a makeable type, or a handle that someone else releases.</summary>
    Value,

    /// <summary>
    /// A slice perhaps into this function's frame: it may be read and passed on, but not be returned.
    /// </summary>
    Framed,

    Cell,
    CellPointer,
    Buffer,
    LoopIndex,
}

/// <summary>A local in scope.</summary>
internal sealed record Local(int Id, LocalKind Kind, ZigType Type);

/// <summary>
/// A block while it is written: its locals and pending defers, and what control may do from it. A nested block's region
/// starts from its parent's.
/// </summary>
internal sealed class Region
{
    private readonly Region? _parent;
    private readonly List<Local> _own = [];
    private int _defers;

    public Region(Region? parent)
    {
        _parent = parent;
        if (parent is not null)
        {
            Depth = parent.Depth + 1;
            CanLeave = parent.CanLeave;
            InLoop = parent.InLoop;
            UnderFuel = parent.UnderFuel;
            Times = parent.Times;
            Held = parent.Held;
            Owned = parent.Owned;
            IsRare = parent.IsRare;
            InCleanup = parent.InCleanup;
        }
    }

    public List<Statement> Statements { get; } = [];

    public int Depth { get; }

    /// <summary>
    /// Whether return, raise, try, lock, join may stand here: not in a defer, nor while a handle awaits its manual
    /// release.
    /// </summary>
    public bool CanLeave { get; set; } = true;

    /// <summary>Whether break and continue may stand here.</summary>
    public bool InLoop { get; set; }

    /// <summary>Whether back edges may stand here.</summary>
    public bool UnderFuel { get; set; }

    /// <summary>In a defer, errdefer or their callees' handlings.</summary>
    public bool InCleanup { get; set; }

    /// <summary>Only after an error.</summary>
    public bool IsRare { get; set; }

    /// <summary>How often the block runs at most per call of the function.</summary>
    public int Times { get; set; } = 1;

    /// <summary>Mutexes that this function holds here.</summary>
    public int Held { get; set; }

    /// <summary>The handle that every return from here has to hand over, −1: none.</summary>
    public int Owned { get; set; } = -1;

    public bool HasPendingDefer => _defers > 0 || (_parent?.HasPendingDefer ?? false);

    public bool Completes { get; private set; } = true;

    public IEnumerable<Local> Locals => _parent is null ? _own : _parent.Locals.Concat(_own);

    public void Declare(Local local) => _own.Add(local);

    public void Add(Statement statement)
    {
        Statements.Add(statement);
        _defers +=
            statement is Statement.Defer or Statement.ErrDefer or Statement.ErrDeferCapture or Statement.Lock
            || statement is Statement.Acquire { Disposition: not Disposition.Manual }
                ? 1
                : 0;
        Completes &= StatementTree.Completes(statement);
    }
}
