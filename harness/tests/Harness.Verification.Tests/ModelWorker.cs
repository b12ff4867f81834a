using Harness.Emit;
using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Verification.Tests;

/// <summary>What goes wrong in an execution of the <see cref="ModelWorker"/>.</summary>
internal enum Defect
{
    None,
    LosesRelease,
    LosesFrame,
    LosesErrorEntry,
    ForgetsToTakeBack,
    EntersTheStub,
    SendsNoErrorTraces,
    Crashes,
    Hangs,
    IsKilledForMemory,
    SaysCanary,
    SendsNoTraces,
    DeliversInSilence,
}

/// <summary>
/// A worker without processes: executes the model instead of machine code and sends what a worker would. Misbehaves on
/// demand, by program and plan.
/// </summary>
internal sealed class ModelWorker(Func<FiberProgram, ExecutionPlan, Defect>? defect = null) : IUnitRunner
{
    private static readonly AddressRange Entry = new(0x1000, 0x1010);
    private static readonly AddressRange Bridge = new(0x2000, 0x2010);
    private const ulong StubReturn = 0x3008;

    public int Runs { get; private set; }

    public long RowsRun { get; private set; }

    public Task<UnitRun> RunAsync(BuiltUnit unit, UnitPlan plan, string directory, CancellationToken ct, CancellationToken windUp = default)
    {
        ct.ThrowIfCancellationRequested();
        Runs++;
        var run = new Run(unit, plan, defect ?? ((_, _) => Defect.None));
        var result = run.Execute(windUp);
        RowsRun += plan.Worker.Rows.Length;
        return Task.FromResult(result);
    }

    private sealed class Run(BuiltUnit unit, UnitPlan plan, Func<FiberProgram, ExecutionPlan, Defect> defect)
    {
        private readonly RowCollector _collector = new(unit, plan);
        private readonly List<RowOutcome> _outcomes = [];
        private readonly List<SkippedRows> _skipped = [];
        private readonly Dictionary<string, int> _chains = [];
        private readonly FakeCode _code = (FakeCode)unit.Code;
        private long _executions;
        private int _from;

        public UnitRun Execute(CancellationToken windUp)
        {
            Ready();
            for (var row = 0; row < plan.Worker.Rows.Length; row++)
            {
                if (windUp.IsCancellationRequested)
                {
                    _skipped.Add(new SkippedRows(row, plan.Worker.Rows.Length, "the time was over"));
                    break;
                }

                Row(row);
                if (row + 1 == plan.Worker.Rows.Length || plan.Worker.IsFirstOfProgram(row + 1))
                {
                    var program = plan.Worker.ProgramOf(row);
                    var rows = Enumerable.Range(_from, row + 1 - _from).Count(r => plan.Worker.ProgramOf(r) == program);
                    _collector.Accept(new WorkerMessage.ProgramDone(program, rows, Counters.Zero, TimeSpan.FromMilliseconds(1)));
                }
            }

            _collector.Accept(new WorkerMessage.Done(plan.Worker.Rows.Length));
            var counters = Counters.Zero with { Executions = _executions };
            return _collector.Finish(new SessionResult(_outcomes, _skipped, counters, 1 + _outcomes.Count, TimeSpan.Zero) { WoundUp = _skipped.Count > 0 });
        }

        private void Ready()
        {
            _chains.Clear();
            _collector.Accept(new WorkerMessage.Ready(plan.Programs.Count, plan.Worker.Rows.Length, new(0x3000, 0x3010), Entry, Bridge));
        }

