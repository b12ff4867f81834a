using System.Buffers.Binary;

namespace Harness.Binary.StackUse;

/// <summary>One entry of fibers, for which a program keeps what it needs (<c>Bound</c> in zig-fixtures/runtime/fiber.zig).</summary>
/// <param name="Bytes">Written; null: it has no bound, and its fibers split.</param>
public sealed record FilledSlot(EntryUsage Usage, long? Bytes);

/// <summary>
/// The places in a linked program's data where the runtime looks up how much stack an entry needs: mark, address of the entry, bytes. They are found by their mark; what
/// stands beside one that is no function's address is left alone.
/// </summary>
public static class BoundSlots
{
    private const int MaxSlots = 100_000;
    private const int MarkBytes = 16;
    private const int SlotBytes = MarkBytes + 8 + 8;

    /// <summary>bound_mark in zig-fixtures/runtime/fiber.zig, as it lies in memory.</summary>
    internal static byte[] Mark { get; } = [.. BitConverter.GetBytes(0x75706672_6f6e7473UL), .. BitConverter.GetBytes(0x7461636b_75736167UL)];

    /// <summary>Writes into a copy of a program's bytes what each entry needs; 0 for those without a bound.</summary>
    /// <exception cref="InvalidDataException">It is not a linked program, or has no such place.</exception>
    public static (byte[] Program, IReadOnlyList<FilledSlot> Slots) Fill(ElfFile file, StackUsage usage)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(usage);
        if (file.Kind is ElfKind.Relocatable)
        {
            throw file.Bad("is an object: bounds are known when it is linked, so fill the program");
        }

        var (result, slots) = (file.Bytes.ToArray(), new List<FilledSlot>());
        var loaded = Loaded(file);
        foreach (var section in file.Sections.Where(s => s.IsAllocated && s.Type is ElfSectionType.ProgramBits && s.Flags.HasFlag(ElfSectionFlags.Write)))
        {
            var data = file.Data(section);
            for (var at = data.IndexOf(Mark); at >= 0 && at + SlotBytes <= data.Length; at = Next(data, at + SlotBytes))
            {
                if (EntryAt(usage.Image, loaded, section.Address + (ulong)(at + MarkBytes)) is not { } entry)
                {
                    continue;
                }

                if (slots.Count == MaxSlots)
                {
                    throw file.Bad($"has more than {MaxSlots} entries of fibers");
                }

                var needs = usage.At(entry);
                slots.Add(new FilledSlot(needs, needs.UpfrontBytes));
                BinaryPrimitives.WriteInt64LittleEndian(result.AsSpan(section.Offset + at + MarkBytes + 8), needs.UpfrontBytes ?? 0);
            }
        }

        return slots.Count > 0
            ? (result, slots)
            : throw file.Bad("has no entry of a fiber: nothing in it calls Fiber.init of this runtime");
    }

    private static int Next(ReadOnlySpan<byte> data, int from) =>
        from < data.Length && data[from..].IndexOf(Mark) is var next and >= 0 ? from + next : -1;

    /// <summary>What a loader puts into words of a position-independent program, by their addresses.</summary>
    private static Dictionary<ulong, ulong> Loaded(ElfFile file)
    {
        const RelocationType relative = (RelocationType)8;
        var result = new Dictionary<ulong, ulong>();
        foreach (var table in file.Sections.Where(s => s is { Type: ElfSectionType.RelocationsWithAddend, IsAllocated: true }))
        {
            foreach (var entry in file.Relocations(table).Where(entry => entry.Type is relative))
            {
                result[entry.Offset] = (ulong)entry.Addend;
            }
        }

        return result;
    }

    private static ulong? EntryAt(CodeImage image, Dictionary<ulong, ulong> loaded, ulong word)
    {
        var address = loaded.TryGetValue(word, out var put) ? put : image.WordAt(word) ?? 0;
        return image.Containing(address) is { } function && function.Start == address ? address : null;
    }
}
