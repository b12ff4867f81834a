using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;

namespace Harness.Verification.Abi;

/// <summary>Draws the facts of a cell from what the driver printed there. Pure.</summary>
internal sealed class AbiReading
{
    private const int TraceCapacity = 32;
    private readonly ImmutableArray<AbiProbe> _probes;
    private readonly ILookup<int, AbiLine> _lines;
    private readonly AbiPatterns _patterns;
    private readonly AbiDump _dump;
    private readonly Dictionary<(AbiStyle, int), IReadOnlyList<(AbiPlace, byte[])>> _places = [];
    private readonly List<AbiFact> _facts = [];

    private AbiReading(AbiDump dump, ImmutableArray<AbiProbe> probes)
    {
        (_probes, _dump) = (probes, dump);
        _lines = dump.Lines.ToLookup(line => line.Probe);
        _patterns = new AbiPatterns(dump);
    }

    /// <exception cref="InvalidDataException">The text is not what the driver prints for these probes.</exception>
    public static ImmutableArray<AbiFact> Of(string text, ImmutableArray<AbiProbe> probes) => new AbiReading(AbiDump.Read(text, probes), probes).Facts();

    private ImmutableArray<AbiFact> Facts()
    {
        var disagreements = new List<string>();
        for (var i = 0; i < _probes.Length; i++)
        {
            switch (_probes[i])
            {
                case AbiProbe.Receives { Signature: var signature }:
                    disagreements.AddRange(Arguments(i, signature));
                    break;
                case AbiProbe.Gives { Signature: var signature }:
                    Add(AbiTopic.Result, signature.Convention, signature.Result!.Zig, new AbiResults(_lines[i], _lines[i + 1], signature.Result, _dump).Text());
                    break;
                case AbiProbe.Traces { Result: var result }:
                    Add(AbiTopic.TracePointer, AbiConvention.Auto, $"anyerror!{result}", TracePointer(i));
                    break;
                case AbiProbe.Leaf { Convention: var convention } when _lines[i].FirstOrDefault(line => line.Signal == 0) is { } leaf:
                    Add(AbiTopic.RedZone, convention, "function without calls", $"{AbiFields.Number(leaf.Field(0))} bytes");
                    Add(AbiTopic.FramePointer, convention, "function without calls", AbiWords.Of(AbiFields.Number(leaf.Field(1)) == 1));
                    break;
            }
        }

        foreach (var convention in Enum.GetValues<AbiConvention>())
        {
            Registers(convention);
            Calls(convention);
            Add(AbiTopic.Disagreement, convention, "arguments", Listed(disagreements.Where(d => d.StartsWith(AbiWords.Of(convention) + " ", StringComparison.Ordinal))));
        }

        return [.. _facts.OrderBy(fact => fact.Topic).ThenBy(fact => fact.Convention, StringComparer.Ordinal)];
    }

    private void Add(AbiTopic topic, AbiConvention? convention, string subject, string value) => _facts.Add(new AbiFact(topic, AbiWords.Of(convention), subject, value));

    private static string Listed(IEnumerable<string> words) => string.Join("; ", words) is { Length: > 0 } text ? text : "none";

    private IEnumerable<string> Arguments(int index, AbiSignature signature)
    {
        var best = ImmutableArray<ImmutableArray<AbiPiece>>.Empty;
        foreach (var style in Enum.GetValues<AbiStyle>())
        {
            var lines = _lines[index].Where(line => line.Style == style).ToList();
            // It took a number for a pointer there.
            var pieces = lines.Count == 0 || lines.Exists(line => line.Signal != 0) ? [] : Pieces(signature, lines);
            if (Found(pieces) > Found(best))
            {
                best = pieces;
            }
        }

        Add(AbiTopic.Arguments, signature.Convention, signature.ToString(), best.IsEmpty ? "not found" : string.Join("; ", best.Select(pieces => AbiPlaces.Text(pieces))));
        return _lines[index + 1].Where(line => line.Signal == 0).SelectMany(line => new AbiSent(line).Missing(signature, best)).Distinct()
            .Select(what => $"{AbiWords.Of(signature.Convention)} {signature}: {what}");
    }

    private static int Found(ImmutableArray<ImmutableArray<AbiPiece>> slots) => slots.Sum(slot => slot.Sum(piece => piece.Place is null ? 0 : piece.Length));

    private ImmutableArray<ImmutableArray<AbiPiece>> Pieces(AbiSignature signature, List<AbiLine> lines)
    {
        var values = lines.ConvertAll(line => AbiFields.Slots(line.Field(2)));
        return values.TrueForAll(value => value.Length == signature.Arguments.Length)
            ? [.. signature.Arguments.Select((type, slot) => AbiPlaces.Of(type, [.. lines.Select((line, i) => (values[i][slot], Places(line)))]))]
            : throw new InvalidDataException($"a line of probe {lines[0].Probe} has another number of results than it has arguments");
    }

