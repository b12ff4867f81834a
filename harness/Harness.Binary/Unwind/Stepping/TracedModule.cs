using Harness.Binary.Unwind.Audit;

namespace Harness.Binary.Unwind.Stepping;

/// <summary>What a function is to the chain of calls, beyond calling and returning. Known by name, not from its unwind rows.</summary>
[Flags]
internal enum CodeRole
{
    None = 0,

    /// <summary>Written in the runtime's assembly.</summary>
    Stub = 1,

    /// <summary>Called from a prologue, it stands for the function whose prologue that is: a call of it adds no frame.</summary>
    TakesCallersPlace = 2,

    /// <summary>A <c>mov</c> into rsp goes over to another stack's chain.</summary>
    Switches = 4,

    /// <summary>Entered never to come back: before its switch there is no caller.</summary>
    LeavesForGood = 8,

    /// <summary>The outermost frame of its stack.</summary>
    Outermost = 16,

    /// <summary>The linker's or the kernel's, for which nobody writes rows (<see cref="Audit.Shortcoming"/>).</summary>
    WithoutRows = 32,

    /// <summary>What a signal's handler returns to.</summary>
    Restorer = 64,

    /// <summary>A context that a resume finds ready for the first time leads here.</summary>
    FiberStart = 128,

    /// <summary>Its return into the program may come twice.</summary>
    SetsJump = 256,

    /// <summary>Its jump goes where a <see cref="SetsJump"/> returned.</summary>
    Jumps = 512,

    /// <summary>Finds the frame where an exception goes on: goes there by <see cref="TracedModule.UnwinderJump"/>, or returns.</summary>
    Unwinds = 1024,
}

/// <summary>A file whose code is stepped through, where it was loaded.</summary>
public sealed class TracedModule
{
    /// <summary>LLVM's libunwind, the one that Zig links: where it leaves for a landing pad.</summary>
    public const string UnwinderJump = "__libunwind_Registers_x86_64_jumpto";

    private static readonly Dictionary<string, CodeRole> _roles = new()
    {
        ["__morestack"] = CodeRole.TakesCallersPlace,
        ["hs_morestack_thunk"] = CodeRole.TakesCallersPlace,
        ["hs_resume"] = CodeRole.Switches,
        ["hs_fiber_resume"] = CodeRole.Switches,
        ["hs_fiber_yield"] = CodeRole.Switches,
        ["hs_attempt"] = CodeRole.Switches,
        ["hs_to_scheduler"] = CodeRole.Switches | CodeRole.LeavesForGood,
        ["hs_attempt_failed"] = CodeRole.Switches | CodeRole.LeavesForGood,
        ["hs_fiber_start"] = CodeRole.Outermost | CodeRole.FiberStart,
        ["hs_fault_landing"] = CodeRole.Outermost,
        ["_start"] = CodeRole.Outermost,
        ["_setjmp"] = CodeRole.SetsJump, ["setjmp"] = CodeRole.SetsJump, ["__sigsetjmp"] = CodeRole.SetsJump,
        [UnwinderJump] = CodeRole.Jumps,
        ["_Unwind_RaiseException"] = CodeRole.Unwinds, ["_Unwind_Resume"] = CodeRole.Unwinds,
    };

    private readonly SymbolNames _names;
    private readonly HashSet<string> _stubs;
    private readonly Dictionary<FrameEntry, UnwindRows> _rows = new(ReferenceEqualityComparer.Instance);

    /// <param name="stubs">The functions that count as the runtime's assembly.</param>
    public TracedModule(ElfFile file, ulong bias, ulong low, ulong high, IEnumerable<string> stubs)
    {
        (File, Bias, Low, High) = (file, bias, low, high);
        Table = UnwindTable.Read(file);
        _names = new SymbolNames(file, dynamic: true);
        // A library without symbols of its own has functions of the same names, glibc's longjmp for one.
        _stubs = [.. file.Symbols.IsEmpty ? [] : stubs];
    }

    public ElfFile File { get; }

    /// <summary>What the loader added to its addresses.</summary>
    public ulong Bias { get; }

    public ulong Low { get; }

    public ulong High { get; }

    public UnwindTable Table { get; }

