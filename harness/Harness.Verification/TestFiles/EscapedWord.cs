using System.Globalization;
using System.Text;

namespace Harness.Verification.TestFiles;

/// <summary>How zig-fixtures/testing/reporting.zig writes a text as one word.</summary>
internal static class EscapedWord
{
    /// <summary>%XX back to bytes; a lone % is the empty text.</summary>
    /// <exception cref="FormatException">What follows a % are no digits.</exception>
    public static string Plain(string word)
    {
        if (word == "%")
        {
            return "";
        }

        var bytes = new List<byte>(word.Length);
        for (var i = 0; i < word.Length; i++)
        {
            if (word[i] == '%' && i + 2 < word.Length)
            {
                bytes.Add(byte.Parse(word.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                i += 2;
            }
            else
            {
                bytes.Add((byte)word[i]);
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }
}
