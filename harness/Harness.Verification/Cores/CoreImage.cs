using Harness.Binary;
using Harness.Binary.Cores;
using Harness.Binary.Unwind;
using Harness.Binary.Unwind.Stepping;
using Harness.Execution;

namespace Harness.Verification.Cores;

/// <summary>A core with the files that its code comes from: what is needed to unwind and to name.</summary>
internal sealed class CoreImage : IDisposable
{
    private const int MaxKernelLibraryBytes = 1 << 20;
    private readonly List<TracedModule> _modules = [];
    private readonly TracedModules _lookup;

    private CoreImage(CoreFile core, string workerPath, ElfFile worker)
    {
        (Core, WorkerPath) = (core, workerPath);
        foreach (var (path, low, high) in Files())
        {
            var isWorker = Path.GetFileName(path) == Path.GetFileName(workerPath) && !_modules.Exists(m => ReferenceEquals(m.File, worker));
            if ((isWorker ? worker : Load(path)) is { } file)
            {
                _modules.Add(Module(file, low, high));
            }
        }

        KernelLibrary();
        Worker = _modules.Find(m => ReferenceEquals(m.File, worker))
            ?? throw new InvalidDataException($"{core.Name}: has no {Path.GetFileName(workerPath)} among the files it maps; give the core of a worker, with that worker beside it");
        CheckCode();
        _lookup = new TracedModules(() => _modules);
        Symbols = new Symbolizer(worker, Worker.Bias);
        Unwinder = new Unwinder(_lookup, core);
        (Stub, Entry, Bridge) = (Range("hs_stub"), Range("hs_entry"), Range("hs_bridge"));
    }

    public CoreFile Core { get; }

    public string WorkerPath { get; }

    public TracedModule Worker { get; }

    public IReadOnlyList<TracedModule> Modules => _modules;

    public Symbolizer Symbols { get; }

    public Unwinder Unwinder { get; }

    /// <summary>morestack's stubs, the fiber's first frame, the bridge to callbacks.</summary>
    public AddressRange Stub { get; }

    public AddressRange Entry { get; }

    public AddressRange Bridge { get; }

    /// <exception cref="InvalidDataException">The files cannot be used, or do not belong together.</exception>
    public static CoreImage Open(string corePath, string workerPath)
    {
        var worker = ElfFile.Load(workerPath);
        var core = CoreFile.Open(corePath);
        try
        {
            return new CoreImage(core, workerPath, worker);
        }
        catch
        {
            core.Dispose();
            throw;
        }
    }

    /// <exception cref="InvalidDataException">There is none, so it is no worker of this harness's.</exception>
    public ulong AddressOf(string symbol) => Symbols.AddressOf(symbol) ?? DataAddress(symbol)
        ?? throw new InvalidDataException($"{WorkerPath}: has no symbol {symbol}; it is no worker of this harness, or an older one");

    /// <summary>Function and line of a frame's own code.</summary>
    public (string Function, string? File, int Line) Place(ulong lookup)
    {
        if (lookup >= Worker.Low && lookup < Worker.High && Symbols.Resolve(lookup) is { } location)
        {
            return (location.Symbol, location.File, location.Line);
        }

        return _lookup.Find(lookup) is { } module ? (module.Name(lookup).Name, null, 0) : ("?", null, 0);
    }

    public void Dispose() => Core.Dispose();

    private ulong? DataAddress(string name)
    {
        foreach (var symbol in Worker.File.Symbols)
        {
            if (symbol.IsDefined && symbol.Name == name)
            {
                return unchecked(symbol.Value + Worker.Bias);
            }
        }

        return null;
    }

    private AddressRange Range(string name) => new(AddressOf(name + "_begin"), AddressOf(name + "_end"));

    /// <summary>Mapped files of which some bytes are code.</summary>
    private IEnumerable<(string Path, ulong Low, ulong High)> Files() => Core.Mappings
        .GroupBy(m => m.Path)
        .Where(g => g.Any(m => Core.RegionOf(m.Low)?.Access.HasFlag(CoreAccess.Execute) == true))
        .Select(g => (g.Key, g.Min(m => m.Low), g.Max(m => m.High)));

    private static TracedModule Module(ElfFile file, ulong low, ulong high)
    {
        // A position-independent file begins at its address 0.
        var bias = file.Kind is ElfKind.Executable ? 0 : low;
        return new TracedModule(file, bias, low, high, []);
    }

    /// <summary>
    /// Without its file the code has no rows, which ends a walk through it by name. The path is the core's word: devices and pipes, which have no length, are not
    /// opened.
    /// </summary>
    private static ElfFile? Load(string path)
    {
        try
        {
            return path.StartsWith('/') && new FileInfo(path) is { Exists: true, Length: > 0 } ? ElfFile.Load(path) : null;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The kernel's own library is in memory only.</summary>
    private void KernelLibrary()
    {
        const ulong kernelLibrary = 33; // AT_SYSINFO_EHDR
        if (Core.Auxiliary.GetValueOrDefault(kernelLibrary) is var address and not 0
            && Core.RegionOf(address) is { } region && region.FileBytes is > 0 and <= MaxKernelLibraryBytes)
        {
            var bytes = new byte[region.FileBytes];
            if (Core.TryRead(region.Low, bytes))
            {
                try
                {
                    _modules.Add(Module(ElfFile.Parse(bytes, "[vdso]"), region.Low, region.High));
                }
                catch (InvalidDataException)
                {
                    // As a file that cannot be read.
                }
            }
        }
    }

    /// <summary>A worker that was built again since then has other addresses: all would be named wrongly, and no rule would say so.</summary>
    private void CheckCode()
    {
        foreach (var section in Worker.File.Sections.Where(s => s.IsCode && s.IsAllocated))
        {
            var own = Worker.File.Data(section);
            var there = new byte[own.Length];
            if (Core.TryRead(unchecked(section.Address + Worker.Bias), there) && !own.SequenceEqual(there))
            {
                throw new InvalidDataException($"{WorkerPath}: is not the worker that left {Core.Name}: its code is another; keep them together, or run replay CASE --core again");
            }
        }
    }
}
