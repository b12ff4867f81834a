using System.Buffers.Binary;
using System.Globalization;

namespace Harness.Binary.Unwind.Stepping;

/// <summary>
/// Follows a program instruction by instruction and compares, before each one, what its unwind rows say with what its instructions did: the innermost
/// frame in full at every step, the whole chain every so often and wherever the stack is another. What could not be evaluated is a finding.
/// </summary>
/// <param name="wholeEvery">How many steps may pass between comparisons of the whole chain.</param>
public sealed partial class StepChecker(TracedModules modules, IFrameMemory memory, int wholeEvery = StepChecker.WholeEvery)
{
    public const int WholeEvery = 64;

    private readonly CodePlaces _places = new(modules);
    private readonly StepLedger _ledger = new();
    private readonly PagedMemory _paged = new(memory);
    private ShadowStack _shadow = null!;
    private Unwinder _unwinder = null!;
    private CodePlace _place = null!;
    private FrameRegisters _registers;
    private readonly byte[] _window = new byte[1024];
    private (ulong Address, int Length) _windowAt;
    private long _steps;
    private long _checked;
    private long _whole;
    private long _frames;
    private long _lastWhole;
    private long _lastSwitches;
    private int _depthMax;
    private ShadowChain _outermost = null!;
    private int _depthAtBegin;

    public long Steps => _steps;

    public ulong Pc => _place.Pc;

    public bool IsInStub => _place.Role.HasFlag(CodeRole.Stub);

    public bool IsNew => _place.Visits == 1;

    public string Describe(ulong address) => Named(address);

    /// <summary>The function that stepping began in has returned.</summary>
    public bool HasReturned => ReferenceEquals(_shadow.Current, _outermost) && _outermost.Depth < _depthAtBegin;

    /// <summary>Begins where the program stands: its callers are taken from its rows, as nobody saw the calls.</summary>
    /// <exception cref="InvalidDataException">They do not lead to the program's beginning.</exception>
    public void Begin(in FrameRegisters registers)
    {
        _unwinder = new Unwinder(modules, _paged);
        _shadow = new ShadowStack(memory, _places.At);
        var trace = _unwinder.Walk(registers);
        if (!trace.IsComplete && !EndsAtStart(trace))
        {
            throw new InvalidDataException($"stepping begins where the chain of callers does not lead to the program's beginning: {trace.End}");
        }

        StartsBlind = !trace.IsComplete;
        _shadow.Begin(trace);
        (_outermost, _depthAtBegin) = (_shadow.Current, _shadow.Current.Depth);
        Outside = _depthAtBegin > 0 ? _shadow.Current.Top.Return : 0;
        _registers = registers;
        _place = _places.At(registers[DwarfRegister.Rip]!.Value);
        Check();
    }

    /// <summary>The program has done one step, with which a signal was delivered unless <paramref name="delivered"/> is 0.</summary>
    public void Advance(in FrameRegisters registers, int delivered = 0)
    {
        _steps++;
        var from = _place;
        var problem = _shadow.Advance(from, _registers, registers, delivered);
        if (from.Writes || delivered != 0)
        {
            _windowAt = default;
        }

        _registers = registers;
        if (problem is not null)
        {
            Found(from, StepFault.Flow, "a call, a return or a switch of stacks", problem);
        }

        _place = _places.At(registers[DwarfRegister.Rip].GetValueOrDefault());
        Check();
    }

    /// <summary>
    /// Where a call of an exception's unwinder, at whose first instruction the program stands, returns to; null: it stands elsewhere.
    /// </summary>
    public ulong? UnwinderReturn =>
        _place.Role.HasFlag(CodeRole.Unwinds) && _place.Module!.Name(Pc).Offset == 0 && _shadow.Current.Depth > 0 ? _shadow.Current.Top.Return : null;

    /// <summary>
    /// The program has run on unwatched, out of the function that it stood at the beginning of, or into another that this one called and that leaves for
    /// a caller further out. What happened on the way is not checked.
    /// </summary>
    public void Resume(in FrameRegisters registers)
    {
        _windowAt = default;
        _registers = registers;
        _shadow.Resumed(registers);
        _place = _places.At(registers[DwarfRegister.Rip].GetValueOrDefault());
        Check();
    }

    public StepReport Report() => new(
        _steps, _checked, _whole, _frames, _places.Visited, _depthMax, _shadow.Switches, _shadow.Splits, _shadow.Signals,
        _ledger.Findings, _ledger.Known, [.. modules.All.SelectMany(module => StepLedger.Coverage(module, _places.IsVisited))]);

