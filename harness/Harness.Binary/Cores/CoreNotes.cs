using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Harness.Binary.Cores;

/// <summary>Reads the notes of a core that say something of threads, signal and files; others are passed over.</summary>
internal sealed class CoreNotes
{
    private readonly string _name;
    private readonly CoreLimits _limits;
    private readonly List<CoreThread> _threads = [];
    private readonly Dictionary<ulong, ulong> _auxiliary = [];
    private readonly List<CoreMapping> _mappings = [];
    private CoreSignal? _signal;

    private CoreNotes(string name, CoreLimits limits) => (_name, _limits) = (name, limits);

    /// <exception cref="InvalidDataException">A note is malformed, or there are too many.</exception>
    public static (IReadOnlyList<CoreThread> Threads, CoreSignal? Signal, IReadOnlyDictionary<ulong, ulong> Auxiliary, IReadOnlyList<CoreMapping> Mappings) Read(
        IEnumerable<byte[]> notes, string name, CoreLimits limits)
    {
        var reader = new CoreNotes(name, limits);
        foreach (var segment in notes)
        {
            reader.Segment(segment);
        }

        return reader._threads.Count > 0
            ? (reader._threads, reader._signal, reader._auxiliary, reader._mappings)
            : throw reader.Bad("says nothing of any thread");
    }

    private InvalidDataException Bad(string reason) => new($"{_name}: {reason}");

    private void Segment(ReadOnlySpan<byte> rest)
    {
        while (rest.Length >= CoreFormat.NoteHeaderBytes)
        {
            var (name, bytes) = (BinaryPrimitives.ReadUInt32LittleEndian(rest), BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]));
            var type = BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]);
            rest = rest[CoreFormat.NoteHeaderBytes..];
            if (name > rest.Length || bytes > rest.Length)
            {
                throw Bad($"has a note of {bytes} bytes where {rest.Length} are left");
            }

            var (nameRoom, room) = (CoreFormat.Padded((int)name), CoreFormat.Padded((int)bytes));
            var isCore = rest[..(int)name].SequenceEqual(CoreFormat.Owner);
            if (nameRoom > rest.Length || bytes > rest.Length - nameRoom)
            {
                throw Bad($"has a note of {bytes} bytes where {rest.Length} are left");
            }

            if (isCore)
            {
                Note(type, rest.Slice(nameRoom, (int)bytes));
            }

            rest = rest[Math.Min(rest.Length, nameRoom + room)..];
        }
    }

    private void Note(uint type, ReadOnlySpan<byte> data)
    {
        switch (type)
        {
            case CoreFormat.Status:
                Thread(data);
                break;
            case CoreFormat.Signal when data.Length >= CoreFormat.SignalAddress + sizeof(ulong):
                _signal ??= new CoreSignal(
                    BinaryPrimitives.ReadInt32LittleEndian(data), BinaryPrimitives.ReadInt32LittleEndian(data[CoreFormat.SignalCode..]),
                    BinaryPrimitives.ReadUInt64LittleEndian(data[CoreFormat.SignalAddress..]));
                break;
            case CoreFormat.Auxiliary:
                Auxiliary(data);
                break;
            case CoreFormat.Files:
                Files(data);
                break;
        }
    }

    private void Thread(ReadOnlySpan<byte> data)
    {
        if (data.Length != CoreFormat.StatusBytes)
        {
            throw Bad($"has a thread's status of {data.Length} bytes, where x86-64 has {CoreFormat.StatusBytes}");
        }

        if (_threads.Count == _limits.MaxThreads)
        {
            throw Bad($"has more than {_limits.MaxThreads} threads");
        }

        _threads.Add(new CoreThread(
            BinaryPrimitives.ReadInt32LittleEndian(data[CoreFormat.StatusThread..]), BinaryPrimitives.ReadInt16LittleEndian(data[CoreFormat.StatusSignal..]),
            new CoreRegisters(MemoryMarshal.Cast<byte, ulong>(data.Slice(CoreFormat.StatusRegisters, CoreRegisters.Bytes)))));
    }

    private void Auxiliary(ReadOnlySpan<byte> data)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(data);
        for (var i = 0; i + 1 < words.Length && words[i] != 0 && _auxiliary.Count < _limits.MaxAuxiliary; i += 2)
        {
            _auxiliary[words[i]] = words[i + 1];
        }
    }

    /// <summary>count, page size; per mapping low, high, offset in pages; then the names.</summary>
    private void Files(ReadOnlySpan<byte> data)
    {
        const int headWords = 2;
        const int mappingWords = 3;
        var words = MemoryMarshal.Cast<byte, ulong>(data);
        if (words.Length < headWords || words[0] > (ulong)_limits.MaxMappings || (words[0] * mappingWords) + headWords > (ulong)words.Length)
        {
            throw Bad("has a list of mapped files that does not fit its note, or is too long");
        }

        var count = (int)words[0];
        var names = data[(((count * mappingWords) + headWords) * sizeof(ulong))..];
        if (names.Length > _limits.MaxNameBytes)
        {
            throw Bad($"names mapped files with more than {_limits.MaxNameBytes} bytes");
        }

        for (var i = 0; i < count; i++)
        {
            var mapping = words.Slice(headWords + (i * mappingWords), mappingWords);
            var end = names.IndexOf((byte)0);
            if (end < 0 || mapping[1] < mapping[0])
            {
                throw Bad("has a list of mapped files that is malformed");
            }

            _mappings.Add(new CoreMapping(mapping[0], mapping[1], unchecked(mapping[2] * words[1]), Encoding.UTF8.GetString(names[..end])));
            names = names[(end + 1)..];
        }
    }
}
