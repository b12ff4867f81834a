using System.Collections.Immutable;

namespace Harness.Verification.Abi;

/// <summary>Consecutive bytes of a value and where they are.</summary>
/// <param name="At">The first one's offset in the value.</param>
/// <param name="Place">Null: nowhere that was looked at.</param>
internal readonly record struct AbiPiece(int At, int Length, AbiPlace? Place);

/// <summary>Finds out from several calls where the bytes of a value were.</summary>
internal static class AbiPlaces
{
    /// <summary>What the driver fills results with: a byte that stays so was not written, being padding.</summary>
    private const byte Sentinel = 0xA5;

    /// <param name="rounds">Of each call what came out, and what was everywhere before; places in the same order.</param>
    public static ImmutableArray<AbiPiece> Of(AbiType type, IReadOnlyList<(byte[] Value, IReadOnlyList<(AbiPlace Place, byte[] Bytes)> Places)> rounds)
    {
        var pieces = ImmutableArray.CreateBuilder<AbiPiece>();
        if (rounds.Count == 0)
        {
            return [];
        }

        var length = rounds.Min(round => round.Value.Length);
        for (var at = 0; at < length;)
        {
            if (rounds.All(round => round.Value[at] == Sentinel))
            {
                at++;
                continue;
            }

            var best = Longest(type, rounds, at, length);
            if (best.Place is null && pieces.Count > 0 && pieces[^1] is { Place: null } last && last.At + last.Length == at)
            {
                pieces[^1] = last with { Length = last.Length + 1 };
            }
            else
            {
                pieces.Add(best);
            }

            at += best.Length;
        }

        return pieces.ToImmutable();
    }

    /// <summary>The place that explains most of the bytes from there on; registers before memory, where both do.</summary>
    private static AbiPiece Longest(AbiType type, IReadOnlyList<(byte[] Value, IReadOnlyList<(AbiPlace Place, byte[] Bytes)> Places)> rounds, int at, int length)
    {
        var best = new AbiPiece(at, 1, null);
        for (var source = 0; source < rounds[0].Places.Count; source++)
        {
            var (place, bytes) = rounds[0].Places[source];
            // A single bit tells little: it is at the beginning of a register, or anywhere on the stack.
            var last = type.MaskOf(at) == 1 && place.Source != "stack" && !place.IsPointer ? 1 : bytes.Length;
            for (var offset = 0; offset < last; offset++)
            {
                var count = 0;
                while (at + count < length && offset + count < bytes.Length && Agrees(type, rounds, source, at + count, offset + count))
                {
                    count++;
                }

                if (count > (best.Place is null ? 0 : best.Length))
                {
                    best = new AbiPiece(at, count, place.At(offset));
                }
            }
        }

        return best;
    }

    private static bool Agrees(AbiType type, IReadOnlyList<(byte[] Value, IReadOnlyList<(AbiPlace Place, byte[] Bytes)> Places)> rounds, int source, int at, int offset)
    {
        var mask = type.MaskOf(at);
        foreach (var (value, places) in rounds)
        {
            if (((value[at] ^ places[source].Bytes[offset]) & mask) != 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The pieces in words: <c>rdi</c>, <c>rdi rsi</c>, <c>rax+4</c>, <c>[rdx]</c>, <c>stack+8</c>; <c>?</c> where a byte's place was not found.</summary>
    public static string Text(IEnumerable<AbiPiece> pieces)
    {
        var words = new List<string>();
        AbiPiece? before = null;
        foreach (var piece in pieces)
        {
            // Padding between two pieces that go on in one place says nothing.
            var goesOn = before is { Place: { } previous } last && piece.Place is { } place && place.Source == previous.Source && place.Offset - previous.Offset == piece.At - last.At;
            if (!goesOn)
            {
                words.Add(piece.Place is { } found ? found.ToString() : "?");
            }

            before = piece;
        }

        return words.Count == 0 ? "nowhere" : string.Join(' ', words);
    }
}