        private void Row(int row)
        {
            var program = plan.Locate(row).Program;
            var execution = plan.ExecutionOf(row);
            var what = defect(program.Program, execution);
            RowOutcome? outcome = what switch
            {
                Defect.Crashes => new RowOutcome.Crashed(row, 11, 0x10, 0x2005, 0, ""),
                Defect.Hangs => new RowOutcome.TimedOut(row, TimeSpan.FromSeconds(1)),
                Defect.IsKilledForMemory => new RowOutcome.MemoryExceeded(row),
                _ => null,
            };
            if (outcome is not null)
            {
                _outcomes.Add(outcome);
                _from = row + 1;
                Ready();
                return;
            }

            _executions++;
            var known = FaultMenu.IsPredictable(execution.Fault);
            Delivery[] deliveries = known || execution.Split.Kind is SplitKind.None ? [] : [new Delivery(1, ErrorName.StackOverflow)];
            var run = Interpreter.Run(
                program.Program, known ? execution.Fault : new FaultPlan.Delivered(deliveries.ToEquatableArray()), execution.Schedule);
            var events = run.Events.Select((e, fiber) => what is Defect.LosesRelease && fiber == 0 ? WithoutRelease(e) : [.. e]).ToArray();
            Send(row, program, run, events, known, what is Defect.DeliversInSilence ? [] : deliveries);
            _collector.Accept(new WorkerMessage.Places(row, [.. run.Calls.Select(_ => PlacesOf(plan.Worker.Rows[row]))]));
            if (what is not Defect.SendsNoTraces)
            {
                Trace(row, program.UnitIndex, run, what);
            }

            if (what is Defect.SaysCanary)
            {
                _collector.Accept(new WorkerMessage.Fail(row, "canary", 0, "0", "1", "address"));
            }
        }

        /// <summary>Every call on a segment of its own when every prologue splits, else none.</summary>
        private static int PlacesOf(PlanRow row) => 1 << ((row.Split is SplitKind.EveryEntry ? 8 : 0) + (int)row.Placement);

        private static Event[] WithoutRelease(EquatableArray<Event> events)
        {
            var at = events.ToList().FindLastIndex(e => e.Kind is EventKind.Released);
            return [.. events.Where((_, i) => i != at)];
        }

        private void Send(int row, ProgramPlan program, ExpectedRun run, Event[][] events, bool known, Delivery[] deliveries)
        {
            var digests = events.Select(fiber => fiber.Aggregate(Digests.Start, Digests.Add)).ToArray();
            for (var fiber = 0; fiber < digests.Length; fiber++)
            {
                digests[fiber] = run.Outcomes[fiber] is FiberOutcome.NotStarted ? Digests.Start : digests[fiber];
            }

            if (plan.Worker.Rows[row].Flags.HasFlag(RowFlags.Record))
            {
                for (var fiber = 0; fiber < events.Length; fiber++)
                {
                    Array.ForEach(events[fiber], e => _collector.Accept(new WorkerMessage.Logged(row, fiber, e)));
                }

                Array.ForEach(deliveries, d => _collector.Accept(new WorkerMessage.Delivered(row, d)));
            }

            var digest = Digests.Combine(digests);
            if (!known)
            {
                _collector.Accept(new WorkerMessage.Overflow(row, digest, deliveries.ToEquatableArray()));
            }
            else if (digest != plan.ScenarioOf(row).Record.ExpectedDigest)
            {
                _collector.Accept(new WorkerMessage.Fail(row, "digest", 0, "1", "2", "event logs differ from the model's"));
            }
        }

        private void Trace(int row, int program, ExpectedRun run, Defect what)
        {
            var flags = plan.Worker.Rows[row].Flags;
            if ((flags & (RowFlags.Record | RowFlags.SendTraces)) == 0)
            {
                return;
            }

            Errors(row, program, run, what);
            foreach (var observer in new[] { Observer.FramePointers, Observer.Dwarf })
            {
                var ordinals = new int[ProgramLimits.MaxFibers];
                var asked = flags.HasFlag(observer is Observer.Dwarf ? RowFlags.Dwarf : RowFlags.FramePointers);
                foreach (var probe in run.Probes.Where(_ => asked))
                {
                    var lost = what is Defect.LosesFrame && observer is Observer.FramePointers ? 1 : 0;
                    var id = Chain(probe, program, lost);
                    _collector.Accept(new WorkerMessage.Probe(row, probe.Fiber, probe.Site, ordinals[probe.Fiber]++, observer, id, 0, 0));
                }
            }
        }

        private int Chain(ProbeTrace probe, int program, int lost)
        {
            return IdOf(Frames(probe, program).Where((_, i) => i != lost || lost == 0).ToEquatableArray());
        }

        private ulong[] Frames(ProbeTrace probe, int program) =>
        [
            .. new ExpectedFrames(unit.Map, TraceRules.Exact, unit.Code).Of(program, probe)
                .Select(f => f.IsBridge ? Bridge.Start + 8 : _code.AddressOf(f.Owner!, f.Line)),
            Entry.Start + 8,
        ];

