namespace Harness.Binary;

/// <summary>The header of one unit's line program.</summary>
/// <param name="FirstFile">
/// Index in the table of all files of this unit's file number <paramref name="FileBase"/>.
/// </param>
internal sealed record LineHeader(
    ulong MinInstructionBytes, ulong MaxOperations, int LineBase, int LineRange, int OpcodeBase, byte[] OperandCounts,
    int FirstFile, int FileCount, int FileBase)
{
    public int OperandCount(byte opcode) => OperandCounts[opcode - 1];

    /// <summary>The index in the table of all files, or −1.</summary>
    public int FileIndex(ulong file) =>
        file >= (ulong)FileBase && file - (ulong)FileBase < (ulong)FileCount
            ? FirstFile + (int)(file - (ulong)FileBase)
            : -1;
}

/// <summary>Reads line program headers and gathers the files that they name.</summary>
internal sealed class LineHeaderReader(ElfFile file)
{
    private const ulong ContentPath = 1;
    private const ulong ContentDirectory = 2;
    private readonly ElfFile _file = file;
    private readonly Dictionary<string, ElfSection?> _stringSections = [];
    private long _textBytes;

    /// <summary>Paths as recorded: absolute, or relative to a directory that the line table does not know.</summary>
    public List<string> Files { get; } = [];

    public LineHeader Read(ref Cursor unit, bool wide)
    {
        var version = unit.U16();
        if (version is < 2 or > 5)
        {
            throw unit.Bad($"is of DWARF version {version}, which is not supported");
        }

        if (version >= 5)
        {
            var (addressBytes, segmentBytes) = (unit.U8(), unit.U8());
            if (addressBytes != 8 || segmentBytes != 0)
            {
                throw unit.Bad($"has addresses of {addressBytes} and segments of {segmentBytes} bytes");
            }
        }

        var header = unit.Sub(wide ? unit.U64() : unit.U32());
        var minInstructionBytes = header.U8();
        var maxOperations = version >= 4 ? header.U8() : (byte)1;
        header.Skip(1);
        var lineBase = (sbyte)header.U8();
        var (lineRange, opcodeBase) = (header.U8(), header.U8());
        if (lineRange == 0 || opcodeBase == 0)
        {
            throw header.Bad($"has a line range of {lineRange} and an opcode base of {opcodeBase}");
        }

        var operandCounts = new byte[opcodeBase - 1];
        for (var i = 0; i < operandCounts.Length; i++)
        {
            operandCounts[i] = header.U8();
        }

        var first = Files.Count;
        var files = version >= 5 ? FilesOfVersion5(ref header, wide) : FilesOfVersion4(ref header);
        Files.AddRange(files);
        return new LineHeader(
            minInstructionBytes, maxOperations, lineBase, lineRange, opcodeBase, operandCounts,
            first, files.Count, version >= 5 ? 0 : 1);
    }

    private List<string> FilesOfVersion4(ref Cursor header)
    {
        // Directory 0 is the compilation directory, which stands in .debug_info only.
        var directories = new List<string> { "" };
        for (string name; (name = header.CString(_file.Limits.MaxNameBytes)).Length > 0;)
        {
            directories.Add(name);
            Bound((ulong)directories.Count, ref header);
        }

        var files = new List<string>();
        for (string name; (name = header.CString(_file.Limits.MaxNameBytes)).Length > 0;)
        {
            files.Add(Join(directories, header.Uleb(), name));
            header.Uleb();
            header.Uleb();
            Bound((ulong)files.Count, ref header);
        }

        return files;
    }

    private List<string> FilesOfVersion5(ref Cursor header, bool wide)
    {
        var directories = Entries(ref header, wide).Select(entry => entry.Path).ToList();
        return Entries(ref header, wide).Select(entry => Join(directories, entry.Directory, entry.Path)).ToList();
    }

    private List<(string Path, ulong Directory)> Entries(ref Cursor header, bool wide)
    {
        var formats = new (ulong Content, ulong Form)[header.U8()];
        for (var i = 0; i < formats.Length; i++)
        {
            formats[i] = (header.Uleb(), header.Uleb());
        }

        var count = header.Uleb();
        Bound(count, ref header);
        if (formats.Length == 0 && count > 0)
        {
            throw header.Bad($"has {count} files or directories without a format");
        }

        var result = new List<(string, ulong)>();
        for (var i = 0UL; i < count; i++)
        {
            var (path, directory) = ("", 0UL);
            foreach (var (content, form) in formats)
            {
                var (text, number) = Value(ref header, form, wide);
                path = content is ContentPath ? text ?? "" : path;
                directory = content is ContentDirectory ? number : directory;
            }

            result.Add((path, directory));
        }

        return result;
    }

    private (string? Text, ulong Number) Value(ref Cursor header, ulong form, bool wide)
    {
        switch (form)
        {
            case 0x08: // DW_FORM_string
                return (Counted(header.CString(_file.Limits.MaxNameBytes), ref header), 0);
            case 0x0e: // DW_FORM_strp
                return (TextAt(".debug_str", wide ? header.U64() : header.U32(), ref header), 0);
            case 0x1f: // DW_FORM_line_strp
                return (TextAt(".debug_line_str", wide ? header.U64() : header.U32(), ref header), 0);
            case 0x0f: // DW_FORM_udata
                return (null, header.Uleb());
            case 0x0b: // DW_FORM_data1
                return (null, header.U8());
            case 0x05: // DW_FORM_data2
                return (null, header.U16());
            case 0x06: // DW_FORM_data4
                return (null, header.U32());
            case 0x07: // DW_FORM_data8
                return (null, header.U64());
            case 0x1e: // DW_FORM_data16, an MD5
                header.Skip(16);
                return (null, 0);
            case 0x09: // DW_FORM_block
                header.Skip(header.Uleb());
                return (null, 0);
            default:
                throw header.Bad($"describes a file by form {form:x}, which is not supported");
        }
    }

    private string TextAt(string section, ulong offset, ref Cursor header)
    {
        if (!_stringSections.TryGetValue(section, out var found))
        {
            _stringSections[section] = found = _file.Section(section);
        }

        if (found is null || found.Flags.HasFlag(ElfSectionFlags.Compressed))
        {
            throw header.Bad(
                $"refers to {section}, which is {(found is null ? "absent" : "compressed (not supported)")}");
        }

        var text = new Cursor(_file.Data(found), _file.Name, section);
        text.Skip(offset);
        return Counted(text.CString(_file.Limits.MaxNameBytes), ref header);
    }

    /// <summary>Many entries may share one long string: what they add up to is bounded too.</summary>
    private string Counted(string text, ref Cursor header)
    {
        _textBytes += text.Length;
        return _textBytes <= _file.Limits.MaxNameBytesTotal
            ? text
            : throw header.Bad($"has file names of more than {_file.Limits.MaxNameBytesTotal} bytes");
    }

    private static string Join(List<string> directories, ulong directory, string name)
    {
        if (name.StartsWith('/') || directory >= (ulong)directories.Count)
        {
            return name;
        }

        var folder = directories[(int)directory];
        return folder.Length == 0 ? name : $"{folder}/{name}";
    }

    private void Bound(ulong count, ref Cursor header)
    {
        if (count > (ulong)_file.Limits.MaxLineFiles)
        {
            throw header.Bad(
                $"reports {count} files or directories, which exceeds the maximum of {_file.Limits.MaxLineFiles}");
        }
    }
}
