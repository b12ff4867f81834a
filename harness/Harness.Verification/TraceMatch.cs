using Harness.Emit;
using Harness.Execution;

namespace Harness.Verification;

/// <summary>
/// One trace on its way through the expected frames. A state is the number of frames consumed; several are possible
/// where a compiler leaves a choice.
/// </summary>
internal sealed class TraceMatch
{
    /// <summary>Beyond it nobody can say any more which frame is which.</summary>
    private const int MaxSpans = 1000;

    private readonly TraceChecker _checker;
    private readonly ExpectedFrame[] _expected;
    private readonly bool _leadingAllowed;
    private readonly Dictionary<SourceOwner, Runs> _byOwner = [];
    private readonly Dictionary<int, Runs> _byLine = [];
    private readonly Runs _bridges = new();

    /// <summary>For each frame the first one, from it on, that is not inlined into the next.</summary>
    private readonly int[] _physical;

    /// <summary>For each state the last one that is open with it, past frames that a tail call may have dropped.</summary>
    private readonly int[] _open;
    private StateSet _states = new();
    private StateSet _next = new();
    private bool _seconds;
    private int _frames;
    private int _linesUnknown;

    public TraceMatch(TraceChecker checker, ExpectedFrame[] expected, bool leadingAllowed)
    {
        (_checker, _expected, _leadingAllowed) = (checker, expected, leadingAllowed);
        _physical = new int[expected.Length];
        _open = new int[expected.Length + 1];
        _open[expected.Length] = expected.Length;
        for (var i = expected.Length - 1; i >= 0; i--)
        {
            _physical[i] = expected[i].MayBeInlined && i + 1 < expected.Length ? _physical[i + 1] : i;
            _open[i] = expected[i].Optional ? _open[i + 1] : i;
        }

        for (var i = 0; i < expected.Length; i++)
        {
            (expected[i].Owner is { } owner ? RunsOf(_byOwner, owner) : _bridges).Add(i);
            RunsOf(_byLine, expected[i].Line).Add(i);
        }
    }

    /// <summary>Two functions inlined into one another are rare and make many states: looked at when nothing else fits.</summary>
    public TraceVerdict Run(WorkerMessage.Chain chain)
    {
        var verdict = Run(chain, seconds: false);
        return verdict is TraceVerdict.Wrong && Array.Exists(_expected, f => f.MayBeInlined) ? Run(chain, seconds: true) : verdict;
    }

