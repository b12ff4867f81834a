using Harness.Binary.Unwind;

namespace Harness.Binary.Cores;

/// <summary>A thread as the kernel's NT_PRSTATUS tells it.</summary>
/// <param name="Signal">The signal it was at, 0: none.</param>
/// <param name="Words">The kernel's <c>struct user_regs_struct</c>, in its order.</param>
public sealed record CoreThread(int Id, int Signal, CoreRegisters Words)
{
    public FrameRegisters Registers => Words.ToFrame();
}

/// <summary>The 27 words of the kernel's <c>struct user_regs_struct</c> of x86-64.</summary>
public sealed class CoreRegisters
{
    public const int Count = 27;
    public const int Bytes = Count * sizeof(ulong);

    private const int FlagsWord = 18;
    private const int FsBaseWord = 21;

    /// <summary>Where each word goes; −1: no register that unwinding follows.</summary>
    private static readonly sbyte[] _dwarf =
    [
        DwarfRegister.R15, 14, 13, DwarfRegister.R12, DwarfRegister.Rbp, DwarfRegister.Rbx, 11, 10, 9, DwarfRegister.R8, DwarfRegister.Rax,
        DwarfRegister.Rcx, DwarfRegister.Rdx, DwarfRegister.Rsi, DwarfRegister.Rdi, -1, DwarfRegister.Rip, -1, -1, DwarfRegister.Rsp, -1, -1, -1, -1, -1, -1, -1,
    ];

    private readonly ulong[] _words;

    /// <param name="words"><see cref="Count"/> of them.</param>
    public CoreRegisters(ReadOnlySpan<ulong> words)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(words.Length, Count);
        _words = words.ToArray();
    }

    public ReadOnlySpan<ulong> Words => _words;

    /// <summary>The DWARF number of a word, or −1.</summary>
    public static int DwarfOf(int word) => _dwarf[word];

    public ulong Flags => _words[FlagsWord];

    public ulong FsBase => _words[FsBaseWord];

    public FrameRegisters ToFrame()
    {
        var registers = default(FrameRegisters);
        for (var i = 0; i < Count; i++)
        {
            if (_dwarf[i] >= 0)
            {
                registers.Set(_dwarf[i], _words[i]);
            }
        }

        return registers;
    }
}

/// <summary>The signal that ended the process, from NT_SIGINFO.</summary>
/// <param name="Address">Where a fault was; of other signals meaningless.</param>
public sealed record CoreSignal(int Number, int Code, ulong Address);

/// <summary>A file's bytes in memory, from NT_FILE.</summary>
/// <param name="Offset">In the file, in bytes.</param>
public sealed record CoreMapping(ulong Low, ulong High, ulong Offset, string Path);

/// <summary>A stretch of memory. What the file has of it are its first <paramref name="FileBytes"/>.</summary>
public readonly record struct CoreRegion(ulong Low, ulong High, CoreAccess Access, long Offset, ulong FileBytes);

[Flags]
public enum CoreAccess
{
    None = 0,
    Execute = 1,
    Write = 2,
    Read = 4,
}

/// <summary>The numbers of ELF cores on Linux (elf.h), those that are read or written here.</summary>
internal static class CoreFormat
{
    public const int HeaderBytes = 64;
    public const int SegmentBytes = 56;
    public const int SectionBytes = 64;
    public const int NoteHeaderBytes = 12;
    public const ushort TypeCore = 4;
    public const ushort MachineX64 = 62;

    /// <summary>e_phnum that means: the count is in the first section's sh_info.</summary>
    public const ushort ManySegments = 0xffff;

    public const uint Load = 1;
    public const uint Note = 4;

    public const uint Status = 1;
    public const uint FloatingPoint = 2;
    public const uint Process = 3;
    public const uint Auxiliary = 6;
    public const uint Signal = 0x53494749;
    public const uint Files = 0x46494c45;

    /// <summary>struct elf_prstatus.</summary>
    public const int StatusBytes = 336;
    public const int StatusSignal = 12;
    public const int StatusThread = 32;
    public const int StatusRegisters = 112;

    /// <summary>struct elf_prpsinfo: without it libdw does not take a file for a core.</summary>
    public const int ProcessBytes = 136;
    public const int ProcessId = 24;
    public const int ProcessName = 40;
    public const int ProcessNameBytes = 16;

    /// <summary>siginfo_t: si_signo, si_errno, si_code; si_addr of faults.</summary>
    public const int SignalBytes = 128;
    public const int SignalCode = 8;
    public const int SignalAddress = 16;

    /// <summary>AT_SYSINFO_EHDR: where the kernel's own library is.</summary>
    public const ulong KernelLibrary = 33;

    public static ReadOnlySpan<byte> Owner => "CORE\0"u8;

    public static int Padded(int bytes) => (bytes + 3) & ~3;
}
