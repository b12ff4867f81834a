using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Harness.Binary.Unwind;
using Microsoft.Win32.SafeHandles;

namespace Harness.Binary.Cores;

/// <summary>A stopped process, as a core is written of it.</summary>
/// <param name="Id">Of the process.</param>
/// <param name="Name">Of its program.</param>
/// <param name="Threads">The one that it dies of first.</param>
/// <param name="SignalInfo">The kernel's siginfo_t; null where it ends without a signal.</param>
/// <param name="AuxiliaryVector">As the kernel gives it.</param>
/// <param name="Stretches">By address; of each what <paramref name="Memory"/> has is written.</param>
public sealed record CorePicture(
    int Id, string Name, IReadOnlyList<CoreThread> Threads, IReadOnlyList<byte[]> FloatingPoint, byte[]? SignalInfo, byte[] AuxiliaryVector, IReadOnlyList<CoreMapping> Mappings,
    IReadOnlyList<CoreStretch> Stretches, IFrameMemory Memory);

/// <summary>A stretch of a process's memory. <paramref name="HasContent"/>: it has been touched; otherwise it is known to be there, and that is all.</summary>
public readonly record struct CoreStretch(ulong Low, ulong High, CoreAccess Access, bool HasContent);

/// <summary>Writes cores as the kernel does (fs/binfmt_elf.c), so that gdb, libdw and others read them. Pages of zeros become holes.</summary>
public static class CoreWriter
{
    private const int PageBytes = 4096;
    private const int ChunkBytes = 1 << 20;

    /// <exception cref="InvalidDataException">There are more stretches than a core has room for.</exception>
    public static void Write(SafeFileHandle file, CorePicture picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        var notes = Notes(picture);
        var segments = picture.Stretches.Count + 1;
        if (segments >= CoreFormat.ManySegments)
        {
            throw new InvalidDataException($"a core of {picture.Stretches.Count} stretches of memory is too much");
        }

        var table = new byte[CoreFormat.HeaderBytes + (segments * CoreFormat.SegmentBytes)];
        Header(table, segments);
        Segment(table, 0, CoreFormat.Note, 0, new CoreStretch(0, 0, CoreAccess.Read, true), table.Length, notes.Length);
        RandomAccess.Write(file, notes, table.Length);
        var offset = Aligned(table.Length + notes.Length);
        for (var i = 0; i < picture.Stretches.Count; i++)
        {
            var stretch = picture.Stretches[i];
            var bytes = stretch.HasContent ? (long)(stretch.High - stretch.Low) : 0;
            Segment(table, i + 1, CoreFormat.Load, stretch.Low, stretch, offset, bytes);
            Copy(file, offset, stretch.Low, bytes, picture.Memory);
            offset += bytes;
        }

        RandomAccess.Write(file, table, 0);
        RandomAccess.SetLength(file, offset);
    }

    private static long Aligned(long offset) => (offset + PageBytes - 1) / PageBytes * PageBytes;

