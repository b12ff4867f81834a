using System.Collections;
using Harness.Verification.Interactions;

namespace Harness.Campaigns.Evidence;

/// <summary>The combinations that the programs of a cell, or of several, met: the fold of its batches.</summary>
public sealed class MetInteractions
{
    private readonly long[] _counts = new long[InteractionSpace.Values + InteractionSpace.Pairs];
    private readonly BitArray _triples = new(InteractionSpace.Triples);

    /// <summary>Programs of which it is known what they met.</summary>
    public long Programs { get; private set; }

    /// <summary>Programs that met a value.</summary>
    public long OfValue(int value) => _counts[value];

    public long OfPair(int pair) => _counts[InteractionSpace.Values + pair];

    public bool HasTriple(int triple) => _triples[triple];

    /// <param name="met">Null: nothing is known of the programs.</param>
    public void Add(BatchInteractions? met, int programs)
    {
        if (met is null)
        {
            return;
        }

        Programs += programs;
        var counts = met.CountBytes();
        for (var i = 0; i < counts.Length; i++)
        {
            _counts[i] += counts[i];
        }

        _triples.Or(met.TripleBits());
    }

    public void Add(MetInteractions other)
    {
        ArgumentNullException.ThrowIfNull(other);
        Programs += other.Programs;
        for (var i = 0; i < _counts.Length; i++)
        {
            _counts[i] += other._counts[i];
        }

        _triples.Or(other._triples);
    }
}
