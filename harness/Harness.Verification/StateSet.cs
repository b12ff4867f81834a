namespace Harness.Verification;

/// <summary>A run of consecutive numbers, both ends included.</summary>
internal readonly record struct Span(int Low, int High);

/// <summary>
/// A set of numbers as disjoint ascending spans. Deep recursion repeats one frame thousands of times; a tail call in it
/// makes thousands of states possible, and they lie side by side.
/// </summary>
internal sealed class StateSet
{
    private readonly List<Span> _spans = [];
    private bool _sorted = true;

    public bool IsEmpty => _spans.Count == 0;

    public int Max => Spans[^1].High;

    public IReadOnlyList<Span> Spans
    {
        get
        {
            Normalise();
            return _spans;
        }
    }

    public void Clear()
    {
        _spans.Clear();
        _sorted = true;
    }

    public void Add(int low, int high)
    {
        _sorted &= _spans.Count == 0 || low > _spans[^1].High + 1;
        _spans.Add(new Span(low, high));
    }

    public bool Contains(int state) => Spans.Any(s => state >= s.Low && state <= s.High);

    private void Normalise()
    {
        if (_sorted)
        {
            return;
        }

        _spans.Sort((a, b) => a.Low.CompareTo(b.Low));
        var kept = 0;
        for (var i = 1; i < _spans.Count; i++)
        {
            if (_spans[i].Low <= _spans[kept].High + 1)
            {
                _spans[kept] = new Span(_spans[kept].Low, Math.Max(_spans[kept].High, _spans[i].High));
            }
            else
            {
                _spans[++kept] = _spans[i];
            }
        }

        _spans.RemoveRange(kept + 1, _spans.Count - kept - 1);
        _sorted = true;
    }
}

/// <summary>Positions of one thing in a chain, as ascending runs.</summary>
internal sealed class Runs
{
    private readonly List<Span> _runs = [];

    /// <summary>Positions are added in ascending order.</summary>
    public void Add(int position)
    {
        if (_runs.Count > 0 && _runs[^1].High == position - 1)
        {
            _runs[^1] = new Span(_runs[^1].Low, position);
        }
        else
        {
            _runs.Add(new Span(position, position));
        }
    }

    /// <summary>The run that contains the position, or the first behind it.</summary>
    public Span? From(int position) => IndexFrom(position) is var i && i < _runs.Count ? _runs[i] : null;

    /// <summary>The parts of runs within the span.</summary>
    public IEnumerable<Span> Within(Span span)
    {
        for (var i = IndexFrom(span.Low); i < _runs.Count && _runs[i].Low <= span.High; i++)
        {
            yield return new Span(Math.Max(span.Low, _runs[i].Low), Math.Min(span.High, _runs[i].High));
        }
    }

    private int IndexFrom(int position)
    {
        var (low, high) = (0, _runs.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _runs[middle].High < position ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