    private void Check()
    {
        var place = _place;
        _excused = null;
        place.Visits++;
        var chain = _shadow.Current;
        _depthMax = Math.Max(_depthMax, chain.Depth);
        if (place.Role.HasFlag(CodeRole.WithoutRows) && place.Row is null)
        {
            Excuse(StepShortcoming.NoRows);
            return;
        }

        if (place.Role.HasFlag(CodeRole.Jumps))
        {
            Excuse(StepShortcoming.Jumping);
            return;
        }

        if (IsBlindRestorer(place))
        {
            Excuse(StepShortcoming.Restorer);
            return;
        }

        if (place.Row is not { } row)
        {
            Found(place, StepFault.NoRow, "a row", "none");
            return;
        }

        _checked++;
        if (row.Entry.Common.IsSelfHosted && chain.Depth > 0)
        {
            chain.Top.GivesRbxAway = true;
        }

        if (row.IsComplex)
        {
            CheckSlowly(place);
        }
        else
        {
            CheckQuickly(place, row);
        }

        var isFirstInStub = place.Role.HasFlag(CodeRole.Stub) && !place.WholeSeen;
        if (_steps - _lastWhole >= wholeEvery || isFirstInStub || _lastSwitches != _shadow.Switches)
        {
            place.WholeSeen = true;
            (_lastWhole, _lastSwitches) = (_steps, _shadow.Switches);
            CheckWhole(place);
        }
    }

    private void CheckQuickly(CodePlace place, CompiledRow row)
    {
        var isLast = _shadow.HasLeft || _shadow.Current.Depth == 0;
        if (row.Return.Kind is RuleKind.Undefined || isLast)
        {
            CheckEnd(place, row.Return.Kind is RuleKind.Undefined, isLast);
            return;
        }

        ref var expected = ref _shadow.Current.Top;
        var cfa = unchecked(_registers[row.CfaRegister].GetValueOrDefault() + (ulong)row.CfaOffset);
        if (cfa != expected.Cfa)
        {
            Found(place, StepFault.WrongCfa, Hex(expected.Cfa), $"{Hex(cfa)} ({row.Row.Cfa})");
            return;
        }

        if (!Load(unchecked(cfa + (ulong)row.Low), row.High - row.Low))
        {
            Found(place, StepFault.Unreadable, "words around the CFA", $"nothing at {Hex(unchecked(cfa + (ulong)row.Low))}");
            return;
        }

        if (row.Return.Kind is RuleKind.Offset && unchecked(cfa + (ulong)row.Return.Value) != expected.Slot)
        {
            Found(place, StepFault.WrongReturnSlot, Hex(expected.Slot), Hex(unchecked(cfa + (ulong)row.Return.Value)));
            return;
        }

        var back = Value(row, row.Return, 0);
        if (back == 0 && place.Role.HasFlag(CodeRole.Stub))
        {
            Excuse(StepShortcoming.Released);
            return;
        }

        if (back != expected.Return)
        {
            Found(place, StepFault.WrongReturnAddress, Named(expected.Return), Named(back));
            return;
        }

        for (var i = 0; i < row.Saved.Length; i++)
        {
            var value = Value(row, row.Saved[i], DwarfRegister.CalleeSaved[i]);
            if (value != expected.Registers[i])
            {
                WrongRegister(place, expected.GivesRbxAway, i, expected.Registers[i], row.Saved[i].Kind is RuleKind.Undefined ? null : value);
            }
        }
    }

    private void CheckSlowly(CodePlace place)
    {
        _paged.Forget();
        var end = _unwinder.Step(_registers, isExact: true, out var frame);
        if (end is TraceEnd.Failed failed)
        {
            Found(place, StepFault.Unreadable, "a row that can be evaluated", failed.Problem.ToString());
            return;
        }

        var isLast = _shadow.HasLeft || _shadow.Current.Depth == 0;
        if (isLast || end is not null)
        {
            CheckEnd(place, end is not null, isLast);
            return;
        }

        Compare(place, frame!, _shadow.Now(_shadow.Current.Top, out var redirection), _shadow.Current.Top.GivesRbxAway, redirection is not Redirection.None);
    }

    private void CheckEnd(CodePlace place, bool ends, bool isLast)
    {
        if (ends && !isLast)
        {
            Found(place, StepFault.EndsEarly, $"a caller, {Named(_shadow.Current.Top.Return)}", "no caller");
        }
        else if (!ends)
        {
            Found(place, StepFault.NoEnd, "no caller: the trace ends here", "a caller");
        }
    }

