using System.Buffers.Binary;
using Harness.Binary;
using Harness.Binary.Unwind;
using Harness.Binary.Unwind.Audit;
using Harness.Execution;
using Harness.Model;
using Harness.Tests;
using Harness.Verification.Pictures;

namespace Harness.Verification.Tests;

/// <summary>An execution that was recorded once, on segments that lie above their parents.</summary>
public sealed class RecordedExecution : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly Lazy<Task<(BuiltUnit, UnitRun, int, RowRecord)>> _recorded;

    public RecordedExecution() => _recorded = new(RecordAsync);

    internal Task<(BuiltUnit Unit, UnitRun Run, int Row, RowRecord Record)> GetAsync() => _recorded.Value;

    /// <summary>Its picture, of stacks that were changed on their way; after <see cref="GetAsync"/>.</summary>
    internal StackPicture Draw(Func<WorkerMessage.Stack, WorkerMessage.Stack> change, Func<BuiltUnit, BuiltUnit>? with = null)
    {
        var (unit, run, row, record) = _recorded.Value.Result;
        var changed = new RowRecord();
        record.Stacks.ToList().ForEach(s => changed.Add(change(s)));
        return new PictureBuilder(with is null ? unit : with(unit), run with { Records = new Dictionary<int, RowRecord> { [row] = changed } }).Of(row, null)!;
    }

    public void Dispose() => _scratch.Dispose();

    private async Task<(BuiltUnit, UnitRun, int, RowRecord)> RecordAsync()
    {
        var (factory, runner) = await EndToEndTests.OpenAsync();
        var plan = ExecutionPlan.Baseline with { Split = SplitPlan.Every, Placement = Placement.Ascending };
        var @case = new Case(Samples.Nested(), new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted), plan);
        var (outcome, unit) = await new CaseReplay(factory, runner).BuildAsync(@case, _scratch["unit"], CancellationToken.None);
        var (_, run) = await new FailureRecorder(runner).RecordAsync(unit ?? throw new InvalidOperationException(outcome.ToString()), 0, plan, _scratch["run"], CancellationToken.None);
        var (row, record) = run.Records.Single(r => r.Value.Stacks.Count > 0);
        return (unit, run, row, record);
    }
}

/// <summary>Defects of the engine itself, of what it is given, and of the line table: each must show where traces are compared.</summary>
public sealed class EngineDefectTests(RecordedExecution recorded) : IClassFixture<RecordedExecution>
{
    private const int Timeout = 300_000;

    /// <summary>The column of our own engine, of stacks that were changed on their way: what it says is what it read.</summary>
    [ZigFact(Timeout = Timeout)]
    public async Task Our_own_engine_reads_what_was_sent_and_nothing_else()
    {
        var record = (await recorded.GetAsync()).Record;
        StackPicture Drawn(Func<WorkerMessage.Stack, WorkerMessage.Stack> change) => recorded.Draw(change);
        var whole = Drawn(s => s);
        Assert.Equal((true, -1), (Own(whole).Observer.Right, Own(whole).FirstWrong));
        // Where saved frame pointers lead nowhere, the boxes are of the engine's frames, each where it was.
        var cut = Drawn(s => s with { Frames = [s.Frames[0]], Depth = 1 });
        Assert.False(cut.IsCutOff);
        Assert.Equal(whole.Segments, cut.Segments);
        // The first return address on the stack is another.
        var first = record.Stacks.First(s => s.Why is StackMoment.Probe);
        var slot = first.Frames[0].Cfa - 8;
        var wrong = Own(Drawn(s => s with { Memory = Changed(s.Memory, slot) }));
        Assert.Equal(("ForeignFrame at frame 1, NoEntry", false), (wrong.Observer.Verdict, wrong.Observer.Right));
        Assert.True(wrong.FirstWrong > 0);
        // Part of the stack was not sent, and that is said.
        var part = Own(Drawn(s => s with { Memory = [s.Memory[0]], MemoryLeft = 8 }));
        Assert.Equal("not compared, the rest was not sent", part.Observer.Verdict);
        // It is not there, and should be.
        Assert.EndsWith(", Unreadable", Own(Drawn(s => s with { Memory = [s.Memory[0]] })).Observer.Verdict);
        Assert.DoesNotContain(Drawn(s => s with { Memory = [] }).Traces!.Observers, o => o.Name == "our CFI");
    }

