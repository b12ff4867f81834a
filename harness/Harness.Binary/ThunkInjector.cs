using System.Collections.Immutable;

namespace Harness.Binary;

/// <summary>
/// The thunk route: every way to reach a function of a relocatable object leads through a check. Relocations in code
/// and data that mean the first byte of a function are pointed at a thunk of its own; unwind tables and debug
/// information go on meaning the body. Works for any compiler whose calls are relocations: Zig's self-hosted backend,
/// LLVM with function sections. Calls and addresses without one, as of a function to itself, get one.
/// </summary>
public sealed class ThunkInjector
{
    private readonly ElfFile _object;
    private readonly InjectionOptions _options;
    private readonly ObjectRewriter _rewriter;
    private readonly List<UnsplitFunction> _unsplit = [];
    private readonly Dictionary<(int Section, ulong Offset), SymbolReference> _thunks = [];
    private readonly Dictionary<string, SymbolReference> _runtime = [];
    private readonly Dictionary<int, int> _functionsIn = [];
    private readonly List<byte> _code = [];
    private readonly List<byte> _frames = [];
    private readonly List<NewRelocation> _codeRelocations = [];
    private readonly List<NewRelocation> _frameRelocations = [];
    private readonly List<(int Section, FunctionScan.Exit Exit)> _exits = [];
    private int _functions;
    private readonly List<string> _misled = [];
    private int _unknownFrames;

    private ThunkInjector(ElfFile file, InjectionOptions options)
    {
        _object = file;
        _options = options;
        _rewriter = new ObjectRewriter(file) { ForgetsMoves = options.Defect is InjectionDefect.FrontMoved };
    }

