using System.Globalization;
using Harness.Binary;
using Harness.Binary.Unwind;
using Harness.Binary.Unwind.Stepping;
using Harness.Execution.Tracing;

namespace Harness.Verification.Stepping;

/// <summary>A traced process as the unwinder sees it: its memory, its registers, the files it consists of.</summary>
internal sealed class ProcessView(TracedProcess process, IReadOnlyList<string> stubs) : IFrameMemory
{
    private const string Vdso = "[vdso]";
    private const int MaxVdsoBytes = 1 << 20;
    private readonly Dictionary<string, TracedModule?> _known = [];

    public bool TryRead(ulong address, Span<byte> into) => process.TryRead(address, into);

    public TracedModules Modules() => new(Load);

    public static FrameRegisters Convert(in UserRegisters from)
    {
        var registers = default(FrameRegisters);
        registers.Set(DwarfRegister.Rax, from.Rax);
        registers.Set(DwarfRegister.Rdx, from.Rdx);
        registers.Set(DwarfRegister.Rcx, from.Rcx);
        registers.Set(DwarfRegister.Rbx, from.Rbx);
        registers.Set(DwarfRegister.Rsi, from.Rsi);
        registers.Set(DwarfRegister.Rdi, from.Rdi);
        registers.Set(DwarfRegister.Rbp, from.Rbp);
        registers.Set(DwarfRegister.Rsp, from.Rsp);
        registers.Set(DwarfRegister.R8, from.R8);
        registers.Set(DwarfRegister.R8 + 1, from.R9);
        registers.Set(DwarfRegister.R8 + 2, from.R10);
        registers.Set(DwarfRegister.R8 + 3, from.R11);
        registers.Set(DwarfRegister.R12, from.R12);
        registers.Set(DwarfRegister.R12 + 1, from.R13);
        registers.Set(DwarfRegister.R12 + 2, from.R14);
        registers.Set(DwarfRegister.R15, from.R15);
        registers.Set(DwarfRegister.Rip, from.Rip);
        return registers;
    }

    private List<TracedModule> Load()
    {
        var ranges = new Dictionary<string, (ulong Low, ulong High, bool Executable)>();
        foreach (var line in process.Maps())
        {
            var parts = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length < 6 || (parts[5][0] != '/' && parts[5] != Vdso))
            {
                continue;
            }

            var (from, to) = (Hex(parts[0].Split('-')[0]), Hex(parts[0].Split('-')[1]));
            var known = ranges.GetValueOrDefault(parts[5], (Low: from, High: to, Executable: false));
            ranges[parts[5]] = (Math.Min(known.Low, from), Math.Max(known.High, to), known.Executable || parts[1].Contains('x', StringComparison.Ordinal));
        }

        var modules = new List<TracedModule>();
        foreach (var (path, range) in ranges.Where(r => r.Value.Executable))
        {
            if (!_known.TryGetValue(path, out var module))
            {
                _known[path] = module = Open(path, range.Low, range.High);
            }

            if (module is not null)
            {
                modules.Add(module);
            }
        }

        return modules;
    }

    private TracedModule? Open(string path, ulong low, ulong high)
    {
        try
        {
            var file = path == Vdso ? Vdso_(low, high) : ElfFile.Load(path);
            // A position-independent file begins at its address 0.
            return file is null ? null : new TracedModule(file, file.Kind is ElfKind.Executable ? 0 : low, low, high, path == Vdso ? [] : stubs);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            // Without the file its code has no rows, which is a finding at its first instruction.
            return null;
        }
    }

    /// <summary>What the kernel puts into every process: in memory only.</summary>
    private ElfFile? Vdso_(ulong low, ulong high)
    {
        var bytes = new byte[Math.Min(high - low, MaxVdsoBytes)];
        return process.TryRead(low, bytes) ? ElfFile.Parse(bytes, Vdso) : null;
    }

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
