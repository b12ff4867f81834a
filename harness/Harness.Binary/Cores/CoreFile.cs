using System.Buffers.Binary;
using Harness.Binary.Unwind;
using Microsoft.Win32.SafeHandles;

namespace Harness.Binary.Cores;

/// <summary>
/// A dead process's memory and registers: an ELF core of x86-64 Linux, as the kernel, gdb or <see cref="CoreWriter"/> write it. Cores come from outside, so
/// every count, offset and size is checked; what does not hold is an <see cref="InvalidDataException"/> with the file's name and the reason in one
/// line. Memory is read from the file when asked for.
/// </summary>
public sealed class CoreFile : IFrameMemory, IDisposable
{
    private readonly SafeFileHandle? _file;
    private readonly byte[]? _bytes;
    private readonly CoreLimits _limits;
    private readonly CoreRegion[] _regions;

    private CoreFile(SafeFileHandle? file, byte[]? bytes, string name, CoreLimits limits)
    {
        (_file, _bytes, Name, _limits) = (file, bytes, name, limits);
        Length = file is null ? bytes!.Length : RandomAccess.GetLength(file);
        var (regions, notes) = ReadSegments();
        _regions = regions;
        (Threads, Signal, Auxiliary, Mappings) = CoreNotes.Read(notes, name, limits);
    }

    /// <summary>For messages.</summary>
    public string Name { get; }

    public long Length { get; }

    /// <summary>The first is the one that the process died of.</summary>
    public IReadOnlyList<CoreThread> Threads { get; }

    /// <summary>Null where the file does not say (a process that was alive, or that ended itself).</summary>
    public CoreSignal? Signal { get; }

    /// <summary>The auxiliary vector: AT_… to value.</summary>
    public IReadOnlyDictionary<ulong, ulong> Auxiliary { get; }

    public IReadOnlyList<CoreMapping> Mappings { get; }

    /// <summary>By address.</summary>
    public IReadOnlyList<CoreRegion> Regions => _regions;

    /// <exception cref="InvalidDataException">Not a core that this reader understands, or cut off.</exception>
    public static CoreFile Open(string path, CoreLimits? limits = null)
    {
        var file = File.OpenHandle(path, options: FileOptions.RandomAccess);
        try
        {
            return new CoreFile(file, null, path, limits ?? CoreLimits.Default);
        }
        catch (InvalidDataException)
        {
            file.Dispose();
            throw;
        }
    }

    /// <exception cref="InvalidDataException">Not a core that this reader understands, or cut off.</exception>
    public static CoreFile Parse(byte[] bytes, string name, CoreLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        return new CoreFile(null, bytes, name, limits ?? CoreLimits.Default);
    }

    /// <summary>Whether a file begins as ELF files do.</summary>
    public static bool IsElf(string path)
    {
        Span<byte> head = stackalloc byte[4];
        try
        {
            using var file = File.OpenHandle(path);
            return RandomAccess.Read(file, head, 0) == head.Length && head.SequenceEqual("\u007fELF"u8);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return false;
        }
    }

    /// <summary>The region of an address, whether its bytes are in the file or not.</summary>
    public CoreRegion? RegionOf(ulong address)
    {
        var (low, high) = (0, _regions.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _regions[middle].Low <= address ? (middle + 1, high) : (low, middle);
        }

        return low > 0 && address < _regions[low - 1].High ? _regions[low - 1] : null;
    }

    /// <summary>All of it, or false: bytes that the file does not have are not known.</summary>
    public bool TryRead(ulong address, Span<byte> into)
    {
        while (!into.IsEmpty)
        {
            if (RegionOf(address) is not { } region || address - region.Low >= region.FileBytes)
            {
                return false;
            }

            var skip = address - region.Low;
            var part = into[..(int)Math.Min((ulong)into.Length, region.FileBytes - skip)];
            if (!ReadAt(region.Offset + (long)skip, part))
            {
                return false;
            }

            address = unchecked(address + (ulong)part.Length);
            into = into[part.Length..];
        }

        return true;
    }