    private void CheckWhole(CodePlace place)
    {
        _paged.Forget();
        _whole++;
        var trace = _unwinder.Walk(_registers);
        var chain = _shadow.Current;
        var depth = _shadow.HasLeft ? 0 : chain.Depth;
        _frames += trace.Frames.Count;
        var (rbxGiven, isBehindGate) = (false, false);
        for (var i = 0; i < depth; i++)
        {
            if (i > 0 && IsBlindRestorer(_places.At(chain[depth - i].Return)))
            {
                Excuse(StepShortcoming.Restorer);
                return;
            }

            if (i == trace.Frames.Count)
            {
                break;
            }

            isBehindGate |= _places.At(trace.Frames[i].LookupPc).Role.HasFlag(CodeRole.Stub);
            if (IsReleased(trace.Frames[i], chain[depth - 1 - i], isBehindGate))
            {
                Excuse(StepShortcoming.Released);
                return;
            }

            rbxGiven |= chain[depth - 1 - i].GivesRbxAway;
            if (!Compare(place, trace.Frames[i], _shadow.Now(chain[depth - 1 - i], out var redirection), rbxGiven, redirection is not Redirection.None, i))
            {
                return;
            }

            if (redirection is Redirection.Half)
            {
                Excuse(StepShortcoming.Redirecting);
                return;
            }

            depth = redirection is Redirection.Done ? i + 1 : depth;
        }

        if (trace.Frames.Count == depth && EndsAtStart(trace))
        {
            _ledger.Excuse(StepShortcoming.NoStart);
        }
        else if (trace.End is TraceEnd.Failed failed)
        {
            Found(place, StepFault.WrongChain, $"{depth + 1} frames", $"{trace.Frames.Count}, then {failed.Problem}");
        }
        else if (trace.Frames.Count != depth + 1)
        {
            Found(place, StepFault.WrongChain, $"{depth + 1} frames", $"{trace.Frames.Count}");
        }
    }

    /// <summary>Behind a gate a return address, on the stack that was given back, is zero by now: nothing can ever return through it.</summary>
    private bool IsReleased(UnwoundFrame frame, in ShadowFrame expected, bool isBehindGate) =>
        isBehindGate && frame.Cfa == expected.Cfa && frame.Caller[DwarfRegister.Rip] == 0 && expected.Return != 0;

    private bool Compare(CodePlace place, UnwoundFrame frame, in ShadowFrame expected, bool rbxGiven, bool redirected, int number = 0)
    {
        var back = frame.Caller[DwarfRegister.Rip];
        if (frame.Cfa == expected.Cfa && back == expected.Return && (expected.Kind is ShadowKind.Signal || frame.ReturnSlot is null || frame.ReturnSlot == expected.Slot))
        {
            for (var i = 0; i < DwarfRegister.CalleeSaved.Length && !redirected; i++)
            {
                var value = frame.Caller[DwarfRegister.CalleeSaved[i]];
                if (value != expected.Registers[i])
                {
                    WrongRegister(place, rbxGiven, i, expected.Registers[i], value, number);
                }
            }

            return true;
        }

        var where = number == 0 ? "" : $"frame {number}, {Named(frame.Pc)}: ";
        Found(
            place, number > 0 ? StepFault.WrongChain : frame.Cfa != expected.Cfa ? StepFault.WrongCfa : back != expected.Return ? StepFault.WrongReturnAddress : StepFault.WrongReturnSlot,
            $"{where}CFA {Hex(expected.Cfa)}, return to {Named(expected.Return)}", $"CFA {Hex(frame.Cfa)}, return to {Named(back ?? 0)}");
        return false;
    }

    private void WrongRegister(CodePlace place, bool rbxGiven, int index, ulong expected, ulong? value, int number = 0)
    {
        var register = DwarfRegister.CalleeSaved[index];
        if (register == DwarfRegister.Rbx && rbxGiven)
        {
            Excuse(StepShortcoming.LostRbx);
            return;
        }

        var name = DwarfRegister.Name(register);
        Found(
            place, StepFault.WrongRegister, $"{name} = {Hex(expected)}{(number == 0 ? "" : $" in frame {number}")}", value is { } known ? Hex(known) : "not known");
    }

    private ulong Value(CompiledRow row, Found found, int register) => found.Kind switch
    {
        RuleKind.Offset => BinaryPrimitives.ReadUInt64LittleEndian(_window.AsSpan(found.Value - row.Low)),
        RuleKind.Register => _registers[found.Value].GetValueOrDefault(),
        RuleKind.Undefined => 0,
        _ => _registers[register].GetValueOrDefault(),
    };

    /// <summary>Unless nothing has been written since, from the program's memory.</summary>
    private bool Load(ulong address, int length)
    {
        if (_windowAt == (address, length) && length > 0)
        {
            return true;
        }

        _windowAt = default;
        if (!memory.TryRead(address, _window.AsSpan(0, length)))
        {
            return false;
        }

        _windowAt = (address, length);
        return true;
    }

    private void Found(CodePlace place, StepFault fault, string expected, string observed) =>
        _excused = _ledger.Add(place, fault, expected, observed, _steps) ?? _excused;

    private void Excuse(StepShortcoming shortcoming)
    {
        _excused = shortcoming.SparesChain ? _excused : shortcoming;
        _ledger.Excuse(shortcoming);
    }

    private string Named(ulong address) => modules.Find(address) is { } module && module.Name(address) is var (name, offset)
        ? $"{name}+{offset:x}" : Hex(address);

    private static string Hex(ulong value) => value.ToString("x", CultureInfo.InvariantCulture);
}
