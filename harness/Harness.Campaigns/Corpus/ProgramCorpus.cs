using System.Collections;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Harness.Binary;
using Harness.Verification.Interactions;

namespace Harness.Campaigns;

/// <summary>
/// Programs that met combinations which none before them had, in results/corpus (not tracked): one small file each. Later runs under a budget change them.
/// Bounded in number and size; when it is full, what brought least makes room for what brings more.
/// </summary>
public sealed class ProgramCorpus
{
    public const int MaxEntries = 256;

    /// <summary>A descent and its triples have two KiB.</summary>
    public const int MaxEntryBytes = 16 << 10;

    private readonly Lock _lock = new();
    private readonly string _folder;
    private readonly string _generator;
    private readonly BitArray _known = new(InteractionSpace.Triples);
    private readonly Dictionary<string, Entry> _entries = [];

    private ProgramCorpus(string folder, string generator) => (_folder, _generator) = (folder, generator);

    /// <summary>What was kept, as <see cref="IProgramSource.Kept"/> names programs; in an order that does not depend on the file system.</summary>
    public IReadOnlyList<string> Descents => [.. _entries.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value.Descent)];

    /// <param name="complain">Called with one line for each entry that cannot be used.</param>
    public static ProgramCorpus Open(ResultsLayout results, IProgramSource programs, Action<string> complain)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(programs);
        var corpus = new ProgramCorpus(results.Corpus, programs.Version);
        if (!Directory.Exists(results.Corpus))
        {
            return corpus;
        }

        foreach (var path in Directory.EnumerateFiles(results.Corpus, "*.json").Order(StringComparer.Ordinal).Take(MaxEntries))
        {
            try
            {
                var entry = Read(path, programs);
                corpus._entries[Path.GetFileName(path)] = entry;
                corpus._known.Or(entry.Bits());
            }
            catch (Exception e) when (e is InvalidDataException or JsonException or FormatException or IOException or UnauthorizedAccessException)
            {
                complain($"{path} is left out: {e.Message.Split('\n')[0]}; delete it");
            }
        }

        return corpus;
    }

    /// <summary>Keeps the program if it met what no kept one has.</summary>
    /// <param name="descent">All that is needed to make it again.</param>
    public void Offer(string descent, BitArray triples)
    {
        lock (_lock)
        {
            var news = Count(new BitArray(triples).And(new BitArray(_known).Not()));
            if (news == 0 || (_entries.Count >= MaxEntries && !MakeRoom(news)))
            {
                return;
            }

            var entry = Entry.Of(_generator, descent, news, triples);
            var name = $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(descent)))[..16]}.json";
            Write(name, entry);
            _entries[name] = entry;
            _known.Or(triples);
        }
    }

    /// <summary>Drops the entry that brought least, if that is less than what comes.</summary>
    private bool MakeRoom(int news)
    {
        var (name, least) = _entries.OrderBy(pair => pair.Key, StringComparer.Ordinal).MinBy(pair => pair.Value.News);
        if (least.News >= news)
        {
            return false;
        }

        _entries.Remove(name);
        File.Delete(Path.Combine(_folder, name));
        return true;
    }

    private void Write(string name, Entry entry)
    {
        Directory.CreateDirectory(_folder);
        var path = Path.Combine(_folder, name);
        var temporary = $"{path}.{Environment.ProcessId}";
        File.WriteAllText(temporary, JsonSerializer.Serialize(entry, JournalJson.Options) + "\n");
        File.Move(temporary, path, overwrite: true);
    }

    private static Entry Read(string path, IProgramSource programs)
    {
        var entry = JsonSerializer.Deserialize<Entry>(BoundedFile.ReadBytes(path, MaxEntryBytes), JournalJson.Options) ?? throw new InvalidDataException("it is empty");
        if (entry.Generator != programs.Version)
        {
            throw new InvalidDataException($"it is of generators {entry.Generator}, these are {programs.Version}");
        }

        programs.RequireKept(entry.Descent);
        entry.Bits();
        return entry;
    }

    private static int Count(BitArray bits)
    {
        var count = 0;
        foreach (bool bit in bits)
        {
            count += bit ? 1 : 0;
        }

        return count;
    }

    /// <param name="News">Triples that no kept program had met before it.</param>
    /// <param name="Triples">All that it met: base64 of a bit each.</param>
    private sealed record Entry(string Generator, string Descent, int News, string Triples)
    {
        public static Entry Of(string generator, string descent, int news, BitArray triples)
        {
            var bytes = new byte[(triples.Count + 7) / 8];
            triples.CopyTo(bytes, 0);
            return new Entry(generator, descent, news, Convert.ToBase64String(bytes));
        }

        /// <exception cref="InvalidDataException">They are of another space.</exception>
        public BitArray Bits()
        {
            var bytes = Convert.FromBase64String(Triples);
            return bytes.Length == (InteractionSpace.Triples + 7) / 8
                ? new BitArray(bytes) { Length = InteractionSpace.Triples }
                : throw new InvalidDataException("it counts other combinations than this harness");
        }
    }
}