    /// <summary>The functions of the runtime's assembly in it.</summary>
    internal IEnumerable<ElfSymbol> Stubs => _names.Symbols.Where(s => s.Type is ElfSymbolType.Function && _stubs.Contains(s.Name));

    /// <summary>A function and an offset, for people.</summary>
    public (string Name, long Offset) Name(ulong address)
    {
        var own = unchecked(address - Bias);
        if (_names.IsNamed(own))
        {
            return (_names.At(own), _names.OffsetAt(own));
        }

        if (LabelBefore(own) is { } label)
        {
            return (label.Name, (long)(own - label.Value));
        }

        var section = SectionAt(own);
        return ($"{Path.GetFileName(File.Name)}{section?.Name}", (long)(own - (section?.Address ?? 0)));
    }

    internal ReadOnlySpan<byte> Code(ulong address) => File.Memory(unchecked(address - Bias));

    internal CodeRole RoleAt(ulong address)
    {
        var own = unchecked(address - Bias);
        var name = Name(address).Name;
        var role = _roles.GetValueOrDefault(name) | (IsJump(address) ? CodeRole.Jumps : CodeRole.None) | (_stubs.Contains(name) ? CodeRole.Stub : CodeRole.None);
        if (IsRestorer(Code(address)) || (Code(address) is [0x0f, 0x05, ..] && (IsRestorer(Code(address - 7)) || IsRestorer(Code(address - 5)))))
        {
            role |= CodeRole.Restorer;
        }

        return SectionAt(own)?.Name is ".plt" or ".plt.got" or ".plt.sec" or ".init" or ".fini" or ".iplt" ? role | CodeRole.WithoutRows : role;
    }

    internal CompiledRow? RowAt(ulong address)
    {
        var own = unchecked(address - Bias);
        if (Table.Find(own) is not { } entry)
        {
            return null;
        }

        if (!_rows.TryGetValue(entry, out var rows))
        {
            _rows[entry] = rows = Table.Rows(entry);
        }

        return rows.At(own) is { } row ? CompiledRow.Of(row, entry) : null;
    }

    /// <summary>Assembly of others without sizes: the function that begins before an address, in the same section and not far.</summary>
    private ElfSymbol? LabelBefore(ulong own)
    {
        const ulong far = 512;
        var symbols = _names.Symbols;
        var (low, high) = (0, symbols.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = symbols[middle].Value <= own ? (middle + 1, high) : (low, middle);
        }

        return low > 0 && symbols[low - 1] is { Size: 0, Type: ElfSymbolType.Function } symbol && own - symbol.Value < far ? symbol : null;
    }

    private ElfSection? SectionAt(ulong own) => File.Sections.FirstOrDefault(s => s.IsCode && own >= s.Address && own - s.Address < s.Size);

    /// <summary>glibc's longjmp, whose rows say in which registers the place is that it goes to.</summary>
    private bool IsJump(ulong address) => RowAt(address) is { IsComplex: true, Row.Registers: var rules }
        && rules[DwarfRegister.Rip].Kind is RuleKind.Register && rules[DwarfRegister.Rsp].Kind is RuleKind.Register;

    /// <summary>rt_sigreturn, in either encoding: <c>mov $15, %eax</c> or <c>%rax</c>; <c>syscall</c>.</summary>
    private static bool IsRestorer(ReadOnlySpan<byte> code) => code is
        [0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05, ..] or [0xb8, 15, 0, 0, 0, 0x0f, 0x05, ..];
}

/// <summary>Where the files of a traced process lie.</summary>
public sealed class TracedModules(Func<IReadOnlyList<TracedModule>> load) : IFrameModules
{
    private IReadOnlyList<TracedModule> _modules = load();

    public IReadOnlyList<TracedModule> All => _modules;

    (UnwindTable Table, ulong Bias)? IFrameModules.At(ulong address) => Find(address) is { } module ? (module.Table, module.Bias) : null;

    /// <summary>Files that have been loaded since are found too.</summary>
    public TracedModule? Find(ulong address) => Known(address) ?? Reloaded(address);

    private TracedModule? Reloaded(ulong address)
    {
        _modules = load();
        return Known(address);
    }

    private TracedModule? Known(ulong address)
    {
        foreach (var module in _modules)
        {
            if (address >= module.Low && address < module.High)
            {
                return module;
            }
        }

        return null;
    }
}
