using System.Text;

namespace Harness.Binary;

/// <summary>Files that somebody else may have written, or that are none: devices, pipes. Never more of them is read than anything of ours has.</summary>
public static class BoundedFile
{
    private const int StepBytes = 64 << 10;

    /// <summary>As many bytes as the file has when it is opened, so of a device none; of a pipe all that comes.</summary>
    /// <exception cref="InvalidDataException">More than <paramref name="maxBytes"/>; one line without the path.</exception>
    /// <exception cref="IOException">As of <see cref="FileStream"/>, and <see cref="UnauthorizedAccessException"/>.</exception>
    public static byte[] ReadBytes(string path, int maxBytes)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        if (!stream.CanSeek)
        {
            return Streamed(stream, maxBytes);
        }

        Bound(stream.Length, maxBytes);
        var bytes = new byte[(int)stream.Length];
        var read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return read == bytes.Length ? bytes : bytes[..read];
    }

    /// <summary>UTF-8, a mark of it at the beginning left out; what is none reads as U+FFFD.</summary>
    /// <inheritdoc cref="ReadBytes"/>
    public static string ReadText(string path, int maxBytes)
    {
        using var reader = new StreamReader(new MemoryStream(ReadBytes(path, maxBytes)), Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private static byte[] Streamed(FileStream stream, int maxBytes)
    {
        using var all = new MemoryStream();
        var step = new byte[StepBytes];
        while (stream.Read(step) is var read and > 0)
        {
            all.Write(step, 0, read);
            Bound(all.Length, maxBytes);
        }

        return all.ToArray();
    }

    private static void Bound(long length, int maxBytes)
    {
        if (length > maxBytes)
        {
            throw new InvalidDataException($"it has {length} bytes, which exceeds the maximum of {maxBytes}");
        }
    }
}
