using Harness.Binary.Unwind;

namespace Harness.Binary.Flow;

internal enum ValueKind : byte
{
    Unknown,

    /// <summary>The CFA plus a number.</summary>
    Cfa,

    /// <summary>What a register (by DWARF number; 16 is the return address) was when the function was entered.</summary>
    Entry,
    Constant,

    /// <summary>A 4-byte entry of the jump table at an address, relative to it.</summary>
    TableEntry,

    /// <summary>A place that an entry of such a table means.</summary>
    RelativeTarget,

    /// <summary>An entry of a table of 8-byte addresses.</summary>
    AbsoluteTarget,
}

/// <summary>What is known of a word from the code alone.</summary>
internal readonly record struct AbstractValue(ValueKind Kind, long Number)
{
    public static readonly AbstractValue Unknown = default;

    public static AbstractValue Cfa(long offset) => new(ValueKind.Cfa, offset);

    public static AbstractValue Entry(int register) => new(ValueKind.Entry, register);

    public static AbstractValue Constant(long number) => new(ValueKind.Constant, number);

    public bool IsKnown => Kind is not ValueKind.Unknown;

    public AbstractValue Plus(long number) => unchecked(Kind switch
    {
        ValueKind.Cfa or ValueKind.Constant => this with { Number = Number + number },
        _ => number == 0 ? this : Unknown,
    });

    public AbstractValue Plus(AbstractValue other) => (this, other) switch
    {
        (_, { Kind: ValueKind.Constant }) when Kind is not ValueKind.TableEntry => Plus(other.Number),
        ({ Kind: ValueKind.Constant }, { Kind: ValueKind.Cfa }) => other.Plus(Number),
        ({ Kind: ValueKind.TableEntry }, { Kind: ValueKind.Constant }) when Number == other.Number => new(ValueKind.RelativeTarget, Number),
        ({ Kind: ValueKind.Constant }, { Kind: ValueKind.TableEntry }) when Number == other.Number => new(ValueKind.RelativeTarget, Number),
        _ => Unknown,
    };

    public AbstractValue Minus(AbstractValue other) => unchecked((this, other) switch
    {
        (_, { Kind: ValueKind.Constant }) => Plus(-other.Number),
        ({ Kind: ValueKind.Cfa }, { Kind: ValueKind.Cfa }) => Constant(Number - other.Number),
        _ => Unknown,
    });

    public override string ToString() => Kind switch
    {
        ValueKind.Cfa => Number == 0 ? "CFA" : FormattableString.Invariant($"CFA{Number:+0;-0}"),
        ValueKind.Entry => Number == DwarfRegister.Rip ? "the return address" : $"the caller's {DwarfRegister.Name((int)Number)}",
        ValueKind.Constant => FormattableString.Invariant($"0x{Number:x}"),
        _ => "unknown",
    };
}

/// <summary>What is known at one place of a function: sixteen registers and the words of the frame that hold something known.</summary>
internal sealed class AbstractState
{
    private const int Registers = 16;

    /// <summary>Below rsp, what signal handlers leave alone.</summary>
    private const int RedZoneBytes = 128;

    private readonly AbstractValue[] _registers = new AbstractValue[Registers];
    private (long Offset, AbstractValue Value)[] _slots = new (long, AbstractValue)[8];
    private int _slotCount;

    /// <summary>
    /// Set by every change that matters to ordinary rows: of the callee-saved registers, rsp, r10, r11 and the words. The walker clears it when
    /// it has compared the state with a row.
    /// </summary>
    public bool Changed { get; set; } = true;

    /// <summary>Whether a CFA that is computed from a register is covered by <see cref="Changed"/>.</summary>
    public static bool Watches(int register) => (Watched >> register & 1) != 0;

    private const int Watched = 1 << DwarfRegister.Rbx | 1 << DwarfRegister.Rbp | 1 << DwarfRegister.Rsp | 0xfc00;

