using System.Buffers;
using System.Buffers.Binary;
using Harness.Model;

namespace Harness.Execution;

/// <summary>The plan as bytes (docs/PROTOCOL.md).</summary>
public static class PlanFile
{
    public const int MaxPrograms = 4096;
    public const int MaxScenarios = 4_000_000;
    public const int MaxRows = 16_000_000;

    private const ulong Magic = 0x31304E414C505348; // "HSPLAN01"
    private const int HeaderBytes = 32;
    private const int ProgramBytes = 64;
    private const int ScenarioBytes = 80;
    private const int RowBytes = 24;

    /// <summary>What is written at once: a plan of megabytes in one buffer would cost a page fault for each of its pages.</summary>
    private const int BlockBytes = 64 << 10;

    /// <summary>Writes the plan to a new file (replacing an old one).</summary>
    public static void Write(string path, WorkerPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        Write(file, plan);
    }

    public static byte[] ToBytes(WorkerPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        using var memory = new MemoryStream();
        Write(memory, plan);
        return memory.ToArray();
    }

    private static void Write(Stream to, WorkerPlan plan)
    {
        var block = ArrayPool<byte>.Shared.Rent(BlockBytes);
        var writer = new Writer(block, to);
        writer.Begin(HeaderBytes);
        writer.U64(Magic);
        writer.U32((uint)plan.Programs.Count);
        writer.U32((uint)plan.Scenarios.Count);
        writer.U32((uint)plan.Rows.Length);
        writer.U32(plan.Planted);
        writer.U32(plan.PlantedSecond);
        writer.U32(0);
        foreach (var program in plan.Programs)
        {
            writer.Begin(ProgramBytes);
            Write(ref writer, program);
        }

        foreach (var scenario in plan.Scenarios)
        {
            writer.Begin(ScenarioBytes);
            Write(ref writer, scenario);
        }

        foreach (ref readonly var row in plan.Rows.AsSpan())
        {
            writer.Begin(RowBytes);
            writer.U32((uint)row.Scenario);
            writer.U8((byte)row.Split);
            writer.U8((byte)row.Placement);
            writer.U8((byte)row.Policy);
            writer.U8((byte)row.Flags);
            writer.U64(row.SplitA);
            writer.U64(row.SplitB);
        }

        writer.Flush();
        ArrayPool<byte>.Shared.Return(block);
    }

    public static WorkerPlan Read(string path) => FromBytes(File.ReadAllBytes(path));

