namespace Harness.Model;

/// <summary>The ready list, mutexes, joins and resources: docs/SCHEDULING.md, section by section.</summary>
internal sealed partial class Machine
{
    private const ulong Gamma = 0x9E3779B97F4A7C15;

    private static readonly Frame Bridge = new Frame.CallbackBridge();

    private readonly MutexState[] _mutexes;
    private readonly List<FiberState> _ready = [];
    private ulong _scheduleState;
    private bool _fifo;
    private uint _launchMask;

    private sealed class MutexState
    {
        public int Owner { get; set; }

        public List<FiberState> Waiters { get; } = [];

        public void Reset()
        {
            Owner = -1;
            Waiters.Clear();
        }
    }

    private void Launch(Schedule schedule)
    {
        _ready.Clear();
        _scheduleState = schedule.Seed;
        _fifo = schedule.Seed == 0;
        _launchMask = schedule.LaunchMask;
        foreach (var fiber in _fibers)
        {
            if (_program.Program.Fibers[fiber.Index].StartsAtLaunch)
            {
                Start(fiber);
            }
        }
    }

    /// <summary>Makes a fiber that has not started ready, unless the launch mask forbids it.</summary>
    private bool Start(FiberState fiber)
    {
        if (fiber.Status is not FiberStatus.NotStarted || ((_launchMask >> fiber.Index) & 1) == 0)
        {
            return false;
        }

        var function = _program.Functions[_program.Program.Fibers[fiber.Index].Function];
        fiber.Reserve(function.Slots);
        fiber.Push(-1, function.Slots);
        var slot = CompiledFunction.FirstParameter;
        foreach (var argument in _program.EntryArguments[fiber.Index])
        {
            fiber.Slot(slot++) = argument;
        }

        fiber.Pc = function.Start;
        MakeReady(fiber);
        return true;
    }

    private void MakeReady(FiberState fiber)
    {
        fiber.Status = FiberStatus.Live;
        _ready.Add(fiber);
    }

    /// <summary>Takes the next fiber to run off the ready list; null when the run is over.</summary>
    private FiberState? Next()
    {
        if (_ready.Count == 0 && !BreakDeadlock())
        {
            return null;
        }

        var index = _defect is ModelDefect.Schedule && _ready.Count > 1 ? 1 : 0;
        if (!_fifo)
        {
            _scheduleState = unchecked(_scheduleState + Gamma);
            index = (int)(Values.Finalise(_scheduleState) % (ulong)_ready.Count);
        }

        var fiber = _ready[index];
        _ready.RemoveAt(index);
        return fiber;
    }

    /// <summary>Nothing is ready: the waiting fiber with the lowest index gives up.</summary>
    private bool BreakDeadlock()
    {
        foreach (var fiber in _defect is ModelDefect.Deadlock ? _fibers.AsEnumerable().Reverse() : _fibers)
        {
            if (fiber.Status is FiberStatus.WaitingForMutex)
            {
                _mutexes[fiber.WaitsFor].Waiters.Remove(fiber);
            }
            else if (fiber.Status is FiberStatus.WaitingForFiber)
            {
                _fibers[fiber.WaitsFor].Joiners.Remove(fiber.Index);
            }
            else
            {
                continue;
            }

            fiber.Wake = Wake.Deadlock;
            MakeReady(fiber);
            return true;
        }

        return false;
    }

    /// <summary>Ends the wait that the running fiber comes out of, if it does.</summary>
    private void Resume()
    {
        var wake = _fiber.Wake;
        if (wake is Wake.None)
        {
            return;
        }

        _fiber.Wake = Wake.None;
        ref readonly var i = ref _code[_fiber.Pc++];
        if (wake is Wake.Deadlock)
        {
            Fail(ErrorName.Deadlock, in i);
        }
        else if (i.Op is Op.Lock)
        {
            Acquire(i.Site, i.A, ResourceKind.Mutex, i.B);
        }
        else
        {
            Joined(i.Site, _fibers[i.A]);
        }
    }

    /// <summary>The operation under <c>try</c> fails: the support library's function for it, and then the <c>try</c>.</summary>
    private void Fail(ErrorName error, in Instruction operation)
    {
        _fiber.Errors.Add(ErrorStep.SupportFault, 0);
        _fiber.Errors.Add(operation.Op is Op.Lock ? ErrorStep.SupportLock : ErrorStep.SupportJoin, 0);
        _fiber.Error = (int)error;
        _fiber.Pc = operation.D;
    }

