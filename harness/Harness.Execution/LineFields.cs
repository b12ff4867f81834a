using System.Globalization;
using Harness.Model;

namespace Harness.Execution;

/// <summary>The <c>key=value</c> pairs of one line; remembers the first thing that was wrong.</summary>
internal ref struct LineFields(ReadOnlySpan<char> line)
{
    private readonly ReadOnlySpan<char> _line = line;

    /// <summary>Where the last key's value began: keys are mostly asked for in the order that they have.</summary>
    private int _from;

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

    public UnwindTool Tool(string key) => Value(key) switch
    {
        "libgcc" => UnwindTool.Libgcc,
        "llvm" => UnwindTool.Llvm,
        "nongnu" => UnwindTool.Nongnu,
        _ => (UnwindTool)Wrong(key),
    };

    /// <summary>A decimal number and a value each.</summary>
    public List<(int Number, ulong Value)> Pairs(string key)
    {
        var pairs = new List<(int, ulong)>();
        var value = Value(key);
        foreach (var piece in value.IsEmpty ? default : value.Split(','))
        {
            var pair = value[piece];
            var colon = pair.IndexOf(':');
            if (pairs.Count == WorkerLine.MaxRegisters
                || colon < 0
                || !int.TryParse(pair[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                || !TryHex(pair[(colon + 1)..], out var content))
            {
                Wrong(key);
                return [];
            }

            pairs.Add((number, content));
        }

        return pairs;
    }

    /// <summary>An address and bytes each, together no more than <see cref="WorkerLine.MaxMemoryBytes"/>.</summary>
    public List<SentMemory> Memory(string key)
    {
        var memory = new List<SentMemory>();
        var value = Value(key);
        var bytes = 0;
        foreach (var piece in value.IsEmpty ? default : value.Split(','))
        {
            var range = value[piece];
            var colon = range.IndexOf(':');
            var text = range[(colon + 1)..];
            bytes += text.Length / 2;
            if (memory.Count == WorkerLine.MaxStackFrames || bytes > WorkerLine.MaxMemoryBytes
                || colon < 0
                || !TryHex(range[..colon], out var low)
                || text.IndexOfAnyExcept("0123456789abcdef") >= 0 || text.Length % 2 != 0)
            {
                Wrong(key);
                return [];
            }

            memory.Add(new SentMemory(low, [.. Convert.FromHexString(text)]));
        }

        return memory;
    }

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
            if (triples.Count == WorkerLine.MaxStackFrames
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
        return value[..Math.Min(value.Length, WorkerLine.MaxShownChars)].ToString();
    }

    /// <summary>All that follows the key to the end of the line; empty when there is none.</summary>
    public string Rest(string key)
    {
        var start = Find(key);
        return start < 0 ? "" : WorkerLine.Shown(_line[start..].ToString());
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
            if (addresses.Count == WorkerLine.MaxAddresses || !TryHex(value[part], out var address))
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
            if (deliveries.Count == WorkerLine.MaxDeliveries
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
            // By hand: workers send more of these than of all other numbers together.
            foreach (var digit in value.Slice(i * digits, digits))
            {
                if (!char.IsAsciiHexDigitLower(digit))
                {
                    Wrong(key);
                    return [];
                }

                masks[i] = (masks[i] << 4) | (digit <= '9' ? digit - '0' : digit - 'a' + 10);
            }
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

    private int Find(string key)
    {
        var start = Find(key, _from);
        return start < 0 && _from > 0 ? Find(key, 0) : start;
    }

    /// <returns>Where the value begins; −1: no such key from there on.</returns>
    private int Find(string key, int from)
    {
        for (var at = from; at < _line.Length;)
        {
            var found = _line[at..].IndexOf(key, StringComparison.Ordinal);
            if (found < 0)
            {
                return -1;
            }

            var end = at + found + key.Length;
            if (at + found > 0 && _line[at + found - 1] == ' ' && end < _line.Length && _line[end] == '=')
            {
                return _from = end + 1;
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