    public ulong? Word(ulong address)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        return TryRead(address, word) ? BinaryPrimitives.ReadUInt64LittleEndian(word) : null;
    }

    public void Dispose() => _file?.Dispose();

    private InvalidDataException Bad(string reason) => new($"{Name}: {reason}");

    private bool ReadAt(long offset, Span<byte> into)
    {
        if (offset < 0 || offset > Length - into.Length)
        {
            return false;
        }

        if (_bytes is not null)
        {
            _bytes.AsSpan((int)offset, into.Length).CopyTo(into);
            return true;
        }

        while (!into.IsEmpty)
        {
            var count = RandomAccess.Read(_file!, into, offset);
            if (count <= 0)
            {
                return false;
            }

            offset += count;
            into = into[count..];
        }

        return true;
    }

    private byte[] Take(ulong offset, long bytes, string what)
    {
        var taken = new byte[bytes];
        return offset <= long.MaxValue && ReadAt((long)offset, taken) ? taken : throw Bad($"ends before the end of {what}: it has been cut off");
    }

    private (CoreRegion[] Regions, List<byte[]> Notes) ReadSegments()
    {
        if (Length > _limits.MaxFileBytes)
        {
            throw Bad($"has {Length} bytes, which exceeds the maximum of {_limits.MaxFileBytes}");
        }

        var header = Take(0, Math.Min(Length, CoreFormat.HeaderBytes), "its header");
        if (header.Length < CoreFormat.HeaderBytes || !header.AsSpan(0, 4).SequenceEqual("\u007fELF"u8))
        {
            throw Bad("is not an ELF file");
        }

        var (type, machine) = (BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(16)), BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(18)));
        if (header[4] != 2 || header[5] != 1 || type != CoreFormat.TypeCore || machine != CoreFormat.MachineX64)
        {
            throw Bad("is not a core of an x86-64 process");
        }

        var count = SegmentCount(header);
        var table = Take(BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(32)), (long)count * CoreFormat.SegmentBytes, "its program headers");
        var (regions, notes, noteBytes) = (new List<CoreRegion>(), new List<byte[]>(), 0UL);
        for (var i = 0; i < count; i++)
        {
            var segment = table.AsSpan(i * CoreFormat.SegmentBytes, CoreFormat.SegmentBytes);
            var (offset, bytes) = (BinaryPrimitives.ReadUInt64LittleEndian(segment[8..]), BinaryPrimitives.ReadUInt64LittleEndian(segment[32..]));
            switch (BinaryPrimitives.ReadUInt32LittleEndian(segment))
            {
                case CoreFormat.Load:
                    regions.Add(Region(segment, offset, bytes));
                    break;
                case CoreFormat.Note when bytes > (ulong)_limits.MaxNoteBytes - noteBytes:
                    throw Bad($"has notes of more than {_limits.MaxNoteBytes} bytes");
                case CoreFormat.Note:
                    noteBytes += bytes;
                    notes.Add(Take(offset, (long)bytes, "its notes"));
                    break;
            }
        }

        return (Sorted(regions), notes);
    }

    private int SegmentCount(byte[] header)
    {
        uint count = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(56));
        if (count > 0 && BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(54)) != CoreFormat.SegmentBytes)
        {
            throw Bad($"has program headers of another size than {CoreFormat.SegmentBytes} bytes");
        }

        if (count == CoreFormat.ManySegments)
        {
            var section = Take(BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(40)), CoreFormat.SectionBytes, "its first section header");
            count = BinaryPrimitives.ReadUInt32LittleEndian(section.AsSpan(44));
        }

        return count <= _limits.MaxSegments ? (int)count : throw Bad($"reports {count} program headers, which exceeds the maximum of {_limits.MaxSegments}");
    }

    private CoreRegion Region(ReadOnlySpan<byte> segment, ulong offset, ulong bytes)
    {
        var (low, size) = (BinaryPrimitives.ReadUInt64LittleEndian(segment[16..]), BinaryPrimitives.ReadUInt64LittleEndian(segment[40..]));
        if (bytes > size || size > ulong.MaxValue - low)
        {
            throw Bad($"has a segment at {low:x} of {bytes} bytes in the file and {size} in memory, which cannot be");
        }

        if (bytes > 0 && (offset > (ulong)Length || bytes > (ulong)Length - offset))
        {
            throw Bad($"has {Length} bytes and should have {offset + bytes}: it has been cut off");
        }

        return new CoreRegion(low, low + size, (CoreAccess)(BinaryPrimitives.ReadUInt32LittleEndian(segment[4..]) & 7), (long)Math.Min(offset, long.MaxValue), bytes);
    }

    private CoreRegion[] Sorted(List<CoreRegion> regions)
    {
        var sorted = regions.Where(r => r.High > r.Low).OrderBy(r => r.Low).ToArray();
        for (var i = 1; i < sorted.Length; i++)
        {
            if (sorted[i].Low < sorted[i - 1].High)
            {
                throw Bad($"has two segments at {sorted[i].Low:x}");
            }
        }

        return sorted;
    }
}
