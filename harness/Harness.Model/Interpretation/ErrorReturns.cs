namespace Harness.Model;

/// <summary>
/// One fiber's error return traces. The fiber's wrapper and each callback have C's convention, so each has one of its own; every other
/// function writes to its caller's. The rules are Zig's (lib/std/zig/AstGen.zig of 0.16.0, save_err_ret_index and
/// restore_err_ret_index): leaving a function with an error makes an entry, after its defers have run; an error that is handled is taken
/// back when its handler is left without an error, to the <i>level</i> of the block that goes on. A block's level is what the index was
/// when the handler around it began, or the function.
/// </summary>
internal sealed class ErrorReturns
{
    private ErrorEntry[] _entries = new ErrorEntry[ErrorTrace.Capacity];
    private int[] _outer = new int[4];
    private int _depth;

    /// <summary>How often it was looked at.</summary>
    public int Sightings { get; set; }

    /// <summary>Of the trace in use.</summary>
    public int Index { get; set; }

    public void Reset() => (_depth, Index, Sightings) = (0, 0, 0);

    public void Add(ErrorStep step, int place)
    {
        if (Index < ErrorTrace.Capacity)
        {
            _entries[(_depth * ErrorTrace.Capacity) + Index] = new(step, place);
        }

        Index++;
    }

    /// <summary>A callback begins.</summary>
    public void Begin()
    {
        if (_depth == _outer.Length)
        {
            Array.Resize(ref _outer, _depth * 2);
        }

        _outer[_depth++] = Index;
        Index = 0;
        if (_entries.Length < (_depth + 1) * ErrorTrace.Capacity)
        {
            Array.Resize(ref _entries, _entries.Length * 2);
        }
    }

    /// <summary>The innermost callback has returned.</summary>
    public void End() => Index = _outer[--_depth];

    public ErrorTrace Take() => Index == 0
        ? ErrorTrace.Empty
        : new(Index, new(_entries.AsSpan(_depth * ErrorTrace.Capacity, Math.Min(Index, ErrorTrace.Capacity)).ToArray()));
}
