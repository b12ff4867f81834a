namespace Harness.Binary.StackUse;

/// <summary>The source lines of places in a linked file. (What an object's debug information says has no addresses yet.)</summary>
internal static class SourceLines
{
    /// <summary>By address, <c>file.zig:12</c>; those of which nothing is known are missing.</summary>
    public static IReadOnlyDictionary<ulong, string> Of(CodeImage image, IReadOnlyCollection<ulong> places)
    {
        var result = new Dictionary<ulong, string>();
        if (places.Count == 0 || image.File.Kind is ElfKind.Relocatable)
        {
            return result;
        }

        LineTable lines;
        try
        {
            lines = LineTable.Read(image.File);
        }
        catch (InvalidDataException)
        {
            return result; // Broken or compressed: the code is what is asked for, its lines are a courtesy.
        }

        foreach (var place in places)
        {
            if (lines.Find(place) is { Line: > 0 } row && lines.File(row) is { } file)
            {
                result[place] = FormattableString.Invariant($"{Path.GetFileName(file)}:{row.Line}");
            }
        }

        return result;
    }
}
