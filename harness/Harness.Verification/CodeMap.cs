using Harness.Binary;
using Harness.Emit;

namespace Harness.Verification;

/// <summary>Where a code address is, as far as a compile unit knows. Owners are null outside the unit's functions.</summary>
/// <param name="Symbol">For people.</param>
/// <param name="Function">Whose machine code it is.</param>
/// <param name="Line">In the unit's source; 0 when the code belongs to no line, or to a line of another file.</param>
public readonly record struct CodePosition(string Symbol, SourceOwner? Function, int Line)
{
    /// <summary>In the support library's source; 0 when it is code of another file.</summary>
    public int SupportLine { get; init; }
}

/// <summary>Resolves addresses of code (for a return address: the byte before it).</summary>
public interface ICodeMap
{
    CodePosition Resolve(ulong address);
}

/// <summary>The code map of a linked worker.</summary>
public sealed class UnitCodeMap(Symbolizer symbolizer, SourceMap map) : ICodeMap
{
    /// <summary>Zig names symbols by root file and namespace: <c>unit.program_0.run_3</c>.</summary>
    internal const string SymbolPrefix = "unit.";
    internal const string FileName = "unit.zig";

    private readonly Dictionary<ulong, CodePosition> _known = [];

    public CodePosition Resolve(ulong address)
    {
        if (!_known.TryGetValue(address, out var position))
        {
            _known[address] = position = Find(address);
        }

        return position;
    }

    private CodePosition Find(ulong address)
    {
        if (symbolizer.Resolve(address) is not { } location)
        {
            return new CodePosition($"0x{address:x}", null, 0);
        }

        var function = location.Symbol.StartsWith(SymbolPrefix, StringComparison.Ordinal) ? map.OwnerOfLine(location.StartLine) : null;
        var line = location.File is { } file && Path.GetFileName(file) == FileName ? location.Line : 0;
        return new CodePosition(location.Symbol, function, line)
        {
            SupportLine = Path.GetFileName(location.File) == SupportLines.FileName ? location.Line : 0,
        };
    }
}
