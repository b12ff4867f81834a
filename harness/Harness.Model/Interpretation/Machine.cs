using System.Diagnostics;

namespace Harness.Model;

/// <summary>
/// Runs compiled programs. Every fiber has its stack as data (<see cref="FiberState"/>), so recursion of any depth
/// costs no stack of this process. One machine runs one program at a time and is reused between runs.
/// </summary>
internal sealed partial class Machine
{
    private readonly CompiledProgram _program;
    private readonly Instruction[] _code;
    private readonly ModelDefect _defect;
    private readonly FiberState[] _fibers;
    private readonly List<EntryPoint> _entryPoints = [];
    private readonly List<ProbeTrace> _traces = [];
    private readonly List<ErrorSighting> _sightings = [];

    private FaultCursor _fault;
    private Kept _kept;
    private RunEnding _ending;
    private int _entries;
    private int _events;
    private int _acquired;
    private int _probes;
    private long _framesInTraces;
    private long _steps;

    /// <summary>The running fiber.</summary>
    private FiberState _fiber;

    /// <summary>The running fiber gives way, or the run is over.</summary>
    private bool _switch;

    private MomentWatch? _watch;

    public Machine(CompiledProgram program)
    {
        _program = program;
        _code = program.Code;
        _defect = program.Defect;
        _fibers = [.. Enumerable.Range(0, program.Program.Fibers.Count).Select(i => new FiberState(i))];
        _fiber = _fibers[0];
        _mutexes = [.. Enumerable.Range(0, program.Program.Mutexes).Select(_ => new MutexState())];
    }

    public ExpectedRun Run(FaultPlan fault, Schedule schedule, Kept kept)
    {
        Reset(fault, kept);
        Launch(schedule);
        while (_ending is not RunEnding.CapReached && Next() is { } fiber)
        {
            _fiber = fiber;
            _switch = false;
            Resume();
            Execute();
            _watch?.Left(_fiber);
        }

        return Collect();
    }

    /// <summary>Where each fiber is when its log has come to these digests.</summary>
    public FiberMoment?[] Moments(FaultPlan fault, Schedule schedule, IReadOnlyList<ulong> digests)
    {
        _watch = new MomentWatch(this, digests);
        Run(fault, schedule, Kept.Counts);
        var moments = _watch.Moments;
        _watch = null;
        return moments;
    }

    private void Reset(FaultPlan fault, Kept kept)
    {
        _fault = new FaultCursor(_defect is ModelDefect.Persistent && fault is FaultPlan.ErrorAt once ? once with { Persistent = false } : fault);
        _kept = kept;
        _ending = RunEnding.Finished;
        _entries = 0;
        _events = 0;
        _acquired = 0;
        _probes = 0;
        _framesInTraces = 0;
        _steps = 0;
        _entryPoints.Clear();
        _traces.Clear();
        _sightings.Clear();
        foreach (var fiber in _fibers)
        {
            fiber.Reset(_program.Program.Fibers[fiber.Index].Fuel);
        }

        foreach (var mutex in _mutexes)
        {
            mutex.Reset();
        }
    }

    private ExpectedRun Collect()
    {
        var digests = Array.ConvertAll(_fibers, fiber => fiber.Digest);
        var outcomes = Array.ConvertAll(_fibers, fiber => fiber.Outcome);
        var events = _kept is Kept.Everything ? Array.ConvertAll(_fibers, fiber => new EquatableArray<Event>([.. fiber.Events])) : [];
        return new(
            new(events),
            new(digests),
            new(outcomes),
            Digests.Combine(digests),
            _entries,
            _events,
            _acquired,
            new([.. _entryPoints]),
            new([.. _traces]),
            _ending) { ProbeCount = _probes, Sightings = new([.. _sightings]), Calls = new(_profiles[..Math.Min(_entries, CallProfile.MaxCalls)]) };
    }

    private void Execute()
    {
        while (!_switch)
        {
            if (++_steps > ProgramLimits.MaxSteps)
            {
                ReachCap();
                return;
            }

            Step(in _code[_fiber.Pc++]);
        }
    }

    private void Step(in Instruction i)
    {
        switch (i.Op)
        {
            case Op.Checkpoint:
                Checkpoint(i.A, i.B != 0);
                break;
            case Op.Call:
                Call(in i);
                break;
            case Op.Return:
                Return();
                break;
            case Op.RunDeferred:
                _fiber.CountCleanup();
                _fiber.BeginDeferred(_fiber.Pc);
                _fiber.Pc = i.A;
                break;
            case Op.EndDeferred:
                _fiber.Pc = _fiber.EndDeferred();
                break;
            case Op.Jump:
                _fiber.Pc = i.A;
                break;
            case Op.JumpUnless:
                JumpUnless(Holds(in _program.Conditions[i.B]), i.A);
                break;
            case Op.JumpUnlessFuel:
                JumpUnless(_fiber.Fuel > 0, i.A);
                _fiber.Fuel -= Math.Min(_fiber.Fuel, _defect is ModelDefect.Fuel ? 2 : 1);
                break;
            case Op.JumpUnlessError:
                JumpUnless(_fiber.Error == i.B, i.A);
                break;
            case Op.LoopNext:
                JumpUnless(++_fiber.Slot(i.A).Bits >= (ulong)i.B, i.C);
                break;
            case Op.KeepError:
                _fiber.Slot(CompiledFunction.ErrorSlot).Bits = (ulong)_fiber.Error;
                break;
            default:
                Effect(in i);
                break;
        }
    }

