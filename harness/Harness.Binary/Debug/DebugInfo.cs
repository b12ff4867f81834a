namespace Harness.Binary.Debug;

/// <summary>A call whose callee has no code of its own there.</summary>
/// <param name="Function">The callee, by its symbol's name where the compiler gives one.</param>
/// <param name="DeclarationFile">Of the callee; null when not told, as in debug information that is made for line tables alone.</param>
/// <param name="DeclarationLine">0 when not told.</param>
/// <param name="CallFile">Where the call is written; null when not told.</param>
/// <param name="CallLine">0: the compiler does not tell.</param>
public sealed record InlinedCall(string Function, string? DeclarationFile, int DeclarationLine, string? CallFile, int CallLine);

/// <summary>
/// Functions inlined at an address, from <c>.debug_info</c> of DWARF 2 to 5: what LLVM and Zig's own backend write. Units are read when one of their addresses
/// is asked for; whatever a file claims is bounded by <see cref="ElfLimits"/>.
/// </summary>
public sealed class DebugInfo
{
    private const int MaxNesting = 512;
    private const int MaxOrigins = 32;

    private readonly DebugSections _sections;
    private readonly DebugRanges _ranges;
    private readonly LineTable _lines;
    private readonly List<DebugUnit> _units = [];
    private readonly List<(CodeRange Range, int Unit)> _covered = [];
    private readonly Dictionary<int, InlineTree> _trees = [];
    private int _entries;

    private DebugInfo(ElfFile file, LineTable lines) => (_sections, _ranges, _lines) = (new DebugSections(file), new DebugRanges(new DebugSections(file)), lines);

    /// <summary>Reads unit headers and their roots; a file without <c>.debug_info</c> has nothing inlined.</summary>
    /// <exception cref="InvalidDataException">Malformed, compressed, of an unknown version, or beyond the limits. So too when a unit is read later.</exception>
    public static DebugInfo Read(ElfFile file, LineTable lines)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(lines);
        var info = new DebugInfo(file, lines);
        if (info._sections.Has(".debug_info"))
        {
            info.ReadUnits();
        }

