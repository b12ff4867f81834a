using Harness.Execution;
using Harness.Model;

namespace Harness.Verification;

/// <summary>
/// Plans the executions of a program: which faults, and under each fault which splits, placements and policies, with the
/// digests that the model expects. A pure function of program, seed and options; nothing random is left to the run.
/// </summary>
public sealed class PlanBuilder
{
    private readonly PlanOptions _options;

    /// <exception cref="ArgumentException">Options without a placement, policy or segment size.</exception>
    public PlanBuilder(PlanOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Placements.Count == 0 || options.Policies.Count == 0 || options.NaturalBytes.Count == 0)
        {
            throw new ArgumentException("a plan needs a placement, a policy and a segment size", nameof(options));
        }

        _options = options;
    }

    /// <param name="unitIndex">The program's number in its compile unit.</param>
    public ProgramPlan Build(FiberProgram program, int unitIndex, ulong seed)
    {
        var compiled = CompiledProgram.Of(program, _options.Model);
        var reference = compiled.Run(new FaultPlan.None(), Schedule.Fifo);
        return reference.Ending is RunEnding.Finished
            ? new Draft(compiled, reference, _options, seed).Build(unitIndex)
            : ProgramPlan.Rejected(program, unitIndex, $"the model's run without fault ended as {reference.Ending}");
    }

    /// <summary>One program's plan in the making.</summary>
    private sealed class Draft
    {
        /// <summary>From so many rows without a fault for each placement on, splits are tried in all of them.</summary>
        private const int WidePlans = 8;

        private const int MinCrossing = 1;
        private const int SpecialPercent = 20;

        /// <summary>Of the special rows, for programs of several fibers; what is left is for faults of other kinds.</summary>
        private const int SchedulesPercent = 67;
        private const int SweepPercent = 40;

        /// <summary>Entries of functions that cannot fail which get a segment that is lent, and how many first allocations are failed there.</summary>
        private const int LentEntries = 4;
        private const int LentAllocations = 2;

        private readonly CompiledProgram _compiled;
        private readonly ExpectedRun _reference;
        private readonly PlanOptions _options;
        private readonly PlanRandom _random;
        private readonly List<ScenarioPlan> _scenarios = [];
        private readonly RowList _rows;
        private readonly Isolation _isolation;
        private readonly Dictionary<string, int> _faultKinds = [];
        private readonly int _rowCap;
        private long _modelEntries;
        private long _observedFrames;
        private long _frames;
        private RowFlags _whenSplit;
        private int _dropped;
        private int _unusable;

        public Draft(CompiledProgram compiled, ExpectedRun reference, PlanOptions options, ulong seed)
        {
            (_compiled, _reference, _options) = (compiled, reference, options);
            _random = new PlanRandom(PlanRandom.Derive(seed, 1));
            _rowCap = Math.Min(options.RowCap, Math.Max(options.DeepRowFloor, options.EntryBudget / (Entries + options.EntriesPerExecution)));
            _rows = new RowList(options, new PlanRandom(PlanRandom.Derive(seed, 2)), onePlacement: _rowCap <= options.DeepRowFloor);
            _isolation = new Isolation(compiled, reference);
            _modelEntries = _isolation.ModelEntries;
        }

        private int Entries => _reference.Entries;

        private int Fibers => _compiled.Program.Fibers.Count;

        public ProgramPlan Build(int unitIndex)
        {
            AddNoFault();
            var (from, specials) = (_rows.Count, _rowCap * SpecialPercent / 100);
            AddSchedules(from + (specials * SchedulesPercent / 100));
            AddLent(from + specials);
            AddSampledFaults(from + specials);
            var (swept, entries) = AddSweep();
            var facts = new PlanFacts(Entries, swept, entries - swept, _dropped, _rows.Observed, _unusable);
            return new ProgramPlan(_compiled.Program, unitIndex, _scenarios, _rows.ToArray(), facts) { Model = _options.Model };
        }

        private void AddNoFault()
        {
            var observers = Observers(_reference);
            var scenario = AddScenario(new FaultPlan.None(), Schedule.Fifo, _reference, observers);
            _rows.AddBaseline(scenario, SplitPlan.None, observers);
            var cap = Math.Max(2, _rowCap * _options.NoFaultPercent / 100);
            var deepest = _reference.EntryPoints.AsSpan().Length == 0 ? 1 : _reference.EntryPoints.Max(e => e.Depth);
            // Every prologue split, in each placement with each policy, comes first. A small budget has one placement for each split, another one in
            // other programs: it is small because executions are long, and each combination of a deep recursion fills memory of its own.
            var everyPolicy = cap > 6 * _options.Placements.Count * _options.Policies.Count;
            var everyPlacement = cap > WidePlans * _options.Placements.Count;
            var rowsOfOne = everyPlacement ? _options.Placements.Count : 1;
            var most = Math.Max(cap * 2 / 3, 1 + rowsOfOne);
            var families = SplitMenu.Families(Entries, deepest, _options, _random).ToArray();
            if (!everyPlacement)
            {
                // There is room for some only: the first, and others in other programs.
                _random.Shuffle(families.AsSpan(1));
            }

            foreach (var split in families)
            {
                if (_rows.Count + rowsOfOne > most)
                {
                    _dropped++;
                }
                else if (everyPlacement && split.Kind is (SplitKind.EveryEntry or SplitKind.Natural))
                {
                    var all = everyPolicy && split.Kind is SplitKind.EveryEntry;
                    _rows.AddAll(scenario, split, all, (s, p) => Watch(observers, _rows.IsNewToObservers(s.Kind, p)));
                }
                else
                {
                    _rows.Add(scenario, split, Watch(observers, _rows.IsNewToObservers(split.Kind)));
                }
            }

            var room = Math.Max(1, cap - _rows.Count);
            foreach (var split in SplitMenu.Singles(Entries, room, _options, _random))
            {
                _rows.Add(scenario, split, Watch(observers, _rows.IsNewToObservers(split.Kind)));
            }

            _dropped += Math.Max(0, Entries + 1 - room);
        }

        /// <summary>Other orders of the fibers, alone and with faults, and each fiber on its own.</summary>
        private void AddSchedules(int until)
        {
            if (Fibers == 1)
            {
                return;
            }

            for (var i = 0; i < _options.ScheduleSeeds; i++)
            {
                var schedule = new Schedule(_random.Next() | 1);
                AddFault(new FaultPlan.None(), schedule, SplitMenu.Crossing(_random.Below(Entries), _options, _random), until);
                foreach (var fault in ScheduledFaults())
                {
                    AddFault(fault, schedule, SplitMenu.Crossing(FaultMenu.EntryOf(fault), _options, _random)[..3], until);
                }
            }

            for (var fiber = 0; fiber < Fibers; fiber++)
            {
                if (_compiled.Program.Fibers[fiber].StartsAtLaunch)
                {
                    AddFault(new FaultPlan.None(), Isolation.Solo(fiber), [SplitPlan.None, _options.Forces ? SplitPlan.Every : SplitMenu.Natural(_options.NaturalBytes[0])], until);
                }
            }
        }

        /// <summary>
        /// Functions that cannot fail are entered on a segment that is lent, in place of one that could not be had: they are not told, and what they call has to
        /// be, each time anew. The first allocations are failed at just those entries, because which prologue comes first there (a helper's perhaps) no model knows.
        /// </summary>
        private void AddLent(int until)
        {
            var functions = _compiled.Program.Functions;
            var quiet = Enumerable.Range(0, _reference.EntryPoints.Count)
                .Where(entry => functions[_reference.EntryPoints[entry].Function] is { IsFallible: false } function && StatementTree.All(function.Body).Any(s => StatementTree.CalleeOf(s) is not null))
                .ToArray();
            if (quiet.Length > 0 && _options.FailingAllocations.Count > 0)
            {
                var random = new PlanRandom((ulong)quiet.Length);
                SplitPlan[] splits = [.. random.Stratified(quiet.Length, LentEntries).Select(i => SplitMenu.Single(quiet[i]))];
                for (var nth = 1; nth <= LentAllocations; nth++)
                {
                    AddFault(new FaultPlan.SegmentAllocationFails(nth), Schedule.Fifo, splits, until);
                }
            }
        }

        private FaultPlan[] ScheduledFaults()
        {
            var entry = _random.Below(Entries);
            return
            [
                new FaultPlan.ErrorAt(entry, ErrorName.Injected, Persistent: _random.Below(2) == 1),
                _random.Below(2) == 1 ? new FaultPlan.PanicAt(entry) : new FaultPlan.SegfaultAt(entry),
            ];
        }

        private void AddSampledFaults(int until)
        {
            var faults = FaultMenu.Sampled(Entries, _options, _random);
            var room = Math.Max(0, until - _rows.Count);
            foreach (var fault in faults)
            {
                if (_modelEntries > _options.ModelEntries / 2)
                {
                    _dropped++;
                    continue;
                }

                var splits = FaultMenu.IsPredictable(fault)
                    ? SplitMenu.Crossing(FaultMenu.EntryOf(fault), _options, _random)
                    : SplitMenu.Growing(_options, _random);
                var width = Math.Clamp(room / Math.Max(1, faults.Count), 2, splits.Length);
                AddFault(fault, Schedule.Fifo, splits[..width], until);
            }
        }

        /// <summary>Returns how many entries were swept, and of how many.</summary>
        private (int Swept, int Entries) AddSweep()
        {
            var room = Math.Max(0, _rowCap - _rows.Count);
            var wanted = Math.Max(1, Math.Min(room, _rowCap * SweepPercent / 100) / 2);
            var affordable = Math.Max(1, (_options.ModelEntries - _modelEntries) / (2L * Math.Max(1, Entries)));
            var entries = _random.Stratified(Entries, (int)Math.Min(wanted, affordable));
            var sweep = FaultMenu.Sweep(entries).ToArray();
            for (var i = 0; i < sweep.Length; i++)
            {
                var splits = SplitMenu.Crossing(FaultMenu.EntryOf(sweep[i]), _options, _random);
                // Share what is left evenly; with room for one row only, take turns through the splits.
                var share = (room * (i + 1L) / sweep.Length) - (room * (long)i / sweep.Length);
                var width = (int)Math.Clamp(share, MinCrossing, splits.Length);
                AddFault(sweep[i], Schedule.Fifo, width == 1 ? [splits[i % splits.Length]] : Rotated(splits, width, i), int.MaxValue);
                _dropped += splits.Length - width;
            }

            return (entries.Length, Entries);
        }

        /// <summary>The baseline and width − 1 of the others, another choice for each i.</summary>
        private static SplitPlan[] Rotated(SplitPlan[] splits, int width, int i) =>
            [splits[0], .. Enumerable.Range(0, width - 1).Select(k => splits[1 + ((i + k) % (splits.Length - 1))])];

        private void AddFault(FaultPlan fault, Schedule schedule, ReadOnlySpan<SplitPlan> splits, int until)
        {
            if (_rows.Count + splits.Length > until)
            {
                _dropped += splits.Length;
                return;
            }

            if (!FaultMenu.IsPredictable(fault))
            {
                AddUnpredictable(fault, schedule, splits);
                return;
            }

            var kind = Coverage.FaultLabel(fault, schedule);
            var seen = _faultKinds[kind] = _faultKinds.GetValueOrDefault(kind) + 1;
            var observe = _options.Observe && (seen == 1 || _rows.MayObserve);
            var run = _compiled.Run(fault, schedule, observe ? Kept.Traces : Kept.Counts);
            _modelEntries += run.Entries;
            if (run.Ending is not RunEnding.Finished)
            {
                _unusable++;
                return;
            }

            var observers = observe ? Observers(run) : RowFlags.None;
            var scenario = AddScenario(fault, schedule, run, observers);
            _rows.AddBaseline(scenario, splits[0], observers);
            var watched = 1 + (seen % Math.Max(1, splits.Length - 1));
            for (var i = 1; i < splits.Length; i++)
            {
                _rows.Add(scenario, splits[i], Watch(observers, i == watched));
            }
        }

        /// <summary>There is no digest to compare with: the worker reports what happened, and the model checks that.</summary>
        private void AddUnpredictable(FaultPlan fault, Schedule schedule, ReadOnlySpan<SplitPlan> splits)
        {
            var kind = Coverage.FaultLabel(fault, schedule);
            var seen = _faultKinds[kind] = _faultKinds.GetValueOrDefault(kind) + 1;
            _scenarios.Add(new ScenarioPlan(fault, schedule, PlanScenario.Of(0, fault, schedule), null));
            var observers = seen <= 2 ? Observers(_reference) : RowFlags.None;
            foreach (var split in splits)
            {
                _rows.Add(_scenarios.Count - 1, split, observers);
                observers = RowFlags.None;
            }
        }

        private int AddScenario(FaultPlan fault, Schedule schedule, ExpectedRun run, RowFlags observers)
        {
            var record = PlanScenario.Of(0, fault, schedule);
            record = _isolation.Expecting(record, run);
            var kept = observers == RowFlags.None ? null : run with { Events = [], EntryPoints = [] };
            _scenarios.Add(new ScenarioPlan(fault, schedule, record, kept) { Calls = run.Calls });
            return _scenarios.Count - 1;
        }

        /// <summary>How a scenario's baseline observes: by both, by frame pointers alone when the traces are long, or not.</summary>
        private RowFlags Observers(ExpectedRun run)
        {
            if (!_options.Observe || run.Probes.Count == 0)
            {
                return RowFlags.None;
            }

            var frames = 0L;
            foreach (var probe in run.Probes.AsSpan())
            {
                frames += probe.Chain.Count;
            }

            _frames = frames;
            _whenSplit = TraceChecker.WhenSplit(RowFlags.BothObservers, run);
            if (_observedFrames + frames > _options.ObservedFrames)
            {
                return frames <= _options.ObservedFrames * 4 && _observedFrames <= _options.ObservedFrames
                    ? RowFlags.FramePointers | RowFlags.SendTraces
                    : RowFlags.None;
            }

            _observedFrames += frames;
            return RowFlags.BothObservers | RowFlags.SendTraces;
        }

        /// <summary>The flags of a row that is not a baseline.</summary>
        private RowFlags Watch(RowFlags baseline, bool wanted)
        {
            var flags = baseline & _whenSplit;
            if (flags == RowFlags.None || !wanted || _observedFrames + _frames > _options.ObservedFrames)
            {
                return RowFlags.None;
            }

            _observedFrames += _frames;
            return flags;
        }
    }
}