    /// <exception cref="InvalidDataException">Not a plan, or one that refers outside itself.</exception>
    public static WorkerPlan FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderBytes || BinaryPrimitives.ReadUInt64LittleEndian(bytes) != Magic)
        {
            throw new InvalidDataException("not a plan: no HSPLAN01 header");
        }

        var reader = new Reader(bytes[8..]);
        var programs = Count(reader.U32(), MaxPrograms, "programs");
        var scenarios = Count(reader.U32(), MaxScenarios, "scenarios");
        var rows = Count(reader.U32(), MaxRows, "rows");
        var (planted, second) = (reader.U32(), reader.U32());
        var size = HeaderBytes + ((long)programs * ProgramBytes) + ((long)scenarios * ScenarioBytes) + ((long)rows * RowBytes);
        if (bytes.Length != size)
        {
            throw new InvalidDataException(
                $"a plan of {programs} programs, {scenarios} scenarios and {rows} rows has {size} bytes, not {bytes.Length}");
        }

        reader = new Reader(bytes[HeaderBytes..]);
        var programRecords = new PlanProgram[programs];
        for (var i = 0; i < programs; i++)
        {
            programRecords[i] = ReadProgram(ref reader);
        }

        var scenarioRecords = new PlanScenario[scenarios];
        for (var i = 0; i < scenarios; i++)
        {
            scenarioRecords[i] = ReadScenario(ref reader, programs);
        }

        var rowRecords = new PlanRow[rows];
        for (var i = 0; i < rows; i++)
        {
            rowRecords[i] = ReadRow(ref reader, scenarios);
        }

        return new WorkerPlan(programRecords, scenarioRecords, rowRecords);
    }

    private static void Write(ref Writer writer, PlanProgram program)
    {
        writer.U32((uint)program.UnitIndex);
        writer.U32((uint)program.Fibers);
        writer.U32((uint)program.Mutexes);
        writer.U32((uint)program.EntryCap);
        for (var i = 0; i < ProgramLimits.MaxFibers; i++)
        {
            writer.U32(i < program.Fuel.Count ? program.Fuel[i] : 0);
        }

        writer.U32(program.StartMask);
        writer.U32((uint)program.EventCap);
        writer.U64(0);
    }

    private static void Write(ref Writer writer, PlanScenario scenario)
    {
        writer.U32((uint)scenario.Program);
        writer.U32((uint)scenario.FaultKind);
        writer.U32(scenario.FaultEntry);
        writer.U32(scenario.FaultError);
        writer.U64(scenario.ScheduleSeed);
        writer.U64(scenario.StackBudget);
        writer.U64(scenario.ExpectedDigest);
        writer.U32(scenario.LaunchMask);
        writer.U32(scenario.IsolatedMask);
        writer.U32(scenario.ExpectedAcquired);
        writer.U32(scenario.ExpectedProbes);
        writer.U32(scenario.ExpectedEntries);
        writer.U32((uint)scenario.Flags);
        writer.U64(0);
        writer.U32((uint)scenario.Death);
        writer.U32(0);
    }

    private static PlanProgram ReadProgram(ref Reader reader)
    {
        var unitIndex = (int)reader.U32();
        var fibers = Count(reader.U32(), ProgramLimits.MaxFibers, "fibers");
        var mutexes = Count(reader.U32(), ProgramLimits.MaxMutexes, "mutexes");
        var entryCap = (int)reader.U32();
        var fuel = new uint[ProgramLimits.MaxFibers];
        for (var i = 0; i < fuel.Length; i++)
        {
            fuel[i] = reader.U32();
        }

        var startMask = reader.U32();
        var eventCap = (int)reader.U32();
        reader.U64();
        return new PlanProgram(unitIndex, fibers, mutexes, entryCap, fuel.Take(fibers).ToEquatableArray(), startMask, eventCap);
    }

    private static PlanScenario ReadScenario(ref Reader reader, int programs)
    {
        var program = Index(reader.U32(), programs, "program");
        var scenario = new PlanScenario(
            program, (FaultCode)reader.U32(), reader.U32(), reader.U32(), reader.U64(), reader.U64(), reader.U64(),
            reader.U32(), reader.U32(), reader.U32(), reader.U32(), reader.U32(), (ScenarioFlags)reader.U32());
        reader.U64();
        var death = (Death)reader.U32();
        reader.U32();
        return scenario with { Death = death };
    }

    private static PlanRow ReadRow(ref Reader reader, int scenarios) => new(
        Index(reader.U32(), scenarios, "scenario"), (SplitKind)reader.U8(), (Placement)reader.U8(),
        (ReleasePolicy)reader.U8(), (RowFlags)reader.U8(), reader.U64(), reader.U64());

    private static int Count(uint value, int maximum, string what) => value <= maximum
        ? (int)value
        : throw new InvalidDataException($"a plan with {value} {what}, which exceeds the maximum of {maximum}");

    private static int Index(uint value, int count, string what) => value < count
        ? (int)value
        : throw new InvalidDataException($"a plan that refers to {what} {value} of {count}");

    private ref struct Writer(Span<byte> block, Stream to)
    {
        private readonly Span<byte> _block = block;
        private Span<byte> _rest = block;

        /// <summary>Makes room for a record.</summary>
        public void Begin(int bytes)
        {
            if (_rest.Length < bytes)
            {
                Flush();
            }
        }

        public void Flush()
        {
            to.Write(_block[..^_rest.Length]);
            _rest = _block;
        }

        public void U8(byte value)
        {
            _rest[0] = value;
            _rest = _rest[1..];
        }

        public void U32(uint value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_rest, value);
            _rest = _rest[4..];
        }

        public void U64(ulong value)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(_rest, value);
            _rest = _rest[8..];
        }
    }

    private ref struct Reader(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;

        public byte U8()
        {
            var value = _rest[0];
            _rest = _rest[1..];
            return value;
        }

        public uint U32()
        {
            var value = BinaryPrimitives.ReadUInt32LittleEndian(_rest);
            _rest = _rest[4..];
            return value;
        }

        public ulong U64()
        {
            var value = BinaryPrimitives.ReadUInt64LittleEndian(_rest);
            _rest = _rest[8..];
            return value;
        }
    }
}
