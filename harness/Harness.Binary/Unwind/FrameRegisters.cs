using System.Runtime.CompilerServices;

namespace Harness.Binary.Unwind;

/// <summary>The seventeen registers of a frame, each known or not.</summary>
public struct FrameRegisters
{
    private Values _values;
    private uint _known;

    [InlineArray(DwarfRegister.Count)]
    private struct Values
    {
        private ulong _first;
    }

    public readonly ulong? this[int register] => IsKnown(register) ? _values[register] : null;

    public readonly bool IsKnown(int register) => (_known >> register & 1) != 0;

    public void Set(int register, ulong value)
    {
        _values[register] = value;
        _known |= 1u << register;
    }

    public void Forget(int register) => _known &= ~(1u << register);
}

/// <summary>Reads a stopped program: a core file, a traced process, a picture in a test.</summary>
public interface IFrameMemory
{
    /// <summary>Fills all of <paramref name="into"/>, or says that it cannot.</summary>
    bool TryRead(ulong address, Span<byte> into);
}

/// <summary>Finds the file that code at an address comes from.</summary>
public interface IFrameModules
{
    /// <returns>The table and what was added to its addresses by the loader; null where there is no code that is known.</returns>
    (UnwindTable Table, ulong Bias)? At(ulong address);
}

/// <summary>One file, loaded where it says.</summary>
public sealed class SingleModule(UnwindTable table, ulong bias = 0) : IFrameModules
{
    public (UnwindTable Table, ulong Bias)? At(ulong address) => (table, bias);
}
