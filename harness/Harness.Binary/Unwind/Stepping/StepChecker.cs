using System.Buffers.Binary;
using System.Globalization;

namespace Harness.Binary.Unwind.Stepping;

/// <summary>
/// Follows a program instruction by instruction and compares, before each one, what its unwind rows say with what its instructions did: the innermost
/// frame in full at every step, the whole chain every so often and wherever the stack is another. What could not be evaluated is a finding.
/// </summary>
/// <param name="wholeEvery">How many steps may pass between comparisons of the whole chain.</param>
public sealed class StepChecker(TracedModules modules, IFrameMemory memory, int wholeEvery = StepChecker.WholeEvery)
{
    public const int WholeEvery = 64;

    /// <summary>Different findings that are kept.</summary>
    private const int MaxFindings = 1000;
    private const int MaxPlaces = 4_000_000;

    private readonly Dictionary<ulong, CodePlace> _places = [];
    private readonly Dictionary<(ulong, StepFault), StepFinding> _findings = [];
    private readonly Dictionary<StepShortcoming, long> _known = [];
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

    /// <summary>Steps so far.</summary>
    public long Steps => _steps;

    /// <summary>Where control stands.</summary>
    public ulong Pc => _place.Pc;

    /// <summary>The function that stepping began in has returned.</summary>
    public bool HasReturned => ReferenceEquals(_shadow.Current, _outermost) && _outermost.Depth < _depthAtBegin;

    /// <summary>Begins where the program stands: its callers are taken from its rows, as nobody saw the calls.</summary>
    /// <exception cref="InvalidDataException">They do not lead to the program's beginning.</exception>
    public void Begin(in FrameRegisters registers)
    {
        _unwinder = new Unwinder(modules, _paged);
        _shadow = new ShadowStack(memory, PlaceAt);
        var trace = _unwinder.Walk(registers);
        if (!trace.IsComplete)
        {
            throw new InvalidDataException($"stepping begins where the chain of callers does not lead to the program's beginning: {trace.End}");
        }

        _shadow.Begin(trace);
        (_outermost, _depthAtBegin) = (_shadow.Current, _shadow.Current.Depth);
        _registers = registers;
        _place = PlaceAt(registers[DwarfRegister.Rip]!.Value);
        Check();
    }

    /// <summary>The program has done one step.</summary>
    /// <param name="delivered">The signal that went with it; 0: none.</param>
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

