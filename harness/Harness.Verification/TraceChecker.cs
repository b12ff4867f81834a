using Harness.Emit;
using Harness.Execution;
using Harness.Model;

namespace Harness.Verification;

/// <summary>
/// Compares symbolised traces with the model's chains: every frame, in order, right function, right line, ending in the
/// runtime's first frame. No tolerance but what an optimiser does to frames: a function inlined into the next one out
/// shows as the outer one's symbol with the inner one's line, and a tail call may have dropped its frame. Where several
/// readings are possible all are followed; a trace is wrong when none is left.
/// </summary>
/// <param name="entry">The fiber's first frame (assembly).</param>
/// <param name="bridge">The runtime's function that calls callbacks.</param>
public sealed class TraceChecker(ICodeMap code, SourceMap map, TraceRules rules, AddressRange entry, AddressRange bridge)
{
    /// <summary>The DWARF observer declines traces longer than this, stub frames counted (zig-fixtures/worker/observe.zig).</summary>
    public const int DwarfFramesMax = 9_000;

    /// <summary>
    /// A physical frame's own function may occur a second time among those inlined into it: never by inlining
    /// itself directly (LLVM does not), but through another one.
    /// </summary>
    private const int MaxOccurrences = 2;

    public TraceVerdict Check(int program, ProbeTrace expected, WorkerMessage.Probe probe, WorkerMessage.Chain chain)
    {
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentNullException.ThrowIfNull(probe);
        ArgumentNullException.ThrowIfNull(chain);
        if (IsTooDeep(expected, probe, chain))
        {
            return new TraceVerdict.TooDeep();
        }

        var verdict = new Match(this, ExpectedChain.Of(expected, map, program, rules), expected.Site < 0).Run(chain);
        return verdict is TraceVerdict.Complete && probe.Stubs != probe.Segments
            ? new TraceVerdict.Wrong(TraceFault.StubCount, 0, $"{probe.Segments} stub frames", $"{probe.Stubs} stub frames")
            : verdict;
    }

    /// <summary>A limit is only believed of a chain that is really that long; each boundary adds a frame.</summary>
    private static bool IsTooDeep(ProbeTrace expected, WorkerMessage.Probe probe, WorkerMessage.Chain chain) =>
        probe.Observer is Observer.Dwarf
        && chain is { End: ChainEnd.Limit, Addresses.Count: 0 }
        && (long)expected.Chain.Count + probe.Segments + MachineryFrames > DwarfFramesMax;

    /// <summary>Frames of panic machinery and of the runtime's first function, at most.</summary>
    private const int MachineryFrames = 8;

    /// <summary>One trace on its way through the expected frames; a state is the number of frames consumed.</summary>
    private sealed class Match(TraceChecker checker, ExpectedFrame[] expected, bool leadingAllowed)
    {
        private List<int> _states = [0];
        private List<int> _next = [];
        private int _frames;
        private int _linesUnknown;

        public TraceVerdict Run(WorkerMessage.Chain chain)
        {
            for (var i = 0; i < chain.Addresses.Count; i++)
            {
                var address = chain.Addresses[i];
                if (checker.IsEntry(address))
                {
                    return AtEntry(chain, i);
                }

                if (Step(address, i) is { } wrong)
                {
                    return wrong;
                }
            }

            if (chain.End is not ChainEnd.Clean)
            {
                return new TraceVerdict.Wrong(TraceFault.NotClean, chain.Addresses.Count, Wanted(), $"end: {Word(chain.End)}");
            }

            return IsFinal()
                ? new TraceVerdict.Wrong(TraceFault.WrongEntry, chain.Addresses.Count, "the runtime's first frame", "nothing")
                : new TraceVerdict.Wrong(TraceFault.MissingFrames, chain.Addresses.Count, Wanted(), "nothing");
        }

