using Harness.Binary.Flow;
using Iced.Intel;

namespace Harness.Binary.Unwind.Audit;

/// <summary>One FDE's code, decoded.</summary>
/// <param name="name">Of the symbol that covers its start, or its address.</param>
internal sealed class CodeFunction(FrameEntry entry, string name, DecodedInstructions decoded, DecodedInstructions.Place place) : ICode
{
    public FrameEntry Entry => entry;

    public string Name => name;

    public ReadOnlySpan<Instruction> Instructions => decoded.Of(place);

    /// <summary>Some path from its start returns to its caller.</summary>
    public bool Returns { get; set; }

    /// <summary>The number of the instruction at an address, or −1.</summary>
    public int IndexOf(ulong address) => entry.Covers(address) ? decoded.IndexOf(place, (int)(address - entry.Start)) : -1;

    public string NameAt(ulong address) => FormattableString.Invariant($"{name}+0x{address - entry.Start:x}");
}

/// <summary>What is called by name and behaves otherwise than the ABI says.</summary>
/// <param name="Pops">Bytes that it takes off its caller's stack.</param>
/// <param name="Resumes">
/// It calls the byte after the instruction that it returns to (which is a <c>ret</c>), with its caller's registers: morestack.
/// </param>
internal sealed record SpecialCallee(string Name, int Pops, bool Resumes)
{
    /// <summary>All of them keep every register.</summary>
    public static IReadOnlyDictionary<string, SpecialCallee> All { get; } = new SpecialCallee[]
    {
        new("__morestack", 0, true),
        new("hs_morestack_thunk", 8, true),
        new("__zig_probe_stack", 0, false),
    }.ToDictionary(callee => callee.Name);
}

/// <summary>All code of a linked file that FDEs cover, and which of it returns.</summary>
internal sealed class CodeImage : ITableImage, IDisposable
{
    /// <summary>Of all FDEs together, which may overlap in a broken file.</summary>
    private const long MaxCodeBytes = 1 << 28;

    private const byte Nop = 0x90;

    /// <summary>Zig's own clone, which stripped objects have without its symbol.</summary>
    private const string Clone = "std.os.linux.clone";

    /// <summary>mov eax, SYS_clone; mov r11, rdi: how it begins.</summary>
    private static ReadOnlySpan<byte> CloneBytes => [0xb8, 56, 0, 0, 0, 0x49, 0x89, 0xfb];

    private readonly Dictionary<ulong, CodeFunction> _byStart = [];
    private readonly Dictionary<ulong, SpecialCallee> _special = [];
    private HashSet<ulong>? _named;

    private readonly DecodedInstructions _decoded;

    private CodeImage(UnwindTable table, DecodedInstructions decoded) => (Table, _decoded) = (table, decoded);

    public UnwindTable Table { get; }

    public List<CodeFunction> Functions { get; } = [];

    /// <summary>FDEs whose range is not code of the file.</summary>
    public List<FrameEntry> Outside { get; } = [];

    /// <summary>Whether some instruction takes this address, relative to itself: tables begin at such.</summary>
    public bool IsNamed(ulong address) => (_named ??= Named()).Contains(address);

    private HashSet<ulong> Named()
    {
        var named = new HashSet<ulong>();
        foreach (var function in Functions)
        {
            // By reference: instructions are large, and there are hundreds of thousands of them.
            foreach (ref readonly var instruction in function.Instructions)
            {
                if (instruction is { Mnemonic: Mnemonic.Lea, IsIPRelativeMemoryOperand: true })
                {
                    named.Add(instruction.IPRelativeMemoryAddress);
                }
            }
        }

        return named;
    }

    public ReadOnlySpan<byte> Memory(ulong address) => Table.File.Memory(address);

