using System.Text;

namespace Harness.Cli.Damaging;

/// <summary>Damage of the kinds that happen to stored bytes (flipped bits, missing, repeated and cut off stretches), and of those that somebody would try (other words in place of values); the same for a seed.</summary>
public sealed class Damage(ulong seed)
{
    private const int MostChanges = 3;
    private const int LongestStretch = 40;

    private static readonly byte[][] _words =
    [
        .. ((string[])["-1", "0", "9223372036854775807", "99999999999999999999", "1e308", "2147483647", "null", "\"\"", "[]", "{}", "true", "NaN", "\"\\u0000\"", "\"\\u001b[2J\"", "[[[[[[[["]).Select(Encoding.UTF8.GetBytes),
    ];

    private ulong _state = seed;

    /// <summary>One to three changes of a copy; by chance they can come to none.</summary>
    public byte[] Of(byte[] whole)
    {
        var text = whole.ToList();
        for (var changes = 1 + Below(MostChanges); changes > 0; changes--)
        {
            Change(text);
        }

        return [.. text];
    }

    private void Change(List<byte> text)
    {
        var at = Below(text.Count + 1);
        var length = Math.Min(1 + Below(LongestStretch), text.Count - at);
        switch (Below(7))
        {
            case 0 when at < text.Count:
                text[at] ^= (byte)(1 << Below(8));
                break;
            case 1:
                text.RemoveRange(at, length);
                break;
            case 2:
                text.RemoveRange(at, text.Count - at);
                break;
            case 3:
                text.InsertRange(at, text.GetRange(at, length));
                break;
            case 4:
                text.InsertRange(at, Enumerable.Range(0, 1 + Below(8)).Select(_ => (byte)Below(256)));
                break;
            default:
                Replace(text, at);
                break;
        }
    }

    /// <summary>Another word in place of a number or a string: what still parses, and means something else.</summary>
    private void Replace(List<byte> text, int from)
    {
        var start = text.FindIndex(Math.Min(from, text.Count), b => b == (byte)':');
        if (start < 0)
        {
            return;
        }

        var end = text.FindIndex(start, b => b is (byte)',' or (byte)'}' or (byte)'\n');
        if (end > start)
        {
            text.RemoveRange(start + 1, end - start - 1);
            text.InsertRange(start + 1, _words[Below(_words.Length)]);
        }
    }

    private int Below(int bound)
    {
        _state = unchecked((_state * 6364136223846793005) + 1442695040888963407);
        return bound <= 0 ? 0 : (int)((_state >> 33) % (ulong)bound);
    }
}
