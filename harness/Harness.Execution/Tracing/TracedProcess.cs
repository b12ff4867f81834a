using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Harness.Execution.Tracing;

/// <summary>How a tracee stands after a step.</summary>
public abstract record TraceStop
{
    private TraceStop()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <summary>One instruction further, or at the first one of a signal's handler.</summary>
    public sealed record Stepped : TraceStop { internal override Sealed Seal => default; }

    /// <summary>The signal is on its way; the next step delivers it.</summary>
    public sealed record Signaled(int Number) : TraceStop { internal override Sealed Seal => default; }

    public sealed record Exited(int Code) : TraceStop { internal override Sealed Seal => default; }

    public sealed record Killed(int Number) : TraceStop { internal override Sealed Seal => default; }
}

/// <summary>Tracing does not work here, or the tracee is not what was expected. One line.</summary>
public sealed class TraceException(string message) : Exception(message);

/// <summary>
/// A process that is run instruction by instruction. All members are for the thread that attached: the kernel gives a tracee to one thread.
/// Not safe for programs with several threads: the others run untraced.
/// </summary>
public sealed partial class TracedProcess : IDisposable
{
    private const ulong TrapFlag = 0x100;
    private const byte Breakpoint = 0xcc;
    private static readonly TraceStop _stepped = new TraceStop.Stepped();

    private readonly int _process;
    private readonly ulong[]? _affinity;
    private SafeFileHandle _memory;
    private UserRegisters _registers;
    private int _pending;
    private bool _ended;

    private TracedProcess(int process, ulong[]? affinity) =>
        (_process, _affinity, _memory) = (process, affinity, new SafeFileHandle());

    /// <summary>As they are at the present stop.</summary>
    public ref readonly UserRegisters Registers => ref _registers;

    /// <summary>
    /// Attaches to a process that waits in a shell for being continued, and lets it go on to the beginning of the program that it becomes.
    /// Tracer and tracee share a processor from here on: a step from one to the other costs three times as much.
    /// </summary>
    /// <exception cref="TraceException">The system does not allow it.</exception>
    public static TracedProcess AttachToExec(int process)
    {
        if (Native.Trace(Native.Attach, process, 0, 0) != 0)
        {
            throw new TraceException(
                $"the system does not let the harness trace its own child (errno {Marshal.GetLastPInvokeError()}); allow ptrace here (kernel.yama.ptrace_scope at most 1)");
        }

        var affinity = Native.Affinity(0);
        var cpu = Native.Only(Native.CurrentCpu());
        Native.RunOn(0, cpu);
        Native.RunOn(process, cpu);
        var traced = new TracedProcess(process, affinity);
        traced.AwaitExec();
        return traced;
    }

    /// <summary>Runs at full speed up to the first of some addresses, one of which must be reached. Signals are delivered as they come.</summary>
    /// <returns>The address that it came to.</returns>
    /// <exception cref="TraceException">It ended before.</exception>
    public ulong RunTo(params ReadOnlySpan<ulong> addresses)
    {
        var originals = new byte[addresses.Length];
        for (var i = 0; i < addresses.Length; i++)
        {
            if (!TryRead(addresses[i], originals.AsSpan(i, 1)))
            {
                throw new TraceException($"the traced program has nothing at {addresses[i]:x}");
            }
        }

        foreach (var address in addresses)
        {
            Write(address, [Breakpoint]);
        }

        var signal = 0;
        while (true)
        {
            Resume(Native.Continue, signal);
            if (Await() is not TraceStop.Signaled { Number: var number })
            {
                throw new TraceException("the traced program ended before it came to where stepping begins");
            }

            if (number == Native.SignalTrap && addresses.Contains(_registers.Rip - 1))
            {
                break;
            }

            signal = number;
        }

        for (var i = 0; i < addresses.Length; i++)
        {
            Write(addresses[i], originals.AsSpan(i, 1));
        }

        _registers.Rip--;
        SetRegisters();
        return _registers.Rip;
    }

    /// <summary>
    /// Executes one instruction. A signal that arrived with the stop before is delivered, so that the stop is at its handler's first instruction, if
    /// there is one.
    /// </summary>
    public TraceStop Step()
    {
        Resume(Native.SingleStep, _pending);
        _pending = 0;
        var stop = Await();
        if (stop is TraceStop.Signaled { Number: Native.SignalTrap })
        {
            return _stepped;
        }

        _pending = stop is TraceStop.Signaled { Number: var number } ? number : 0;
        return stop;
    }

    /// <summary>At full speed to its end, signals delivered as they come.</summary>
    public void RunToEnd()
    {
        while (!_ended)
        {
            Resume(Native.Continue, _pending);
            _pending = Await() is TraceStop.Signaled { Number: not Native.SignalTrap and var number } ? number : 0;
        }
    }

