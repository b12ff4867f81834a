namespace Harness.Binary.Debug;

/// <param name="Constant">Of DW_FORM_implicit_const.</param>
internal readonly record struct AttributeSpec(ulong Name, ulong Form, long Constant);

/// <summary>What entries with one abbreviation code look like.</summary>
internal sealed record Abbreviation(ulong Tag, bool HasChildren, AttributeSpec[] Attributes);

/// <summary>One table of <c>.debug_abbrev</c>.</summary>
internal static class Abbreviations
{
    private const int MaxAttributes = 1024;
    private const ulong ImplicitConst = 0x21;

    /// <exception cref="InvalidDataException">Malformed, or more than the limits allow.</exception>
    public static Dictionary<ulong, Abbreviation> Read(Cursor cursor, ElfLimits limits)
    {
        var table = new Dictionary<ulong, Abbreviation>();
        for (ulong code; (code = cursor.Uleb()) != 0;)
        {
            if (table.Count == limits.MaxAbbreviations)
            {
                throw cursor.Bad($"has a table of more than {limits.MaxAbbreviations} abbreviations");
            }

            var (tag, hasChildren) = (cursor.Uleb(), cursor.U8() != 0);
            var attributes = new List<AttributeSpec>();
            while (true)
            {
                var (name, form) = (cursor.Uleb(), cursor.Uleb());
                if (name == 0 && form == 0)
                {
                    break;
                }

                if (attributes.Count == MaxAttributes)
                {
                    throw cursor.Bad($"has an abbreviation of more than {MaxAttributes} attributes");
                }

                attributes.Add(new AttributeSpec(name, form, form == ImplicitConst ? cursor.Sleb() : 0));
            }

            // Of two with one code the first counts, as for other readers.
            table.TryAdd(code, new Abbreviation(tag, hasChildren, [.. attributes]));
        }

        return table;
    }
}