    private static void Header(Span<byte> into, int segments)
    {
        "\u007fELF"u8.CopyTo(into);
        (into[4], into[5], into[6]) = (2, 1, 1);
        BinaryPrimitives.WriteUInt16LittleEndian(into[16..], CoreFormat.TypeCore);
        BinaryPrimitives.WriteUInt16LittleEndian(into[18..], CoreFormat.MachineX64);
        BinaryPrimitives.WriteUInt32LittleEndian(into[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(into[32..], CoreFormat.HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(into[52..], CoreFormat.HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(into[54..], CoreFormat.SegmentBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(into[56..], (ushort)segments);
    }

    private static void Segment(Span<byte> table, int index, uint type, ulong address, CoreStretch stretch, long offset, long fileBytes)
    {
        var into = table.Slice(CoreFormat.HeaderBytes + (index * CoreFormat.SegmentBytes), CoreFormat.SegmentBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(into, type);
        BinaryPrimitives.WriteUInt32LittleEndian(into[4..], (uint)stretch.Access);
        BinaryPrimitives.WriteUInt64LittleEndian(into[8..], (ulong)offset);
        BinaryPrimitives.WriteUInt64LittleEndian(into[16..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(into[32..], (ulong)fileBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(into[40..], stretch.High - stretch.Low);
        BinaryPrimitives.WriteUInt64LittleEndian(into[48..], type == CoreFormat.Load ? PageBytes : 4UL);
    }

    /// <summary>A page that cannot be read (a device's, say) is one of zeros, as in the kernel's cores.</summary>
    private static void Copy(SafeFileHandle file, long offset, ulong address, long bytes, IFrameMemory memory)
    {
        var buffer = new byte[(int)Math.Min(bytes, ChunkBytes)];
        for (long done = 0; done < bytes; done += ChunkBytes)
        {
            var chunk = buffer.AsSpan(0, (int)Math.Min(bytes - done, ChunkBytes));
            if (!memory.TryRead(address + (ulong)done, chunk))
            {
                ReadPages(address + (ulong)done, chunk, memory);
            }

            WriteContent(file, offset + done, chunk);
        }
    }

    /// <summary>Runs of pages that are not all zeros, each at once.</summary>
    private static void WriteContent(SafeFileHandle file, long offset, ReadOnlySpan<byte> chunk)
    {
        var start = 0;
        while (start < chunk.Length && chunk[start..].IndexOfAnyExcept((byte)0) is var skip and >= 0)
        {
            start = (start + skip) / PageBytes * PageBytes;
            var end = start;
            while (end < chunk.Length && chunk[end..Math.Min(chunk.Length, end + PageBytes)].ContainsAnyExcept((byte)0))
            {
                end += PageBytes;
            }

            end = Math.Min(end, chunk.Length);
            RandomAccess.Write(file, chunk[start..end], offset + start);
            start = end;
        }
    }

    private static void ReadPages(ulong address, Span<byte> into, IFrameMemory memory)
    {
        for (var page = 0; page < into.Length; page += PageBytes)
        {
            var content = into[page..Math.Min(into.Length, page + PageBytes)];
            if (!memory.TryRead(address + (ulong)page, content))
            {
                content.Clear();
            }
        }
    }

    private static byte[] Notes(CorePicture picture)
    {
        using var notes = new MemoryStream();
        for (var i = 0; i < picture.Threads.Count; i++)
        {
            Note(notes, CoreFormat.Status, Status(picture.Threads[i]));
            if (i < picture.FloatingPoint.Count)
            {
                Note(notes, CoreFormat.FloatingPoint, picture.FloatingPoint[i]);
            }

            if (i == 0)
            {
                Note(notes, CoreFormat.Process, Process(picture));
                if (picture.SignalInfo is { } signal)
                {
                    Note(notes, CoreFormat.Signal, signal);
                }

                Note(notes, CoreFormat.Auxiliary, picture.AuxiliaryVector);
                Note(notes, CoreFormat.Files, Files(picture.Mappings));
            }
        }

        return notes.ToArray();
    }

    private static void Note(MemoryStream into, uint type, ReadOnlySpan<byte> data)
    {
        Span<byte> head = stackalloc byte[CoreFormat.NoteHeaderBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(head, (uint)CoreFormat.Owner.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], (uint)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], type);
        into.Write(head);
        into.Write(CoreFormat.Owner);
        into.Write(stackalloc byte[CoreFormat.Padded(CoreFormat.Owner.Length) - CoreFormat.Owner.Length]);
        into.Write(data);
        into.Write(stackalloc byte[CoreFormat.Padded(data.Length) - data.Length]);
    }

    private static byte[] Status(CoreThread thread)
    {
        var status = new byte[CoreFormat.StatusBytes];
        BinaryPrimitives.WriteInt32LittleEndian(status, thread.Signal);
        BinaryPrimitives.WriteInt16LittleEndian(status.AsSpan(CoreFormat.StatusSignal), (short)thread.Signal);
        BinaryPrimitives.WriteInt32LittleEndian(status.AsSpan(CoreFormat.StatusThread), thread.Id);
        MemoryMarshal.AsBytes(thread.Words.Words).CopyTo(status.AsSpan(CoreFormat.StatusRegisters));
        return status;
    }

    private static byte[] Process(CorePicture picture)
    {
        var process = new byte[CoreFormat.ProcessBytes];
        BinaryPrimitives.WriteInt32LittleEndian(process.AsSpan(CoreFormat.ProcessId), picture.Id);
        var name = Encoding.UTF8.GetBytes(picture.Name);
        name.AsSpan(0, Math.Min(name.Length, CoreFormat.ProcessNameBytes - 1)).CopyTo(process.AsSpan(CoreFormat.ProcessName));
        return process;
    }

    private static byte[] Files(IReadOnlyList<CoreMapping> mappings)
    {
        using var note = new MemoryStream();
        using var writer = new BinaryWriter(note);
        writer.Write((ulong)mappings.Count);
        writer.Write((ulong)PageBytes);
        foreach (var mapping in mappings)
        {
            writer.Write(mapping.Low);
            writer.Write(mapping.High);
            writer.Write(mapping.Offset / PageBytes);
        }

        foreach (var mapping in mappings)
        {
            writer.Write(Encoding.UTF8.GetBytes(mapping.Path));
            writer.Write((byte)0);
        }

        return note.ToArray();
    }
}