    /// <summary>
    /// Interrupts it where it stands, before its next instruction, with a signal whose handler runs at full speed and returns there.
    /// </summary>
    /// <returns>The handler returned with every register as it was.</returns>
    /// <exception cref="TraceException">It has no handler for the signal.</exception>
    public bool Interrupt(int signal)
    {
        const int sigreturnInstructions = 2;
        var before = _registers;
        _pending = signal;
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        if (Step() is not TraceStop.Stepped || _registers.Rdi != (ulong)signal || !TryRead(_registers.Rsp, word))
        {
            throw new TraceException($"the traced program has no handler for signal {signal}");
        }

        RunTo(MemoryMarshal.Read<ulong>(word));
        for (var i = 0; i < sigreturnInstructions; i++)
        {
            Step();
        }

        // What it was last asked of the kernel is no register of its own.
        return _registers.Equals(before with { OriginalRax = _registers.OriginalRax });
    }

    public bool TryRead(ulong address, Span<byte> into)
    {
        try
        {
            return address <= long.MaxValue && RandomAccess.Read(_memory, into, (long)address) == into.Length;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>The lines of /proc/PID/maps.</summary>
    public string[] Maps() => File.ReadAllLines(ProcPath("maps"));

    /// <summary>Where the program's own code begins (AT_ENTRY), after the loader has chosen its place.</summary>
    public ulong Entry()
    {
        const ulong entry = 9;
        var words = MemoryMarshal.Cast<byte, ulong>(AuxiliaryVector());
        for (var i = 0; i + 1 < words.Length; i += 2)
        {
            if (words[i] == entry)
            {
                return words[i + 1];
            }
        }

        throw new TraceException("the traced program has no entry point in its auxiliary vector");
    }

    public int Id => _process;

    /// <summary>The path of the program itself.</summary>
    public string Program => File.ResolveLinkTarget(ProcPath("exe"), returnFinalTarget: false)?.FullName ?? "";

    /// <summary>Ends it, if it has not ended.</summary>
    public void Dispose()
    {
        _memory.Dispose();
        if (!_ended)
        {
            Native.Kill(_process, Native.SignalKill);
            while (!_ended)
            {
                Await();
            }
        }

        if (_affinity is not null)
        {
            Native.RunOn(0, _affinity);
        }
    }

    /// <summary>The shell stops itself, perhaps after we have: both stops are passed over. Then it becomes the program.</summary>
    private void AwaitExec()
    {
        var first = true;
        while (true)
        {
            if (Native.Wait(_process, out var status, Native.AllThreads) != _process || (status & 0x7f) == 0)
            {
                throw new TraceException("the traced program could not be started");
            }

            if (first)
            {
                Native.Trace(Native.SetOptions, _process, 0, Native.Options);
                // It had stopped already, or will be stopped by itself, which is suppressed below. Sent again it would itself be a stop, for ever.
                Native.Kill(_process, Native.SignalContinue);
                first = false;
            }

            if (status >> 8 == (Native.SignalTrap | Native.ExecEvent))
            {
                break;
            }

            Native.Trace(Native.Continue, _process, 0, 0);
        }

        _memory = File.OpenHandle(ProcPath("mem"), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        Native.Registers(Native.GetRegisters, _process, 0, ref _registers);
    }

    private void Resume(int request, int signal) => Native.TraceQuickly(request, _process, 0, signal);

    private TraceStop Await()
    {
        if (Native.Wait(_process, out var status, Native.AllThreads) != _process)
        {
            _ended = true;
            return new TraceStop.Killed(Native.SignalKill);
        }

        if ((status & 0xff) == 0x7f)
        {
            Native.Registers(Native.GetRegisters, _process, 0, ref _registers);
            if ((_registers.Flags & TrapFlag) != 0)
            {
                // popf has made the flag the program's own: it would go on trapping, and run at a fifth of its speed.
                _registers.Flags &= ~TrapFlag;
                SetRegisters();
            }

            var signal = status >> 8 & 0xff;
            return signal == Native.SignalTrap ? _trap : new TraceStop.Signaled(signal);
        }

        _ended = true;
        return (status & 0x7f) == 0 ? new TraceStop.Exited(status >> 8 & 0xff) : new TraceStop.Killed(status & 0x7f);
    }

    private static readonly TraceStop _trap = new TraceStop.Signaled(Native.SignalTrap);

    private void SetRegisters() => Native.Registers(Native.SetRegisters, _process, 0, ref _registers);

    /// <summary>Whatever the page's protection is.</summary>
    private void Write(ulong address, ReadOnlySpan<byte> bytes) => RandomAccess.Write(_memory, bytes, (long)address);

    private string ProcPath(string name) => string.Create(CultureInfo.InvariantCulture, $"/proc/{_process}/{name}");
}