    /// <summary>The object with thunks, to be written, and what was done.</summary>
    /// <exception cref="InvalidDataException">
    /// A malformed object; one that refers to a function in a way that cannot be redirected; a frame larger than a
    /// thunk can state.
    /// </exception>
    public static (ObjectRewriter Object, InjectionReport Report) Inject(ElfFile file, InjectionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        options ??= InjectionOptions.Default;
        if (options.ArgumentBytes is < 0 or > ThunkCode.MaxArgumentBytes)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options), options.ArgumentBytes, "argument bytes do not fit the pushed word");
        }

        return new ThunkInjector(file, options).Run();
    }

    private (ObjectRewriter Object, InjectionReport Report) Run()
    {
        AddThunks(SplitFunctions());
        var redirected = Redirect() + (_options.Defect is InjectionDefect.FrontSelf ? 0 : RelocateExits());
        var report = new InjectionReport(_functions, _thunks.Count, [.. _unsplit], _unknownFrames, redirected) { Misled = [.. _misled] };
        return (_rewriter, report);
    }

    private readonly record struct Function(ElfSymbol Symbol, InlineCheck Check);

    /// <summary>One entry per address: an exported function has two symbols.</summary>
    private List<Function> SplitFunctions()
    {
        var symbols = CodeFunctions.Of(_object);
        _functions = symbols.Count;
        foreach (var symbol in symbols)
        {
            _functionsIn[symbol.Section] = _functionsIn.GetValueOrDefault(symbol.Section) + 1;
        }

        var starts = symbols.Select(s => ((int)s.Section, s.Value)).ToHashSet();
        var relocated = RelocatedOffsets();
        var result = new List<Function>();
        foreach (var symbol in symbols)
        {
            var scan = Scan(symbol, relocated.GetValueOrDefault(symbol.Section) ?? [], starts);
            if (SplitChoice.WhyNot(symbol.Name, scan, _options) is { } reason)
            {
                _unsplit.Add(SplitChoice.Unsplit(symbol, scan, reason));
            }
            else
            {
                _unknownFrames += scan.FrameKnown ? 0 : 1;
                if (SplitChoice.IsMisled(scan, _options))
                {
                    _misled.Add(symbol.Name);
                }

                result.Add(new Function(symbol, SplitChoice.Check(_object, symbol, scan, _options)));
            }
        }

        return result;
    }

    private FunctionScan Scan(ElfSymbol symbol, HashSet<ulong> relocated, HashSet<(int, ulong)> starts)
    {
        var section = _object.Sections[symbol.Section];
        var scan = CodeFunctions.Scan(_object, symbol, relocated.Contains);
        foreach (var exit in scan.Exits.Where(exit => starts.Contains((symbol.Section, exit.Target))))
        {
            _exits.Add(exit.FieldBytes == 4
                ? (symbol.Section, exit)
                : throw _object.Bad(
                    $"{symbol.Name} reaches the function at {section.Name}+{exit.Target} by a short jump"));
        }

        return scan;
    }

    private Dictionary<int, HashSet<ulong>> RelocatedOffsets()
    {
        var result = new Dictionary<int, HashSet<ulong>>();
        foreach (var section in RelocationsOf(target => target.IsCode))
        {
            if (!result.TryGetValue(section.Info, out var offsets))
            {
                result.Add(section.Info, offsets = []);
            }

            offsets.UnionWith(_object.Relocations(section).Select(r => r.Offset));
        }

        return result;
    }

    /// <summary>Bodies are at most this aligned; a check in front of one takes as much.</summary>
    private const ulong MaxAlignmentInFront = 64;

    private void AddThunks(List<Function> functions)
    {
        if (functions.Count == 0)
        {
            return;
        }

        ThunkCode.WriteCommonEntry(_frames);
        foreach (var function in functions)
        {
            if (StandsAlone(function.Symbol))
            {
                AddInFront(function);
            }
            else
            {
                var start = (ulong)_code.Count;
                var layout = ThunkCode.Write(_code, function.Check, _options.LimitSlot);
                AddPiece(function, ThunkCode.SymbolPrefix, start, layout);
            }
        }

        const ElfSectionFlags Code = ElfSectionFlags.Allocate | ElfSectionFlags.Execute;
        _rewriter.AddSection(new NewSection(
            ".text.hs_thunks", ElfSectionType.ProgramBits, Code, ThunkCode.Alignment, _code.ToArray()));
        var unwind = _rewriter.AddSection(new NewSection(
            ".eh_frame", ElfSectionType.ProgramBits, ElfSectionFlags.Allocate, 8, _frames.ToArray()));
        _rewriter.AddRelocations(_object.Sections.Length, _codeRelocations);
        _rewriter.AddRelocations(unwind, _frameRelocations);
    }

    /// <summary>Its section is its own, so that something can be put before it.</summary>
    private bool StandsAlone(ElfSymbol symbol) => !_options.ThunksApart &&
        symbol.Value == 0 && _functionsIn[symbol.Section] == 1 && _object.Sections[symbol.Section].Alignment <= MaxAlignmentInFront;

    private void AddInFront(Function function)
    {
        var (symbol, section) = (function.Symbol, _object.Sections[function.Symbol.Section]);
        var start = (ulong)_code.Count;
        var over = AddPiece(function, ThunkCode.OverPrefix, start, ThunkCode.WriteOver(_code, function.Check));
        var bytes = new List<byte>();
        var compared = _options.Defect is InjectionDefect.FrontFrame ? function.Check with { FrameBytes = 0 } : function.Check;
        var (entry, layout) = ThunkCode.WriteInFront(bytes, compared, _options.LimitSlot, (int)Math.Max(section.Alignment, 1));
        layout = _options.Defect is InjectionDefect.FrontRows ? layout with { Rows = [] } : layout;
        var thunk = AddSymbol(ThunkCode.SymbolPrefix, symbol, section.Index, (ulong)entry, layout);
        _thunks.Add((symbol.Section, symbol.Value), thunk);
        _rewriter.Prepend(section, [.. bytes], [.. Relocations(layout, (ulong)entry, symbol, over)]);
    }

    /// <summary>A piece of .text.hs_thunks that stands by itself.</summary>
    private SymbolReference AddPiece(Function function, string prefix, ulong start, ThunkCode.Layout layout)
    {
        var symbol = AddSymbol(prefix, function.Symbol, _object.Sections.Length, start, layout);
        _codeRelocations.AddRange(Relocations(layout, start, function.Symbol, symbol));
        if (prefix == ThunkCode.SymbolPrefix)
        {
            _thunks.Add((function.Symbol.Section, function.Symbol.Value), symbol);
        }

        return symbol;
    }

    /// <summary>A symbol with unwind rows.</summary>
    private SymbolReference AddSymbol(string prefix, ElfSymbol function, int section, ulong start, ThunkCode.Layout layout)
    {
        var symbol = _rewriter.AddSymbol(new NewSymbol(prefix + function.Name, ElfSymbolType.Function, section, start, (ulong)layout.Bytes));
        _frameRelocations.Add(new((ulong)ThunkCode.WriteFrameEntry(_frames, layout), RelocationType.PcRelative32, symbol, 0));
        return symbol;
    }

    private IEnumerable<NewRelocation> Relocations(ThunkCode.Layout layout, ulong start, ElfSymbol body, SymbolReference over)
    {
        foreach (var (offset, target) in layout.Fields)
        {
            var at = start + (ulong)offset;
            if (target is ThunkCode.Target.Limit)
            {
                if (_options.LimitSlot.Variable is { } variable)
                {
                    yield return new(at, RelocationType.ThreadPointerOffset32, Runtime(variable, ElfSymbolType.ThreadLocal), 0);
                }

                continue;
            }

            yield return target switch
            {
                ThunkCode.Target.Body => new(at, RelocationType.PcRelative32, SymbolReference.Existing(body.Index), -4),
                ThunkCode.Target.Over => new(at, RelocationType.PcRelative32, over, -4),
                ThunkCode.Target.Morestack => new(at, RelocationType.Plt32, Runtime(SplitChoice.Morestack, ElfSymbolType.None), -4),
                _ => throw new System.Diagnostics.UnreachableException(),
            };
        }
    }

    /// <summary>The symbol of the runtime, which the object may or may not refer to already.</summary>
    private SymbolReference Runtime(string name, ElfSymbolType type)
    {
        if (!_runtime.TryGetValue(name, out var symbol))
        {
            var known = _object.Symbols.Where(own => own.Name == name).Select(own => (int?)own.Index).FirstOrDefault();
            _runtime[name] = symbol = known is { } index ? SymbolReference.Existing(index) : _rewriter.AddUndefinedSymbol(name, type);
        }

        return symbol;
    }

    private int Redirect()
    {
        var count = 0;
        foreach (var section in RelocationsOf(target => target.IsAllocated && !IsUnwindTable(target)))
        {
            var inCode = _object.Sections[section.Info].IsCode;
            var entries = _object.Relocations(section);
            for (var i = 0; i < entries.Length; i++)
            {
                if (Target(entries[i], inCode) is { } target
                    && _thunks.TryGetValue((target.Section, target.Offset), out var thunk))
                {
                    _rewriter.Redirect(section, i, thunk, target.Bias);
                    count++;
                }
            }
        }

        return count;
    }

    /// <summary>
    /// Assemblers resolve calls within a section, a function's calls of itself at least: these get a relocation.
    /// </summary>
    private int RelocateExits()
    {
        var count = 0;
        foreach (var group in _exits.GroupBy(exit => exit.Section))
        {
            var added = group
                .Where(exit => _thunks.ContainsKey((exit.Section, exit.Exit.Target)))
                .Select(exit => new NewRelocation(
                    exit.Exit.Field, RelocationType.Plt32, _thunks[(exit.Section, exit.Exit.Target)], -4))
                .ToList();
            if (added.Count > 0)
            {
                _rewriter.AddRelocations(group.Key, added);
                count += added.Count;
            }
        }

        return count;
    }

    /// <summary>
    /// The place that a relocation means. In code, a pc-relative field is followed by the next instruction, so its
    /// addend is 4 less than the distance. In data, only absolute pointers are function pointers: pc-relative ones are
    /// jump tables.
    /// </summary>
    private (int Section, ulong Offset, long Bias)? Target(ElfRelocation relocation, bool inCode)
    {
        long? bias = relocation.Type switch
        {
            RelocationType.Absolute64 => 0,
            RelocationType.Absolute32 or RelocationType.Absolute32Signed when inCode => 0,
            RelocationType.PcRelative32 or RelocationType.Plt32 or RelocationType.GotPcRelative
                or RelocationType.GotPcRelaxable or RelocationType.GotPcRexRelaxable when inCode => -4,
            _ => null,
        };
        var symbol = _object.Symbols.Length > relocation.Symbol ? _object.Symbols[relocation.Symbol] : default;
        return bias is { } b && symbol.IsDefined
            ? (symbol.Section, unchecked(symbol.Value + (ulong)(relocation.Addend - b)), b)
            : null;
    }

    private IEnumerable<ElfSection> RelocationsOf(Func<ElfSection, bool> wanted) =>
        _object.Sections.Where(section =>
            section.Type is ElfSectionType.RelocationsWithAddend
            && section.Info > 0
            && (section.Info < _object.Sections.Length
                ? wanted(_object.Sections[section.Info])
                : throw _object.Bad(
                    $"section {section.Name} relocates section {section.Info} of {_object.Sections.Length}")));

    private static bool IsUnwindTable(ElfSection section) =>
        section.Type is ElfSectionType.X86Unwind || section.Name is ".eh_frame" or ".gcc_except_table";
}
