using System.Buffers;
using Iced.Intel;

namespace Harness.Binary.Unwind.Audit;

/// <summary>
/// The instructions of all functions of a file, one function's behind another's, in borrowed arrays: tens of megabytes that live as long as an audit, which the
/// garbage collector would otherwise move about while it lasts.
/// </summary>
internal sealed class DecodedInstructions : IDisposable
{
    /// <summary>Larger ones, of files that are broken or not ours, are made and dropped.</summary>
    private const int MaxBorrowed = 1 << 24;

    private const int BytesPerInstruction = 4;
    private Instruction[] _instructions;
    private int[] _indexOf;
    private int _count;
    private int _bytes;

    /// <param name="codeBytes">Of all functions together.</param>
    public DecodedInstructions(int codeBytes)
    {
        _instructions = Borrow<Instruction>((codeBytes / BytesPerInstruction) + 1);
        _indexOf = Borrow<int>(codeBytes);
    }

    /// <summary>Where one function's are.</summary>
    public readonly record struct Place(int First, int Count, int FirstByte);

    /// <summary>Decodes a function's code, to its last byte or beyond.</summary>
    public Place Add(ReadOnlySpan<byte> code, ulong start)
    {
        var place = new Place(_count, 0, _bytes);
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code.ToArray()), start);
        var indexOf = _indexOf.AsSpan(_bytes, code.Length);
        indexOf.Fill(-1);
        while (decoder.IP < start + (ulong)code.Length)
        {
            if (_count == _instructions.Length)
            {
                Grow();
            }

            indexOf[(int)(decoder.IP - start)] = _count - place.First;
            decoder.Decode(out _instructions[_count++]);
        }

        _bytes += code.Length;
        return place with { Count = _count - place.First };
    }

    public ReadOnlySpan<Instruction> Of(Place place) => _instructions.AsSpan(place.First, place.Count);

    /// <summary>The number of the instruction that starts at a byte of the function, or −1.</summary>
    public int IndexOf(Place place, int offset) => _indexOf[place.FirstByte + offset];

    /// <summary>Nothing of it may be used afterwards.</summary>
    public void Dispose()
    {
        Return(_instructions);
        Return(_indexOf);
        (_instructions, _indexOf, _count, _bytes) = ([], [], 0, 0);
    }

    private void Grow()
    {
        var larger = Borrow<Instruction>(checked(2 * _instructions.Length));
        _instructions.AsSpan(0, _count).CopyTo(larger);
        Return(_instructions);
        _instructions = larger;
    }

    private static T[] Borrow<T>(int count) => count <= MaxBorrowed ? ArrayPool<T>.Shared.Rent(Math.Max(count, 1)) : new T[count];

    private static void Return<T>(T[] array)
    {
        // What the pool gives is of a power of two, so at most this.
        if (array.Length is > 0 and <= MaxBorrowed)
        {
            ArrayPool<T>.Shared.Return(array);
        }
    }
}
