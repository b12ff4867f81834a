using System.Diagnostics;

namespace Harness.Model;

/// <summary>
/// <c>make</c> and <c>fold</c> of docs/VALUES.md. A value is only ever observed through its fold, and a made value is
/// fixed by its type and seed, so the model never builds one: it feeds the words that the value would have.
/// </summary>
public static class Values
{
    /// <summary>What every fold and buffer sum starts at.</summary>
    public const ulong FoldStart = 0x13198A2E03707344;

    /// <summary>Words of the support library's static table that slices point into.</summary>
    public const int TableWords = 256;

    private const ulong VoidWord = 0x76;

    /// <summary>One step of SplitMix64.</summary>
    public static ulong Mix(ulong x) => Finalise(unchecked(x + 0x9E3779B97F4A7C15));

    /// <summary><see cref="Mix"/> without its first addition (the ready list of docs/SCHEDULING.md uses it).</summary>
    public static ulong Finalise(ulong z)
    {
        unchecked
        {
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }

    /// <summary>The seed of part <paramref name="index"/> of a value with seed <paramref name="seed"/>.</summary>
    public static ulong Sub(ulong seed, int index) => Mix(seed ^ unchecked(0xA5A50000 + (ulong)index));

    /// <summary>One step of a fold: the new hash after <paramref name="word"/>.</summary>
    public static ulong Feed(ulong hash, ulong word) => Mix(hash ^ word);

    /// <summary>fold(make(type, seed)). Only for makeable types.</summary>
    public static ulong Fold(ZigType type, ulong seed)
    {
        var sink = new HashSink(FoldStart);
        Visit(type, seed, ref sink);
        return sink.Hash;
    }

    /// <summary>The words that <see cref="Fold"/> feeds for make(type, seed), in order.</summary>
    public static IReadOnlyList<ulong> Words(ZigType type, ulong seed)
    {
        var sink = new ListSink([]);
        Visit(type, seed, ref sink);
        return sink.Words;
    }

    /// <summary>The fold of a single word: a cell's u64, a handle's serial.</summary>
    public static ulong FoldWord(ulong word) => Feed(FoldStart, word);

    /// <summary>
    /// The fold of a buffer local passed as a Slice: its first <see cref="ProgramLimits.SlicedWords"/> words.
    /// </summary>
    public static ulong FoldOfSlicedBuffer(ulong seed)
    {
        var hash = Feed(FoldStart, ProgramLimits.SlicedWords);
        for (var i = 0; i < ProgramLimits.SlicedWords; i++)
        {
            hash = Feed(hash, FillWord(seed, i));
        }

        return hash;
    }

    /// <summary>The word that <c>rt.fill</c> writes at a touched index.</summary>
    public static ulong FillWord(ulong seed, int index) => Mix(unchecked(seed + (ulong)index));

    /// <summary><c>rt.sum</c> of a buffer that <c>rt.fill</c> filled.</summary>
    public static ulong SumOfFilled(int words, ulong seed)
    {
        var hash = FoldStart;
        for (var i = NextTouched(-1, words); i < words; i = NextTouched(i, words))
        {
            hash = Feed(hash, FillWord(seed, i));
        }

        return hash;
    }

    /// <summary>The touched indices of a buffer of <paramref name="words"/> words, ascending.</summary>
    public static IEnumerable<int> Touched(int words)
    {
        for (var i = NextTouched(-1, words); i < words; i = NextTouched(i, words))
        {
            yield return i;
        }
    }

    /// <summary>
    /// The touched index after <paramref name="index"/>; <paramref name="words"/> or more when there is none.
    /// </summary>
    private static int NextTouched(int index, int words)
    {
        var next = index + 1;
        return next < 16 || next >= words - 16 ? next : Math.Min((next + 63) / 64 * 64, words - 16);
    }

    private static void Visit<TSink>(ZigType type, ulong seed, ref TSink sink)
        where TSink : struct, ISink
    {
        switch (type)
        {
            case ZigType.Void:
                sink.Add(VoidWord);
                break;
            case ZigType.Bool:
                sink.Add(Mix(seed) & 1);
                break;
            case ZigType.Int integer:
                VisitBits(integer.Bits, seed, ref sink);
                break;
            case ZigType.Float real:
                VisitFloat(real.Bits, seed, ref sink);
                break;
            case ZigType.Vector vector:
                for (var i = 0; i < vector.Lanes; i++)
                {
                    Visit(vector.Element, Sub(seed, i), ref sink);
                }

                break;
            case ZigType.Struct record:
                for (var i = 0; i < record.Fields.Count; i++)
                {
                    Visit(record.Fields[i], Sub(seed, i), ref sink);
                }

                break;
            case ZigType.Enum tags:
                sink.Add(Mix(seed) % (ulong)tags.Variants);
                break;
            case ZigType.Union union:
                var tag = (int)(Mix(seed) % (ulong)union.Variants.Count);
                sink.Add((ulong)tag);
                Visit(union.Variants[tag], Sub(seed, tag), ref sink);
                break;
            case ZigType.Optional optional:
                VisitOptional(optional.Child, seed, ref sink);
                break;
            case ZigType.Slice:
                VisitTableSlice(seed, ref sink);
                break;
            default:
                throw new ArgumentException($"{type} cannot be made from a seed", nameof(type));
        }
    }

    private static void VisitBits<TSink>(int bits, ulong seed, ref TSink sink)
        where TSink : struct, ISink
    {
        for (var word = 0; word * 64 < bits; word++)
        {
            var left = bits - (word * 64);
            var value = Mix(unchecked(seed + (ulong)word));
            sink.Add(left >= 64 ? value : value & ((1UL << left) - 1));
        }
    }

    private static void VisitFloat<TSink>(int bits, ulong seed, ref TSink sink)
        where TSink : struct, ISink
    {
        var low = Mix(seed);
        switch (bits)
        {
            case 16:
                sink.Add(WithField(low & ushort.MaxValue, 10, 5, 15));
                break;
            case 32:
                sink.Add(WithField(low & uint.MaxValue, 23, 8, 127));
                break;
            case 64:
                sink.Add(WithField(low, 52, 11, 1023));
                break;
            case 80:
                sink.Add(low | (1UL << 63));
                sink.Add(WithField(Mix(unchecked(seed + 1)) & ushort.MaxValue, 0, 15, 16383));
                break;
            case 128:
                sink.Add(low);
                sink.Add(WithField(Mix(unchecked(seed + 1)), 48, 15, 16383));
                break;
            default:
                throw new UnreachableException($"f{bits}");
        }
    }

    private static ulong WithField(ulong word, int shift, int width, ulong value)
    {
        var mask = ((1UL << width) - 1) << shift;
        return (word & ~mask) | (value << shift);
    }

    private static void VisitOptional<TSink>(ZigType child, ulong seed, ref TSink sink)
        where TSink : struct, ISink
    {
        if ((Mix(seed) & 3) == 0)
        {
            sink.Add(0);
            return;
        }

        sink.Add(1);
        Visit(child, Sub(seed, 0), ref sink);
    }

    private static void VisitTableSlice<TSink>(ulong seed, ref TSink sink)
        where TSink : struct, ISink
    {
        var offset = Mix(seed) % 200;
        var length = Mix(unchecked(seed + 1)) % 17;
        sink.Add(length);
        for (var i = 0UL; i < length; i++)
        {
            sink.Add(Mix(offset + i));
        }
    }

    private interface ISink
    {
        void Add(ulong word);
    }

    private struct HashSink(ulong hash) : ISink
    {
        public ulong Hash { get; private set; } = hash;

        public void Add(ulong word) => Hash = Feed(Hash, word);
    }

    private readonly struct ListSink(List<ulong> words) : ISink
    {
        public List<ulong> Words { get; } = words;

        public void Add(ulong word) => Words.Add(word);
    }
}
