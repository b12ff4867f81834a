using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Harness.Verification.Interactions;

/// <summary>
/// What the programs of a batch met, as its journal's line holds it: for each value and each pair how many of the programs, and which triples any of them.
/// </summary>
public sealed record BatchInteractions
{
    /// <exception cref="JsonException">The texts are not of this harness's space.</exception>
    [JsonConstructor]
    public BatchInteractions(string counts, string triples)
    {
        (Counts, Triples) = (counts, triples);
        if (Bytes(counts).Length != InteractionSpace.Values + InteractionSpace.Pairs || Bytes(triples).Length != (InteractionSpace.Triples + 7) / 8)
        {
            throw new JsonException("the coverage of another space: this harness counts other combinations");
        }
    }

    /// <summary>Base64 of a byte each, values first.</summary>
    public string Counts { get; }

    /// <summary>Base64 of a bit each.</summary>
    public string Triples { get; }

    /// <summary>Null of no programs.</summary>
    public static BatchInteractions? Of(IReadOnlyCollection<ProgramInteractions> programs)
    {
        if (programs.Count == 0)
        {
            return null;
        }

        var counts = new byte[InteractionSpace.Values + InteractionSpace.Pairs];
        var triples = new BitArray(InteractionSpace.Triples);
        foreach (var program in programs)
        {
            Count(program.Values, counts.AsSpan(0, InteractionSpace.Values));
            Count(program.Pairs, counts.AsSpan(InteractionSpace.Values));
            triples.Or(program.Triples);
        }

        var bits = new byte[(InteractionSpace.Triples + 7) / 8];
        triples.CopyTo(bits, 0);
        return new BatchInteractions(Convert.ToBase64String(counts), Convert.ToBase64String(bits));
    }

    public byte[] CountBytes() => Bytes(Counts);

    public BitArray TripleBits() => new(Bytes(Triples)) { Length = InteractionSpace.Triples };

    /// <summary>A batch has no more programs than a byte holds; were it otherwise, the count would stay at the most.</summary>
    private static void Count(BitArray met, Span<byte> counts)
    {
        for (var i = 0; i < counts.Length; i++)
        {
            counts[i] += (byte)(met[i] && counts[i] < byte.MaxValue ? 1 : 0);
        }
    }

    private static byte[] Bytes(string text)
    {
        try
        {
            return Convert.FromBase64String(text);
        }
        catch (FormatException e)
        {
            throw new JsonException("coverage is not base64", e);
        }
    }
}
