using System.Text;
using System.Text.Json;
using Harness.Binary;
using Harness.Generators.Exhaustive;

namespace Harness.Campaigns;

/// <summary>A journal as it was found.</summary>
/// <param name="WholeBytes">Length of the whole lines; a torn last line lies beyond it, and failures whose batch is not there.</param>
public sealed record Journal(IReadOnlyList<JournalRecord> Records, long WholeBytes, bool TornLastLine);

/// <summary>Reads journals back.</summary>
public static class JournalReader
{
    /// <summary>A journal holds small records; a longer line is not one of ours.</summary>
    private const int MaxLineBytes = 16 << 20;

    /// <summary>Of weeks; a night comes to a few megabytes.</summary>
    private const int MaxBytes = 1 << 30;

    /// <summary>A run of a hundred years.</summary>
    private const double MaxSeconds = 3.2e9;

    /// <summary>Programs of one batch; the largest of ours have a few hundred. A larger number would be counted one by one.</summary>
    private const int MaxBatch = 1 << 20;

    /// <summary>What nothing that is counted here reaches in a hundred years; sums of a few thousand such numbers still fit.</summary>
    private const double MaxNumber = 1e15;

    /// <summary>
    /// All whole lines. A last line without its end of line is what a kill leaves behind and is dropped; damage anywhere
    /// else would silently change the verdict, so it is refused.
    /// </summary>
    /// <exception cref="InvalidDataException">A line is damaged, or the file is no journal of this version.</exception>
    public static Journal Read(string path)
    {
        return Parse(BoundedFile.ReadBytes(path, MaxBytes));
    }

    /// <inheritdoc cref="Read"/>
    public static Journal Parse(ReadOnlySpan<byte> bytes)
    {
        var records = new List<JournalRecord>();
        var (position, whole) = (0, 0);
        while (bytes[position..].IndexOf((byte)'\n') is var length and >= 0)
        {
            records.Add(ParseLine(bytes.Slice(position, length), records.Count + 1));
            position += length + 1;
            whole = records[^1] is JournalRecord.FailureSeen { Batch: not null } ? whole : position;
        }

        // Failures stand before their batch: without it they are the beginning of what was never written to its end, and the batch is checked again.
        while (records is [.., JournalRecord.FailureSeen { Batch: not null }])
        {
            records.RemoveAt(records.Count - 1);
        }

        if (records is [not JournalRecord.RunStarted, ..])
        {
            throw new InvalidDataException("the first line of the journal does not start a run");
        }

        return new Journal(records, whole, whole < bytes.Length);
    }

    private static JournalRecord ParseLine(ReadOnlySpan<byte> line, int number)
    {
        try
        {
            if (line.Length > MaxLineBytes)
            {
                throw new JsonException($"{line.Length} bytes, more than {MaxLineBytes}");
            }

            var record = JsonSerializer.Deserialize<JournalRecord>(line, JournalJson.Options)
                ?? throw new JsonException("no record");
            return (Complaint(record) ?? OutOfProportion(line)) is { } complaint ? throw new JsonException(complaint) : record;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or DecoderFallbackException)
        {
            throw new InvalidDataException($"line {number} of the journal is damaged: {e.Message}", e);
        }
    }

    /// <summary>Why a record that parses is none of ours; null: it may be.</summary>
    private static string? Complaint(JournalRecord record) => record switch
    {
        JournalRecord.RunStarted { Format: not JournalRecord.FormatVersion } started => $"format {started.Format}, this harness reads {JournalRecord.FormatVersion}",
        JournalRecord.BatchChecked batch when batch.Count is < 0 or > MaxBatch || batch.Start < 0 || batch.Stride is < 1 or > Shards.MaxCount || batch.Start > long.MaxValue / 2 =>
            $"{batch.Count} programs from {batch.Start} in steps of {batch.Stride} are no batch",
        JournalRecord.BatchChecked { Scope: { } size and (< 0 or > SmallScope.MaxSize) } => $"there is no small scope of size {size}",
        JournalRecord.CaseStored { Picture.IsWhole: false } or JournalRecord.FindingShrunk { Picture.IsWhole: false } => "rows of its traces are not of one length",
        { At: var at } when !double.IsFinite(at) || Math.Abs(at) > MaxSeconds => $"{at} seconds are no time of a run",
        _ => null,
    };

    /// <summary>The first number of the line that nothing of ours comes to; null: there is none. A seed may be any, and times have limits of their own.</summary>
    private static string? OutOfProportion(ReadOnlySpan<byte> line)
    {
        var reader = new Utf8JsonReader(line);
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName && (reader.ValueTextEquals("seed"u8) || reader.ValueTextEquals("at"u8)))
            {
                reader.Skip();
            }
            else if (reader.TokenType == JsonTokenType.Number && !(reader.TryGetDouble(out var value) && value is >= 0 and <= MaxNumber))
            {
                return $"no number of a run is {Encoding.UTF8.GetString(reader.ValueSpan)}";
            }
        }

        return null;
    }
}