        private TraceVerdict AtEntry(WorkerMessage.Chain chain, int index)
        {
            if (!IsFinal())
            {
                return new TraceVerdict.Wrong(TraceFault.MissingFrames, index, Wanted(), "the runtime's first frame");
            }

            if (index != chain.Addresses.Count - 1)
            {
                var next = checker.Position(chain.Addresses[index + 1]);
                return new TraceVerdict.Wrong(TraceFault.WrongEntry, index + 1, "the end", Shown(next));
            }

            return chain.End is ChainEnd.Clean
                ? new TraceVerdict.Complete(_frames, _linesUnknown)
                : new TraceVerdict.Wrong(TraceFault.NotClean, chain.Addresses.Count, "end: clean", $"end: {Word(chain.End)}");
        }

        private TraceVerdict.Wrong? Step(ulong address, int index)
        {
            _next.Clear();
            var position = checker.Position(address);
            if (checker.IsBridge(address))
            {
                StepBridge();
            }
            else if (position.Function is null)
            {
                if (leadingAllowed && _frames == 0)
                {
                    return null;
                }

                return new TraceVerdict.Wrong(TraceFault.ForeignFrame, index, Wanted(), Shown(position));
            }
            else
            {
                StepFunction(position);
                _linesUnknown += position.Line == 0 ? 1 : 0;
            }

            if (_next.Count == 0)
            {
                var fault = position.Function is not null && FunctionIsExpected(position) ? TraceFault.WrongLine : TraceFault.WrongFunction;
                return new TraceVerdict.Wrong(fault, index, Wanted(), checker.IsBridge(address) ? "callback bridge" : Shown(position));
            }

            (_states, _next) = (_next, _states);
            _frames++;
            return null;
        }

        private void StepBridge()
        {
            foreach (var state in Open())
            {
                if (state < expected.Length && expected[state].IsBridge)
                {
                    Add(state + 1);
                }
            }
        }

        private void StepFunction(CodePosition position)
        {
            var lineOwner = position.Line == 0 ? null : checker.OwnerOf(position.Line);
            foreach (var state in Open())
            {
                if (state < expected.Length
                    && (position.Line == 0 || (expected[state].Line == position.Line && expected[state].Owner == lineOwner)))
                {
                    Consume(state, position.Function!);
                }
            }
        }

        /// <summary>The frame at the state, and whatever is inlined up to the function whose code it is.</summary>
        private void Consume(int state, SourceOwner function)
        {
            var occurrences = 0;
            var another = false;
            for (var i = state; i < expected.Length && occurrences < MaxOccurrences; i++)
            {
                if (expected[i].Owner == function)
                {
                    if (occurrences == 0 || another)
                    {
                        Add(i + 1);
                    }

                    occurrences++;
                    another = false;
                }
                else
                {
                    another = true;
                }

                if (!expected[i].MayBeInlined)
                {
                    return;
                }
            }
        }

        /// <summary>Each state, and the ones behind frames that a tail call may have dropped.</summary>
        private IEnumerable<int> Open()
        {
            foreach (var start in _states)
            {
                var state = start;
                yield return state;
                while (state < expected.Length && expected[state].Optional)
                {
                    yield return ++state;
                }
            }
        }

        private void Add(int state)
        {
            if (!_next.Contains(state))
            {
                _next.Add(state);
            }
        }

        private bool IsFinal() => Open().Contains(expected.Length);

        private bool FunctionIsExpected(CodePosition position) =>
            Open().Any(state => state < expected.Length && expected[state].Owner == position.Function);

        /// <summary>The frame that should have come, by the reading that got furthest.</summary>
        private string Wanted()
        {
            var furthest = _states.Max();
            return furthest < expected.Length ? expected[furthest].ToString() : "the runtime's first frame";
        }

        private static string Word(ChainEnd end) => end.ToString().ToLowerInvariant();

        private string Shown(CodePosition position)
        {
            var owner = position.Line == 0 ? null : checker.OwnerOf(position.Line);
            return position.Function switch
            {
                null => position.Symbol,
                { } function when owner is not null && owner != function => $"{position.Symbol} line {position.Line} (inlined)",
                _ => $"{position.Symbol} line {position.Line}",
            };
        }
    }

    internal CodePosition Position(ulong returnAddress) => code.Resolve(unchecked(returnAddress - 1));

    private bool IsEntry(ulong address) => entry.ContainsReturn(address);

    private bool IsBridge(ulong address) => bridge.ContainsReturn(address);

    private SourceOwner? OwnerOf(int line) => map.OwnerOfLine(line);
}