    public static CodeImage Of(UnwindTable table, SymbolNames names)
    {
        var codeBytes = 0L;
        var outside = new List<FrameEntry>();
        var inside = new List<FrameEntry>();
        foreach (var entry in table.ByAddress)
        {
            var bytes = entry.End - entry.Start;
            var isCode = bytes <= (ulong)table.File.Memory(entry.Start).Length && (codeBytes += (long)bytes) <= MaxCodeBytes;
            (isCode ? inside : outside).Add(entry);
        }

        var image = new CodeImage(table, new DecodedInstructions((int)Math.Min(codeBytes, MaxCodeBytes)));
        image.Outside.AddRange(outside);
        foreach (var entry in inside)
        {
            var memory = table.File.Memory(entry.Start);
            var code = memory[..(int)(entry.End - entry.Start)];
            var function = new CodeFunction(entry, NameOf(entry, names, memory), image._decoded, image._decoded.Add(code, entry.Start));
            image.Functions.Add(function);
            image._byStart.TryAdd(entry.Start, function);
        }

        foreach (var callee in SpecialCallee.All.Values)
        {
            foreach (var address in names.AllOf(callee.Name))
            {
                image._special[address] = callee;
            }
        }

        new ReturnAnalysis(image).Run();
        return image;
    }

    /// <summary>The function that starts at an address, or null.</summary>
    public CodeFunction? StartingAt(ulong address) => _byStart.GetValueOrDefault(address);

    public SpecialCallee? SpecialAt(ulong address) => _special.GetValueOrDefault(address);

    /// <summary>The function that covers an address, or null.</summary>
    public CodeFunction? Covering(ulong address) => Table.Find(address) is { } entry ? _byStart.GetValueOrDefault(entry.Start) : null;

    /// <summary>The byte that a synthetic return address needs before it belongs to the FDE and not to the function's symbol.</summary>
    private static string NameOf(FrameEntry entry, SymbolNames names, ReadOnlySpan<byte> code) =>
        code[0] == Nop && names.IsFunction(entry.Start + 1) ? names.At(entry.Start + 1)
        : !names.IsNamed(entry.Start) && code.StartsWith(CloneBytes) ? Clone
        : names.At(entry.Start);

    /// <summary>Nothing of it, nor of its functions, may be used afterwards.</summary>
    public void Dispose() => _decoded.Dispose();
}

/// <summary>Names of code by address.</summary>
internal sealed class SymbolNames
{
    /// <summary>How many symbols before the nearest are tried: labels inside a function may come between.</summary>
    private const int MaxNested = 16;

    private readonly ElfSymbol[] _symbols;
    private readonly ulong[] _starts;

    /// <param name="dynamic">Of a file without symbols take those that its loader sees.</param>
    public SymbolNames(ElfFile file, bool dynamic = false)
    {
        _symbols = [.. (dynamic && file.Symbols.IsEmpty ? file.DynamicSymbols : file.Symbols)
            .Where(s => s.IsDefined && s.Name.Length > 0 && s.Type is ElfSymbolType.Function or ElfSymbolType.None && file.Sections[s.Section].IsCode)
            .OrderBy(s => s.Value).ThenBy(s => s.Type is ElfSymbolType.Function).ThenBy(s => s.Binding is ElfBinding.Global).ThenBy(s => s.Index)];
        _starts = [.. _symbols.Select(s => s.Value)];
    }

    /// <summary>All symbols of code, by address; of several at one place the functions last.</summary>
    public IReadOnlyList<ElfSymbol> Symbols => _symbols;

    public IEnumerable<ulong> AllOf(string name) => _symbols.Where(s => s.Name == name).Select(s => s.Value);

    /// <summary>The symbol at or before an address whose size reaches it; otherwise the address in hexadecimal.</summary>
    public string At(ulong address) => Covering(address)?.Name ?? FormattableString.Invariant($"0x{address:x}");

    /// <summary>From the start of <see cref="At"/>.</summary>
    public long OffsetAt(ulong address) => Covering(address) is { } symbol ? (long)(address - symbol.Value) : 0;

    /// <summary>Whether a function begins at an address.</summary>
    public bool IsFunction(ulong address) => Covering(address) is { Type: ElfSymbolType.Function } symbol && symbol.Value == address;

    public bool IsNamed(ulong address) => Covering(address) is not null;

    /// <summary>Where the next function after the one that covers an address begins, up to <paramref name="end"/>.</summary>
    public ulong NextAfter(ulong address, ulong end)
    {
        if (Covering(address) is { } own && own.Size > 0)
        {
            return Math.Min(end, unchecked(own.Value + own.Size));
        }

        var at = Array.BinarySearch(_starts, address + 1);
        at = at < 0 ? ~at : at;
        return at < _starts.Length ? Math.Min(end, _starts[at]) : end;
    }

