using System.Globalization;
using Harness.Model;

namespace Harness.Campaigns;

/// <summary>
/// A part of a campaign's stream: of every <paramref name="Count"/> programs the <paramref name="Indices"/>-th (from 1). Written <c>2/4</c>; of shards that were
/// merged <c>1,2,4/4</c>. Shards share no program, and all of them together are the whole stream.
/// </summary>
public sealed record Shards(EquatableArray<int> Indices, int Count)
{
    public const int MaxCount = 10_000;

    /// <summary>The whole stream.</summary>
    public static readonly Shards Whole = new([1], 1);

    public bool IsWhole => Indices.Count == Count;

    /// <summary>Those that are not here.</summary>
    public IEnumerable<int> Missing => Enumerable.Range(1, Count).Except(Indices);

    /// <summary>The ordinal in the stream of a shard's own <paramref name="local"/>-th program. Of a single shard.</summary>
    public long Ordinal(long local) => (local * Count) + Indices[0] - 1;

    /// <summary>The other way.</summary>
    public long Local(long ordinal) => (ordinal - (Indices[0] - 1)) / Count;

    /// <summary>How many of the stream's first programs are here.</summary>
    public long Of(long programs) => Indices.Sum(index => (programs + Count - index) / Count);

    /// <returns>Null when the text is no shard.</returns>
    public static Shards? Parse(string text)
    {
        if (text.Split('/') is not [var list, var total] || !Number(total, out var count) || count is < 1 or > MaxCount)
        {
            return null;
        }

        var indices = new List<int>();
        foreach (var word in list.Split(','))
        {
            if (!Number(word, out var index) || index < 1 || index > count || (indices.Count > 0 && index <= indices[^1]))
            {
                return null;
            }

            indices.Add(index);
        }

        return new Shards(indices.ToEquatableArray(), count);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{string.Join(',', Indices)}/{Count}");

    private static bool Number(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
