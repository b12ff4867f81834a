using System.Collections.Immutable;

namespace Harness.Verification.Abi;

/// <summary>
/// How a result comes back. A register carries it when the caller's copy changes with it, byte by byte; what no register changes is in
/// memory, and that is where the function itself wrote it.
/// </summary>
/// <param name="gives">Lines of a function that returns the value, every register pointing somewhere.</param>
/// <param name="takes">Lines of a caller, one register changed in each.</param>
internal sealed class AbiResults(IEnumerable<AbiLine> gives, IEnumerable<AbiLine> takes, AbiType type, AbiDump dump)
{
    private readonly List<AbiLine> _gives = [.. gives.Where(line => line.Signal == 0)];
    private readonly List<AbiLine> _takes = [.. takes.Where(line => line.Signal == 0)];

    /// <exception cref="InvalidDataException">A line is not what the driver prints.</exception>
    public string Text()
    {
        if (_takes.Find(line => line.Round == AbiRegisters.None) is not { } usual || Slot(usual) is not { Length: > 0 } bytes)
        {
            return _takes.Count == 0 ? "not found" : "nowhere";
        }

        var registers = _takes.Where(line => line.Round != AbiRegisters.None).ToDictionary(line => line.Round, line => Difference(Slot(line), bytes));
        var memory = Memory();
        var pieces = new List<AbiPiece>();
        for (var at = 0; at < bytes.Length;)
        {
            var piece = InRegister(registers, at) ?? memory.FirstOrDefault(m => m.At <= at && at < m.At + m.Length && m.Place is not null) switch
            {
                { Length: > 0, Place: { } place } found => new AbiPiece(at, 1, place.At(place.Offset + at - found.At)),
                _ => new AbiPiece(at, 1, null),
            };
            // Padding: no byte of it is written by the caller.
            if (piece.Place is not null || bytes[at] != Padding)
            {
                pieces.Add(piece);
            }

            at += piece.Length;
        }

        return AbiPlaces.Text(Merged(pieces)) + Pointer(pieces);
    }

    private const byte Padding = 0xA5;

    private static byte[] Slot(AbiLine line) => AbiFields.Slots(line.Field(1)) is [var only] ? only : [];

    private static byte[] Difference(byte[] a, byte[] b) => [.. a.Zip(b, (x, y) => (byte)(x ^ y))];

    private AbiPiece? InRegister(Dictionary<int, byte[]> registers, int at)
    {
        AbiPiece? best = null;
        foreach (var (register, difference) in registers.OrderBy(pair => pair.Key))
        {
            var width = register < AbiRegisters.FirstVector ? 8 : register < AbiRegisters.X87 ? 16 : register == AbiRegisters.X87 ? 10 : 0;
            for (var offset = 0; offset < width; offset++)
            {
                var count = 0;
                while (at + count < difference.Length && offset + count < width && Moves(register, difference[at + count], at + count, offset + count, count > 0))
                {
                    count++;
                }

                if (count > (best?.Length ?? 0))
                {
                    best = new AbiPiece(at, count, new AbiPlace(AbiRegisters.Names[register], offset));
                }
            }
        }

        return best;
    }

    /// <param name="goesOn">The byte before it is from the byte before.</param>
    private bool Moves(int register, byte difference, int at, int offset, bool goesOn)
    {
        var mask = type.MaskOf(at);
        // Where the x87 stack was empty the caller found the default number: only that something changed can be seen.
        return register == AbiRegisters.X87 ? at == offset && difference != 0 : (difference & mask) == (AbiRegisters.ChangeOf(offset) & mask) && (mask != 1 || goesOn || offset == 0);
    }

    /// <summary>What the function wrote through a pointer.</summary>
    private ImmutableArray<AbiPiece> Memory()
    {
        var rounds = _gives.ConvertAll(line => (Value: AbiFields.Bytes(line.Field(3)), Areas: Areas(line)));
        if (rounds.Count == 0)
        {
            return [];
        }

        var common = rounds[0].Areas.Keys.Where(index => rounds.TrueForAll(round => round.Areas.ContainsKey(index))).Order().ToList();
        return AbiPlaces.Of(type, [.. rounds.Select(round => (round.Value, (IReadOnlyList<(AbiPlace, byte[])>)[.. common.Select(index => (new AbiPlace($"[{Name(index)}]", 0), round.Areas[index]))]))]);
    }

    private static string Name(int area) => area < AbiRegisters.General ? AbiRegisters.Names[area] : $"stack+{(area - AbiRegisters.General) * 8}";

    private static Dictionary<int, byte[]> Areas(AbiLine line)
    {
        var areas = new Dictionary<int, byte[]>();
        foreach (var field in line.Fields.Skip(4))
        {
            if (field.Split(':') is not [var index, var bytes] || AbiFields.Number(index) > 255)
            {
                throw new InvalidDataException($"a line of probe {line.Probe} has an area that cannot be read");
            }

            areas[(int)AbiFields.Number(index)] = AbiFields.Bytes(bytes);
        }

        return areas;
    }

    /// <summary>Whether rax leads to a result in memory afterwards.</summary>
    private string Pointer(List<AbiPiece> pieces)
    {
        var register = pieces.Select(piece => piece.Place).FirstOrDefault(place => place is { IsPointer: true })?.Register;
        if (register is null)
        {
            return "";
        }

        var area = dump.Areas + (ulong)(AbiRegisters.Names.IndexOf(register) * dump.AreaBytes);
        return _gives.TrueForAll(line => AbiFields.Numbers(line.Field(2), AbiRegisters.General)[0] == area) ? ", pointer in rax" : "";
    }

    private static List<AbiPiece> Merged(List<AbiPiece> pieces)
    {
        var merged = new List<AbiPiece>();
        foreach (var piece in pieces)
        {
            if (piece.Place is null && merged.Count > 0 && merged[^1] is { Place: null } last && last.At + last.Length == piece.At)
            {
                merged[^1] = last with { Length = last.Length + 1 };
            }
            else
            {
                merged.Add(piece);
            }
        }

        return merged;
    }
}
