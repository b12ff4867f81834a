using System.Buffers;

namespace Harness.Binary;

/// <summary>
/// Bytes in an array that is borrowed and given back. Objects have many megabytes, each batch reads one and writes another, and arrays of that size, were
/// they new, would each call for a collection of everything that lives.
/// </summary>
public sealed class RentedBytes : IDisposable
{
    private byte[] _array;

    private RentedBytes(int capacity) => _array = ArrayPool<byte>.Shared.Rent(Math.Max(capacity, 16));

    public int Length { get; private set; }

    /// <summary>Valid until more is appended, or this is disposed of.</summary>
    public Span<byte> Span => _array.AsSpan(0, Length);

    /// <inheritdoc cref="Span"/>
    public ReadOnlyMemory<byte> Memory => _array.AsMemory(0, Length);

    /// <summary>None yet.</summary>
    /// <param name="capacity">Bytes that there is room for before all of them have to be copied.</param>
    public static RentedBytes WithRoom(int capacity) => new(capacity);

    /// <summary>A file's.</summary>
    /// <exception cref="InvalidDataException">It has more than so many bytes.</exception>
    public static RentedBytes Of(string path, int maxBytes)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        if (stream.Length > maxBytes)
        {
            throw new InvalidDataException($"{path}: has {stream.Length} bytes, which exceeds the maximum of {maxBytes}");
        }

        var bytes = new RentedBytes((int)stream.Length);
        try
        {
            bytes.Length = stream.ReadAtLeast(bytes._array.AsSpan(0, (int)stream.Length), (int)stream.Length, throwOnEndOfStream: false);
            return bytes;
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _array.Length - Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(checked(Math.Max(2 * _array.Length, Length + bytes.Length)));
            Span.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_array);
            _array = larger;
        }

        bytes.CopyTo(_array.AsSpan(Length));
        Length += bytes.Length;
    }

    /// <summary>Zeros up to a multiple of so many bytes.</summary>
    public void Align(int alignment)
    {
        ReadOnlySpan<byte> zeros = stackalloc byte[64];
        for (var left = (alignment - (Length % alignment)) % alignment; left > 0; left -= zeros.Length)
        {
            Append(zeros[..Math.Min(left, zeros.Length)]);
        }
    }

    /// <summary>Nothing of it may be used afterwards.</summary>
    public void Dispose()
    {
        if (_array.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_array);
        }

        (_array, Length) = ([], 0);
    }
}
