using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;

namespace Harness.Verification.Abi;

/// <summary>What a callee was given: registers, stack, and what both point to, as the driver saw them at its first instruction.</summary>
internal sealed class AbiSent
{
    private const int PointeeBytes = 128;
    private const int StackWords = 16;
    private readonly ulong[] _general;
    private readonly byte[] _vectors;
    private readonly byte[] _x87;
    private readonly byte[] _stack;
    private readonly byte[] _pointees;
    private readonly byte[][] _values;

    /// <exception cref="InvalidDataException">A field is not what the driver prints.</exception>
    public AbiSent(AbiLine line)
    {
        _general = AbiFields.Numbers(line.Field(0), AbiRegisters.General);
        _vectors = Sized(line.Field(1), AbiRegisters.Vectors * 16);
        _x87 = Sized(line.Field(2), 8 * 16);
        _stack = Sized(line.Field(3), 256);
        _pointees = Sized(line.Field(4), (AbiRegisters.General + StackWords) * PointeeBytes);
        IsFramed = AbiFields.Number(line.Field(5)) == 1;
        _values = line.Fields.Length > 6 ? AbiFields.Slots(line.Field(6)) : [];
    }

    /// <summary>The caller's rbp leads to its own return address.</summary>
    public bool IsFramed { get; }

    /// <summary>Where stack arguments begin.</summary>
    public ulong Arguments => _general[AbiRegisters.Rsp] + 8;

    /// <summary>Arguments of which the caller has not put every byte where the callee reads it.</summary>
    public IEnumerable<string> Missing(AbiSignature signature, ImmutableArray<ImmutableArray<AbiPiece>> slots)
    {
        for (var slot = 0; slot < Math.Min(slots.Length, _values.Length); slot++)
        {
            foreach (var piece in slots[slot])
            {
                if (piece.Place is { } place && !Holds(signature.Arguments[slot], _values[slot], piece, place))
                {
                    yield return string.Create(CultureInfo.InvariantCulture, $"argument {slot} is not in {place}");
                }
            }
        }
    }

    private bool Holds(AbiType type, byte[] value, AbiPiece piece, AbiPlace place)
    {
        var bytes = BytesAt(place);
        for (var i = 0; i < piece.Length; i++)
        {
            var at = place.Offset + i;
            if (at >= bytes.Length || piece.At + i >= value.Length || ((bytes[at] ^ value[piece.At + i]) & type.MaskOf(piece.At + i)) != 0)
            {
                return false;
            }
        }

        return true;
    }

    private ReadOnlySpan<byte> BytesAt(AbiPlace place)
    {
        var name = place.Source.Trim('[', ']');
        if (place.IsPointer)
        {
            // Of a stack word: "stack+8".
            var index = name.StartsWith("stack+", StringComparison.Ordinal)
                ? AbiRegisters.General + (int.Parse(name.AsSpan("stack+".Length), CultureInfo.InvariantCulture) / 8)
                : AbiRegisters.Names.IndexOf(name);
            return index < AbiRegisters.General + StackWords ? Pointee(index) : [];
        }

        var register = AbiRegisters.Names.IndexOf(name);
        return name == "stack" ? _stack
            : name.StartsWith("st", StringComparison.Ordinal) ? _x87.AsSpan(int.Parse(name.AsSpan(2), CultureInfo.InvariantCulture) * 16, 10)
            : register >= AbiRegisters.FirstVector ? _vectors.AsSpan((register - AbiRegisters.FirstVector) * 16, 16)
            : BitConverter.GetBytes(_general[register]);
    }

    private ReadOnlySpan<byte> Pointee(int index) => _pointees.AsSpan(index * PointeeBytes, PointeeBytes);

    /// <summary>A register points to what looks like an error return trace: a count, an address, the capacity.</summary>
    public bool PointsToTrace(int register, int capacity) =>
        BinaryPrimitives.ReadUInt64LittleEndian(Pointee(register)[8..]) != 0
        && BinaryPrimitives.ReadUInt64LittleEndian(Pointee(register)[16..]) == (ulong)capacity;

    private static byte[] Sized(string field, int bytes) =>
        AbiFields.Bytes(field) is var found && found.Length == bytes ? found : throw new InvalidDataException($"a field of the dump has {found.Length} bytes, and {bytes} are needed");
}
