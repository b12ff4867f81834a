namespace Harness.Binary.Unwind.Stepping;

/// <summary>The places of code that were come to, each looked up once.</summary>
internal sealed class CodePlaces(TracedModules modules)
{
    private const int Max = 4_000_000;

    private readonly Dictionary<ulong, CodePlace> _places = [];

    /// <summary>How many were stood at, and not only returned to.</summary>
    public long Visited => _places.Values.LongCount(place => place.Visits > 0);

    public bool IsVisited(ulong pc) => _places.TryGetValue(pc, out var place) && place.Visits > 0;

    /// <exception cref="InvalidDataException">Too many.</exception>
    public CodePlace At(ulong pc)
    {
        if (!_places.TryGetValue(pc, out var place))
        {
            if (_places.Count == Max)
            {
                throw new InvalidDataException($"the program has more than {Max} different instructions; step through a smaller one");
            }

            _places[pc] = place = CodePlace.Of(pc, modules.Find(pc));
        }

        return place;
    }
}
