namespace Harness.Binary.Debug;

/// <summary>A function, or a function inlined into another one.</summary>
/// <param name="Parent">Index of the node it is in; −1 for none.</param>
internal sealed record InlineNode(ulong Offset, bool IsInlined, CodeRange[] Ranges, int Parent, ulong? CallFile, int CallLine)
{
    /// <summary>Index behind its last descendant.</summary>
    public int End { get; set; }

    public bool Contains(ulong address) => Array.Exists(Ranges, r => r.Contains(address));
}

/// <summary>The functions of one unit with what is inlined into them, in the order of their entries.</summary>
internal sealed class InlineTree
{
    /// <summary>In place of a node for entries that are none.</summary>
    public const int None = -1;

    private readonly List<InlineNode> _nodes = [];
    private readonly List<(CodeRange Range, int Node)> _functions = [];
    private readonly Stack<int> _open = new();

    public int Open(ulong offset, in DebugEntry entry, CodeRange[] ranges, bool isInlined)
    {
        _nodes.Add(new InlineNode(offset, isInlined, ranges, _open.TryPeek(out var parent) ? parent : None, entry.CallFile, entry.CallLine));
        _open.Push(_nodes.Count - 1);
        return _nodes.Count - 1;
    }

    public void Close(int node)
    {
        if (node != None)
        {
            _nodes[node].End = _nodes.Count;
            _open.Pop();
        }
    }

    /// <summary>After the last entry, also of a unit that is cut off.</summary>
    public void Finish()
    {
        while (_open.TryPeek(out var node))
        {
            Close(node);
        }

        for (var i = 0; i < _nodes.Count; i++)
        {
            if (!_nodes[i].IsInlined)
            {
                _functions.AddRange(_nodes[i].Ranges.Select(r => (r, i)));
            }
        }

        _functions.Sort((a, b) => a.Range.Low.CompareTo(b.Range.Low));
    }

    public InlineNode? CallerOf(InlineNode node) => node.Parent == None ? null : _nodes[node.Parent];

    /// <summary>The function that the address is in, then what is inlined there, inwards.</summary>
    public IEnumerable<InlineNode> At(ulong address)
    {
        if (FunctionAt(address) is not { } function)
        {
            yield break;
        }

        yield return _nodes[function];
        for (var (i, end) = (function + 1, _nodes[function].End); i < end;)
        {
            if (_nodes[i].IsInlined && _nodes[i].Contains(address))
            {
                yield return _nodes[i];
                end = _nodes[i].End;
                i++;
            }
            else
            {
                i = _nodes[i].End;
            }
        }
    }

    private int? FunctionAt(ulong address)
    {
        const int maxOverlaps = 32;
        var (low, high) = (0, _functions.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _functions[middle].Range.Low <= address ? (middle + 1, high) : (low, middle);
        }

        for (var i = low - 1; i >= Math.Max(0, low - maxOverlaps); i--)
        {
            if (_functions[i].Range.Contains(address))
            {
                return _functions[i].Node;
            }
        }

        return null;
    }
}
