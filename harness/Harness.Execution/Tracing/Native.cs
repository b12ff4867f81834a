using System.Runtime.InteropServices;

namespace Harness.Execution.Tracing;

/// <summary>The few calls of the C library that tracing needs. All ptrace calls of one tracee come from one OS thread.</summary>
internal static class Native
{
    public const int AllThreads = 0x40000000; // __WALL

    /// <summary>__WNOTHREAD: tracees of this thread alone, no child that another thread has started.</summary>
    public const int OwnTracees = 0x20000000;
    public const int DoNotWait = 1;
    public const int SignalTrap = 5;
    public const int SignalKill = 9;
    public const int SignalContinue = 18;
    public const int SignalStop = 19;
    public const int ExecEvent = 4 << 8;

    public const int CloneEvent = 3;
    public const int ExitEvent = 6;

    public const int Continue = 7;
    public const int SingleStep = 9;
    public const int GetRegisters = 12;
    public const int SetRegisters = 13;
    public const int Attach = 16;
    public const int GetFloatingPoint = 14;
    public const int SetOptions = 0x4200;
    public const int GetEventMessage = 0x4201;
    public const int GetSignalInfo = 0x4202;

    /// <summary>PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL.</summary>
    public const nint DeathOptions = 0x8 | 0x40 | 0x100000;

    /// <summary>PTRACE_O_EXITKILL.</summary>
    public const nint LastOptions = 0x100000;

    /// <summary>PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL.</summary>
    public const nint Options = 0x10 | 0x100000;

    private const string Library = "libc";

    [DllImport(Library, EntryPoint = "ptrace", SetLastError = true)]
    public static extern nint Trace(nint request, int process, nint address, nint data);

    /// <summary>Takes microseconds and never waits: no transition for the garbage collector.</summary>
    [DllImport(Library, EntryPoint = "ptrace")]
    [SuppressGCTransition]
    public static extern nint TraceQuickly(nint request, int process, nint address, nint data);

    [DllImport(Library, EntryPoint = "ptrace")]
    [SuppressGCTransition]
    public static extern nint Registers(nint request, int process, nint address, ref UserRegisters registers);

    [DllImport(Library, EntryPoint = "ptrace")]
    public static extern nint Fill(nint request, int process, nint address, byte[] into);

    [DllImport(Library, EntryPoint = "ptrace")]
    public static extern nint EventMessage(nint request, int process, nint address, out ulong message);

    [DllImport(Library, EntryPoint = "waitpid", SetLastError = true)]
    public static extern int Wait(int process, out int status, int options);

    [DllImport(Library, EntryPoint = "kill")]
    public static extern int Kill(int process, int signal);

    /// <summary>A signal to one thread.</summary>
    [DllImport(Library, EntryPoint = "tgkill")]
    public static extern int KillThread(int process, int thread, int signal);

    [DllImport(Library, EntryPoint = "sched_getcpu")]
    public static extern int CurrentCpu();

    [DllImport(Library, EntryPoint = "sched_setaffinity")]
    private static extern int SetAffinity(int thread, nint size, ulong[] mask);

    [DllImport(Library, EntryPoint = "sched_getaffinity")]
    private static extern int GetAffinity(int thread, nint size, ulong[] mask);

    private const int MaskWords = 128;

    /// <summary>Where a thread (0: this one) may run; null where the system does not say.</summary>
    public static ulong[]? Affinity(int thread)
    {
        var mask = new ulong[MaskWords];
        return GetAffinity(thread, MaskWords * sizeof(ulong), mask) < 0 ? null : mask;
    }

    /// <summary>A refusal changes speed alone.</summary>
    public static void RunOn(int thread, ulong[] mask) => _ = SetAffinity(thread, MaskWords * sizeof(ulong), mask);

    public static ulong[] Only(int cpu)
    {
        var mask = new ulong[MaskWords];
        mask[cpu / 64] = 1UL << (cpu % 64);
        return mask;
    }
}
