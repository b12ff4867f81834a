using System.Globalization;
using Harness.Binary;

namespace Harness.Verification.Checks;

/// <summary>Names the functions and lines of one program's return addresses: what is alike in a program with checks and in the same without.</summary>
public sealed class CheckFrames
{
    /// <summary>Calls the entry and ends its traces; its own frames are not the program's.</summary>
    private const string UnitFile = "check_unit.zig";

    /// <summary>check_log.zig writes these in place of addresses.</summary>
    private const ulong Broken = 0;
    private const ulong LeftOver = 1;

    private readonly Symbolizer _symbols;
    private readonly Dictionary<ulong, string> _known = new()
    {
        [Broken] = "(here the chain of frames breaks)", [LeftOver] = "(here segments are left that no frame led out of)",
    };

    /// <exception cref="InvalidDataException">Not an ELF file, or a malformed one.</exception>
    public static CheckFrames Load(string program) => new(Symbolizer.Load(program));

    private CheckFrames(Symbolizer symbols) => _symbols = symbols;

    /// <param name="addresses">Hexadecimal, innermost first; <c>…N</c> stands for N that are left out.</param>
    /// <exception cref="FormatException">Not addresses.</exception>
    internal string Describe(IEnumerable<string> addresses) => string.Join(" < ", addresses.Select(word => word.StartsWith('…') ? word : Frame(word)).Where(text => text.Length > 0));

    private string Frame(string word)
    {
        var address = ulong.Parse(word, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        if (_known.TryGetValue(address, out var text))
        {
            return text;
        }

        text = _symbols.Resolve(address - 1) is { } place ? string.Join(" < ", Frames(place)) : "?";
        _known.Add(address, text);
        return text;
    }

    private static IEnumerable<string> Frames(CodeLocation place)
    {
        var (file, line) = (place.File, place.Line);
        foreach (var call in place.Inlined)
        {
            foreach (var frame in Named(call.Function, file, line))
            {
                yield return frame;
            }

            (file, line) = (call.CallFile, call.CallLine);
        }

        foreach (var frame in Named(place.Symbol, file, line))
        {
            yield return frame;
        }
    }

    private static string[] Named(string function, string? file, int line) => Path.GetFileName(file) is var name && name == UnitFile
        ? []
        : [string.Create(CultureInfo.InvariantCulture, $"{function} {name ?? "?"}:{line}")];
}
