namespace Harness.Model;

internal enum FiberStatus : byte
{
    NotStarted,

    /// <summary>Ready or running.</summary>
    Live,

    WaitingForMutex,
    WaitingForFiber,
    Ended,
}

/// <summary>Why a fiber that waited runs again.</summary>
internal enum Wake : byte
{
    None,
    Granted,
    Deadlock,
}

/// <summary>
/// An active call: the callee's slots start at <paramref name="Base"/>, the call instruction is <paramref name="Caller"/>, the error return
/// trace's index was <paramref name="Level"/>.
/// </summary>
internal readonly record struct CallFrame(int Caller, int Base, int Level);

/// <summary>A held resource; <paramref name="Mutex"/> −1 for all but mutexes.</summary>
internal readonly record struct Held(ulong Serial, int Mutex);

/// <summary>One fiber of a running program: its stack as data (so depth is no concern), ledger and log.</summary>
internal sealed class FiberState(int index)
{
    private Value[] _slots = new Value[64];
    private CallFrame[] _frames = new CallFrame[16];
    private (int Entry, int Cleanups)[] _calls = new (int, int)[16];
    private int[] _deferReturns = new int[16];
    private int _deferDepth;

    public int Index { get; } = index;

    public FiberStatus Status { get; set; }

    public FiberOutcome Outcome { get; set; }

    public Wake Wake { get; set; }

    /// <summary>The mutex or fiber it waits for.</summary>
    public int WaitsFor { get; set; }

    /// <summary>The instruction to execute next; of a waiting fiber, its Lock or Join.</summary>
    public int Pc { get; set; }

    /// <summary>The error of the last call.</summary>
    public int Error { get; set; }

    public int Fuel { get; set; }

    public int Pending { get; set; }

    public ulong Serials { get; set; }

    public ulong Digest { get; set; }

    /// <summary>Callbacks among the active calls.</summary>
    public int Bridges { get; set; }

    public int Depth { get; private set; }

    /// <summary>First slot of the innermost frame.</summary>
    public int Base { get; private set; }

    /// <summary>First free slot.</summary>
    public int Top { get; private set; }

    public ErrorReturns Errors { get; } = new();

    public List<Held> Ledger { get; } = [];

    public List<Event> Events { get; } = [];

    /// <summary>Fibers that wait for this one's end, in order.</summary>
    public List<int> Joiners { get; } = [];

    public void Reset(int fuel)
    {
        Status = FiberStatus.NotStarted;
        Outcome = FiberOutcome.NotStarted;
        Wake = Wake.None;
        Fuel = fuel;
        Error = 0;
        Pending = 0;
        Serials = 0;
        Digest = Digests.Start;
        Bridges = 0;
        Depth = 0;
        Base = 0;
        Top = 0;
        _deferDepth = 0;
        Errors.Reset();
        Ledger.Clear();
        Events.Clear();
        Joiners.Clear();
    }

    /// <summary>A slot of the innermost frame.</summary>
    public ref Value Slot(int slot) => ref _slots[Base + slot];

    /// <summary>A slot by its place on the whole stack, which a pointer holds.</summary>
    public ref Value At(ulong place) => ref _slots[(int)place];

    /// <summary>Whether a deferred body runs, here or further out.</summary>
    public bool IsCleaning => _deferDepth > 0;

    /// <summary>The logical entry of an active call, −1 before its checkpoint, and how many deferred bodies it has run.</summary>
    public (int Entry, int Cleanups) CallAt(int depth) => _calls[depth];

    public void Entered(int entry) => _calls[Depth - 1].Entry = entry;

    public void CountCleanup() => _calls[Depth - 1].Cleanups++;

    public CallFrame FrameAt(int depth) => _frames[depth];

    /// <summary>What the error return trace's index was when the innermost call began.</summary>
    public int EnteredLevel => _frames[Depth - 1].Level;

    /// <summary>Makes room for a frame above the innermost one, so that its parameters can be written.</summary>
    public void Reserve(int slots)
    {
        if (Top + slots > _slots.Length)
        {
            Array.Resize(ref _slots, Math.Max(_slots.Length * 2, Top + slots));
        }
    }

    /// <summary>Enters the frame made room for.</summary>
    public void Push(int caller, int slots)
    {
        if (Depth == _frames.Length)
        {
            Array.Resize(ref _frames, Depth * 2);
            Array.Resize(ref _calls, Depth * 2);
        }

        _calls[Depth] = (-1, 0);

        _frames[Depth++] = new(caller, Top, Errors.Index);
        Base = Top;
        Top += slots;
        _slots[Base + CompiledFunction.ErrorSlot] = new(0, Value.Word);
        _slots[Base + CompiledFunction.LevelSlot] = new((ulong)Errors.Index, Value.Word);
    }

    /// <summary>Leaves the innermost frame; gives the instruction that called it.</summary>
    public int Pop()
    {
        var frame = _frames[--Depth];
        Top = frame.Base;
        Base = Depth == 0 ? 0 : _frames[Depth - 1].Base;
        return frame.Caller;
    }

    public void BeginDeferred(int returnTo)
    {
        if (_deferDepth == _deferReturns.Length)
        {
            Array.Resize(ref _deferReturns, _deferDepth * 2);
        }

        _deferReturns[_deferDepth++] = returnTo;
    }

    public int EndDeferred() => _deferReturns[--_deferDepth];
}