        info._covered.Sort((a, b) => a.Range.Low.CompareTo(b.Range.Low));
        return info;
    }

    /// <summary>How many units have code.</summary>
    public int UnitCount => _units.Count;

    /// <summary>
    /// What is inlined at the address, the innermost first; empty when nothing is. The function whose code it is comes behind the last one and is not
    /// among them. (For a return address, ask for the byte before it.)
    /// </summary>
    public IReadOnlyList<InlinedCall> Inlined(ulong address)
    {
        if (UnitOf(address) is not { } unit)
        {
            return [];
        }

        if (!_trees.TryGetValue(unit, out var tree))
        {
            _trees[unit] = tree = ReadTree(_units[unit]);
        }

        var calls = new List<InlinedCall>();
        foreach (var node in tree.At(address))
        {
            if (node.IsInlined)
            {
                var function = Describe(node.Offset);
                calls.Add(new InlinedCall(function.Name, function.File, function.Line, FileOfCall(_units[unit], tree, node), node.CallLine));
            }
        }

        calls.Reverse();
        return calls;
    }

    private void ReadUnits()
    {
        var tables = new Dictionary<ulong, Dictionary<ulong, Abbreviation>>();
        var cursor = _sections.At(".debug_info", 0);
        // The self-hosted linker leaves holes between units, as runs of zero bytes.
        while (cursor.Left >= 4)
        {
            if (DebugUnit.Read(_sections, ref cursor, tables) is not { } unit)
            {
                continue;
            }

            Bound(ref cursor);
            var ranges = _ranges.Of(unit, unit.ReadRoot());
            _covered.AddRange(ranges.Where(r => IsCode(r.Low)).Select(r => (r, _units.Count)));
            _units.Add(unit);
        }
    }

    /// <summary>Code that the linker dropped keeps its entries, at address 0 or another that is no code.</summary>
    private bool IsCode(ulong address) => _sections.File.Sections.Any(s => s.IsCode && address >= s.Address && address - s.Address < s.Size);

    private int? UnitOf(ulong address)
    {
        const int maxOverlaps = 32;
        var (low, high) = (0, _covered.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _covered[middle].Range.Low <= address ? (middle + 1, high) : (low, middle);
        }

        for (var i = low - 1; i >= Math.Max(0, low - maxOverlaps); i--)
        {
            if (_covered[i].Range.Contains(address))
            {
                return _covered[i].Unit;
            }
        }

        return null;
    }

    private InlineTree ReadTree(DebugUnit unit)
    {
        const ulong subprogram = 0x2e;
        const ulong inlined = 0x1d;
        var tree = new InlineTree();
        var open = new Stack<int>();
        var cursor = unit.CursorAt(unit.First);
        while (!cursor.AtEnd)
        {
            var offset = unit.First + (ulong)cursor.Position;
            Bound(ref cursor);
            if (!unit.TryRead(ref cursor, out var entry, texts: false))
            {
                // Behind the root's end: padding.
                if (open.TryPop(out var ended))
                {
                    tree.Close(ended);
                }

                continue;
            }

            var node = entry.Tag is subprogram or inlined && _ranges.Of(unit, entry) is { Length: > 0 } ranges
                ? tree.Open(offset, entry, ranges, entry.Tag is inlined)
                : InlineTree.None;
            if (!entry.HasChildren)
            {
                tree.Close(node);
            }
            else if (open.Count == MaxNesting)
            {
                throw cursor.Bad($"nests more than {MaxNesting} entries at {offset:x}");
            }
            else
            {
                open.Push(node);
            }
        }

        tree.Finish();
        return tree;
    }

    private void Bound(ref Cursor cursor)
    {
        if (++_entries > _sections.File.Limits.MaxDebugEntries)
        {
            throw cursor.Bad($"has more than {_sections.File.Limits.MaxDebugEntries} entries");
        }
    }

    /// <summary>The file that the call names; where the compiler leaves it out, the calling function's.</summary>
    private string? FileOfCall(DebugUnit unit, InlineTree tree, InlineNode node)
    {
        if (node.CallFile is { } file)
        {
            return unit.Lines is { } lines ? _lines.File(lines, file) : null;
        }

        return tree.CallerOf(node) is { } caller ? Describe(caller.Offset).File : null;
    }

    /// <summary>Name, file and line of a function; its parts may be spread over what its entry refers to.</summary>
    private (string Name, string? File, int Line) Describe(ulong offset)
    {
        var (name, linkage, line) = ((string?)null, (string?)null, 0);
        string? file = null;
        ulong? next = offset;
        for (var step = 0; next is { } at && step < MaxOrigins; step++)
        {
            if (UnitAt(at) is not { } unit)
            {
                break;
            }

            var cursor = unit.CursorAt(at);
            if (!unit.TryRead(ref cursor, out var entry, texts: true))
            {
                break;
            }

            // The way to the enclosing declarations leads to the file alone.
            var isFunction = step == 0 || entry.Tag == 0x2e;
            name ??= isFunction ? entry.Name : null;
            linkage ??= isFunction ? entry.LinkageName : null;
            line = line == 0 && isFunction ? entry.DeclLine : line;
            file ??= entry.DeclFile is { } number && unit.Lines is { } lines ? _lines.File(lines, number) : null;
            next = entry.Origin ?? (file is null ? entry.Parent : null);
        }

        return (linkage ?? name ?? "", file, line);
    }

    private DebugUnit? UnitAt(ulong offset)
    {
        var (low, high) = (0, _units.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _units[middle].Start <= offset ? (middle + 1, high) : (low, middle);
        }

        return low > 0 && offset >= _units[low - 1].First && offset < _units[low - 1].End ? _units[low - 1] : null;
    }
}
