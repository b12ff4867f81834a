using System.Runtime.InteropServices;
using Harness.Binary.Unwind.Stepping;
using Harness.Execution.Tracing;

namespace Harness.Verification.Stepping;

/// <summary>
/// Sends a real signal before an instruction, lets the handler run, and compares the traces that it took of the interrupted thread with the
/// chain of calls that the steps before made.
/// </summary>
internal sealed class Interrupts
{
    private const int MaxFrames = 1024;
    private readonly TracedProcess _process;
    private readonly StepChecker _checker;
    private readonly InterruptOptions _options;
    private readonly InterruptLog _log;
    private readonly ulong _framePointers;
    private readonly ulong _dwarf;
    private readonly PlanRandom _random;

    public Interrupts(TracedProcess process, StepChecker checker, InterruptOptions options, ProgramSymbols symbols)
    {
        (_process, _checker, _options) = (process, checker, options);
        _log = new InterruptLog(checker);
        (_framePointers, _dwarf) = (symbols[InterruptOptions.FramePointers], symbols[InterruptOptions.Dwarf]);
        _random = new PlanRandom(options.Seed);
    }

    public InterruptReport Report() => _log.Report();

    /// <summary>Perhaps here: not while another handler runs.</summary>
    public void Consider()
    {
        if (!(_checker.IsInStub && _checker.IsNew) && _random.Below(_options.Every) != 0)
        {
            return;
        }

        if (!_checker.IsUninterrupted)
        {
            return;
        }

        var truth = _checker.Truth();
        if (!_process.Interrupt(InterruptOptions.Signal))
        {
            throw new TraceException($"a signal's handler came back with other registers, at {_checker.Describe(_checker.Pc)}");
        }

        _log.Add(truth, Read(_framePointers), Read(_dwarf));
    }

    private ulong[] Read(ulong address)
    {
        var words = new ulong[2];
        if (!_process.TryRead(address, MemoryMarshal.AsBytes(words.AsSpan())) || words[0] > MaxFrames)
        {
            throw new TraceException("what the program's handler wrote cannot be read");
        }

        var addresses = new ulong[words[0]];
        return _process.TryRead(address + 16, MemoryMarshal.AsBytes(addresses.AsSpan()))
            ? addresses
            : throw new TraceException("what the program's handler wrote cannot be read");
    }
}
