using System.Buffers.Binary;
using Harness.Model;

namespace Harness.Execution;

/// <summary>What a worker was doing, read from the file that it maps (docs/PROTOCOL.md): survives its crash, hang or kill.</summary>
/// <param name="Row">The row that runs, or ran last.</param>
/// <param name="Heartbeat">Rows finished by this process.</param>
/// <param name="Fiber">Where the signal of a crash came from.</param>
public sealed record StatusPage(
    int Row, WorkerPhase Phase, ulong Heartbeat, Counters Counters, int Fiber, int Signal, ulong SignalAddress, ulong SignalPc)
{
    /// <summary>How often code ran that a planted defect has changed; 0 but in workers made for them.</summary>
    public long PlantedReached { get; init; }

    public const int Bytes = 4096;

    private const ulong Magic = 0x3130544154535348; // "HSSTAT01"
    private const int FieldBytes = 8 + 4 + 4 + 8 + (7 * 8) + 4 + 4 + 8 + 8 + 8;

    /// <summary>A page of zeros for the next worker to map.</summary>
    public static void Create(string path) => File.WriteAllBytes(path, new byte[Bytes]);

    /// <summary>The page, or null while the worker has not written its magic.</summary>
    public static StatusPage? Read(string path)
    {
        Span<byte> bytes = stackalloc byte[FieldBytes];
        try
        {
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            return RandomAccess.Read(file, bytes, 0) == FieldBytes ? Parse(bytes) : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    public static StatusPage? Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < FieldBytes || BinaryPrimitives.ReadUInt64LittleEndian(bytes) != Magic)
        {
            return null;
        }

        var row = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        var phase = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        var counters = new Counters(
            0, Long(bytes, 24), Long(bytes, 32), Long(bytes, 40), Long(bytes, 48), Long(bytes, 56), Long(bytes, 64), Long(bytes, 72));
        return new StatusPage(
            (int)Math.Min(row, int.MaxValue),
            phase <= (uint)WorkerPhase.Finished ? (WorkerPhase)phase : WorkerPhase.Starting,
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
            counters,
            (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(bytes[80..]), int.MaxValue),
            (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(bytes[84..]), int.MaxValue),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[88..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[96..])) { PlantedReached = Long(bytes, 104) };
    }

    private static long Long(ReadOnlySpan<byte> bytes, int offset) =>
        (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]), long.MaxValue);
}

/// <summary>Phases of a worker; the numbers are those of the status page.</summary>
public enum WorkerPhase
{
    Starting = 0,
    RunningRow = 1,
    BetweenRows = 2,
    Finished = 3,
}