    private ElfSymbol? Covering(ulong address)
    {
        var at = Array.BinarySearch(_starts, address);
        at = at < 0 ? ~at - 1 : at;
        while (at + 1 < _starts.Length && _starts[at + 1] == address)
        {
            at++;
        }

        for (var i = at; i >= Math.Max(0, at - MaxNested); i--)
        {
            if (address - _symbols[i].Value < Math.Max(_symbols[i].Size, 1))
            {
                return _symbols[i];
            }
        }

        return null;
    }
}

/// <summary>
/// Which functions return. A call of one that does not is where its caller's path ends: what stands behind it belongs to another path, with other
/// rows. The least fixed point: nothing returns until a path to a <c>ret</c> has been found.
/// </summary>
internal sealed class ReturnAnalysis(CodeImage image)
{
    private readonly Dictionary<CodeFunction, List<(CodeFunction Caller, int Next)>> _waiting = [];
    private readonly Dictionary<CodeFunction, bool[]> _visited = [];
    /// <summary>Where to go on; −1: a function that returns because one that it jumps to does.</summary>
    private readonly Queue<(CodeFunction Function, int At)> _work = new();

    public void Run()
    {
        foreach (var function in image.Functions)
        {
            _visited[function] = new bool[function.Instructions.Length];
            _work.Enqueue((function, 0));
        }

        while (_work.TryDequeue(out var item))
        {
            if (item.At < 0)
            {
                Returned(item.Function);
            }
            else
            {
                Follow(item.Function, item.At);
            }
        }
    }

    private void Follow(CodeFunction function, int start)
    {
        var visited = _visited[function];
        var open = new Stack<int>();
        open.Push(start);
        while (open.TryPop(out var at))
        {
            for (; at < visited.Length && !visited[at]; at++)
            {
                visited[at] = true;
                if (!Continues(function, at, open))
                {
                    break;
                }
            }
        }
    }

    /// <summary>Whether control may reach the next instruction.</summary>
    private bool Continues(CodeFunction function, int at, Stack<int> open)
    {
        ref readonly var instruction = ref function.Instructions[at];
        switch (instruction.FlowControl)
        {
            case FlowControl.Next or FlowControl.XbeginXabortXend:
                return instruction.Mnemonic is not Mnemonic.Hlt;
            case FlowControl.ConditionalBranch:
                Jump(function, instruction.NearBranchTarget, open);
                return true;
            case FlowControl.UnconditionalBranch:
                Jump(function, instruction.NearBranchTarget, open);
                return false;
            case FlowControl.Return or FlowControl.IndirectBranch:
                Returned(function);
                return false;
            case FlowControl.Call when instruction.Op0Kind is OpKind.NearBranch64:
                if (image.SpecialAt(instruction.NearBranchTarget) is { Resumes: true })
                {
                    open.Push(at + 2);
                    return true;
                }

                return Awaits(function, image.StartingAt(instruction.NearBranchTarget), at + 1);
            case FlowControl.Exception:
                return false;
            default:
                return instruction.Mnemonic is not Mnemonic.INVALID;
        }
    }

    private void Jump(CodeFunction function, ulong target, Stack<int> open)
    {
        if (function.IndexOf(target) is var index and >= 0)
        {
            open.Push(index);
        }
        else if (Awaits(function, image.StartingAt(target), -1))
        {
            Returned(function);
        }
    }

    /// <summary>Whether a callee is known to return; if not, the caller goes on at <paramref name="next"/> (−1: returns itself) when it turns out to.</summary>
    private bool Awaits(CodeFunction caller, CodeFunction? callee, int next)
    {
        if (callee is null || callee.Returns)
        {
            return true;
        }

        if (!_waiting.TryGetValue(callee, out var list))
        {
            _waiting[callee] = list = [];
        }

        list.Add((caller, next));
        return false;
    }

    private void Returned(CodeFunction function)
    {
        if (function.Returns)
        {
            return;
        }

        function.Returns = true;
        if (!_waiting.Remove(function, out var list))
        {
            return;
        }

        foreach (var waiting in list)
        {
            _work.Enqueue(waiting);
        }
    }
}
