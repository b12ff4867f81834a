using System.Text;

namespace Harness.Execution;

/// <summary>
/// Reads one output stream to its end: keeps the first bytes up to a cap and, apart from them, the last few
/// (where the launcher's report stands), and hands complete lines to a callback as they arrive.
/// </summary>
internal sealed class OutputReader(int capBytes, Func<string, ValueTask>? onLine = null)
{
    /// <summary>A streamed line longer than this is delivered in pieces.</summary>
    public const int MaxLineBytes = 4 << 20;

    private const int TailBytes = 1024;
    private readonly MemoryStream _head = new();
    private readonly MemoryStream _line = new();
    private byte[] _tail = [];
    private long _delivered;

    public bool Truncated { get; private set; }

    public string Text => Encoding.UTF8.GetString(_head.GetBuffer(), 0, (int)_head.Length);

    /// <summary>The last bytes of the stream, whether or not the head was cut.</summary>
    public string Tail => Encoding.UTF8.GetString(_tail);

    public async Task RunAsync(Stream stream, CancellationToken ct)
    {
        var buffer = new byte[32 << 10];
        try
        {
            int got;
            while ((got = await stream.ReadAsync(buffer, ct).ConfigureAwait(false)) > 0)
            {
                Remember(buffer.AsSpan(0, got));
                await Accept(buffer.AsMemory(0, got)).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The process is gone but something it started still holds the pipe: what was read is what there is.
            Truncated = true;
        }
        catch (IOException)
        {
            // The pipe broke with the process; the same as its end.
            Truncated = true;
        }

        if (onLine is not null && _line.Length > 0)
        {
            await Flush().ConfigureAwait(false);
        }
    }

    private void Remember(ReadOnlySpan<byte> bytes)
    {
        var last = bytes[Math.Max(0, bytes.Length - TailBytes)..];
        var kept = _tail.AsSpan(Math.Max(0, _tail.Length + last.Length - TailBytes));
        _tail = [.. kept, .. last];
    }

    private async ValueTask Accept(ReadOnlyMemory<byte> bytes)
    {
        if (onLine is null)
        {
            var room = (int)Math.Min(bytes.Length, capBytes - _head.Length);
            _head.Write(bytes.Span[..room]);
            Truncated |= room < bytes.Length;
            return;
        }

        while (!bytes.IsEmpty && !Truncated)
        {
            var newline = bytes.Span.IndexOf((byte)'\n');
            var length = newline < 0 ? bytes.Length : newline;
            _delivered += length + 1;
            Truncated = _delivered > capBytes;
            if (newline >= 0 && _line.Length == 0)
            {
                await onLine(Encoding.UTF8.GetString(bytes.Span[..length])).ConfigureAwait(false); // Nearly all of them.
            }
            else
            {
                _line.Write(bytes.Span[..length]);
                if (newline >= 0 || _line.Length >= MaxLineBytes)
                {
                    await Flush().ConfigureAwait(false);
                }
            }

            bytes = bytes[Math.Min(length + 1, bytes.Length)..];
        }
    }

    private async ValueTask Flush()
    {
        var text = Encoding.UTF8.GetString(_line.GetBuffer(), 0, (int)_line.Length);
        _line.SetLength(0);
        await onLine!(text).ConfigureAwait(false);
    }
}
