namespace Harness.Generators.Exhaustive;

/// <summary>The statements of the small scope. Each counts one, however many statements of the model it stands for.</summary>
internal enum Op
{
    Log,
    Probe,

    /// <summary>Acquire, released by a defer.</summary>
    Acquire,
    Raise,
    Defer,
    ErrDefer,
    ErrDeferCapture,

    /// <summary>A block with something deferred directly in it: others are the same program without.</summary>
    Block,

    /// <summary>Two rounds.</summary>
    Loop,

    /// <summary>Of an infallible function.</summary>
    Plain,

    /// <summary>Of a handle's owner: the caller defers its release.</summary>
    Try,
    Map,
    Rethrow,
    Catch,
    IfElse,

    /// <summary>The function itself, while there is fuel.</summary>
    Recurse,
}

/// <summary>What a function is to its callers.</summary>
internal enum Role
{
    Fallible,
    Infallible,

    /// <summary>Acquires a handle first, returns it on success and releases it by errdefer; that acquiring counts one.</summary>
    Owner,
}

/// <summary>A statement with what is inside it.</summary>
/// <param name="Callee">−1: none.</param>
internal sealed record Shape(Op Op, int Callee, IReadOnlyList<Shape> First, IReadOnlyList<Shape> Second)
{
    /// <summary>Whether control can come out behind it.</summary>
    public bool Completes => Op switch
    {
        Op.Raise => false,
        Op.Block => First.All(shape => shape.Completes),
        Op.IfElse => First.All(shape => shape.Completes) || Second.All(shape => shape.Completes),
        _ => true,
    };
}

/// <summary>Where a body stands: what may be in it.</summary>
/// <param name="Function">Its id: it calls higher ones, and itself under fuel.</param>
internal readonly record struct Place(int Function, Role Role, bool InDefer);