    /// <summary>At the entry of a function whose CFA is <paramref name="depth"/> bytes above rsp.</summary>
    public static AbstractState AtEntry(int depth)
    {
        var state = new AbstractState();
        for (var i = 0; i < Registers; i++)
        {
            state._registers[i] = AbstractValue.Entry(i);
        }

        state._registers[DwarfRegister.Rsp] = AbstractValue.Cfa(-depth);
        state.Store(-8, AbstractValue.Entry(DwarfRegister.Rip));
        return state;
    }

    public AbstractValue this[int register]
    {
        get => _registers[register];
        set
        {
            Changed |= Watches(register) && _registers[register] != value;
            _registers[register] = value;
        }
    }

    public AbstractState Copy()
    {
        var copy = new AbstractState();
        copy.Assign(this);
        return copy;
    }

    public void Assign(AbstractState other)
    {
        other._registers.CopyTo(_registers, 0);
        if (_slots.Length < other._slotCount)
        {
            _slots = new (long, AbstractValue)[other._slots.Length];
        }

        other._slots.AsSpan(0, other._slotCount).CopyTo(_slots);
        _slotCount = other._slotCount;
        Changed = true;
    }

    /// <summary>The word at CFA + <paramref name="offset"/>.</summary>
    public AbstractValue Load(long offset)
    {
        foreach (var slot in _slots.AsSpan(0, _slotCount))
        {
            if (slot.Offset == offset)
            {
                return slot.Value;
            }
        }

        return AbstractValue.Unknown;
    }

    /// <summary>A word that holds a value, or null.</summary>
    public long? Holding(AbstractValue value)
    {
        foreach (var slot in _slots.AsSpan(0, _slotCount))
        {
            if (slot.Value == value)
            {
                return slot.Offset;
            }
        }

        return null;
    }

    public void Store(long offset, AbstractValue value)
    {
        if (Load(offset) == value && value.IsKnown)
        {
            return;
        }

        Overwrite(offset, 8);
        // Only what rules can mean is worth keeping.
        if (value.Kind is not (ValueKind.Entry or ValueKind.Cfa))
        {
            return;
        }

        if (_slotCount == _slots.Length)
        {
            Array.Resize(ref _slots, 2 * _slotCount);
        }

        _slots[_slotCount++] = (offset, value);
        Changed = true;
    }

    /// <summary>Forgets the words that some bytes belong to.</summary>
    public void Overwrite(long offset, long bytes) => RemoveSlots(offset - 7, offset + bytes);

    /// <summary>What lies below rsp is the callee's.</summary>
    public void ForgetBelow(long offset) => RemoveSlots(long.MinValue, offset);

    /// <summary>The red zone's end, when rsp is known.</summary>
    public bool IsLost(long offset) => this[DwarfRegister.Rsp] is { Kind: ValueKind.Cfa } rsp && offset < rsp.Number - RedZoneBytes;

    /// <summary>Whether meeting the other would leave this as it is.</summary>
    public bool IsMetBy(AbstractState other)
    {
        for (var i = 0; i < Registers; i++)
        {
            if (_registers[i].IsKnown && _registers[i] != other._registers[i])
            {
                return false;
            }
        }

        foreach (var slot in _slots.AsSpan(0, _slotCount))
        {
            if (other.Load(slot.Offset) != slot.Value)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Keeps what both know.</summary>
    public void Meet(AbstractState other)
    {
        for (var i = 0; i < Registers; i++)
        {
            _registers[i] = _registers[i] == other._registers[i] ? _registers[i] : AbstractValue.Unknown;
        }

        for (var i = _slotCount - 1; i >= 0; i--)
        {
            if (other.Load(_slots[i].Offset) != _slots[i].Value)
            {
                _slots[i] = _slots[--_slotCount];
            }
        }
    }

    private void RemoveSlots(long from, long end)
    {
        for (var i = _slotCount - 1; i >= 0; i--)
        {
            if (_slots[i].Offset >= from && _slots[i].Offset < end)
            {
                _slots[i] = _slots[--_slotCount];
                Changed = true;
            }
        }
    }
}
