using System.Buffers.Text;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace Harness.Campaigns;

/// <summary>
/// A <see cref="CaseDocument"/> in one shell-safe word: <c>fz1.</c> and, in base64url, a checksum and the compressed
/// document. It needs no other file, so it replays anywhere.
/// </summary>
public static class ReplayToken
{
    private const string Prefix = "fz1.";
    private const int ChecksumBytes = 6;

    /// <summary>A longer document is not one of ours; the cap keeps a hostile token from filling memory.</summary>
    private const int MaxDocumentBytes = 8 << 20;

    /// <summary>Whether the word claims to be a token (rather than a path).</summary>
    public static bool LooksLikeOne(string word) =>
        word.StartsWith("fz", StringComparison.Ordinal) && word.IndexOf('.') is > 2 and <= 6 && !Path.Exists(word);

    public static string Write(CaseDocument document)
    {
        using var buffer = new MemoryStream();
        using (var brotli = new BrotliStream(buffer, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            brotli.Write(Encoding.UTF8.GetBytes(document.Write()));
        }

        var compressed = buffer.ToArray();
        return Prefix + Base64Url.EncodeToString([.. Checksum(compressed), .. compressed]);
    }

    /// <exception cref="InvalidDataException">Damaged, or of another version; the message is one line for people.</exception>
    public static CaseDocument Read(string token)
    {
        if (!token.StartsWith(Prefix, StringComparison.Ordinal))
        {
            var version = token.Split('.')[0];
            throw new InvalidDataException(
                version.Length is > 2 and <= 5 && version.StartsWith("fz", StringComparison.Ordinal)
                    ? $"this is a replay token of version {version}; this harness reads {Prefix.TrimEnd('.')}"
                    : $"this is not a replay token; one starts with {Prefix}");
        }

        byte[] bytes;
        try
        {
            bytes = Base64Url.DecodeFromChars(token.AsSpan(Prefix.Length));
        }
        catch (FormatException e)
        {
            throw Damaged("it holds a character that no token has", e);
        }

        if (bytes.Length <= ChecksumBytes || !Checksum(bytes.AsSpan(ChecksumBytes)).AsSpan().SequenceEqual(bytes.AsSpan(0, ChecksumBytes)))
        {
            throw Damaged("its checksum does not match");
        }

        return CaseDocument.Read(Decompress(bytes.AsSpan(ChecksumBytes).ToArray()));
    }

    private static string Decompress(byte[] compressed)
    {
        try
        {
            using var brotli = new BrotliStream(new MemoryStream(compressed), CompressionMode.Decompress);
            using var document = new MemoryStream();
            var block = new byte[64 << 10];
            while (brotli.Read(block) is var read and > 0)
            {
                document.Write(block, 0, read);
                if (document.Length > MaxDocumentBytes)
                {
                    throw Damaged($"it unpacks to more than {MaxDocumentBytes >> 20} MiB");
                }
            }

            return Encoding.UTF8.GetString(document.GetBuffer(), 0, (int)document.Length);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            throw Damaged("it does not unpack", e);
        }
    }

    private static byte[] Checksum(ReadOnlySpan<byte> bytes) => SHA256.HashData(bytes)[..ChecksumBytes];

    private static InvalidDataException Damaged(string how, Exception? inner = null) =>
        new($"the replay token is damaged ({how}); copy it again, all of it", inner);
}
