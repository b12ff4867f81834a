using System.Globalization;
using Harness.Model;

namespace Harness.Execution;

/// <summary>
/// Reads the worker's lines. The worker runs generated programs, so nothing is taken on trust: whatever does not parse
/// is <see cref="WorkerMessage.Malformed"/>, never an exception.
/// </summary>
public static class WorkerLine
{
    public const string Marker = "#hs ";
    public const int MaxAddresses = 100_000;
    public const int MaxDeliveries = 100_000;
    public const int MaxShownChars = 400;

    /// <summary>Frames of one stack, and its segments.</summary>
    public const int MaxStackFrames = 256;

    /// <summary>The message, or null for a line that is not the worker's.</summary>
    public static WorkerMessage? Parse(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        if (!line.StartsWith(Marker, StringComparison.Ordinal))
        {
            return null;
        }

        var body = line.AsSpan(Marker.Length);
        var space = body.IndexOf(' ');
        var word = space < 0 ? body : body[..space];
        var fields = new LineFields(space < 0 ? [] : body[space..]);
        WorkerMessage? message = word switch
        {
            "ready" => Ready(ref fields),
            "chain" => Chain(ref fields),
            "probe" => Probe(ref fields),
            "errors" => Errors(ref fields),
            "stack" => Stack(ref fields),
            "fail" => Fail(ref fields),
            "overflow" => Overflow(ref fields),
            "event" => Logged(ref fields),
            "delivered" => Delivered(ref fields),
            "program" => ProgramDone(ref fields),
            "disturbed" => new WorkerMessage.Disturbed(new Arrivals(fields.Long("signals"), fields.Long("stubs"), fields.Long("moves"))),
            "opinions" => new WorkerMessage.Opinions(fields.Long("libgcc"), fields.Long("llvm"), fields.Long("nongnu")),
            "places" => new WorkerMessage.Places(fields.Int("row"), fields.Masks("masks")),
            "done" => new WorkerMessage.Done(fields.Int("rows")),
            _ => null,
        };
        var reason = message is null ? "unknown word" : fields.Problem;
        return reason is null ? message : new WorkerMessage.Malformed(Shown(line), reason);
    }

    private static string Shown(string line) => line.Length <= MaxShownChars ? line : line[..MaxShownChars] + "…";

    private static WorkerMessage.Ready Ready(ref LineFields f) => new(
        f.Int("programs"), f.Int("rows"), f.Range("stub"), f.Range("entry"), f.Range("bridge"));

    private static WorkerMessage.Chain Chain(ref LineFields f) => new(f.Int("id"), f.End("end"), f.Addresses("addrs"));

    private static WorkerMessage.Probe Probe(ref LineFields f) => new(
        f.Int("row"), f.Int("fiber"), f.Signed("site"), f.Int("ordinal"), f.Observer("observer"), f.Int("chain"),
        f.Int("stubs"), f.Int("segments"));

    private static WorkerMessage.Errors Errors(ref LineFields f) => new(
        f.Int("row"), f.Int("fiber"), f.Signed("site"), f.Int("ordinal"), f.Unsigned("kept", 1) == 1, f.Long("index"), f.Int("chain"),
        f.Hex("caller"));

    private static WorkerMessage.Stack Stack(ref LineFields f) => new(
        f.Int("row"), f.Int("fiber"), f.Signed("site"), f.Int("ordinal"), f.Moment("why"), f.Int("entry"), f.Int("depth"), f.Hex("rsp"),
        f.Triples("frames").Select(t => new SentFrame(t.Number, t.First, t.Second)).ToEquatableArray(),
        f.Triples("segments").Select(t => new SentSegment(t.Number, t.First, t.Second)).ToEquatableArray());

    private static WorkerMessage.Fail Fail(ref LineFields f) => new(
        f.Int("row"), f.Word("check"), f.Signed("fiber"), f.Text("expected"), f.Text("observed"), f.Rest("detail"));

