using System.Globalization;
using System.Runtime.InteropServices;

namespace Harness.Execution.Tracing;

/// <summary>
/// Follows a process to its end. Where a signal is about to end it, or where it ends itself with another code than 0, everything is still there: registers
/// of all threads, all memory. That needs neither a limit on cores, nor a core_pattern that writes files, nor root.
/// </summary>
public sealed partial class TracedProcess
{
    private const int SignalInfoBytes = 128;
    private const int FloatingPointBytes = 512;
    private const int PageBytes = 4096;

    /// <summary>Polls, a millisecond each, for threads that the kernel is already ending.</summary>
    private const int Patience = 100;

    /// <summary>Signals that end a process unless it handles them, and that leave a core: ILL, TRAP, ABRT, BUS, FPE, SEGV, SYS.</summary>
    private static readonly int[] _fatal = [4, 5, 6, 7, 8, 11, 31];

    private readonly HashSet<int> _threads = [];

    /// <summary>
    /// At full speed, all threads, signals delivered as they come, to its end. If it ends badly, <paramref name="look"/> is called just before, while everything
    /// stands still; afterwards it ends as it would have.
    /// </summary>
    /// <returns>What <paramref name="look"/> gave; default when it ended well, or was killed.</returns>
    public T? RunToDeath<T>(Func<Dying, T> look)
    {
        ArgumentNullException.ThrowIfNull(look);
        Native.Trace(Native.SetOptions, _process, 0, Native.DeathOptions);
        _threads.Add(_process);
        Resume(Native.Continue, 0);
        T? result = default;
        while (!_ended)
        {
            var thread = Native.Wait(-1, out var status, Native.AllThreads | Native.OwnTracees);
            if (thread < 0)
            {
                _ended = true;
            }
            else if ((status & 0xff) != 0x7f)
            {
                Gone(thread);
            }
            else if (Stopped(thread, status) is { } dying)
            {
                result = Look(look, dying);
                Release(thread, dying.Signal);
            }
        }

        return result;
    }

    private T Look<T>(Func<Dying, T> look, Dying dying)
    {
        try
        {
            return look(dying);
        }
        catch
        {
            // Whoever disposes of it waits for its first thread only, which is not gone before all others are.
            Release(0, 0);
            Native.Kill(_process, Native.SignalKill);
            while (!_ended)
            {
                var thread = Native.Wait(-1, out var status, Native.AllThreads | Native.OwnTracees);
                _ended |= thread < 0;
                if ((status & 0xff) != 0x7f)
                {
                    Gone(thread);
                }
            }

            throw;
        }
    }

    /// <summary>Which pages of a stretch have been touched (or belong to a file); null where the system does not say.</summary>
    public bool[]? TouchedPages(ulong low, ulong high)
    {
        try
        {
            const ulong present = 1UL << 63;
            const ulong swapped = 1UL << 62;
            using var pages = File.OpenHandle(ProcPath("pagemap"));
            var words = new ulong[(high - low) / PageBytes];
            var bytes = MemoryMarshal.AsBytes(words.AsSpan());
            return RandomAccess.Read(pages, bytes, (long)(low / PageBytes * sizeof(ulong))) == bytes.Length
                ? Array.ConvertAll(words, word => (word & (present | swapped)) != 0)
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The auxiliary vector as the kernel gives it.</summary>
    public byte[] AuxiliaryVector() => File.ReadAllBytes(ProcPath("auxv"));

    private void Gone(int thread)
    {
        _threads.Remove(thread);
        _ended |= thread == _process;
    }

    /// <returns>Null when it goes on.</returns>
    private Dying? Stopped(int thread, int status)
    {
        var (signal, stop) = (status >> 8 & 0xff, status >> 16);
        _threads.Add(thread);
        switch (stop)
        {
            case Native.ExitEvent:
                Native.EventMessage(Native.GetEventMessage, thread, 0, out var message);
                var code = (int)(message >> 8 & 0xff);
                if ((message & 0x7f) == 0 && code != 0)
                {
                    return new Dying(0, null, code, [Thread(thread), .. Others(thread)]);
                }

                signal = 0;
                break;
            case not 0:
            case 0 when signal is Native.SignalStop:
                // A new thread's first stop, and the news of it.
                signal = 0;
                break;
            default:
                if (Array.IndexOf(_fatal, signal) >= 0 && !IsHandled(signal))
                {
                    var info = new byte[SignalInfoBytes];
                    Native.Fill(Native.GetSignalInfo, thread, 0, info);
                    return new Dying(signal, info, 0, [Thread(thread), .. Others(thread)]);
                }

                break;
        }

        Native.Trace(Native.Continue, thread, 0, signal);
        return null;
    }

    /// <summary>From /proc: the masks of what is ignored and of what has a handler.</summary>
    private bool IsHandled(int signal)
    {
        var handled = false;
        foreach (var line in File.ReadLines(ProcPath("status")))
        {
            if (line.StartsWith("SigCgt:", StringComparison.Ordinal) || line.StartsWith("SigIgn:", StringComparison.Ordinal))
            {
                handled |= (ulong.Parse(line[7..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> (signal - 1) & 1) != 0;
            }
        }

        return handled;
    }

    private static DyingThread Thread(int thread)
    {
        var registers = default(UserRegisters);
        Native.Registers(Native.GetRegisters, thread, 0, ref registers);
        var floatingPoint = new byte[FloatingPointBytes];
        Native.Fill(Native.GetFloatingPoint, thread, 0, floatingPoint);
        return new DyingThread(thread, registers, floatingPoint);
    }

    /// <summary>Stops the others, as far as they are still there.</summary>
    private List<DyingThread> Others(int dying)
    {
        var stopped = new List<DyingThread>();
        foreach (var thread in _threads.Where(thread => thread != dying).ToList())
        {
            Native.KillThread(_process, thread, Native.SignalStop);
            for (var i = 0; i < Patience; i++)
            {
                if (Native.Wait(thread, out var status, Native.AllThreads | Native.DoNotWait) == thread)
                {
                    if ((status & 0xff) == 0x7f)
                    {
                        stopped.Add(Thread(thread));
                    }
                    else
                    {
                        Gone(thread);
                    }

                    break;
                }

                System.Threading.Thread.Sleep(1);
            }
        }

        return stopped;
    }

    /// <summary>Nothing more is wanted of any thread: they end without stopping again.</summary>
    private void Release(int dying, int signal)
    {
        foreach (var thread in _threads)
        {
            Native.Trace(Native.SetOptions, thread, 0, Native.LastOptions);
        }

        foreach (var thread in _threads.OrderBy(thread => thread != dying))
        {
            Native.Trace(Native.Continue, thread, 0, thread == dying ? signal : 0);
        }
    }
}
