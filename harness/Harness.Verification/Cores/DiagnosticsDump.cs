using System.Runtime.InteropServices;
using Harness.Binary.Cores;
using Harness.Binary.Unwind;
using Microsoft.Diagnostics.Runtime;
using Microsoft.Diagnostics.Runtime.DataReaders.Implementation;

namespace Harness.Verification.Cores;

/// <summary>A thread as Microsoft.Diagnostics.Runtime tells it, with its mistakes.</summary>
/// <param name="Context">All bytes of the context that it fills.</param>
public sealed record DumpThread(int Id, FrameRegisters Registers, ulong Flags, byte[] Context);

/// <summary>
/// A core as Microsoft.Diagnostics.Runtime reads it: the only place that knows that package. It is made for .NET, and does without it: native cores open,
/// and memory, threads and files come out.
/// </summary>
public sealed class DiagnosticsDump : IDisposable
{
    /// <summary>CONTEXT_AMD64 with all its parts; the package fills what it has whatever is asked for.</summary>
    private const uint AllParts = 0x10001f;
    private readonly DataTarget _target;

    private DiagnosticsDump(DataTarget target)
    {
        _target = target;
        Threads = [.. ((IThreadReader)target.DataReader).EnumerateOSThreadIds().Select(Thread)];
        Files = [.. target.DataReader.EnumerateModules().Select(module => module.FileName)];
    }

    public IReadOnlyList<DumpThread> Threads { get; }

    /// <summary>Paths of mapped ELF files.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <exception cref="InvalidDataException">The package refuses the file; one line with what it said.</exception>
    public static DiagnosticsDump Open(string path)
    {
        DataTarget? target = null;
        try
        {
            var limits = CoreLimits.Default;
            target = DataTarget.LoadDump(path, new DataTargetOptions
            {
                SkipRuntimeEnumeration = true,
                Limits = new DataTargetLimits { MaxElfProgramHeaders = limits.MaxSegments, MaxElfFileTableEntries = limits.MaxMappings },
            });
            return new DiagnosticsDump(target);
        }
        catch (Exception e) when (e is InvalidOperationException or BadImageFormatException or IOException or InvalidDataException or ArgumentException)
        {
            target?.Dispose();
            throw new InvalidDataException($"{path}: Microsoft.Diagnostics.Runtime refuses it: {e.Message.Split('\n')[0]}", e);
        }
    }

    public bool TryRead(ulong address, Span<byte> into) => _target.DataReader.Read(address, into) == into.Length;

    public void Dispose() => _target.Dispose();

    private DumpThread Thread(uint id)
    {
        var bytes = new byte[Marshal.SizeOf<AMD64Context>()];
        if (!_target.DataReader.GetThreadContext(id, AllParts, bytes))
        {
            throw new InvalidDataException($"thread {id} has no context");
        }

        var context = MemoryMarshal.Read<AMD64Context>(bytes);
        ulong[] dwarf =
        [
            context.Rax, context.Rdx, context.Rcx, context.Rbx, context.Rsi, context.Rdi, context.Rbp, context.Rsp, context.R8, context.R9, context.R10, context.R11,
            context.R12, context.R13, context.R14, context.R15, context.Rip,
        ];
        var registers = default(FrameRegisters);
        for (var i = 0; i < dwarf.Length; i++)
        {
            registers.Set(i, dwarf[i]);
        }

        return new DumpThread((int)id, registers, (ulong)context.EFlags, bytes);
    }
}

/// <summary>Known mistakes of Microsoft.Diagnostics.Runtime 4.1.745802 with native cores. A test says which a release still makes.</summary>
[Flags]
public enum DumpDefects
{
    None = 0,

    /// <summary>Its <c>RegSetX64</c> has r8 before r9; the kernel has r9 first.</summary>
    R8AndR9Swapped = 1,

    /// <summary>The flags are never copied.</summary>
    FlagsAreZero = 2,

    /// <summary>The list of files lacks the program's interpreter (ld.so).</summary>
    InterpreterMissing = 4,

    /// <summary>fs_base, and so every thread-local variable, cannot be found.</summary>
    FsBaseMissing = 8,
}

