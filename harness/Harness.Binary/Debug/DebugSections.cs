namespace Harness.Binary.Debug;

/// <summary>The sections that <c>.debug_info</c> refers to, read with bounds.</summary>
internal sealed class DebugSections(ElfFile file)
{
    private readonly Dictionary<string, ElfSection?> _found = [];
    private readonly Dictionary<(string, ulong), string> _texts = [];

    public ElfFile File => file;

    public bool Has(string name) => Find(name) is not null;

    /// <summary>The section from an offset on.</summary>
    /// <exception cref="InvalidDataException">There is none, it is compressed, or the offset lies behind its end.</exception>
    public Cursor At(string name, ulong offset)
    {
        var section = Find(name) ?? throw file.Bad($".debug_info refers to {name}, which is absent");
        if (section.Flags.HasFlag(ElfSectionFlags.Compressed))
        {
            throw file.Bad($"{name} is compressed, which is not supported; link with uncompressed debug sections");
        }

        var cursor = new Cursor(file.Data(section), file.Name, name);
        cursor.Skip(offset);
        return cursor;
    }

    public string Text(string name, ulong offset)
    {
        if (!_texts.TryGetValue((name, offset), out var text))
        {
            _texts[(name, offset)] = text = At(name, offset).CString(file.Limits.MaxNameBytes);
        }

        return text;
    }

    /// <summary>Entry <paramref name="index"/> of a table of numbers.</summary>
    public ulong Entry(string name, ulong start, ulong index, int bytes)
    {
        var table = At(name, start);
        if (index > (ulong)(table.Left / bytes))
        {
            throw table.Bad($"has no entry {index} at {start:x}");
        }

        table.Skip(index * (ulong)bytes);
        return table.Unsigned(bytes);
    }

    private ElfSection? Find(string name)
    {
        if (!_found.TryGetValue(name, out var section))
        {
            _found[name] = section = file.Section(name);
        }

        return section;
    }
}