    /// <summary>Instructions that log or write.</summary>
    private void Effect(in Instruction i)
    {
        switch (i.Op)
        {
            case Op.Leave:
                Record(EventKind.Leave, i.A, 0);
                break;
            case Op.Log:
                Record(EventKind.Log, i.Site, Eval(i.A));
                break;
            case Op.LogBuffer:
                Record(EventKind.Log, i.Site, Values.SumOfFilled(i.B, _fiber.Slot(i.A).Bits));
                break;
            case Op.Make:
                _fiber.Slot(i.A) = new(Eval(i.C), i.B);
                break;
            case Op.Copy:
                _fiber.Slot(i.A) = _fiber.Slot(i.B);
                break;
            case Op.SetWord:
                _fiber.Slot(i.A) = new(Eval(i.B), Value.Word);
                break;
            case Op.StoreThrough:
                _fiber.At(_fiber.Slot(i.A).Bits).Bits = Eval(i.B);
                break;
            case Op.Raise:
                _fiber.Slot(CompiledFunction.ErrorSlot).Bits = (ulong)i.A;
                Record(EventKind.Raised, i.Site, (ulong)i.A);
                Sight(i.Site);
                break;
            case Op.Caught:
                Record(EventKind.Caught, i.Site, (ulong)_fiber.Error);
                Sight(i.Site);
                break;
            case Op.ErrDeferred:
                Record(EventKind.ErrDeferred, i.Site, _fiber.Slot(CompiledFunction.ErrorSlot).Bits);
                Sight(i.Site);
                break;
            case Op.TraceError:
                _fiber.Errors.Add((ErrorStep)i.A, i.Site);
                break;
            case Op.BeginHandler or Op.EndHandler:
                Handle(i.A, begins: i.Op is Op.BeginHandler);
                break;
            case Op.Acquire:
                Acquire(i.Site, i.A, (ResourceKind)i.B, -1);
                break;
            case Op.Release:
                Release(i.Site, _fiber.Slot(i.A).Bits);
                break;
            case Op.Probe:
                Record(EventKind.Probe, i.Site, 0);
                Trace(i.Site);
                Sight(i.Site);
                break;
            default:
                Coordinate(in i);
                break;
        }
    }

    /// <summary>Instructions that concern other fibers.</summary>
    private void Coordinate(in Instruction i)
    {
        switch (i.Op)
        {
            case Op.Lock:
                Lock(in i);
                break;
            case Op.Yield:
                Record(EventKind.Yielded, i.Site, 0);
                MakeReady(_fiber);
                _switch = true;
                break;
            case Op.Spawn:
                Spawn(i.Site, _fibers[i.A]);
                break;
            case Op.Join:
                Join(in i);
                break;
            case Op.Cancel:
                Cancel(i.Site, _fibers[i.A]);
                break;
            default:
                throw new UnreachableException(i.Op.ToString());
        }
    }

    /// <summary>Looks at the running fiber's error return trace.</summary>
    private void Sight(int site)
    {
        if (_kept is not Kept.Counts && _fiber.Errors.Sightings++ < ErrorSighting.MaxPerFiber)
        {
            _sightings.Add(new(_fiber.Index, site, _fiber.Errors.Take()));
        }
    }

    private void Handle(int slot, bool begins)
    {
        ref var level = ref _fiber.Slot(CompiledFunction.LevelSlot).Bits;
        if (begins)
        {
            _fiber.Slot(slot) = new(level, Value.Word);
            level = (ulong)_fiber.Errors.Index;
        }
        else
        {
            level = _fiber.Slot(slot).Bits;
            _fiber.Errors.Index = _defect is ModelDefect.ErrorIndex ? _fiber.Errors.Index : (int)level;
        }
    }

    private void JumpUnless(bool holds, int target)
    {
        if (!holds)
        {
            _fiber.Pc = target;
        }
    }

    private void Record(EventKind kind, int a, ulong b)
    {
        var e = new Event(kind, (uint)a, b);
        _fiber.Digest = Digests.Add(_fiber.Digest, e);
        if (_kept is Kept.Everything)
        {
            _fiber.Events.Add(e);
        }

        _watch?.Recorded(_fiber);
        if (++_events > ProgramLimits.MaxEvents)
        {
            ReachCap();
        }
    }

    private void ReachCap()
    {
        _ending = RunEnding.CapReached;
        _switch = true;
    }
}