    /// <summary>The running fiber waits; when it runs again it resumes at the instruction that waited.</summary>
    private void Wait(FiberStatus status, int target)
    {
        _fiber.Status = status;
        _fiber.WaitsFor = target;
        _fiber.Pc--;
        _switch = true;
    }

    private void Lock(in Instruction i)
    {
        var mutex = _mutexes[i.B];
        if (mutex.Owner < 0)
        {
            mutex.Owner = _fiber.Index;
            Acquire(i.Site, i.A, ResourceKind.Mutex, i.B);
        }
        else if (mutex.Owner == _fiber.Index)
        {
            Fail(ErrorName.Deadlock, in i);
        }
        else
        {
            mutex.Waiters.Add(_fiber);
            Wait(FiberStatus.WaitingForMutex, i.B);
        }
    }

    private void Acquire(int site, int slot, ResourceKind kind, int mutex)
    {
        var serial = ++_fiber.Serials + (_defect is ModelDefect.Serial ? 1UL : 0);
        _acquired++;
        _fiber.Slot(slot) = new(serial, Value.Word);
        _fiber.Ledger.Add(new(serial, mutex));
        Record(EventKind.Acquired, site, (serial << 8) | (ulong)kind);
    }

    private void Release(int site, ulong serial)
    {
        var ledger = _fiber.Ledger;
        var index = ledger.Count - 1;
        while (index >= 0 && ledger[index].Serial != serial)
        {
            index--;
        }

        Record(EventKind.Released, site, serial);
        if (index < 0)
        {
            _ending = _ending is RunEnding.Finished ? RunEnding.ReleasedTwice : _ending;
            return;
        }

        var mutex = ledger[index].Mutex;
        ledger.RemoveAt(index);
        HandOn(mutex);
    }

    /// <summary>Gives a released mutex to its first waiter.</summary>
    private void HandOn(int released)
    {
        if (released < 0)
        {
            return;
        }

        var mutex = _mutexes[released];
        if (mutex.Waiters.Count == 0)
        {
            mutex.Owner = -1;
            return;
        }

        var first = _defect is ModelDefect.Waiters ? mutex.Waiters.Count - 1 : 0;
        var next = mutex.Waiters[first];
        mutex.Waiters.RemoveAt(first);
        mutex.Owner = next.Index;
        next.Wake = Wake.Granted;
        MakeReady(next);
    }

    private void Join(in Instruction i)
    {
        var target = _fibers[i.A];
        if (target == _fiber)
        {
            Fail(ErrorName.Deadlock, in i);
        }
        else if (target.Status is FiberStatus.NotStarted || (target.Status is FiberStatus.Ended && _defect is not ModelDefect.Join))
        {
            Joined(i.Site, target);
        }
        else
        {
            target.Joiners.Add(_fiber.Index);
            Wait(FiberStatus.WaitingForFiber, i.A);
        }
    }

    private void Joined(int site, FiberState target) =>
        Record(EventKind.Joined, site, ((ulong)target.Index << 8) | (ulong)target.Outcome);

    private void Spawn(int site, FiberState target) =>
        Record(EventKind.Spawned, site, ((ulong)target.Index << 1) | (Start(target) ? 1UL : 0));

    private void Cancel(int site, FiberState target)
    {
        var alive = target.Status is not (FiberStatus.NotStarted or FiberStatus.Ended);
        var accepted = alive && (target.Pending == 0 || _defect is ModelDefect.Cancel);
        if (accepted)
        {
            target.Pending = (int)ErrorName.Canceled;
        }

        Record(EventKind.CancelRequested, site, ((ulong)target.Index << 1) | (accepted ? 1UL : 0));
    }

    private void End(FiberOutcome outcome)
    {
        _fiber.Status = FiberStatus.Ended;
        _fiber.Outcome = outcome;
        Record(EventKind.FiberEnd, (int)outcome, 0);
        foreach (var joiner in _fiber.Joiners)
        {
            _fibers[joiner].Wake = Wake.Granted;
            MakeReady(_fibers[joiner]);
        }

        _switch = true;
    }
}