    private TraceVerdict Run(WorkerMessage.Chain chain, bool seconds)
    {
        (_seconds, _frames, _linesUnknown) = (seconds, 0, 0);
        _states.Clear();
        _states.Add(0, 0);
        for (var i = 0; i < chain.Addresses.Count; i++)
        {
            var address = chain.Addresses[i];
            if (_checker.IsEntry(address))
            {
                return AtEntry(chain, i);
            }

            if (Step(address, i) is { } wrong)
            {
                return wrong;
            }

            if (_states.Spans.Count > MaxSpans)
            {
                return new TraceVerdict.TooDeep();
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
            var next = _checker.Position(chain.Addresses[index + 1]);
            return new TraceVerdict.Wrong(TraceFault.WrongEntry, index + 1, "the end", Shown(next));
        }

        return chain.End is ChainEnd.Clean
            ? new TraceVerdict.Complete(_frames, _linesUnknown)
            : new TraceVerdict.Wrong(TraceFault.NotClean, chain.Addresses.Count, "end: clean", $"end: {Word(chain.End)}");
    }

    private TraceVerdict.Wrong? Step(ulong address, int index)
    {
        _next.Clear();
        var isBridge = _checker.IsBridge(address);
        var position = isBridge ? new CodePosition("callback bridge", null, 0) : _checker.Position(address);
        if (isBridge)
        {
            StepBridge();
        }
        else if (position.Function is null)
        {
            return _leadingAllowed && _frames == 0
                ? null
                : new TraceVerdict.Wrong(TraceFault.ForeignFrame, index, Wanted(), Shown(position));
        }
        else
        {
            StepFunction(position.Function, position.Line);
            _linesUnknown += position.Line == 0 ? 1 : 0;
        }

        if (_next.IsEmpty)
        {
            var fault = FunctionIsExpected(position.Function) ? TraceFault.WrongLine : TraceFault.WrongFunction;
            return new TraceVerdict.Wrong(fault, index, Wanted(), Shown(position));
        }

        (_states, _next) = (_next, _states);
        _frames++;
        return null;
    }

    private void StepBridge()
    {
        foreach (var span in Open().SelectMany(_bridges.Within))
        {
            _next.Add(span.Low + 1, span.High + 1);
        }
    }

    /// <summary>
    /// Code of <paramref name="function"/>, stopped at a line that may be that of another one inlined into it. Lines belong
    /// to one owner each, so an equal line is an equal function.
    /// </summary>
    private void StepFunction(SourceOwner function, int line)
    {
        if (!_byOwner.TryGetValue(function, out var runs))
        {
            return;
        }

        foreach (var open in Open())
        {
            if (line == 0)
            {
                Consume(open, runs);
            }
            else if (_byLine.TryGetValue(line, out var stopped))
            {
                foreach (var span in stopped.Within(open))
                {
                    Consume(span, runs);
                }
            }
        }
    }

    /// <summary>
    /// From each position of the span: the frame there, and whatever is inlined up to the function whose code it is. That
    /// function may occur a second time among them: never by inlining itself directly (LLVM does not), but
    /// through another one. What can be inlined from a position can be from a later one on the way.
    /// </summary>
    private void Consume(Span span, Runs function)
    {
        foreach (var own in function.Within(span))
        {
            _next.Add(own.Low + 1, own.High + 1);
            ConsumeSecond(own.High, function);
        }

        if (span.High < _expected.Length
            && function.From(span.High) is { } first
            && first.Low > span.High
            && first.Low <= _physical[span.High])
        {
            _next.Add(first.Low + 1, first.Low + 1);
            ConsumeSecond(first.Low, function, span.High);
        }
    }

    /// <param name="position">Of the function's first occurrence.</param>
    /// <param name="from">Where inlining begins; the occurrence itself when not given.</param>
    private void ConsumeSecond(int position, Runs function, int from = -1)
    {
        var run = function.From(position);
        if (_seconds && run?.High == position && function.From(position + 1) is { } second && second.Low <= _physical[from < 0 ? position : from])
        {
            _next.Add(second.Low + 1, second.Low + 1);
        }
    }

    /// <summary>The states, and the ones behind frames that a tail call may have dropped.</summary>
    private IEnumerable<Span> Open()
    {
        foreach (var span in _states.Spans)
        {
            yield return new Span(span.Low, _open[span.High]);
        }
    }

    private bool IsFinal() => Open().Any(span => span.High == _expected.Length);

    private bool FunctionIsExpected(SourceOwner? function) =>
        function is not null && _byOwner.TryGetValue(function, out var runs) && Open().Any(open => runs.Within(open).Any());

    /// <summary>The frame that should have come, by the reading that got furthest.</summary>
    private string Wanted()
    {
        var furthest = _states.Max;
        return furthest < _expected.Length ? _expected[furthest].ToString() : "the runtime's first frame";
    }

    private static Runs RunsOf<TKey>(Dictionary<TKey, Runs> all, TKey key)
        where TKey : notnull
    {
        if (!all.TryGetValue(key, out var runs))
        {
            all[key] = runs = new Runs();
        }

        return runs;
    }

    private static string Word(ChainEnd end) => end.ToString().ToLowerInvariant();

    private string Shown(CodePosition position)
    {
        var owner = position.Line == 0 ? null : _checker.OwnerOf(position.Line);
        return position.Function switch
        {
            null => position.Symbol,
            { } function when owner is not null && owner != function => $"{position.Symbol} line {position.Line} (inlined)",
            _ => $"{position.Symbol} line {position.Line}",
        };
    }
}
