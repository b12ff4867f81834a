namespace Harness.Binary.Unwind.Stepping;

/// <summary>What a trace has to be that is taken at one instruction, as the steps before made it.</summary>
/// <param name="Chain">Where control stands, and the return addresses outwards.</param>
/// <param name="FramePointers">
/// What the chain of saved frame pointers gives there: the same without the callers of functions that stand before their prologue's last instruction, behind their
/// epilogue's first, or keep none.
/// </param>
/// <param name="IsLost">Beyond <paramref name="FramePointers"/> rbp points to no frame: it is used for something else, or belongs to another stack.</param>
/// <param name="Excused">Why no unwinder can have the chain there; null: it can.</param>
public sealed record StepTruth(IReadOnlyList<ulong> Chain, IReadOnlyList<ulong> FramePointers, bool IsLost, StepShortcoming? Excused);

/// <content>The truth about traces at the instruction where the checker stands.</content>
public sealed partial class StepChecker
{
    /// <summary>What <c>push %rbp; mov %rsp, %rbp</c> leaves between rbp and the CFA.</summary>
    private const ulong FrameRecordBytes = 16;

    /// <summary>The innermost caller.</summary>
    private const int SecondOfChain = 2;

    /// <summary>Its place in <see cref="DwarfRegister.CalleeSaved"/>.</summary>
    private const int Rbp = 1;

    /// <summary>What excused the last instruction's chain.</summary>
    private StepShortcoming? _excused;

    public bool IsUninterrupted => !_shadow.IsInSignal;

    /// <summary>Where the function that stepping began in returns to.</summary>
    internal ulong Outside { get; private set; }

    /// <summary>The program's first function has no rows (<see cref="StepShortcoming.NoStart"/>): how a trace ends there is its unwinder's choice.</summary>
    internal bool StartsBlind { get; private set; }

    /// <summary>Of the instruction that is next. Compares the whole chain of its unwind rows, if that has not been done.</summary>
    public StepTruth Truth()
    {
        if (_excused is null && _place.Row is not null)
        {
            CheckWhole(_place);
        }

        // What was left for good is what rbp still belongs to.
        var (chain, framePointers, isLost) = (new List<ulong> { Pc }, new List<ulong> { Pc }, _shadow.HasLeft);
        var rbp = _registers[DwarfRegister.Rbp].GetValueOrDefault();
        for (var i = _shadow.HasLeft ? -1 : _shadow.Current.Depth - 1; i >= 0; i--)
        {
            ref var caller = ref _shadow.Current[i];
            chain.Add(caller.Return);
            if (isLost)
            {
                continue;
            }

            if (unchecked(rbp + FrameRecordBytes) == caller.Cfa)
            {
                framePointers.Add(caller.Return);
                rbp = IsInStub && chain.Count == SecondOfChain && Saved(rbp) is { } reused ? reused : caller.Registers[Rbp];
            }

            isLost = rbp != caller.Registers[Rbp];
        }

        // Where a fault landed the chain ends, and rbp is still that of the fiber that is given up.
        return new StepTruth(chain, framePointers, isLost || rbp != 0, _excused);
    }

    private static bool IsBlindRestorer(CodePlace place) =>
        place.Role.HasFlag(CodeRole.Restorer) && place.Row is not { Entry.Common.IsSignalFrame: true };

    /// <summary>musl's <c>_start</c>, which calls the first function, has no rows: nothing says that there is no caller, but there is none.</summary>
    private bool EndsAtStart(UnwoundTrace trace) =>
        trace is { End: TraceEnd.Failed { Problem.Fault: UnwindFault.NoEntry }, Frames: [.., { Caller: var caller }] } && caller[DwarfRegister.Rip] is { } back
        && _places.At(back - 1) is { Row: null } place && place.Role.HasFlag(CodeRole.Outermost);

    /// <summary>A stub that is about to leave may have used the word of its saved rbp for something else (morestack.S, the warm path).</summary>
    private ulong? Saved(ulong rbp)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        return memory.TryRead(rbp, word) ? System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(word) : null;
    }
}