    private static WorkerMessage.Overflow Overflow(ref LineFields f) => new(
        f.Int("row"), f.Hex("digest"), f.Deliveries("deliveries"));

    private static WorkerMessage.Logged Logged(ref LineFields f) => new(
        f.Int("row"), f.Int("fiber"), new Event(f.Kind("kind"), (uint)f.Unsigned("a", uint.MaxValue), f.Unsigned("b", ulong.MaxValue)));

    private static WorkerMessage.Delivered Delivered(ref LineFields f) => new(
        f.Int("row"), new Delivery(f.Int("entry"), f.Error("error")));

    private static WorkerMessage.ProgramDone ProgramDone(ref LineFields f) => new(
        f.Int("index"),
        f.Int("rows"),
        new Counters(
            1, f.Long("executions"), f.Long("splits"), f.Long("faults"), f.Long("probes"), f.Long("frames"),
            f.Long("acquired"), f.Long("released")),
        TimeSpan.FromMicroseconds(f.Long("nanoseconds") / 1000));

    /// <summary>The <c>key=value</c> pairs of one line; remembers the first thing that was wrong.</summary>
    private ref struct LineFields(ReadOnlySpan<char> line)
    {
        private readonly ReadOnlySpan<char> _line = line;

        public string? Problem { get; private set; }

        public int Int(string key) => (int)Unsigned(key, int.MaxValue);

        public long Long(string key) => (long)Unsigned(key, long.MaxValue);

        public int Signed(string key)
        {
            if (int.TryParse(Value(key), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= -1)
            {
                return value;
            }

            return (int)Wrong(key);
        }

        public ulong Unsigned(string key, ulong maximum) =>
            ulong.TryParse(Value(key), NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value <= maximum
                ? value
                : Wrong(key);

        public ulong Hex(string key) => TryHex(Value(key), out var value) ? value : Wrong(key);

        public AddressRange Range(string key)
        {
            var value = Value(key);
            var dash = value.IndexOf('-');
            if (dash > 0 && TryHex(value[..dash], out var start) && TryHex(value[(dash + 1)..], out var end) && start <= end)
            {
                return new AddressRange(start, end);
            }

            Wrong(key);
            return default;
        }

        public ChainEnd End(string key)
        {
            switch (Value(key))
            {
                case "clean": return ChainEnd.Clean;
                case "cut": return ChainEnd.Cut;
                case "unreadable": return ChainEnd.Unreadable;
                case "limit": return ChainEnd.Limit;
                case "noinfo": return ChainEnd.NoInfo;
                default: return (ChainEnd)Wrong(key);
            }
        }

        public Observer Observer(string key) => Value(key) switch
        {
            "fp" => Execution.Observer.FramePointers,
            "dwarf" => Execution.Observer.Dwarf,
            _ => (Observer)Wrong(key),
        };

        public StackMoment Moment(string key) => Value(key) switch
        {
            "probe" => StackMoment.Probe,
            "fault" => StackMoment.Fault,
            "entry" => StackMoment.Entry,
            "crash" => StackMoment.Crash,
            _ => (StackMoment)Wrong(key),
        };

        /// <summary>A decimal number and two addresses each.</summary>
        public List<(int Number, ulong First, ulong Second)> Triples(string key)
        {
            var triples = new List<(int, ulong, ulong)>();
            var value = Value(key);
            if (value.IsEmpty)
            {
                return triples;
            }

            Span<Range> parts = stackalloc Range[4];
            foreach (var piece in value.Split(','))
            {
                var triple = value[piece];
                if (triples.Count == MaxStackFrames
                    || triple.Split(parts, ':') != 3
                    || !int.TryParse(triple[parts[0]], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                    || !TryHex(triple[parts[1]], out var first)
                    || !TryHex(triple[parts[2]], out var second))
                {
                    Wrong(key);
                    return [];
                }

                triples.Add((number, first, second));
            }

            return triples;
        }

        public EventKind Kind(string key)
        {
            var kind = (EventKind)Unsigned(key, byte.MaxValue);
            return Enum.IsDefined(kind) ? kind : (EventKind)Wrong(key);
        }

        public ErrorName Error(string key)
        {
            var error = (ErrorName)Unsigned(key, int.MaxValue);
            return Enum.IsDefined(error) ? error : (ErrorName)Wrong(key);
        }

        /// <summary>A check's name: a few lower-case letters and dashes, safe in file names.</summary>
        public string Word(string key)
        {
            var value = Value(key);
            if (value.Length is > 0 and <= 40 && value.IndexOfAnyExcept("abcdefghijklmnopqrstuvwxyz-") < 0)
            {
                return value.ToString();
            }

            Wrong(key);
            return "";
        }

        public string Text(string key)
        {
            var value = Value(key);
            return value[..Math.Min(value.Length, MaxShownChars)].ToString();
        }

        /// <summary>All that follows the key to the end of the line; empty when there is none.</summary>
        public readonly string Rest(string key)
        {
            var start = Find(key);
            return start < 0 ? "" : Shown(_line[start..].ToString());
        }

        public EquatableArray<ulong> Addresses(string key)
        {
            var value = Value(key);
            if (value.IsEmpty)
            {
                return [];
            }

            var addresses = new List<ulong>();
            foreach (var part in value.Split(','))
            {
                if (addresses.Count == MaxAddresses || !TryHex(value[part], out var address))
                {
                    Wrong(key);
                    return [];
                }

                addresses.Add(address);
            }

            return addresses.ToEquatableArray();
        }

        public EquatableArray<Delivery> Deliveries(string key)
        {
            var value = Value(key);
            if (value.IsEmpty)
            {
                return [];
            }

            var deliveries = new List<Delivery>();
            foreach (var part in value.Split(','))
            {
                var pair = value[part];
                var colon = pair.IndexOf(':');
                if (deliveries.Count == MaxDeliveries
                    || colon < 0
                    || !int.TryParse(pair[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out var entry)
                    || !int.TryParse(pair[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var error)
                    || !Enum.IsDefined((ErrorName)error))
                {
                    Wrong(key);
                    return [];
                }

                deliveries.Add(new Delivery(entry, (ErrorName)error));
            }

            return deliveries.ToEquatableArray();
        }

        /// <summary>Three hexadecimal digits each.</summary>
        public EquatableArray<int> Masks(string key)
        {
            const int digits = WorkerMessage.Places.Bits / 4;
            var value = Value(key);
            if (value.IsEmpty || value.Length % digits != 0 || value.Length > CallProfile.MaxCalls * digits)
            {
                Wrong(key);
                return [];
            }

            var masks = new int[value.Length / digits];
            for (var i = 0; i < masks.Length; i++)
            {
                if (!TryHex(value.Slice(i * digits, digits), out var mask))
                {
                    Wrong(key);
                    return [];
                }

                masks[i] = (int)mask;
            }

            return masks.ToEquatableArray();
        }

        private static bool TryHex(ReadOnlySpan<char> text, out ulong value) =>
            ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);

        /// <summary>The key's value up to the next space; a missing key is a problem, an empty value is not.</summary>
        private ReadOnlySpan<char> Value(string key)
        {
            var start = Find(key);
            if (start < 0)
            {
                Problem ??= $"no {key}";
                return [];
            }

            var value = _line[start..];
            var end = value.IndexOf(' ');
            return end < 0 ? value : value[..end];
        }

        private readonly int Find(string key)
        {
            for (var at = 0; at < _line.Length;)
            {
                var found = _line[at..].IndexOf(key, StringComparison.Ordinal);
                if (found < 0)
                {
                    return -1;
                }

                var end = at + found + key.Length;
                if (at + found > 0 && _line[at + found - 1] == ' ' && end < _line.Length && _line[end] == '=')
                {
                    return end + 1;
                }

                at = end;
            }

            return -1;
        }

        private ulong Wrong(string key)
        {
            Problem ??= $"bad {key}";
            return 0;
        }
    }
}
