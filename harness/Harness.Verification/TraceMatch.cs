using Harness.Emit;
using Harness.Execution;
using Harness.Verification.Mutation;

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

    /// <summary>Where a function is that may be inlined into the next one.</summary>
    private readonly Runs _inlinable = new();

    /// <summary>For each state the last one that is open with it, past frames that a tail call may have dropped.</summary>
    private readonly int[] _open;
    private StateSet _states = new();
    private StateSet _next = new();
    private int _frames;
    private int _linesUnknown;

    public TraceMatch(TraceChecker checker, ExpectedFrame[] expected, bool leadingAllowed)
    {
        (_checker, _expected, _leadingAllowed) = (checker, expected, leadingAllowed);
        _open = new int[expected.Length + 1];
        _open[expected.Length] = expected.Length;
        for (var i = expected.Length - 1; i >= 0; i--)
        {
            _open[i] = expected[i].Optional ? _open[i + 1] : i;
        }

        for (var i = 0; i < expected.Length; i++)
        {
            (expected[i].Owner is { } owner ? RunsOf(_byOwner, owner) : _bridges).Add(i);
            RunsOf(_byLine, expected[i].Line).Add(i);
            if (expected[i].MayBeInlined)
            {
                _inlinable.Add(i);
            }
        }
    }

    public TraceVerdict Run(WorkerMessage.Chain chain)
    {
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

        if (_checker.Defect is CheckerDefect.Missing)
        {
            return new TraceVerdict.Complete(_frames, _linesUnknown);
        }

        if (!IsClean(chain))
        {
            return new TraceVerdict.Wrong(TraceFault.NotClean, chain.Addresses.Count, Wanted(), $"end: {Word(chain.End)}");
        }

        return IsFinal()
            ? new TraceVerdict.Wrong(TraceFault.WrongEntry, chain.Addresses.Count, "the runtime's first frame", "nothing")
            : new TraceVerdict.Wrong(TraceFault.MissingFrames, chain.Addresses.Count, Wanted(), "nothing");
    }

    private TraceVerdict AtEntry(WorkerMessage.Chain chain, int index)
    {
        if (!IsFinal() && _checker.Defect is not CheckerDefect.Missing)
        {
            return new TraceVerdict.Wrong(TraceFault.MissingFrames, index, Wanted(), "the runtime's first frame");
        }

        if (index != chain.Addresses.Count - 1)
        {
            var next = _checker.Position(chain.Addresses[index + 1]);
            return new TraceVerdict.Wrong(TraceFault.WrongEntry, index + 1, "the end", next.Symbol);
        }

        return IsClean(chain)
            ? new TraceVerdict.Complete(_frames, _linesUnknown)
            : new TraceVerdict.Wrong(TraceFault.NotClean, chain.Addresses.Count, "end: clean", $"end: {Word(chain.End)}");
    }

    private TraceVerdict.Wrong? Step(ulong address, int index)
    {
        if (_checker.IsBridge(address))
        {
            _next.Clear();
            foreach (var span in Open().SelectMany(_bridges.Within))
            {
                _next.Add(span.Low + 1, span.High + 1);
            }

            return Advance() ? null : new TraceVerdict.Wrong(TraceFault.WrongFunction, index, Wanted(), "callback bridge");
        }

        var position = _checker.Position(address);
        if (position.Function is null)
        {
            return (_leadingAllowed || _checker.Defect is CheckerDefect.Leading) && _frames == 0
                ? null
                : new TraceVerdict.Wrong(TraceFault.ForeignFrame, index, Wanted(), position.Symbol);
        }

        var isInnermost = true;
        foreach (var frame in position.Frames)
        {
            _next.Clear();
            Consume(frame, isMerged: isInnermost && frame.Line == 0);
            isInnermost = false;
            if (!Advance())
            {
                if (_frames == 0 && _checker.Defect is CheckerDefect.Leading)
                {
                    return null;
                }

                var fault = FunctionIsExpected(frame.Owner) ? TraceFault.WrongLine : TraceFault.WrongFunction;
                return new TraceVerdict.Wrong(fault, index, Wanted(), Shown(position, frame));
            }

            _linesUnknown += frame.Line == 0 ? 1 : 0;
        }

        return null;
    }

    /// <summary>To what follows the frame that was consumed; false when no reading is left.</summary>
    private bool Advance()
    {
        if (_next.IsEmpty)
        {
            return false;
        }

        (_states, _next) = (_next, _states);
        _frames++;
        return true;
    }

    /// <summary>The frame at every position where it may be next: its function, at its line as far as that is known, and inlined only where that may be.</summary>
    /// <param name="isMerged">
    /// A call that an optimiser made of several, those of functions inlined here among them, has neither line nor inlined callers: what may be
    /// inlined into the function may have been.
    /// </param>
    private void Consume(CodeFrame frame, bool isMerged)
    {
        if (!_byOwner.TryGetValue(frame.Owner, out var runs))
        {
            return;
        }

        var open = isMerged ? Open().Select(span => new Span(span.Low, PhysicalFrom(span.High))) : Open();
        var found = open.SelectMany(runs.Within);
        found = frame.Line == 0 || _checker.Defect is CheckerDefect.Line ? found : _byLine.TryGetValue(frame.Line, out var stopped) ? found.SelectMany(stopped.Within) : [];
        foreach (var span in frame.IsInlined ? found.SelectMany(_inlinable.Within) : found)
        {
            _next.Add(span.Low + 1, span.High + 1);
        }
    }

    /// <summary>The first position, from this one on, of a function that is not inlined into the next one.</summary>
    private int PhysicalFrom(int position) =>
        _inlinable.From(position) is { } run && run.Low <= position ? Math.Min(run.High + 1, _expected.Length - 1) : position;

    /// <summary>The states, and the ones behind frames that a tail call may have dropped.</summary>
    private IEnumerable<Span> Open()
    {
        foreach (var span in _states.Spans)
        {
            yield return new Span(span.Low, _open[span.High]);
        }
    }

    private bool IsClean(WorkerMessage.Chain chain) => chain.End is ChainEnd.Clean || _checker.Defect is CheckerDefect.End;

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

    private static string Shown(CodePosition position, CodeFrame frame) =>
        frame.IsInlined ? $"{ExpectedFrame.Name(frame.Owner)} line {frame.Line}, inlined into {position.Symbol}" : $"{position.Symbol} line {frame.Line}";
}