/// <summary>Two readers of one core against each other.</summary>
/// <param name="Differences">What no known defect explains.</param>
public sealed record DumpComparison(DumpDefects Defects, IReadOnlyList<string> Differences)
{
    /// <param name="addresses">Where memory is compared, a kilobyte each.</param>
    public static DumpComparison Of(CoreFile core, DiagnosticsDump dump, IEnumerable<ulong> addresses)
    {
        ArgumentNullException.ThrowIfNull(core);
        ArgumentNullException.ThrowIfNull(dump);
        var (defects, differences) = (DumpDefects.None, new List<string>());
        if (!core.Threads.Select(t => t.Id).SequenceEqual(dump.Threads.Select(t => t.Id)))
        {
            differences.Add($"threads {string.Join(' ', core.Threads.Select(t => t.Id))} here, {string.Join(' ', dump.Threads.Select(t => t.Id))} there");
            return new DumpComparison(defects, differences);
        }

        foreach (var (own, other) in core.Threads.Zip(dump.Threads))
        {
            defects |= Registers(own, other, differences);
        }

        foreach (var address in addresses)
        {
            Memory(core, dump, address, differences);
        }

        defects |= Files(core, dump, differences);
        return new DumpComparison(defects, differences);
    }

    private static DumpDefects Registers(CoreThread own, DumpThread other, List<string> differences)
    {
        const int r8 = DwarfRegister.R8;
        const int r9 = DwarfRegister.R8 + 1;
        var (ours, theirs) = (own.Registers, other.Registers);
        var isSwapped = ours[r8] != ours[r9] && ours[r8] == theirs[r9] && ours[r9] == theirs[r8];
        for (var register = 0; register < DwarfRegister.Count; register++)
        {
            if (ours[register] != theirs[register] && !(isSwapped && register is r8 or r9))
            {
                differences.Add($"thread {own.Id}: {DwarfRegister.Name(register)} {ours[register]:x} here, {theirs[register]:x} there");
            }
        }

        if (other.Flags != 0 && other.Flags != own.Words.Flags)
        {
            differences.Add($"thread {own.Id}: flags {own.Words.Flags:x} here, {other.Flags:x} there");
        }

        var fsBase = own.Words.FsBase;
        return (isSwapped ? DumpDefects.R8AndR9Swapped : 0)
            | (other.Flags == 0 && own.Words.Flags != 0 ? DumpDefects.FlagsAreZero : 0)
            | (fsBase != 0 && other.Context.AsSpan().IndexOf(BitConverter.GetBytes(fsBase)) < 0 ? DumpDefects.FsBaseMissing : 0);
    }

    private static void Memory(CoreFile core, DiagnosticsDump dump, ulong address, List<string> differences)
    {
        Span<byte> ours = stackalloc byte[1024];
        Span<byte> theirs = stackalloc byte[1024];
        var (has, hasToo) = (core.TryRead(address, ours), dump.TryRead(address, theirs));
        if (has != hasToo || (has && !ours.SequenceEqual(theirs)))
        {
            differences.Add($"memory at {address:x}: {(has ? "read" : "not read")} here, {(hasToo ? "read" : "not read")} there{(has && hasToo ? ", not the same" : "")}");
        }
    }

    /// <summary>Of those that begin with an ELF header; others are no modules.</summary>
    private static DumpDefects Files(CoreFile core, DiagnosticsDump dump, List<string> differences)
    {
        const ulong interpreterBase = 7; // AT_BASE
        Span<byte> head = stackalloc byte[4];
        var own = new Dictionary<string, ulong>();
        foreach (var mapping in core.Mappings)
        {
            if (mapping.Offset == 0 && core.TryRead(mapping.Low, head) && head.SequenceEqual("\u007fELF"u8))
            {
                own.TryAdd(mapping.Path, mapping.Low);
            }
        }

        var defects = DumpDefects.None;
        foreach (var (path, low) in own.Where(file => !dump.Files.Contains(file.Key)))
        {
            if (core.Auxiliary.GetValueOrDefault(interpreterBase) == low)
            {
                defects |= DumpDefects.InterpreterMissing;
            }
            else
            {
                differences.Add($"{path} is mapped, and not there");
            }
        }

        return defects;
    }
}