    private static EquatableArray<SentMemory> Changed(EquatableArray<SentMemory> memory, ulong address) => memory.Select(m =>
    {
        var bytes = m.Bytes.ToArray();
        if (address >= m.Low && address - m.Low < (ulong)bytes.Length)
        {
            bytes[address - m.Low + 7] = 0x7f;
        }

        return m with { Bytes = [.. bytes] };
    }).ToEquatableArray();

    [ZigFact(Timeout = Timeout)]
    public async Task Every_planted_mistake_of_the_engine_is_found()
    {
        var (unit, _, _, _) = await recorded.GetAsync();
        var file = ElfFile.Load(unit.WorkerPath);
        foreach (var defect in Enum.GetValues<EngineDefect>())
        {
            var limits = UnwindLimits.Default with { Planted = defect };
            var own = Own(recorded.Draw(s => s, u => u with { Unwind = new(() => UnwindTable.Read(file, limits)) })).Observer;
            var rows = UnwindAudit.Run(file, limits: limits).Findings.Count;
            Assert.True(defect is EngineDefect.None == (own.Right && rows == 0), $"{defect}: {own.Verdict}, {rows} findings about rows");
        }
    }

    /// <summary>A field of each unit's header (DWARF 5's, whose version begins two words later), changed: all its lines are others, or none.</summary>
    [ZigTheory(Timeout = Timeout)]
    [InlineData("the length of instructions", 0, 1)]
    [InlineData("the least advance of a line", 3, 1)]
    [InlineData("the range of advances", 4, 1)]
    [InlineData("the first special opcode", 5, 1)]
    [InlineData("the version", -8, 3)]
    public async Task A_mistake_in_the_line_table_is_found(string what, int field, int by)
    {
        var (unit, run, _, record) = await recorded.GetAsync();
        var bytes = await File.ReadAllBytesAsync(unit.WorkerPath);
        Assert.True(AreRight(bytes), "nothing was changed");
        var section = ElfFile.Parse(bytes.ToArray(), "worker").Section(".debug_line")!;
        for (var at = section.Offset; at + 24 < section.Offset + (int)section.Size;)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at));
            if (length > 0)
            {
                var header = at + (BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at + 4)) >= 5 ? 12 : 10);
                bytes[header + field] = (byte)(bytes[header + field] + by);
            }

            at += 4 + length;
        }

        Assert.False(AreRight(bytes), what);

        bool AreRight(byte[] worker)
        {
            try
            {
                var code = new UnitCodeMap(new Symbolizer(ElfFile.Parse(worker.ToArray(), "mutant")), unit.Map);
                var checker = new TraceChecker(code, unit.Map, TraceRules.Of(unit.Cell), run.Ranges.Entry, run.Ranges.Bridge);
                var model = CompiledProgram.Of(unit.Programs[0]).Run(new FaultPlan.None(), Schedule.Fifo).Probes;
                return record.Traces.All(t => checker.Check(0, model.Where(p => p.Fiber == t.Probe.Fiber).ElementAt(t.Probe.Ordinal), t.Probe, t.Chain!) is TraceVerdict.Complete);
            }
            catch (InvalidDataException)
            {
                return false;
            }
        }
    }

    private static (PicturedObserver Observer, int FirstWrong) Own(StackPicture picture)
    {
        var traces = picture.Traces!;
        var column = traces.Observers.ToList().FindIndex(o => o.Name == "our CFI");
        return (traces.Observers[column], traces.Rows.ToList().FindIndex(r => r.Seen[column].FirstWrong));
    }
}