        _place = PlaceAt(registers[DwarfRegister.Rip].GetValueOrDefault());
        Check();
    }

    public StepReport Report() => new(
        _steps, _checked, _whole, _frames, _places.Values.LongCount(p => p.Visits > 0), _depthMax, _shadow.Switches, _shadow.Splits, _shadow.Signals,
        [.. _findings.Values.OrderBy(f => f.Step)], _known, [.. modules.All.SelectMany(Coverage)]);

    private CodePlace PlaceAt(ulong pc)
    {
        if (!_places.TryGetValue(pc, out var place))
        {
            if (_places.Count == MaxPlaces)
            {
                throw new InvalidDataException($"the program has more than {MaxPlaces} different instructions; step through a smaller one");
            }

            _places[pc] = place = CodePlace.Of(pc, modules.Find(pc));
        }

        return place;
    }

    private void Check()
    {
        var place = _place;
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

    /// <summary>By the row alone.</summary>
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

    /// <summary>By the unwinder that walks whole chains.</summary>
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

        Compare(place, frame!, _shadow.Now(_shadow.Current.Top, out var redirected), _shadow.Current.Top.GivesRbxAway, redirected);
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

    /// <summary>Every frame, from the innermost to the one that has no caller.</summary>
    private void CheckWhole(CodePlace place)
    {
        _paged.Forget();
        _whole++;
        var trace = _unwinder.Walk(_registers);
        var chain = _shadow.Current;
        var depth = _shadow.HasLeft ? 0 : chain.Depth;
        _frames += trace.Frames.Count;
        var rbxGiven = false;
        for (var i = 0; i < depth; i++)
        {
            if (i > 0 && IsBlindRestorer(PlaceAt(chain[depth - i].Return)))
            {
                Excuse(StepShortcoming.Restorer);
                return;
            }

            if (i == trace.Frames.Count)
            {
                break;
            }

            if (IsReleased(trace.Frames[i], chain[depth - 1 - i], i))
            {
                Excuse(StepShortcoming.Released);
                return;
            }

            rbxGiven |= chain[depth - 1 - i].GivesRbxAway;
            if (!Compare(place, trace.Frames[i], _shadow.Now(chain[depth - 1 - i], out var redirected), rbxGiven, redirected, i))
            {
                return;
            }

            if (redirected)
            {
                depth = i + 1;
            }
        }

        if (trace.End is TraceEnd.Failed failed)
        {
            Found(place, StepFault.WrongChain, $"{depth + 1} frames", $"{trace.Frames.Count}, then {failed.Problem}");
        }
        else if (trace.Frames.Count != depth + 1)
        {
            Found(place, StepFault.WrongChain, $"{depth + 1} frames", $"{trace.Frames.Count}");
        }
    }

    private static bool IsBlindRestorer(CodePlace place) =>
        place.Role.HasFlag(CodeRole.Restorer) && place.Row is not { Entry.Common.IsSignalFrame: true };

    /// <summary>The gate's return address, on the stack that was given back, is zero by now: nothing can ever return through it.</summary>
    private bool IsReleased(UnwoundFrame frame, in ShadowFrame expected, int number) =>
        number > 0 && frame.Cfa == expected.Cfa && frame.Caller[DwarfRegister.Rip] == 0 && expected.Return != 0
        && PlaceAt(frame.LookupPc).Role.HasFlag(CodeRole.Stub);

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

    private void Found(CodePlace place, StepFault fault, string expected, string observed)
    {
        var (name, offset) = place.Module?.Name(place.Pc) ?? (Hex(place.Pc), 0);
        if (StepShortcoming.Functions.FirstOrDefault(s => s.Where == name) is { } known)
        {
            Excuse(known);
        }
        else if (_findings.TryGetValue((place.Pc, fault), out var before))
        {
            _findings[(place.Pc, fault)] = before with { Count = before.Count + 1 };
        }
        else if (_findings.Count < MaxFindings)
        {
            var text = place.Module is { } module ? CodePlace.Decode(module.Code(place.Pc), place.Pc).ToString() : "?";
            _findings[(place.Pc, fault)] = new StepFinding(
                fault, place.Pc, $"{name}+{offset:x}", text, expected, observed, _steps, 1, place.Role.HasFlag(CodeRole.Stub));
        }
    }

    private void Excuse(StepShortcoming shortcoming) => _known[shortcoming] = _known.GetValueOrDefault(shortcoming) + 1;

    private IEnumerable<StubCoverage> Coverage(TracedModule module)
    {
        foreach (var stub in module.Stubs)
        {
            var code = module.File.Memory(stub.Value);
            var (instructions, missed) = (0, new List<(long, string)>());
            for (var at = 0; at < (int)stub.Size;)
            {
                var instruction = CodePlace.Decode(code[at..], stub.Value + (ulong)at);
                instructions++;
                if (!_places.TryGetValue(unchecked(stub.Value + (ulong)at + module.Bias), out var place) || place.Visits == 0)
                {
                    missed.Add((at, instruction.ToString()));
                }

                at += Math.Max(1, instruction.Length);
            }

            yield return new StubCoverage(stub.Name, instructions, instructions - missed.Count, missed);
        }
    }

    private string Named(ulong address) => modules.Find(address) is { } module && module.Name(address) is var (name, offset)
        ? $"{name}+{offset:x}" : Hex(address);

    private static string Hex(ulong value) => value.ToString("x", CultureInfo.InvariantCulture);
}

/// <summary>Reads a page at a time and keeps it until told to forget.</summary>
internal sealed class PagedMemory(IFrameMemory memory) : IFrameMemory
{
    private const int PageBytes = 4096;
    private readonly Dictionary<ulong, byte[]?> _pages = [];
    private readonly Stack<byte[]> _free = [];

    public void Forget()
    {
        foreach (var page in _pages.Values)
        {
            if (page is not null)
            {
                _free.Push(page);
            }
        }

        _pages.Clear();
    }

    public bool TryRead(ulong address, Span<byte> into)
    {
        var offset = (int)(address % PageBytes);
        if (offset + into.Length > PageBytes)
        {
            return memory.TryRead(address, into);
        }

        var number = address / PageBytes;
        if (!_pages.TryGetValue(number, out var page))
        {
            page = _free.Count > 0 ? _free.Pop() : new byte[PageBytes];
            if (!memory.TryRead(number * PageBytes, page))
            {
                _free.Push(page);
                page = null;
            }

            _pages[number] = page;
        }

        page?.AsSpan(offset, into.Length).CopyTo(into);
        return page is not null;
    }
}
