namespace Harness.Binary;

/// <summary>
/// The assembly route, from the object's side: what of the functions in an object without checks is to be split, and with which
/// sizes. The code must have been compiled to keep frame pointers, so that a function without one is naked.
/// </summary>
/// <param name="Checks">By every name that a function has in the symbol table.</param>
/// <param name="Unsplit">Likewise: those left out, and why.</param>
/// <param name="UnknownFrames">Functions whose frame could not be told, so that the default stands.</param>
/// <param name="Misled">As in <see cref="InjectionReport"/>.</param>
public sealed record InlineCheckPlan(
    IReadOnlyDictionary<string, InlineCheck> Checks, IReadOnlyDictionary<string, UnsplitReason> Unsplit, int UnknownFrames, IReadOnlyList<string> Misled)
{
    /// <exception cref="InvalidDataException">
    /// The object is malformed, or has a frame larger than a check can state.
    /// </exception>
    public static InlineCheckPlan Of(ElfFile file, InjectionOptions options)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(options);
        var checks = new Dictionary<string, InlineCheck>();
        var unsplit = new Dictionary<string, UnsplitReason>();
        var unknownFrames = 0;
        var misled = new List<string>();
        var names = file.Symbols.Where(s => s.Type is ElfSymbolType.Function).ToLookup(s => (s.Section, s.Value), s => s.Name);
        foreach (var function in CodeFunctions.Of(file))
        {
            var scan = CodeFunctions.Scan(file, function);
            var reason = WhyNot(function.Name, scan, options);
            unknownFrames += reason is null && !scan.FrameKnown ? 1 : 0;
            if (reason is null && SplitChoice.IsMisled(scan, options))
            {
                misled.Add(function.Name);
            }

            foreach (var name in names[(function.Section, function.Value)])
            {
                if (reason is { } r)
                {
                    unsplit[name] = r;
                }
                else
                {
                    var check = SplitChoice.Check(file, function, scan, options);
                    checks[name] = options.Defect is InjectionDefect.InlineFrame ? check with { FrameBytes = check.FrameBytes / 2 } : check;
                }
            }
        }

        return new InlineCheckPlan(checks, unsplit, unknownFrames, misled);
    }

    private static UnsplitReason? WhyNot(string name, FunctionScan scan, InjectionOptions options) =>
        SplitChoice.WhyNot(name, scan, options)
        ?? (scan.IsVariadic ? UnsplitReason.Variadic : !scan.KeepsFramePointer ? UnsplitReason.Naked : null);
}
