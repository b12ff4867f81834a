using Harness.Binary;
using Harness.Binary.Debug;
using Harness.Emit;

namespace Harness.Verification;

/// <summary>Where a code address is, as far as a compile unit knows. Owners are null outside the unit's functions.</summary>
/// <param name="Symbol">For people.</param>
/// <param name="Function">Whose machine code it is.</param>
/// <param name="Line">In the unit's source; 0 when the code belongs to no line, or to a line of another file.</param>
public readonly record struct CodePosition(string Symbol, SourceOwner? Function, int Line)
{
    private readonly int? _functionLine;

    /// <summary>In the support library's source; 0 when it is code of another file.</summary>
    public int SupportLine { get; init; }

    /// <summary>The program's functions that are inlined there, innermost first, each stopped at a line of its own; null: none is.</summary>
    public IReadOnlyList<CodeFrame>? Inlined { get; init; }

    /// <summary>Where <see cref="Function"/> itself is stopped: the line of the call that is inlined, or <see cref="Line"/>; 0 when unknown.</summary>
    public int FunctionLine
    {
        get => _functionLine ?? Line;
        init => _functionLine = value;
    }

    /// <summary>For people: the functions inlined there, the one whose code it is, and the line at which each is stopped, as far as they are known.</summary>
    public string Words
    {
        get
        {
            var line = Function is null ? Line : FunctionLine;
            var place = line > 0 ? $" line {line}" : SupportLine > 0 ? $" {SupportLines.FileName} line {SupportLine}" : "";
            return string.Concat((Inlined ?? []).Select(f => $"{ExpectedFrame.Name(f.Owner)} line {f.Line}, inlined into ")) + Symbol + place;
        }
    }

    /// <summary>What a trace has to have here: each function of the program with its line, innermost first.</summary>
    public IEnumerable<CodeFrame> Frames => Function is null ? [] : (Inlined ?? []).Append(new CodeFrame(Function, FunctionLine, IsInlined: false));
}

/// <summary>A function of the program at an address.</summary>
/// <param name="Line">In the unit's source; 0 when the debug information does not say.</param>
public readonly record struct CodeFrame(SourceOwner Owner, int Line, bool IsInlined);

/// <summary>Resolves addresses of code (for a return address: the byte before it).</summary>
public interface ICodeMap
{
    CodePosition Resolve(ulong address);

    /// <summary>
    /// Whether the function's code leaves by a jump at that line: the optimiser made it of a call that nothing follows, and the function, with what may be inlined
    /// there, has no frame while the called one runs.
    /// </summary>
    bool JumpsAway(SourceOwner owner, int line) => false;

    /// <summary>
    /// Whether the function's code, wherever it is inlined, has calls, and knows the lines of all of them, but has none at that line: an optimiser made a loop of a call of the function
    /// itself. No return address can be at the line, so no trace can have the frame.
    /// </summary>
    bool NeverCalls(SourceOwner owner, int line) => false;
}

/// <summary>The code map of a linked worker.</summary>
public sealed class UnitCodeMap(Symbolizer symbolizer, SourceMap map) : ICodeMap
{
    /// <summary>Zig names symbols by root file and namespace: <c>unit.program_0.run_3</c>.</summary>
    internal const string SymbolPrefix = "unit.";
    internal const string FileName = "unit.zig";

    private readonly Dictionary<ulong, CodePosition> _known = [];
    private HashSet<(SourceOwner Owner, int Line)>? _departures;
    private ILookup<SourceOwner, int>? _calls;

    public bool JumpsAway(SourceOwner owner, int line) => (_departures ??= [.. symbolizer.DepartingJumps(SymbolPrefix)
        .SelectMany(address => Resolve(address).Frames).Where(frame => frame.Line > 0).Select(frame => (frame.Owner, frame.Line))]).Contains((owner, line));

    public bool NeverCalls(SourceOwner owner, int line)
    {
        _calls ??= symbolizer.Calls(SymbolPrefix).SelectMany(address => Resolve(address).Frames).ToLookup(frame => frame.Owner, frame => frame.Line);
        return _calls.Contains(owner) && !_calls[owner].Any(called => called == line || called == 0);
    }

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

        var function = IsOfUnit(location.Symbol) ? map.OwnerOfLine(location.StartLine) : null;
        var line = LineOf(location.File, location.Line);
        var inlined = new List<CodeFrame>();
        // Functions of other files have no frame in a trace: where they are called, their caller is stopped.
        var stopped = line;
        foreach (var call in location.Inlined)
        {
            if (OwnerOf(call, function) is { } owner)
            {
                inlined.Add(new CodeFrame(owner, stopped, IsInlined: true));
            }

            stopped = LineOf(call.CallFile, call.CallLine);
        }

        return new CodePosition(location.Symbol, function, line)
        {
            FunctionLine = stopped,
            Inlined = inlined.Count > 0 ? inlined : null,
            SupportLine = Path.GetFileName(location.File) == SupportLines.FileName ? location.Line : 0,
        };
    }

    /// <summary>
    /// Which of the program's functions is inlined: by its declaration, and where the debug information has none (what clang makes for line tables alone) by
    /// its name within the program whose code it is. Null for functions of other files.
    /// </summary>
    private SourceOwner? OwnerOf(InlinedCall call, SourceOwner? into) => call switch
    {
        { DeclarationLine: > 0 } => map.OwnerOfLine(LineOf(call.DeclarationFile, call.DeclarationLine)),
        _ when into is not null && FunctionNames.IdOf(call.Function) is { } id && map.Has(into.Program, id) => new SourceOwner.Function(into.Program, id),
        _ => null,
    };

    private static bool IsOfUnit(string symbol) => symbol.StartsWith(SymbolPrefix, StringComparison.Ordinal);

    private static int LineOf(string? file, int line) => file is not null && Path.GetFileName(file) == FileName ? line : 0;
}
