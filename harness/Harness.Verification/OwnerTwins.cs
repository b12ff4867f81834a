using System.Text;
using Harness.Emit;

namespace Harness.Verification;

/// <summary>
/// Functions of a unit that LLVM may have made one of. Zig's release modes merge functions of equal code: the wrappers
/// of fibers that start in the same way, and equal functions of programs that are alike, as candidates of shrinking are.
/// Owners of equal text share a class; a line is then its class and its distance from the owner's first line.
/// </summary>
public sealed class OwnerTwins
{
    private readonly Dictionary<SourceOwner, int> _classes = [];
    private readonly (int Class, int Offset)[] _lines;

    private OwnerTwins(SourceMap map, string[]? text)
    {
        _lines = new (int, int)[map.LineCount + 1];
        Array.Fill(_lines, (-1, 0));
        var byText = new Dictionary<string, int>();
        for (var line = 1; line <= map.LineCount;)
        {
            var owner = map.OwnerOfLine(line);
            var start = line;
            while (line <= map.LineCount && map.OwnerOfLine(line) == owner)
            {
                line++;
            }

            if (owner is null)
            {
                continue;
            }

            var key = text is null ? $"{start}" : TextOf(owner, text, start, line);
            if (!byText.TryGetValue(key, out var group))
            {
                byText[key] = group = byText.Count;
            }

            _classes.TryAdd(owner, group);
            for (var i = start; i < line; i++)
            {
                _lines[i] = (_classes[owner], i - start);
            }
        }
    }

    /// <summary>Each owner for itself: for compilers that merge nothing.</summary>
    public static OwnerTwins None(SourceMap map) => new(map, null);

    public static OwnerTwins Of(EmittedUnit unit)
    {
        ArgumentNullException.ThrowIfNull(unit);
        return new(unit.Map, unit.Source.Split('\n'));
    }

    /// <summary>−1 for no owner.</summary>
    public int ClassOf(SourceOwner? owner) => owner is not null && _classes.TryGetValue(owner, out var group) ? group : -1;

    /// <summary>The class of a line's owner and the line's place in it; class −1 outside of all.</summary>
    public (int Class, int Offset) Place(int line) => line >= 0 && line < _lines.Length ? _lines[line] : (-1, 0);

    private static string TextOf(SourceOwner owner, string[] text, int start, int end)
    {
        var key = new StringBuilder(owner is SourceOwner.FiberEntry ? "fiber\n" : "function\n");

        // A wrapper's first line has its number; nothing else in it has.
        for (var line = owner is SourceOwner.FiberEntry ? start + 1 : start; line < end; line++)
        {
            key.Append(line <= text.Length ? text[line - 1] : "").Append('\n');
        }

        return key.ToString();
    }
}
