using System.Text.Json;

namespace Harness.Campaigns;

/// <summary>The results folder cannot be written: not there, not ours, or full.</summary>
public sealed class ResultsUnwritableException(string path, Exception inner)
    : Exception($"cannot write {path}: {inner.Message}", inner)
{
    /// <summary>Whether the exception says something about the disk rather than about us.</summary>
    public static bool IsAboutStorage(Exception e) => e is IOException or UnauthorizedAccessException;
}

/// <summary>
/// Appends records to a journal, each line handed to the operating system before <see cref="Append(JournalRecord)"/> returns: what was
/// found survives the death of this process at any moment. Safe to call from several lanes.
/// </summary>
public sealed class JournalWriter : IDisposable
{
    private readonly Lock _lock = new();
    private readonly FileStream _file;
    private readonly TimeProvider _time;
    private readonly long _started;
    private readonly double _offset;
    private readonly Action<JournalRecord>? _observer;
    private ResultsUnwritableException? _broken;

    private JournalWriter(FileStream file, TimeProvider time, double offset, Action<JournalRecord>? observer)
    {
        _file = file;
        _time = time;
        _started = time.GetTimestamp();
        _offset = offset;
        _observer = observer;
    }

    /// <summary>Starts a new journal, or goes on with one after <paramref name="keepBytes"/> bytes (a torn line is cut off).</summary>
    /// <param name="offset">Seconds that the run has worked before.</param>
    /// <param name="observer">Sees every record after it was written, in the journal's order.</param>
    /// <exception cref="ResultsUnwritableException"/>
    public static JournalWriter Open(
        string path, TimeProvider time, long keepBytes = 0, double offset = 0, Action<JournalRecord>? observer = null)
    {
        try
        {
            // One writer per journal; readers (a report of a live run) are welcome.
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
            if (file.Length != keepBytes)
            {
                file.SetLength(keepBytes);
            }

            file.Seek(0, SeekOrigin.End);
            return new JournalWriter(file, time, offset, observer);
        }
        catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
        {
            throw new ResultsUnwritableException(path, e);
        }
    }

    /// <summary>Writes a whole journal as it is, times included.</summary>
    /// <exception cref="ResultsUnwritableException"/>
    public static void Replace(string path, IEnumerable<JournalRecord> records)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read);
            foreach (var record in records)
            {
                file.Write(JsonSerializer.SerializeToUtf8Bytes(record, JournalJson.Options));
                file.WriteByte((byte)'\n');
            }
        }
        catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
        {
            throw new ResultsUnwritableException(path, e);
        }
    }

    /// <summary>Seconds since the run started.</summary>
    public double Elapsed => _offset + _time.GetElapsedTime(_started).TotalSeconds;

    /// <exception cref="ResultsUnwritableException"/>
    public void Append(JournalRecord record) => Append([record]);

    /// <summary>Records that belong together, in one write, with none of another lane between them.</summary>
    /// <exception cref="ResultsUnwritableException"/>
    public void Append(IReadOnlyList<JournalRecord> records)
    {
        ArgumentNullException.ThrowIfNull(records);
        lock (_lock)
        {
            if (_broken is not null)
            {
                // The last line may be torn; nothing may follow it.
                throw _broken;
            }

            var at = Math.Round(Elapsed, 3);
            JournalRecord[] dated = [.. records.Select(record => record with { At = at })];
            byte[] lines = [.. dated.SelectMany(record => JsonSerializer.SerializeToUtf8Bytes(record, JournalJson.Options).Append((byte)'\n'))];
            try
            {
                _file.Write(lines);
            }
            catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
            {
                throw _broken = new ResultsUnwritableException(_file.Name, e);
            }

            foreach (var record in dated)
            {
                _observer?.Invoke(record);
            }
        }
    }

    public void Dispose() => _file.Dispose();
}
