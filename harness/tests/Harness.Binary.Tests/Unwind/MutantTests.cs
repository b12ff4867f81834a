using System.Buffers.Binary;
using Harness.Binary.Unwind;
using Harness.Binary.Unwind.Audit;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Binary.Tests.Unwind;

/// <summary>
/// Planted defects in the call frame information of linked workers: each must be found and called by its name. What is not found here would
/// be a row that nobody checks.
/// </summary>
[Collection(UnitBuildsCollection.Name)]
public sealed class MutantTests(UnitBuilds builds) : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    /// <summary>Bytes of a function's program changed into others of the same number: what the function's rows then say is wrong.</summary>
    [ZigTheory(Timeout = 300_000)]
    [InlineData("CFA one word off after the push", "410e10", "410e18", FindingKind.WrongCfa)]
    [InlineData("the push has no row", "410e10", "410e08", FindingKind.WrongCfa)]
    [InlineData("rows come one byte late", "430d06", "440d06", FindingKind.RowInsideInstruction)]
    [InlineData("CFA by a register that is no frame pointer", "0d06", "0d03", FindingKind.UnprovenCfa)]
    [InlineData("saved rbp in the wrong word", "8602", "8603", FindingKind.WrongRegister)]
    [InlineData("wrong register number", "8602", "8302", FindingKind.LostRegister)]
    [InlineData("a saved register without a rule", "8602", "0000", FindingKind.LostRegister)]
    [InlineData("the epilogue has no row", "0c0708", "000000", FindingKind.UnprovenCfa)]
    [InlineData("CFA one word off at the return", "0c0708", "0c0710", FindingKind.WrongCfa)]
    [InlineData("the return address is undefined", "430d06", "430710", FindingKind.UndefinedReturnAddress)]
    [InlineData("a state is restored that nobody remembered", "0c0708", "00000b", FindingKind.Unreadable)]
    [InlineData("an instruction that does not exist", "0c0708", "00001c", FindingKind.Unreadable)]
    [InlineData("rows go on behind the function's end", "0c0708", "0c077f", FindingKind.WrongCfa)]
    public async Task A_wrong_row_is_found(string defect, string from, string to, FindingKind expected)
    {
        var (file, bytes) = await OpenAsync();
        var pattern = Convert.FromHexString(from);
        var entry = UnwindTable.Read(file).ByAddress.First(e => NameOf(file, e) is { } name && name.StartsWith("unit.", StringComparison.Ordinal) && At(file, e, pattern) >= 0);
        Convert.FromHexString(to).CopyTo(bytes, At(file, entry, pattern));
        var findings = Findings(bytes);
        Assert.True(findings.Exists(f => f.Kind == expected && f.Function == NameOf(file, entry)), $"{defect}: {string.Join('\n', findings)}");
    }

    public static TheoryData<string, FindingKind> Structures() => new()
    {
        { "range too short", FindingKind.WrongRange },
        { "range too long", FindingKind.Overlap },
        { "range ends within an instruction", FindingKind.EndInsideInstruction },
        { "wrong beginning", FindingKind.SearchTable },
        { "no FDE", FindingKind.NoEntry },
        { "CIE: return address in the wrong word", FindingKind.WrongReturnAddress },
        { "CIE: unknown augmentation", FindingKind.Unreadable },
        { "section: a length beyond the end", FindingKind.Unreadable },
        { "search table: wrong entry", FindingKind.SearchTable },
        { "search table: not in order", FindingKind.SearchTable },
        { "search table: another section", FindingKind.SearchTable },
        { "search table: one row less", FindingKind.SearchTable },
        { "code: an epilogue without its pop", FindingKind.UnrestoredRegister },
        { "symbols: the stub has another name", FindingKind.StubName },
        { "symbols: another one within the stub", FindingKind.StubName },
    };

    [ZigTheory(Timeout = 300_000)]
    [MemberData(nameof(Structures))]
    public async Task A_wrong_table_is_found(string defect, FindingKind expected)
    {
        var (file, bytes) = await OpenAsync();
        Plant(defect, file, bytes);
        var findings = Findings(bytes);
        Assert.True(findings.Exists(f => f.Kind == expected), $"{defect}: {string.Join('\n', findings)}");
    }

    /// <summary>The real stubs: sound as they are, and with a defect of morestack.S and of its tables.</summary>
    [ZigFact(Timeout = 300_000)]
    public async Task The_stubs_hold_and_their_defects_are_found()
    {
        var sound = await BareAsync(BareProgramTests.Recipe, "sound");
        Assert.Equal("", string.Join('\n', UnwindAudit.Run(ElfFile.Load(sound)).Findings));

        var planted = UnwindAudit.Run(ElfFile.Load(await BareAsync(BareProgramTests.Recipe.With(PlantedDefect.Named("cfi")), "cfi"))).Findings;
        Assert.Contains(planted, f => f is { Kind: FindingKind.WrongCfa, Function: "__morestack" });

        // The byte before a fiber's first return address no longer belongs to its function.
        var bytes = await File.ReadAllBytesAsync(sound);
        var file = ElfFile.Parse(bytes, "sound");
        var start = file.Symbols.First(s => s.Name == "hs_fiber_start").Value;
        Add(bytes, Field(UnwindTable.Read(file).Find(start)!), 1);
        Assert.Contains(Findings(bytes), f => f is { Kind: FindingKind.SyntheticReturn, Function: "hs_fiber_start" });
    }

    private static void Plant(string defect, ElfFile file, byte[] bytes)
    {
        var table = UnwindTable.Read(file);
        var entry = table.ByAddress.First(e => NameOf(file, e) == "unit.fibonacci");
        var (frames, header) = (file.Section(".eh_frame")!, file.Section(".eh_frame_hdr")!);
        var (record, field, common) = (frames.Offset + (int)entry.Offset, Field(entry), frames.Offset + (int)entry.Common.Offset);
        var row = header.Offset + 12 + (8 * table.Search!.Rows.ToList().FindIndex(r => r.Start == entry.Start));
        // A function whose code ends with pop rbp; ret.
        var popping = table.ByAddress.First(e => NameOf(file, e) is { } name && name.StartsWith("unit.", StringComparison.Ordinal)
            && file.Memory(e.End - 2) is [0x5d, 0xc3, ..]);
        var returns = (int)Text(file, popping.End - 2);
        var stub = file.Symbols.First(s => s.Name == "__morestack");
        Action plant = defect switch
        {
            "range too short" => () => Add(bytes, field + 4, -1),
            "range too long" => () => Add(bytes, field + 4, 64),
            "range ends within an instruction" => () => Add(bytes, Field(Larger(table)) + 4, -LastLength(file, Larger(table)) + 1),
            "wrong beginning" => () => Add(bytes, field, 1),
            "no FDE" => () => Add(bytes, record + 4, 1),
            "CIE: return address in the wrong word" => () => bytes[common + 9 + entry.Common.Augmentation.Length + 10] = 2,
            "CIE: unknown augmentation" => () => bytes[common + 10] = (byte)'B',
            "section: a length beyond the end" => () => Add(bytes, record, 0x1000000),
            "search table: wrong entry" => () => Add(bytes, row + 4, BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(row + 12)) - BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(row + 4))),
            "search table: not in order" => () => (bytes[row], bytes[row + 8]) = (bytes[row + 8], bytes[row]),
            "search table: another section" => () => Add(bytes, header.Offset + 4, 8),
            "search table: one row less" => () => Add(bytes, header.Offset + 8, -1),
            "code: an epilogue without its pop" => () => bytes[returns] = 0x90,
            "symbols: the stub has another name" => () => bytes[NameAt(file, stub)] = (byte)'x',
            "symbols: another one within the stub" => () => BinaryPrimitives.WriteUInt64LittleEndian(
                bytes.AsSpan(SymbolAt(file, file.Symbols.First(s => s.Name == "hs_morestack_thunk")) + 8), stub.Value + 3),
            _ => throw new ArgumentException(defect),
        };
        plant();
    }

    private async Task<(ElfFile File, byte[] Bytes)> OpenAsync()
    {
        var bytes = await File.ReadAllBytesAsync((await builds.GetAsync(Route.Thunk, OptimizeMode.ReleaseSafe, Backend.Llvm)).WorkerPath);
        return (ElfFile.Parse(bytes.ToArray(), "worker"), bytes);
    }

    private async Task<string> BareAsync(RuntimeRecipe recipe, string name)
    {
        var source = await File.ReadAllTextAsync(Tools.Fixtures.PathOf("programs/bare/unit.zig"));
        var outcome = await new WorkerBuilder(Tools.Fixtures, Tools.Cache, recipe).BuildAsync(
            Tools.Unit(source), new Cell(Route.Assembly, OptimizeMode.ReleaseFast, Backend.Llvm, Cell.LinuxBare), _scratch[name], CancellationToken.None);
        return Assert.IsType<BuildOutcome.Built>(outcome).WorkerPath;
    }

    private static List<UnwindFinding> Findings(byte[] bytes) => [.. UnwindAudit.Run(ElfFile.Parse(bytes, "mutant"), AuditTests.Known).Findings];

    private static string? NameOf(ElfFile file, FrameEntry entry) =>
        file.Symbols.FirstOrDefault(s => s.Value == entry.Start && s.Type is ElfSymbolType.Function).Name;

    /// <summary>Where in the file an entry's start address is written; its size follows.</summary>
    private static int Field(FrameEntry entry) => entry.Section.Offset + entry.StartField;

    /// <summary>Where in the file a pattern is in an entry's program, or −1.</summary>
    private static int At(ElfFile file, FrameEntry entry, byte[] pattern)
    {
        var at = file.Data(entry.Section).Slice(entry.Program.Offset, entry.Program.Length).IndexOf(pattern);
        return at < 0 ? -1 : entry.Section.Offset + entry.Program.Offset + at;
    }

    /// <summary>A function of a unit whose last instruction has several bytes.</summary>
    private static FrameEntry Larger(UnwindTable table) => table.ByAddress.First(e => LastLength(table.File, e) > 1
        && NameOf(table.File, e) is { } name && name.StartsWith("hs_thunk.unit.", StringComparison.Ordinal));

    private static int LastLength(ElfFile file, FrameEntry entry)
    {
        var code = file.Memory(entry.Start)[..(int)(entry.End - entry.Start)].ToArray();
        var decoder = Iced.Intel.Decoder.Create(64, new Iced.Intel.ByteArrayCodeReader(code), entry.Start);
        var length = 0;
        while (decoder.IP < entry.End)
        {
            length = decoder.Decode().Length;
        }

        return length;
    }

    private static long Text(ElfFile file, ulong address)
    {
        var section = file.Sections.First(s => s.IsCode && address >= s.Address && address - s.Address < s.Size);
        return section.Offset + (long)(address - section.Address);
    }

    private static int SymbolAt(ElfFile file, ElfSymbol symbol) =>
        file.Sections.First(s => s.Type is ElfSectionType.SymbolTable).Offset + (symbol.Index * ElfFile.SymbolBytes);

    private static int NameAt(ElfFile file, ElfSymbol symbol)
    {
        var table = file.Sections.First(s => s.Type is ElfSectionType.SymbolTable);
        return file.Sections[table.Link].Offset + BinaryPrimitives.ReadInt32LittleEndian(file.Data(table)[(symbol.Index * ElfFile.SymbolBytes)..]);
    }

    private static void Add(byte[] bytes, int at, int delta) => BinaryPrimitives.WriteInt32LittleEndian(
        bytes.AsSpan(at), BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at)) + delta);
}
