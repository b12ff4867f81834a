using System.Runtime.CompilerServices;

namespace Harness.Binary.Unwind.Stepping;

/// <summary>The six registers that a function gives back, in the order of <see cref="DwarfRegister.CalleeSaved"/>.</summary>
[InlineArray(6)]
internal struct SavedRegisters
{
    private ulong _first;

    public static SavedRegisters Of(in FrameRegisters registers)
    {
        var saved = default(SavedRegisters);
        for (var i = 0; i < 6; i++)
        {
            saved[i] = registers[DwarfRegister.CalleeSaved[i]] ?? 0;
        }

        return saved;
    }
}

internal enum ShadowKind : byte
{
    /// <summary>Pushed by a call.</summary>
    Call,

    /// <summary>Laid out by hand for a resume: a fiber's first.</summary>
    Context,

    /// <summary>Interrupted by a signal: what is below goes on exactly where it was.</summary>
    Signal,
}

/// <summary>One caller, as the instructions left it.</summary>
internal struct ShadowFrame
{
    public ShadowKind Kind;

    /// <summary>Where its return address lies; for a signal, where the kernel keeps the interrupted rip.</summary>
    public ulong Slot;

    /// <summary>What rsp is once it goes on.</summary>
    public ulong Cfa;

    /// <summary>Where it goes on.</summary>
    public ulong Return;

    /// <summary>The caller's registers when it called.</summary>
    public SavedRegisters Registers;

    /// <summary>The return address of a prologue's call of a stub that stands for the function which this call entered; 0: none.</summary>
    public ulong Site;

    /// <summary>Called was code of Zig's self-hosted backend, which promises rbx to nobody.</summary>
    public bool GivesRbxAway;
}

/// <summary>The callers of one stack, outermost first.</summary>
internal sealed class ShadowChain
{
    private ShadowFrame[] _frames = new ShadowFrame[64];

    public int Depth { get; private set; }

    public ref ShadowFrame Top => ref _frames[Depth - 1];

    public ref ShadowFrame this[int index] => ref _frames[index];

    /// <summary>Changes whenever the top does.</summary>
    public long Version { get; private set; }

    public void Push(in ShadowFrame frame)
    {
        if (Depth == _frames.Length)
        {
            Array.Resize(ref _frames, 2 * Depth);
        }

        _frames[Depth++] = frame;
        Version++;
    }

    public void CutTo(int depth)
    {
        Depth = depth;
        Version++;
    }
}