        private void Errors(int row, int program, ExpectedRun run, Defect what)
        {
            var ordinals = new int[ProgramLimits.MaxFibers];
            var keeps = unit.Cell.KeepsErrorTraces;
            var checker = new ErrorTraceChecker(_code, unit.Map, keeps);
            foreach (var probe in run.Sightings.Where(_ => what is not Defect.SendsNoErrorTraces))
            {
                var ordinal = ordinals[probe.Fiber]++;
                var trace = keeps ? probe.Trace : ErrorTrace.Empty;
                var addresses = checker.Of(program, trace).Select(_code.AddressOf).ToList();
                if (what is Defect.LosesErrorEntry && addresses.Count > 1)
                {
                    addresses.RemoveAt(1);
                }
                else if (what is Defect.EntersTheStub && addresses.Count > 0)
                {
                    addresses[0] = StubReturn;
                }

                var last = run.Probes.LastOrDefault(p => p.Fiber == probe.Fiber);
                var caller = probe.Site < 0 ? Frames(last!, program)[1] : 0;
                var index = trace.Index + (what is Defect.ForgetsToTakeBack ? 1 : 0);
                _collector.Accept(new WorkerMessage.Errors(
                    row, probe.Fiber, probe.Site, ordinal, keeps, index, IdOf(addresses.ToEquatableArray()), caller));
            }
        }

        private int IdOf(EquatableArray<ulong> addresses)
        {
            var key = string.Join(',', addresses);
            if (!_chains.TryGetValue(key, out var id))
            {
                _chains[key] = id = _chains.Count;
                _collector.Accept(new WorkerMessage.Chain(id, ChainEnd.Clean, addresses));
            }

            return id;
        }
    }
}

/// <summary>Gives every function and line of a unit an address, as it is asked for.</summary>
internal sealed class FakeCode : ICodeMap
{
    private readonly Dictionary<(SourceOwner, int), ulong> _addresses = [];
    private readonly Dictionary<ulong, CodePosition> _positions = [];

    public ulong AddressOf(SourceOwner owner, int line)
    {
        if (!_addresses.TryGetValue((owner, line), out var address))
        {
            _addresses[(owner, line)] = address = 0x10_0000UL + ((ulong)_addresses.Count * 16);
            _positions[address - 1] = new CodePosition($"unit.{owner}", owner, line);
        }

        return address;
    }

    /// <summary>Code that makes an entry in an error return trace.</summary>
    public ulong AddressOf(ExpectedEntry entry)
    {
        if (entry.Owner is { } owner)
        {
            return AddressOf(owner, entry.Line);
        }

        var address = 0x40_0000UL + ((ulong)entry.Line * 16);
        _positions[address - 1] = new CodePosition($"support.{entry.Step}", null, 0) { SupportLine = entry.Line };
        return address;
    }

    public CodePosition Resolve(ulong address) =>
        _positions.TryGetValue(address, out var position) ? position : new CodePosition("hs_callback", null, 0);
}

/// <summary>Compiles nothing; refuses programs on demand.</summary>
internal sealed class FakeFactory(Func<FiberProgram, bool>? refuses = null) : IUnitFactory
{
    public int Attempts { get; private set; }

    /// <summary>What the check of unwind rows says of a unit; null: it is not checked.</summary>
    public Func<IReadOnlyList<FiberProgram>, RowAudit>? Rows { get; set; }

    /// <summary>The programs of each unit that was built.</summary>
    public List<IReadOnlyList<FiberProgram>> Built { get; } = [];

    public Task<(BuildOutcome Outcome, BuiltUnit? Unit)> BuildAsync(
        IReadOnlyList<FiberProgram> programs, Cell cell, string directory, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        Attempts++;
        if (refuses is not null && programs.Any(refuses))
        {
            return Task.FromResult<(BuildOutcome, BuiltUnit?)>(
                (new BuildOutcome.Rejected($"unit.zig:{Attempts}:9: error: expected type 'u{Attempts}', found 'void'\nnote: …"), null));
        }

        Built.Add(programs);
        var unit = new BuiltUnit(programs, ZigEmitter.Emit(programs).Map, cell, "worker", new FakeCode(), BuildTimings.Zero) { Rows = Rows?.Invoke(programs) };
        return Task.FromResult<(BuildOutcome, BuiltUnit?)>((new BuildOutcome.TimedOut("not looked at"), unit));
    }
}
