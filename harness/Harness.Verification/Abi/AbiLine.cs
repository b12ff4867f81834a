using System.Collections.Immutable;
using System.Globalization;

namespace Harness.Verification.Abi;

/// <summary>How the registers and the stack were filled before a call: driver.zig's <c>Style</c>.</summary>
internal enum AbiStyle
{
    Random,
    Pointers,
    Floats,
}

/// <summary>A line of the driver about one call of a probe.</summary>
/// <param name="Round">Of rounds; or which register was changed (<see cref="AbiRegisters"/>).</param>
/// <param name="Signal">What ended the probe; 0: it returned.</param>
internal sealed record AbiLine(string Kind, int Probe, AbiStyle Style, int Round, int Signal, ImmutableArray<string> Fields);

/// <summary>What the driver printed, read with limits: nothing in it can be longer or more than a unit of probes gives.</summary>
/// <param name="Areas">Where the memory lies that registers and stack words pointed to.</param>
internal sealed record AbiDump(ulong Areas, int AreaBytes, ImmutableArray<AbiLine> Lines)
{
    private const int MaxLines = 200_000;
    private const int MaxLineCharacters = 1 << 16;
    private const int HeadFields = 5;

    /// <summary>At most so many characters of a dump are of use.</summary>
    public const int MaxCharacters = 32 << 20;

    /// <exception cref="InvalidDataException">It is not a whole dump of <paramref name="probes"/> probes; the message names the line.</exception>
    public static AbiDump Read(string text, ImmutableArray<AbiProbe> probes)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MaxCharacters)
        {
            throw new InvalidDataException($"the dump has more than {MaxCharacters:N0} characters");
        }

        var (areas, areaBytes, ended) = (0UL, 0, false);
        var lines = ImmutableArray.CreateBuilder<AbiLine>();
        var number = 0;
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            number++;
            if (line.Length > MaxLineCharacters || number > MaxLines)
            {
                throw Bad(number, "it is too long");
            }

            if (line.IsEmpty)
            {
                continue;
            }

            var words = line.ToString().Split(' ');
            switch (words)
            {
                case ["areas", var address, "bytes", var bytes] when number == 1:
                    (areas, areaBytes) = (Hex(address, number), Small(bytes, 1 << 16, number));
                    break;
                case ["end", var count]:
                    ended = Small(count, int.MaxValue, number) == probes.Length ? true : throw Bad(number, "it counts other probes");
                    break;
                case [var kind, ..] when words.Length > HeadFields - 1 && !ended:
                    lines.Add(Call(kind, words, probes, number));
                    break;
                default:
                    throw Bad(number, "it is not a line of the driver's");
            }
        }

        return ended && areaBytes > 0 ? new AbiDump(areas, areaBytes, lines.ToImmutable()) : throw Bad(number, "the dump ends early");
    }

    private static AbiLine Call(string kind, string[] words, ImmutableArray<AbiProbe> probes, int number)
    {
        var probe = Small(words[1], probes.Length - 1, number);
        // A caller's probes and a callee's share their lines.
        var line = new AbiLine(kind, probe, (AbiStyle)Small(words[2], (int)AbiStyle.Floats, number), Small(words[3], 1 << 16, number), Small(words[4], 64, number), [.. words[HeadFields..]]);
        var expected = probes[probe] is AbiProbe.Holds ? "receives" : probes[probe].Kind;
        return kind == expected ? line : throw Bad(number, $"probe {probe} is one that {expected}");
    }

    private static int Small(string word, int most, int line) =>
        Hex(word, line) is var value && value <= (ulong)most ? (int)value : throw Bad(line, $"{word} is more than {most:x}");

    private static ulong Hex(string word, int line) =>
        ulong.TryParse(word, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) ? value : throw Bad(line, $"'{(word.Length > 32 ? word[..32] : word)}' is no number");

    private static InvalidDataException Bad(int line, string what) => new($"line {line} of the dump cannot be used: {what}");
}

/// <summary>Fields of lines.</summary>
internal static class AbiFields
{
    /// <summary>A field that must be there.</summary>
    /// <exception cref="InvalidDataException">It is not.</exception>
    public static string Field(this AbiLine line, int index) =>
        index < line.Fields.Length ? line.Fields[index] : throw new InvalidDataException($"a line of probe {line.Probe} has {line.Fields.Length} fields, and {index + 1} are needed");

    /// <exception cref="InvalidDataException">It is no number.</exception>
    public static ulong Number(string field) =>
        ulong.TryParse(field, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) ? value : throw new InvalidDataException("a field of the dump is no number");

    /// <summary>Numbers with commas between them.</summary>
    /// <exception cref="InvalidDataException">One is none, or there are not so many.</exception>
    public static ulong[] Numbers(string field, int count)
    {
        var words = field.Split(',');
        return words.Length == count ? [.. words.Select(Number)] : throw new InvalidDataException($"a field of the dump has {words.Length} numbers, and {count} are needed");
    }

    /// <exception cref="InvalidDataException">It is not bytes.</exception>
    public static byte[] Bytes(string field)
    {
        try
        {
            return Convert.FromHexString(field);
        }
        catch (FormatException e)
        {
            throw new InvalidDataException("a field of the dump is not bytes", e);
        }
    }

    /// <summary>The bytes of each slot: each begins with a comma in results, and with a blank or comma in values.</summary>
    /// <exception cref="InvalidDataException">It is not bytes.</exception>
    public static byte[][] Slots(string field) => field.Length == 0 ? [] : [.. field.TrimStart(',').Split(',').Select(Bytes)];
}