    private IReadOnlyList<(AbiPlace Place, byte[] Bytes)> Places(AbiLine line)
    {
        if (!_places.TryGetValue((line.Style, line.Round), out var places))
        {
            _places[(line.Style, line.Round)] = places = _patterns.Of(line.Style, line.Round);
        }

        return places;
    }

    /// <summary>Which registers any function changed, and which ones any caller needed.</summary>
    private void Registers(AbiConvention convention)
    {
        var (general, vectors) = (0UL, 0UL);
        for (var i = 0; i < _probes.Length; i++)
        {
            if (ConventionOfCallee(_probes[i]) == convention)
            {
                foreach (var line in _lines[i].Where(line => line.Signal == 0))
                {
                    general |= AbiFields.Number(line.Field(0));
                    vectors |= AbiFields.Number(line.Field(1));
                }
            }
        }

        var needed = new HashSet<int>();
        for (var i = 0; i < _probes.Length; i++)
        {
            if (_probes[i] is AbiProbe.Keeps keeps && keeps.Convention == convention)
            {
                var usual = _lines[i].FirstOrDefault(line => line.Round == AbiRegisters.None)?.Field(1);
                needed.UnionWith(_lines[i].Where(line => line.Signal != 0 || line.Field(1) != usual).Select(line => line.Round));
            }
        }

        for (var i = 0; i < AbiRegisters.General + AbiRegisters.Vectors; i++)
        {
            var changed = i < AbiRegisters.General ? general >> i : vectors >> (i - AbiRegisters.General);
            Add(AbiTopic.Preserves, convention, AbiRegisters.Names[i], AbiWords.Of((changed & 1) == 0));
        }

        foreach (var i in Enumerable.Range(0, AbiRegisters.None).Where(i => i is not (AbiRegisters.Rsp or AbiRegisters.X87)))
        {
            Add(AbiTopic.ReliesOn, convention, AbiRegisters.Names[i], AbiWords.Of(needed.Contains(i)));
        }
    }

    private static AbiConvention? ConventionOfCallee(AbiProbe probe) => probe switch
    {
        AbiProbe.Receives receives => receives.Signature.Convention,
        AbiProbe.Gives gives => gives.Signature.Convention,
        AbiProbe.Holds holds => holds.Convention,
        _ => null,
    };

    /// <summary>What holds at every call: alignment and frame pointer.</summary>
    private void Calls(AbiConvention convention)
    {
        const int most = 64;
        var (low, framed, calls) = ((ulong)most, true, 0);
        for (var i = 0; i < _probes.Length; i++)
        {
            foreach (var line in _probes[i] is AbiProbe.Sends sends && sends.Signature.Convention == convention ? _lines[i].Where(line => line.Signal == 0) : [])
            {
                var sent = new AbiSent(line);
                low |= sent.Arguments;
                framed &= sent.IsFramed;
                calls++;
            }
        }

        Add(AbiTopic.StackAlignment, convention, "calls", calls == 0 ? "no call" : (1UL << BitOperations.TrailingZeroCount(low)).ToString(CultureInfo.InvariantCulture));
        Add(AbiTopic.FramePointer, convention, "caller", calls == 0 ? "no call" : AbiWords.Of(framed));
    }

    /// <summary>Which register a function's own trace goes to, and whether callers put one there.</summary>
    private string TracePointer(int index)
    {
        var line = _lines[index].FirstOrDefault();
        if (line is null || line.Signal != 0 || line.Field(0) == "none")
        {
            return line is { Signal: 0 } ? "not passed" : "not found";
        }

        var areas = line.Field(0).Split(',').Select(AbiFields.Number).ToList();
        if (areas.Exists(area => area >= AbiRegisters.General))
        {
            return "on the stack";
        }

        var names = string.Join(' ', areas.Select(area => AbiRegisters.Names[(int)area]));
        return _probes[index] is AbiProbe.Traces { Result: "void" } && !Callers().All(sent => areas.TrueForAll(area => sent.PointsToTrace((int)area, TraceCapacity)))
            ? names + ", which callers do not set"
            : names;
    }

    /// <summary>Calls of functions in Zig's convention that take nothing by pointer.</summary>
    private IEnumerable<AbiSent> Callers() => Enumerable.Range(0, _probes.Length)
        .Where(i => _probes[i] is AbiProbe.Sends { Signature: { Convention: AbiConvention.Auto, Arguments: [{ Zig: "u64" }] } })
        .SelectMany(i => _lines[i]).Where(line => line.Signal == 0).Select(line => new AbiSent(line));
}
