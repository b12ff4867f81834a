using System.Runtime.CompilerServices;

namespace Harness.Binary.StackUse;

/// <summary>What is known of a register other than rsp.</summary>
/// <param name="Kind">
/// 0: nothing; 1: it points Value bytes below the stack pointer at entry; 2: it is the number Value; 3: it is zero on those ways only that a
/// checkpoint let pass; 4: it is not zero.
/// </param>
internal readonly record struct Known(byte Kind, long Value)
{
    public static Known Below(long bytes) => new(1, bytes);

    public static Known Number(long value) => new(2, value);

    public static readonly Known Answer = new(3, 0);

    public static readonly Known Error = new(4, 0);

    public bool IsBelow => Kind == 1;

    public bool IsNumber => Kind == 2;

    /// <summary>What holds of a value that is one of two: an error, where a checkpoint did not let pass, keeps telling that.</summary>
    public Known Or(Known other) => this == other ? this : (Kind, other.Kind) is (3, 4) or (4, 3) ? Answer : default;
}

/// <summary>What is known at one place of a function, whichever way led there. Distances count down from rsp at entry, where the return address is.</summary>
internal struct WalkState
{
    /// <summary>rsp lies at most this far down.</summary>
    public long Depth;

    /// <summary>rsp is on another stack.</summary>
    public bool Elsewhere;

    /// <summary>Every way here led through a check that found at least <see cref="Guaranteed"/> bytes above the limit.</summary>
    public bool Checked;

    public long Guaranteed;

    /// <summary>Every way here led through a checkpoint that had nothing to tell: the function does not stand on the reserve.</summary>
    public bool Reported;

    /// <summary>A variable of 16 bits, by its distance down from rsp at entry, and what is known of it.</summary>
    public long Slot;

    public Known InSlot;

    /// <summary>
    /// 1: the flags are of a comparison of the place <see cref="ComparedAt"/> with the limit; 2: of rsp with that place; 3: of a checkpoint's
    /// answer with zero; 4: of what is not zero with zero.
    /// </summary>
    public byte Compared;

    public long ComparedAt;

    /// <summary>The number pushed last, where nothing was pushed or taken since.</summary>
    public Known Pushed;

    private Registers _registers;

    public Known this[Kept register]
    {
        readonly get => register is Kept.Stack ? Known.Below(Depth) : register is Kept.None ? default : _registers[(int)register];
        set
        {
            if (register is not (Kept.None or Kept.Stack))
            {
                _registers[(int)register] = value;
            }
        }
    }

    /// <summary>After a jump: what is known of flags and of registers used for anything does not go along.</summary>
    public readonly WalkState Arrived()
    {
        var state = this;
        state.Compared = 0;
        state[Kept.A] = default;
        state[Kept.B] = default;
        state[Kept.D] = default;
        return state;
    }

    /// <summary>After a call: the registers that callees may change.</summary>
    public void Returned()
    {
        Compared = 0;
        InSlot = default;
        this[Kept.A] = default;
        this[Kept.D] = default;
        this[Kept.R10] = default;
        this[Kept.R11] = default;
    }

    /// <summary>What holds whichever of two ways was taken; false: this held it already.</summary>
    public bool Join(in WalkState other)
    {
        var before = this;
        if (Elsewhere != other.Elsewhere)
        {
            Depth = Elsewhere ? other.Depth : Depth;
            Elsewhere = false;
        }
        else
        {
            Depth = Math.Max(Depth, other.Depth);
        }

        Checked &= other.Checked;
        InSlot = Slot == other.Slot ? InSlot.Or(other.InSlot) : default;
        Reported &= other.Reported;
        Guaranteed = Math.Min(Guaranteed, other.Guaranteed);
        Compared = ComparedAt != other.ComparedAt ? (byte)0
            : Compared == other.Compared ? Compared
            : (Compared, other.Compared) is (3, 4) or (4, 3) ? (byte)3 : (byte)0;
        Pushed = Pushed == other.Pushed ? Pushed : default;
        for (var register = Kept.Frame; register <= Kept.R11; register++)
        {
            var (mine, theirs) = (this[register], other[register]);
            this[register] = mine.Or(theirs) is var known && known != default ? known
                : register is Kept.Frame && mine.IsBelow && theirs.IsBelow ? Known.Below(Math.Max(mine.Value, theirs.Value))
                : default;
        }

        return Differs(before);
    }

    private readonly bool Differs(in WalkState other)
    {
        var same = Depth == other.Depth && Elsewhere == other.Elsewhere && Checked == other.Checked && Reported == other.Reported && Guaranteed == other.Guaranteed
            && Compared == other.Compared && Pushed == other.Pushed && InSlot == other.InSlot;
        for (var register = Kept.Frame; same && register <= Kept.R11; register++)
        {
            same = this[register] == other[register];
        }

        return !same;
    }

    [InlineArray((int)Kept.R11 + 1)]
    private struct Registers
    {
        private Known _first;
    }
}
