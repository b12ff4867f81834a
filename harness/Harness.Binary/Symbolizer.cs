using Harness.Binary.Debug;

namespace Harness.Binary;

/// <summary>Where an address of code is.</summary>
/// <param name="Symbol">The function's name in the symbol table.</param>
/// <param name="SymbolStart">Its first address.</param>
/// <param name="File">Source path as recorded; null when no line table covers the address.</param>
/// <param name="Line">0 for code that belongs to no line.</param>
/// <param name="StartLine">
/// The line of the symbol's first instruction: in Zig, that of the brace that opens the body; 0 when unknown.
/// </param>
public sealed record CodeLocation(string Symbol, ulong SymbolStart, string? File, int Line, int StartLine)
{
    /// <summary>
    /// Functions inlined there, the innermost (whose line <see cref="Line"/> is) first. The last one's call is in the symbol's own function.
    /// </summary>
    public IReadOnlyList<InlinedCall> Inlined { get; init; } = [];
}

/// <summary>Resolves code addresses of one linked executable to functions and lines.</summary>
public sealed class Symbolizer
{
    /// <summary>How many symbols before the nearest are tried: labels inside a function may come between.</summary>
    private const int MaxNested = 32;

    private readonly ElfSymbol[] _symbols;
    private readonly LineTable _lines;
    private readonly DebugInfo _info;
    private readonly ulong _bias;
    private readonly ElfFile _file;

    /// <param name="bias">
    /// What the loader added to the file's addresses; 0 for executables that are not position-independent.
    /// </param>
    /// <exception cref="InvalidDataException">The file's symbols, line table or <c>.debug_info</c> are malformed.</exception>
    public Symbolizer(ElfFile file, ulong bias = 0)
    {
        ArgumentNullException.ThrowIfNull(file);
        (_file, _bias) = (file, bias);
        _lines = LineTable.Read(file);
        _info = DebugInfo.Read(file, _lines);
        _symbols = file.Symbols
            .Where(s => s.IsDefined && s.Name.Length > 0 && file.Sections[s.Section].IsCode
                && (s.Type is ElfSymbolType.Function || (s.Type is ElfSymbolType.None && !s.Name.StartsWith('.'))))
            .OrderBy(s => s.Value)
            .ThenBy(s => s.Size > 0)
            // The nearest is looked at first from the back: sized ones, and of these the first.
            .ThenByDescending(s => s.Index)
            .ToArray();
    }

    /// <exception cref="InvalidDataException">Not an ELF file, or a malformed one.</exception>
    public static Symbolizer Load(string path, ulong bias = 0, ElfLimits? limits = null) =>
        new(ElfFile.Load(path, limits), bias);

    /// <summary>
    /// The place of an address, or null when no symbol covers it. (For a return address, ask for the byte before it.)
    /// </summary>
    public CodeLocation? Resolve(ulong address)
    {
        var own = unchecked(address - _bias);
        if (SymbolOf(own) is not { } symbol)
        {
            return null;
        }

        var row = _lines.Find(own);
        return new CodeLocation(
            symbol.Name, unchecked(symbol.Value + _bias), row is { } r ? _lines.File(r) : null, row?.Line ?? 0,
            _lines.FindStart(symbol.Value)?.Line ?? 0)
        {
            Inlined = _info.Inlined(own),
        };
    }

    /// <summary>Addresses of jumps out of functions: calls that an optimiser made jumps of, whose callers have no frame from then on.</summary>
    /// <param name="prefix">Of the names of the functions that are looked at.</param>
    public IEnumerable<ulong> DepartingJumps(string prefix) => ControlTransfers.JumpsOut(_file, prefix).Select(address => unchecked(address + _bias));

    /// <summary>Addresses of calls.</summary>
    /// <param name="prefix">Of the names of the functions that are looked at.</param>
    public IEnumerable<ulong> Calls(string prefix) => ControlTransfers.Calls(_file, prefix).Select(address => unchecked(address + _bias));

    /// <summary>The first symbol of that name, or null.</summary>
    public ulong? AddressOf(string name)
    {
        foreach (var symbol in _symbols.Where(symbol => symbol.Name == name))
        {
            return unchecked(symbol.Value + _bias);
        }

        return null;
    }

    private ElfSymbol? SymbolOf(ulong address)
    {
        var (low, high) = (0, _symbols.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _symbols[middle].Value <= address ? (middle + 1, high) : (low, middle);
        }

        for (var i = low - 1; i >= Math.Max(0, low - MaxNested); i--)
        {
            if (address - _symbols[i].Value < _symbols[i].Size)
            {
                return _symbols[i];
            }
        }

        // A label of assembly without a size reaches to the next symbol.
        return low > 0 && _symbols[low - 1].Size == 0 ? _symbols[low - 1] : null;
    }
}
